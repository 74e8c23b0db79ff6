"""Steps of what people and leads can do with agents that are in place."""

import json

from rest import Refused
from steps import step
from world import expect


@step
def sessions(w):
    """sessions, their history and a message go through the product"""
    key, gateway = w.agent(w.ids["worker"])["openclaw_session_id"], f"gateway_id={w.ids['gateway']}"
    w.until_quiet(w.keys["worker"])
    found = w.user.get(f"/api/v1/gateways/sessions?{gateway}")["sessions"]
    expect(key in [session.get("key") for session in found], f"{key} is among them: {found}")
    history = str(w.user.get(f"/api/v1/gateways/sessions/{key}/history?{gateway}")["history"])
    expect("TASK ASSIGNED" in history and "NUDGE" not in history, f"what was said is there: {history[:2000]}")
    w.user.post(f"/api/v1/gateways/sessions/{key}/message", {"content": "A word by hand.", "gateway_id": w.ids["gateway"]})
    w.until("the model hears it", lambda: w.model.of(w.keys["worker"], "A word by hand."))


@step
def diagnosis(w):
    """the doctor finds nothing, and with a wrong token names the token"""
    path = f"/api/v1/gateways/{w.ids['gateway']}"
    found = w.user.post(f"{path}/diagnose")
    expect(found["ok"] and not [check for check in found["checks"] if check["outcome"] == "fail"], f"no step fails: {found}")
    passed = [check["name"] for check in found["checks"] if check["outcome"] == "pass"]
    expect({"tcp", "version", "token", "scopes"} <= set(passed), f"these steps pass: {found}")
    status = w.user.get(f"/api/v1/gateways/status?gateway_id={w.ids['gateway']}")
    told = (status["connected"], status["version"], status["protocol"])
    version = w.version if w.gateway.is_since("2026.5.0") else "dev"
    wanted = (True, version, 4 if w.gateway.is_since("2026.5.12") else 3)
    expect(told == wanted, f"the status is {wanted}, not {told}")
    status = w.user.post("/api/v1/gateways/probe", {"url": w.gateway.url, "token": "not-the-token"})
    expect(status["error_code"] == "gateway_unauthorized", f"a probe with another token says so: {status}")


@step
def nudge(w):
    """the lead nudges the worker: it hears the words"""
    lead = w.as_agent(w.keys["lead"])
    path = f"/api/v1/agent/boards/{w.ids['board']}/agents/{w.ids['worker']}/nudge"
    lead.post(path, {"message": "NUDGE: where do you stand?"})
    w.until("the model hears it", lambda: w.model.of(w.keys["worker"], "NUDGE: where do you stand?"))
    w.until("no notice is open", lambda: all(notice["state"] == "sent" for notice in w.notices(w.ids["worker"])))


@step
def ask_user(w):
    """the lead asks a person: the main agent hears the question, with the way to answer"""
    lead = w.as_agent(w.keys["lead"])
    lead.post(f"/api/v1/agent/boards/{w.ids['board']}/gateway/main/ask-user", {"content": "Blue or green?"})
    main = w.keys["main"].removeprefix("mc-")
    said = w.until("the model hears it", lambda: w.model.of(main, "Blue or green?"))[0].said
    expect("LEAD REQUEST: ASK USER" in said and w.ids["board"] in said, f"it is told as such: {said}")


@step
def wake(w):
    """an administrator wakes an agent"""
    key = w.keys["worker"]
    w.until_quiet(key)
    count = len(w.model.of(key))
    w.user.post(f"/api/v1/agents/{w.ids['worker']}/wake")
    w.until("the model is asked", lambda: len(w.model.of(key)) > count)
    w.until_status(w.ids["worker"], "online")


@step
def soul(w):
    """a soul is read and written through the product, word by word"""
    path = f"/api/v1/agents/{w.ids['worker']}/soul"
    before = w.user.get(path)
    expect(before.strip() == w.file(w.folder(w.keys["worker"]), "SOUL.md").strip(), "the soul is the one on the gateway")
    text = "# SOUL.md\n\nI finish what I begin. {{ not_a_template }} äöü\n"
    w.user.call("PUT", path, {"content": text, "reason": "It was too long."})
    def written():
        return (w.file(w.folder(w.keys["worker"]), "SOUL.md") or "").strip() == text.strip()
    w.until("it is on the gateway", written)


@step
def update(w):
    """an agent gets another name and profile: the gateway has both, token and session stay"""
    agent, key = w.ids["worker"], w.keys["worker"]
    w.until_quiet(key)
    token = w.settings(key)[1]["AUTH_TOKEN"]
    session = session_id(w, key)
    w.user.patch(f"/api/v1/agents/{agent}", {"name": "Otto the Second", "identity_profile": {"role": "Proof reader"}})
    w.until("the configuration has the name", lambda: w.gateway.agents()[key]["name"] == "Otto the Second")
    w.until("IDENTITY.md has the role", lambda: "Proof reader" in w.file(w.folder(key), "IDENTITY.md"))
    w.until_placed(agent)
    expect(w.settings(key)[1]["AUTH_TOKEN"] == token, "the token in the workspace is the same")
    expect(w.as_agent(key).send("GET", "/api/v1/agent/healthz")[0] == 200, "and works")
    expect(session_id(w, key) == session, "the session is the same")
    expect("I finish what I begin." in w.file(w.folder(key), "SOUL.md"), "the soul stays")


def session_id(w, key):
    return w.gateway.ask("chat.history", {"sessionKey": f"agent:{key}:main", "limit": 1}).get("sessionId")


@step
def sync(w):
    """templates are synced: what somebody broke is whole again, what the agent wrote stays"""
    key = w.keys["worker"]
    folder = w.gateway.root / w.folder(key)
    w.until_quiet(key)
    whole = (folder / "AGENTS.md").read_text()
    (folder / "AGENTS.md").write_text(whole.replace("## Safety", "## Nonsense"))
    (folder / "MEMORY.md").write_text("What I learnt.\n")
    path = f"/api/v1/gateways/{w.ids['gateway']}/templates/sync"
    done = w.user.post(f"{path}?wait_seconds=60")
    w.until("nothing is pending", lambda: w.user.get(f"{path}/{done['id']}")["agents_pending"] == 0)
    done = w.user.get(f"{path}/{done['id']}")
    expect(not done["errors"] and done["main_updated"], f"nothing failed, and the main agent is synced: {done}")
    expect(done["agents_updated"] >= 2, f"lead and worker are synced: {done}")
    expect("## Nonsense" not in (folder / "AGENTS.md").read_text(), "AGENTS.md is whole again")
    expect((folder / "MEMORY.md").read_text() == "What I learnt.\n", "MEMORY.md stays")
    again = w.user.post(f"{path}?wait_seconds=60&overwrite=true&reset_sessions=true&rotate_tokens=true&force_bootstrap=true")
    w.until("nothing is pending", lambda: w.user.get(f"{path}/{again['id']}")["agents_pending"] == 0)
    expect("What I learnt." not in (folder / "MEMORY.md").read_text(), "with `overwrite` MEMORY.md is ours")
    expect("BOOTSTRAP.md" in w.files(w.keys["lead"]), "with `force_bootstrap` the lead has BOOTSTRAP.md")
    for name in ("main", "lead", "worker"):
        w.until_status(w.ids[name], "online")


@step
def rotation(w):
    """a token is rotated: the old one ends when the new one is first used"""
    key, agent = w.keys["lead"], w.ids["lead"]
    w.until_quiet(key)
    old, token = w.as_agent(key), w.settings(key)[1]["AUTH_TOKEN"]
    w.user.post(f"/api/v1/agents/{agent}/rotate-token")
    w.until("the workspace has another token", lambda: w.settings(key)[1]["AUTH_TOKEN"] != token)
    w.until_placed(agent)
    expect(w.as_agent(key).send("GET", "/api/v1/agent/healthz")[0] == 200, "the new one works")
    expect(old.send("GET", "/api/v1/agent/healthz")[0] == 401, "then the old one does not")


@step
def importing(w):
    """an agent that ran on the gateway before is imported, told where we are, and unlinked without harm"""
    workspace = w.gateway.root / "somebody"
    w.gateway.ask("agents.create", {"name": "somebody", "workspace": str(workspace)})
    w.until("it is in the configuration", lambda: "somebody" in w.gateway.agents())
    path = f"/api/v1/gateways/{w.ids['gateway']}"
    def listed():
        return next((item for item in w.user.get(f"{path}/runtime-agents")["items"] if item["id"] == "somebody"), None)
    found = w.until("it is listed", listed)
    expect(found["agent_id"] is None, f"it is nobody of ours yet: {found}")
    before = (workspace / "AGENTS.md").read_text()
    body = {"runtime_agent_id": "somebody", "board_id": w.ids["board"], "name": "Somebody"}
    agent = w.user.post(f"{path}/import-agent", body)["id"]
    w.until_placed(agent)
    now = (workspace / "AGENTS.md").read_text()
    expect(before.strip() in now and "AUTH_TOKEN=" in now, "its own AGENTS.md stays, with our section")
    expect(w.gateway.agents()["somebody"].get("workspace") == str(workspace), "its workspace stays")
    w.user.post(f"/api/v1/agents/{agent}/unlink")
    w.until("our section is gone", lambda: "AUTH_TOKEN=" not in (workspace / "AGENTS.md").read_text())
    expect("somebody" in w.gateway.agents(), "it runs on")


@step
def deletion(w):
    """an agent is deleted: it is gone from the gateway, and its token ends at once"""
    agent, key = w.ids["worker"], w.keys["worker"]
    client = w.as_agent(key)
    w.user.call("DELETE", f"/api/v1/agents/{agent}")
    expect(client.send("GET", "/api/v1/agent/healthz")[0] == 401, "its token ends at once")
    w.until("it is out of the configuration", lambda: key not in w.gateway.agents())
    w.until("nobody finds it", lambda: w.user.send("GET", f"/api/v1/agents/{agent}")[0] == 404)
    del w.keys["worker"], w.ids["worker"]


@step
def gateway_deletion(w):
    """a gateway that is in use stays; without its board it goes, with its main agent"""
    path = f"/api/v1/gateways/{w.ids['far']}"
    status, _, answer = w.user.send("DELETE", path)
    expect(status == 409 and answer["code"] == "gateway_in_use", f"it is in use: {status} {json.dumps(answer)}")
    w.user.call("DELETE", f"/api/v1/boards/{w.ids['far_board']}")
    def deleted():
        try:
            w.user.call("DELETE", path)
        except Refused as refused:
            if " 409 " not in str(refused):
                raise
            return False
        return True
    w.until("its agents have left, and it can go", deleted)
    w.until("its main agent is out of the configuration", lambda: w.far_key not in w.gateway.agents())
    w.until("nobody finds it", lambda: w.user.send("GET", path)[0] == 404)
