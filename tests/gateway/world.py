"""What the steps of a run share: the product, a gateway, the model behind it, and what was made so far."""

import http.client
import time
from pathlib import Path

from gateway import TOKEN, Gateway
from model import Model
from rest import Rest
from stack import Failure

SECONDS = 150


class World:
    def __init__(self, stack, installed):
        self.stack, self.version = stack, installed.version
        self.user = stack.user()
        self.model = Model()
        self.gateway = Gateway(installed, Path(stack.directory), self.model.url)
        self.ids, self.keys, self.other_keys, self.road = {}, {}, [], None

    def close(self):
        if self.road:
            self.road.close()
        self.gateway.kill()
        self.model.close()

    def until(self, what, condition, seconds=SECONDS):
        """The first truth that the condition tells; `what` should happen until then. The product may be asked in vain."""
        deadline, last = time.monotonic() + seconds, None
        while True:
            try:
                last = condition()
                if last:
                    return last
            except (OSError, http.client.HTTPException) as error:
                last = error
            if time.monotonic() > deadline:
                raise Failure(f"expected within {seconds} s: {what}\nlast seen: {last!r}")
            time.sleep(0.2)

    def agent(self, agent):
        return self.user.get(f"/api/v1/agents/{agent}")

    def until_status(self, agent, *wanted, seconds=SECONDS):
        def check():
            seen.append(self.agent(agent))
            if seen[-1]["status"] == "failed" and "failed" not in wanted:
                raise Failure(f"agent {seen[-1]['name']} failed: {seen[-1]['last_error']}")
            return seen[-1] if seen[-1]["status"] in wanted else None
        seen = []
        try:
            return self.until(f"agent {agent} is {' or '.join(wanted)}", check, seconds)
        except Failure as failure:
            raise Failure(f"{failure}\nthe agent: {seen[-1] if seen else 'was never read'}") from None

    def until_placed(self, agent, seconds=SECONDS):
        """Waits until an agent is on its gateway, whether it was heard of or not."""
        return self.until_status(agent, "ready", "waking", "online", seconds=seconds)

    def until_quiet(self, agent_key, seconds=SECONDS):
        """Waits until an agent's turns are over: until the model was not asked for a while."""
        def quiet():
            prompts = self.model.of(agent_key)
            return prompts and time.monotonic() - prompts[-1].at > 3
        self.until(f"the turns of {agent_key} are over", quiet, seconds)

    def new_gateway(self, name="A real gateway", token=TOKEN):
        body = {"name": name, "url": self.gateway.url, "token": token, "workspace_root": str(self.gateway.root)}
        return self.user.post("/api/v1/gateways", body)

    def new_board(self, name):
        body = {"name": name, "description": "A board for a run against a real gateway.", "board_type": "general"}
        body |= {"gateway_id": self.ids["gateway"], "require_approval_for_done": False}
        return self.user.post("/api/v1/boards", body)["id"]

    def new_agent(self, board, name, **more):
        return self.user.post("/api/v1/agents", {"board_id": board, "name": name, **more})["id"]

    def file(self, workspace, name):
        path = self.gateway.root / workspace / name
        return path.read_text() if path.exists() else None

    def folder(self, key):
        """The last part of the workspace of an agent with this id on the gateway."""
        return "workspace-" + (key.removeprefix("mc-") if key.startswith("mc-gateway-") else key)

    def settings(self, key):
        """The lines of its settings that an agent finds, and in which file."""
        for name in ("TOOLS.md", "AGENTS.md"):
            lines = (self.file(self.folder(key), name) or "").splitlines()
            found = dict(line.split("=", 1) for line in lines if line.startswith(("BASE_URL=", "AUTH_TOKEN=", "AGENT_ID=")))
            if "AUTH_TOKEN" in found:
                return name, found
        raise Failure(f"no settings in the workspace of {key}: {sorted(self.files(key))}")

    def files(self, key):
        folder = self.gateway.root / self.folder(key)
        return {path.name for path in folder.iterdir()} if folder.exists() else set()

    def as_agent(self, key):
        return Rest(self.stack.url, self.settings(key)[1]["AUTH_TOKEN"])

    def notices(self, agent):
        return self.user.get(f"/api/v1/agents/{agent}/notices")["items"]

    def history(self, session):
        """What was said in a session, as one text."""
        return str(self.gateway.ask("chat.history", {"sessionKey": session, "limit": 200})["messages"])


def expect(condition, what):
    if not condition:
        raise Failure(f"expected: {what}")
