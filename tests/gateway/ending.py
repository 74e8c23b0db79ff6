"""The last steps: what is left after all of that, and what goes."""

from steps import step
from world import expect


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
