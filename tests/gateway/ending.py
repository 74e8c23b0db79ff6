"""The last steps: what is left after all of that, and what goes."""

from steps import step
from world import expect


@step
def taken_out(w):
    """a key is put into an agent's heartbeat and taken out again: so it is on the gateway"""
    agent, key = w.ids["lead"], w.keys["lead"]
    def heartbeat():
        return w.gateway.agents()[key].get("heartbeat", {})
    w.user.patch(f"/api/v1/agents/{agent}", {"heartbeat_config": {"every": "11m", "model": "scripted/scripted"}})
    w.until("the configuration has the key", lambda: heartbeat().get("model") == "scripted/scripted")
    w.user.patch(f"/api/v1/agents/{agent}", {"heartbeat_config": {"every": "12m"}})
    w.until("the configuration has the pace, and not the key", lambda: heartbeat().get("every") == "12m" and "model" not in heartbeat())
    w.until("the job has ended", lambda: w.agent(agent)["phase"] == "ready")
    expect("model" not in w.agent(agent)["heartbeat_config"], "people do not see it either")


@step
def tokens(w):
    """the token in each workspace is valid, also after all of that"""
    for name, key in [*w.keys.items(), *zip(w.ids["others"], w.other_keys)]:
        told = w.as_agent(key)
        status, _, answer = told.send("GET", "/api/v1/agent/healthz")
        expect(status == 200, f"the token of {name} works: {status} {answer}")


@step
def removal(w):
    """a board is deleted: its agents are gone from the gateway"""
    w.user.call("DELETE", f"/api/v1/boards/{w.ids['other_board']}")
    w.until("its agents are out of the configuration", lambda: not set(w.other_keys) & set(w.gateway.agents()), 150)
    expect(set(w.keys.values()) <= set(w.gateway.agents()), f"the others stay: {sorted(w.gateway.agents())}")


@step
def calm(w):
    """the model was never asked for anything strange"""
    expect(not w.model.strange, f"no other paths: {w.model.strange}")
