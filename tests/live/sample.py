"""An organization with at least one of everything, made through the REST API as people would make it."""

import time

from ports import free_port
from stack import Failure
from tap import Tap

# The names by which `mission-control demo` finds its sample. It finds ours, and brings only the gateway.
GATEWAY = "Demo gateway (simulated)"
BOARD = "Demo: launch the newsletter"
PROVISIONING_SECONDS = 90
INVITES = "/api/v1/organizations/me/invites"


class Sample:
    """What was made: `ids` by the names under which requests carry them, and credentials."""

    def __init__(self, stack):
        self.stack, self.user, self.ids = stack, stack.user(), {}
        self.user.post("/api/v1/auth/bootstrap")
        self.endpoint = self.new_endpoint()
        gateway_port = free_port()
        self.tap = Tap(gateway_port)
        self.groups()
        self.gateway(gateway_port)
        self.boards()
        self.agents()
        self.tags_and_fields()
        self.tasks()
        self.approvals()
        self.memory()
        self.skills()
        self.onboarding()
        self.people()
        self.deliveries()

    def keep(self, name, thing):
        self.ids.setdefault(name, []).append(thing["id"])
        return thing["id"]

    def groups(self):
        self.group = self.keep("group_id", self.user.post("/api/v1/board-groups", {"name": "A group", "slug": ""}))
        self.keep("group_id", self.user.post("/api/v1/board-groups", {"name": "An empty group"}))

    def gateway(self, port):
        url = f"ws://127.0.0.1:{self.tap.port}"
        body = {"name": GATEWAY, "url": url, "token": "simulator-token", "workspace_root": "/sample/openclaw"}
        self.gateway_id = self.keep("gateway_id", self.user.post("/api/v1/gateways", body))
        self.board = self.new_board(BOARD, board_group_id=self.group)
        log = f"{self.stack.directory}/demo.log"
        demo = self.stack.start(
            ["demo", "--without-agents", "--gateway-release", "2026.7.1"], log,
            BASE_URL=self.stack.url, LOCAL_AUTH_TOKEN=self.stack.token, MC_DEMO_GATEWAY_ADDR=f"127.0.0.1:{port}",
        )
        self.until("the simulated gateway is there", lambda: "Sample board at" in open(log).read() or ended(demo, log))
        # It told the product its own address; agents' tokens go by ours.
        self.user.patch(f"/api/v1/gateways/{self.gateway_id}", {"url": url})

    def new_board(self, name, keep=True, **more):
        body = {"name": name, "description": "For a script.", "gateway_id": self.gateway_id, "board_type": "general"}
        body |= {"require_approval_for_done": False, "max_agents": 1000}
        board = self.user.post("/api/v1/boards", body | more)
        return self.keep("board_id", board) if keep else board["id"]

    def boards(self):
        self.other_board = self.new_board("Another board", board_group_id=self.group)

    def agents(self):
        made = []
        for name, is_lead in (("Lead", True), ("Worker", False)):
            body = {"board_id": self.board, "name": name, "is_board_lead": is_lead}
            made.append(self.keep("agent_id", self.user.post("/api/v1/agents", body)))
        self.lead, self.worker = made
        self.until("the agents are on their gateway", lambda: all(map(self.tap.token, made)), PROVISIONING_SECONDS)
        self.lead_token, self.worker_token = map(self.tap.token, made)

    def tags_and_fields(self):
        self.tag = self.keep("tag_id", self.user.post("/api/v1/tags", {"name": "Urgent matters", "color": "#FF0000"}))
        self.keep("tag_id", self.user.post("/api/v1/tags", {"name": "Other matters"}))
        fields = "/api/v1/organizations/me/custom-fields"
        for kind in ("text", "integer", "boolean", "date", "url", "json"):
            body = {"field_key": f"a_{kind}", "field_type": kind, "board_ids": [self.board]}
            self.keep("task_custom_field_definition_id", self.user.post(fields, body))

    def tasks(self):
        path = f"/api/v1/boards/{self.board}/tasks"
        body = {"title": "First", "tag_ids": [self.tag], "custom_field_values": {"a_text": "x", "a_integer": 3}}
        self.task = self.keep("task_id", self.user.post(path, body))
        for title in ("Second", "Third", "Fourth"):
            self.keep("task_id", self.user.post(path, {"title": title, "priority": "high"}))
        self.keep("task_id", self.user.post(path, {"title": "Blocked", "depends_on_task_ids": [self.task]}))
        self.user.post(f"{path}/{self.task}/comments", {"message": "A remark for @lead."})
        self.user.patch(f"{path}/{self.task}", {"assigned_agent_id": self.worker, "status": "in_progress"})

    def approvals(self):
        path = f"/api/v1/boards/{self.board}/approvals"
        for task in self.ids["task_id"][:2]:
            body = {"action_type": "task.close", "task_id": task, "confidence": 70, "lead_reasoning": "It is done."}
            self.keep("approval_id", self.user.post(path, body))
        self.user.patch(f"{path}/{self.ids['approval_id'][0]}", {"status": "approved", "note": "Well done."})
        body = {"name": "Two people", "action_type": "deploy.*", "required_approvals": 2}
        self.keep("policy_id", self.user.post("/api/v1/approval-policies", body))

    def memory(self):
        self.user.post(f"/api/v1/boards/{self.board}/memory", {"content": "Remember this.", "tags": ["fact"]})
        self.user.post(f"/api/v1/boards/{self.board}/memory", {"content": "Hello @lead", "tags": ["chat"]})
        self.user.post(f"/api/v1/board-groups/{self.group}/memory", {"content": "For all.", "tags": ["chat"]})

    def skills(self):
        skills = "/api/v1/skills/marketplace"
        for name in ("one", "two"):
            self.keep("skill_id", self.user.post(skills, {"source_url": f"https://example.com/{name}", "name": name}))
        self.keep("pack_id", self.user.post("/api/v1/skills/packs", {"source_url": "https://github.com/example/pack"}))
        self.user.post(f"{skills}/{self.ids['skill_id'][0]}/install?gateway_id={self.gateway_id}")

    def onboarding(self):
        self.user.post(f"/api/v1/boards/{self.board}/onboarding/start", {})

    def people(self):
        self.keep("member_id", self.user.get("/api/v1/organizations/me/member"))
        joined = self.new_member("Ada")
        self.member = self.keep("member_id", joined["member"])
        self.keep("user_id", {"id": joined["member"]["user_id"]})
        self.keep("api_token_id", joined["api_token"])
        self.member_token = joined["api_token"]["token"]
        self.keep("invite_id", self.user.post(INVITES, {"invited_email": "bob@example.com"}))
        reads = self.user.post("/api/v1/users/me/api-tokens", {"name": "Reads", "scopes": ["read"]})
        self.keep("api_token_id", reads)
        self.read_token = reads["token"]

    def new_member(self, name):
        """Somebody who may write the board: the membership, and a token."""
        board_access = [{"board_id": self.board, "can_write": True}]
        body = {"invited_email": f"{name.lower()}@example.com", "board_access": board_access}
        invite = self.user.post(INVITES, body)
        return self.user.post("/api/v1/auth/redeem-invite", {"token": invite["token"], "name": name})

    def new_endpoint(self, keep=True):
        # Nobody is there: deliveries wait and fail, and can be read.
        body = {"url": "http://127.0.0.1:9/", "event_types": ["*"], "description": "For a script."}
        endpoint = self.user.post("/api/v1/webhook-endpoints", body)
        return self.keep("webhook_endpoint_id", endpoint) if keep else endpoint["id"]

    def deliveries(self):
        path = f"/api/v1/webhook-endpoints/{self.endpoint}/deliveries"
        self.until("a webhook is to be delivered", lambda: self.user.get(path)["items"])
        for delivery in self.user.get(path)["items"][:3]:
            self.keep("delivery_id", delivery)

    @staticmethod
    def until(what, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Failure(f"it never happened that {what}")
            time.sleep(0.1)


def ended(child, log):
    if child.poll() is not None:
        raise Failure(f"demo ended with {child.returncode}:\n{open(log).read()}")
    return False
