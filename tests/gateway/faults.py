"""Steps on a way to the gateway that fails: not paired, then lost again and again."""

from gateway import TOKEN
from road import Road
from steps import step
from world import expect


@step
def pairing_required(w):
    """a gateway that does not know us waits for its owner, and says so"""
    forget_devices(w)
    w.road = Road(w.gateway.port)
    body = {"name": "Far away", "url": w.road.url, "token": TOKEN, "workspace_root": str(w.gateway.root)}
    w.ids["far"] = w.user.post("/api/v1/gateways", body)["id"]
    agents = w.user.get("/api/v1/agents")["items"]
    w.ids["far_main"] = next(
        agent["id"] for agent in agents if agent["is_gateway_main"] and agent["gateway_id"] == w.ids["far"])
    w.far_key = f"mc-gateway-{w.ids['far']}"
    waits_for_pairing(w)


def forget_devices(w):
    """Takes every pairing back, as the owner does. The oldest release has no request for it, but keeps them in a file."""
    if w.gateway.is_since("2026.5.0"):
        for device in w.gateway.ask("device.pair.list")["paired"]:
            w.gateway.ask("device.pair.remove", {"deviceId": device["deviceId"]})
    else:
        # Who connects from this machine is paired at once: after a restart, the session of the run's first gateway.
        w.gateway.settle()
        (w.gateway.home / "state" / "devices" / "paired.json").unlink()


def waits_for_pairing(w):
    def waits():
        agent = w.agent(w.ids["far_main"])
        return agent if "pairing" in (agent["last_error"] or "") else None
    agent = w.until("the agent names the pairing", waits)
    expect(agent["status"] in ("pending", "provisioning", "updating"), f"it is not given up: {agent}")
    request = w.until("the gateway has a request", lambda: w.gateway.ask("device.pair.list")["pending"])[0]["requestId"]
    expect(request in agent["last_error"], f"the request {request} is named: {agent['last_error']}")
    return request


@step
def paired(w):
    """its owner approves the request: the agent becomes ready by itself"""
    w.gateway.ask("device.pair.approve", {"requestId": w.gateway.ask("device.pair.list")["pending"][0]["requestId"]})
    w.until_placed(w.ids["far_main"])


@step
def unpaired(w):
    """the pairing is taken back and given again: the agent says so, and becomes ready by itself"""
    forget_devices(w)
    w.road.lose()
    w.user.patch(f"/api/v1/gateways/{w.ids['far']}", {"name": "Farther away"})
    request = waits_for_pairing(w)
    w.gateway.ask("device.pair.approve", {"requestId": request})
    w.until_placed(w.ids["far_main"])
    wanted = w.agent(w.ids["far_main"])["name"]
    w.until("the new name is on the gateway", lambda: w.gateway.agents()[w.far_key]["name"] == wanted)


@step
def cuts(w):
    """the connection is lost one request later each time: an agent becomes ready, with everything, told once"""
    body = {"name": "A far board", "description": "Behind a bad line.", "board_type": "general", "gateway_id": w.ids["far"]}
    w.ids["far_board"] = w.user.post("/api/v1/boards", body)["id"]
    w.road.lose()
    w.road.cuts = True
    agent = w.new_agent(w.ids["far_board"], "Dora")
    key = f"mc-{agent}"
    try:
        w.until_placed(agent, seconds=300)
    finally:
        w.road.cuts = False
    expect(len(w.road.lost) >= 5, f"connections were lost: {w.road.lost}")
    status, _, answer = w.as_agent(key).send("GET", "/api/v1/agent/healthz")
    expect(status == 200, f"its token works: {status} {answer}")
    expect(w.gateway.agents()[key].get("heartbeat", {}).get("every") == "10m", f"it has its heartbeat: {w.gateway.agents()[key]}")
    w.until("it is woken", lambda: w.model.of(key, "Mission Control has"))
    w.until_quiet(key)
    told = w.history(f"agent:{key}:main").count("Mission Control has provisioned")
    expect(told == 1, f"it was woken once, not {told} times")
