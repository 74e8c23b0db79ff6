"""The steps of a run, in order. Each goes on with what the ones before have made."""

import time

from gateway import TOKEN
from stack import Failure
from world import expect

STEPS = []
OURS = ["AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md", "MEMORY.md"]


def step(function=None, slow=False):
    """A step; its first line of documentation is its name. One that is slow is left out of a quick run."""
    if function is None:
        return lambda function: step(function, slow)
    function.slow = slow
    STEPS.append((function.__doc__.splitlines()[0], function))
    return function


@step
def wrong_token(w):
    """a gateway with a wrong token: its main agent fails and says why"""
    gateway = w.new_gateway(token="not-the-token")
    w.ids["gateway"] = gateway["id"]
    agents = w.user.get("/api/v1/agents")["items"]
    w.ids["main"] = next(agent["id"] for agent in agents if agent["is_gateway_main"])
    failed = w.until_status(w.ids["main"], "failed")
    expect("unauthorized" in failed["last_error"] and "not-the-token" not in failed["last_error"],
           f"last_error names the credential and does not tell it: {failed['last_error']}")


@step
def corrected_token(w):
    """the token is corrected: the main agent becomes ready by itself"""
    w.user.patch(f"/api/v1/gateways/{w.ids['gateway']}", {"token": TOKEN})
    w.keys = {"main": f"mc-gateway-{w.ids['gateway']}"}
    agent = w.until_placed(w.ids["main"])
    expect(agent["last_error"] is None, f"no error is left: {agent['last_error']}")


@step
def main_checks_in(w):
    """the main agent wakes up, reads its files and checks in with its own token"""
    wakes(w, "main")


@step
def provision(w):
    """a board with a lead and a worker: both become ready"""
    w.ids["board"] = w.new_board("Real work")
    w.ids["lead"] = w.new_agent(w.ids["board"], "Lena", is_board_lead=True)
    w.ids["worker"] = w.new_agent(w.ids["board"], "Otto", heartbeat_config={"every": "20s"})
    w.keys |= {"lead": f"lead-{w.ids['board']}", "worker": f"mc-{w.ids['worker']}"}
    for name in ("lead", "worker"):
        w.until_placed(w.ids[name], seconds=150)


@step
def files(w):
    """the files are in the real workspaces, and each settings block is the agent's own"""
    for name, key in w.keys.items():
        there = w.files(key)
        missing = [file for file in OURS if file not in there]
        expect(not missing, f"{name} has all files; without {missing}, with {sorted(there)}")
        found_in, settings = w.settings(key)
        expect(settings["BASE_URL"] == w.stack.url, f"{name} knows {w.stack.url}: {settings}")
        expect(settings["AGENT_ID"] == w.ids[name], f"{name} knows its id: {settings}")
        folded = w.gateway.is_since("2026.8.0")
        expect(found_in == ("AGENTS.md" if folded else "TOOLS.md"), f"{name} has its settings in the right file, not {found_in}")
        agents = w.file(w.folder(key), "AGENTS.md")
        expect(("Do this on every beat" in agents) == folded, f"HEARTBEAT.md of {name} is where this release reads it")


@step
def configuration(w):
    """the gateway's configuration has their names, workspaces and heartbeats"""
    names = {"lead": "Lena", "worker": "Otto", "main": w.agent(w.ids["main"])["name"]}
    pace = {"lead": "10m", "main": "10m", "worker": "20s"}
    def check(name, key):
        entry = w.gateway.agents().get(key, {})
        told = (entry.get("name"), entry.get("workspace"), entry.get("heartbeat", {}).get("every"))
        wanted = (names[name], str(w.gateway.root / w.folder(key)), pace[name])
        expect(told == wanted, f"{wanted}, not {told}")
    for name, key in w.keys.items():
        check(name, key)


@step
def board_agents_check_in(w):
    """lead and worker wake up, read their files and check in"""
    for name in ("lead", "worker"):
        wakes(w, name)


def wakes(w, name):
    key = w.keys[name]
    agent_key = w.folder(key).removeprefix("workspace-")
    w.until(f"{name} is woken", lambda: w.model.of(agent_key, "Mission Control has"))
    try:
        w.until_status(w.ids[name], "online")
    except Failure as failure:
        raise Failure(f"{failure}\nits turns:\n{turns(w, agent_key)}") from None
    w.until_quiet(agent_key)
    prompt = w.model.of(agent_key)[-1]
    results = [line for line in prompt.results if "exit 3" in line or "the prompt has no" in line]
    expect(not results, f"every snippet of the manual reached {name}: {results}")


def turns(w, agent_key):
    """The last requests of an agent, for people."""
    lines = []
    for prompt in w.model.of(agent_key)[-3:]:
        lines.append(f"  said: {prompt.said[:600]!r}")
        lines.extend(f"    result: {result[:600]!r}" for result in prompt.results)
    return "\n".join(lines) or "  none"


@step
def task(w):
    """a task is assigned: the worker hears of it, claims it, comments and hands it in"""
    path = f"/api/v1/boards/{w.ids['board']}/tasks"
    w.ids["task"] = w.user.post(path, {"title": "Write it down", "assigned_agent_id": w.ids["worker"]})["id"]
    agent_key = w.keys["worker"]
    def in_review():
        found = w.user.get(f"{path}?limit=50")["items"]
        return next(task for task in found if task["id"] == w.ids["task"])["status"] == "review"
    try:
        w.until("the task is in review", in_review)
    except Failure as failure:
        raise Failure(f"{failure}\nnotices: {w.notices(w.ids['worker'])}\n{turns(w, agent_key)}") from None
    comments = w.user.get(f"{path}/{w.ids['task']}/comments")["items"]
    authors = [comment["agent_id"] for comment in comments]
    expect(authors and set(authors) == {w.ids["worker"]}, f"the worker has commented on it: {comments}")


@step
def notices(w):
    """each notice of it reached its session, and is shown as sent"""
    def sent(name):
        return [notice for notice in w.notices(w.ids[name]) if notice["state"] == "sent"]
    assigned = w.until("the notice of the assignment is sent", lambda: sent("worker"))
    expect(any(notice["task_id"] == w.ids["task"] for notice in assigned), f"one is of the task: {assigned}")
    w.until("the lead was told of the review", lambda: any(
        notice["task_id"] == w.ids["task"] and "review" in notice["kind"] for notice in sent("lead")))
    for name, words in (("worker", "TASK ASSIGNED"), ("lead", "TASK READY FOR LEAD REVIEW")):
        session = w.agent(w.ids[name])["openclaw_session_id"]
        w.until(f"the session of {name} has {words}", lambda: words in w.history(session))


@step
def mention(w):
    """a person mentions the worker: it answers on the task"""
    path = f"/api/v1/boards/{w.ids['board']}/tasks/{w.ids['task']}/comments"
    w.until_quiet(w.keys["worker"])
    before = w.user.get(path)["items"]
    w.user.post(path, {"message": "@Otto, is it done?"})
    def answered():
        now = w.user.get(path)["items"]
        return sum(comment["agent_id"] == w.ids["worker"] for comment in now) > sum(
            comment["agent_id"] == w.ids["worker"] for comment in before)
    try:
        w.until("the worker has answered", answered)
    except Failure as failure:
        raise Failure(f"{failure}\nnotices: {w.notices(w.ids['worker'])}\n{turns(w, w.keys['worker'])}") from None


@step
def beat(w):
    """a beat comes with nobody asking, and the agent reads what to do on it"""
    key = w.keys["worker"]
    w.until_quiet(key)
    count, seen = len(w.model.prompts), w.agent(w.ids["worker"])["last_seen_at"]
    def beats():
        return [prompt for prompt in w.model.prompts[count:] if prompt.agent == key and "Mission Control has" not in prompt.said]
    w.until("the model is asked for a beat", beats, 120)
    prompt = beats()[0]
    expect("Do this on every beat" in prompt.text, f"the prompt has our heartbeat text; said was {prompt.said[:1000]!r}")
    try:
        w.until("the beat has checked in", lambda: w.agent(w.ids["worker"])["last_seen_at"] != seen)
    except Failure as failure:
        raise Failure(f"{failure}\n{turns(w, key)}") from None


@step
def down(w):
    """the gateway is down: a notice waits, visibly"""
    w.gateway.kill()
    path = f"/api/v1/boards/{w.ids['board']}/tasks"
    w.ids["late"] = w.user.post(path, {"title": "While nobody is there", "assigned_agent_id": w.ids["worker"]})["id"]
    def waits():
        return [notice for notice in w.notices(w.ids["worker"])
                if notice["task_id"] == w.ids["late"] and notice["last_error"] and notice["state"] != "sent"]
    notice = w.until("the notice waits after an attempt", waits)[0]
    expect(notice["state"] in ("waiting", "failed"), f"it is not given up: {notice}")
    expect("gateway_unreachable" in notice["last_error"], f"it says why: {notice}")


@step
def up(w):
    """the gateway is back: the notice arrives once, and the worker does the task"""
    w.gateway.start()
    def sent():
        return all(notice["state"] == "sent" for notice in w.notices(w.ids["worker"]) if notice["task_id"] == w.ids["late"])
    w.until("the notice is sent", sent, 150)
    path = f"/api/v1/boards/{w.ids['board']}/tasks"
    def in_review():
        return next(task for task in w.user.get(path)["items"] if task["id"] == w.ids["late"])["status"] == "review"
    try:
        w.until("the task is in review", in_review)
    except Failure as failure:
        session = w.agent(w.ids["worker"])["openclaw_session_id"]
        raise Failure(f"{failure}\n{turns(w, w.keys['worker'])}\nthe session: {w.history(session)[-4000:]}") from None
    told = {prompt.said for prompt in w.model.of(w.keys["worker"], w.ids["late"]) if "TASK ASSIGNED" in prompt.said}
    expect(len(told) == 1, f"it was told once: {told}")


@step
def restart(w):
    """the gateway is restarted in the middle of a provisioning: the agents become ready anyway"""
    w.ids["other_board"] = w.new_board("More work")
    w.ids["others"] = provisioned(w, ("Ada", "Ben"), w.gateway.stop, 150)


@step(slow=True)
def crash(w):
    """the gateway dies in the middle of a provisioning: the agents become ready anyway"""
    # The newest release takes over no change for five minutes when it was killed while it took over one.
    w.ids["others"] += provisioned(w, ("Cleo", "Dan"), w.gateway.kill, 480)


def provisioned(w, names, end, seconds):
    """New agents on a gateway that ends as soon as it has the first of them."""
    made = [w.new_agent(w.ids["other_board"], name) for name in names]
    keys = [f"mc-{agent}" for agent in made]
    w.until("the first of them is in the configuration", lambda: any(key in w.gateway.agents() for key in keys))
    end()
    time.sleep(1)
    w.gateway.start()
    for agent, key in zip(made, keys):
        w.until_placed(agent, seconds=seconds)
        w.settings(key)
        expect(w.gateway.agents()[key].get("heartbeat"), f"{key} has its heartbeat")
    w.other_keys += keys
    return made
