"""Puts real things into what schemathesis makes up.

A made-up id names nothing, and a request about nothing shows little. Where a request carries a valid id under a name of the
sample, it mostly becomes one of the sample's. What would delete something, or cut off the gateway, gets the id of one that nobody
else needs. Which one follows from the request: the same request is the same again.
"""

import json
import os
import re
import zlib

import schemathesis

with open(os.environ["MC_FUZZ_SAMPLE"]) as file:
    SAMPLE = json.load(file)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
# Fields that name a thing otherwise than it is named elsewhere.
ALIASES = {
    "assigned_agent_id": "agent_id",
    "actor_id": "agent_id",
    "board_group_id": "group_id",
    "depends_on_task_ids": "task_id",
    "add_depends_on_task_ids": "task_id",
    "remove_depends_on_task_ids": "task_id",
    "add_tag_ids": "tag_id",
    "remove_tag_ids": "tag_id",
    "created_by_user_id": "user_id",
}
# Values that a schema does not tell from others, and that a made-up one would hardly ever be.
GOOD = {
    "color": lambda number: f"{number % 2**24:06x}",
    "custom_field_values": lambda number: {"a_text": f"text {number}", "a_integer": number % 100},
    "event_type": lambda number: ("task.*", "board.*", "*", "approval.created")[number % 4],
    "event_types": lambda number: ("task.*", "board.*", "*", "approval.created")[number % 4],
    "every": lambda number: f"{1 + number % 24}h",
    "field_type": lambda _: "text",
    "invited_email": lambda number: f"somebody{number}@example.com",
    "lead_reasoning": lambda _: "It is done.",
    "range_key": lambda number: ("24h", "7d", "1m", "1y")[number % 4],
    "slug": lambda number: f"slug-{number}",
    "timezone": lambda _: "Europe/Berlin",
    "ui_visibility": lambda _: "if_set",
    "validation_regex": lambda _: "[a-z]*",
}
# A wait that is allowed is as good when it is short.
LONGEST_WAIT_SECONDS = 3
# What of a body would refuse nearly every request that carries it.
LEFT_OUT = {
    "add_depends_on_task_ids", "add_tag_ids", "created_by_user_id", "depends_on_task_ids", "expected_version", "expires_at",
    "field_key", "remove_depends_on_task_ids", "remove_tag_ids", "task_id", "task_ids",
}
# Names nothing.
NOBODY = "00000000-0000-4000-8000-000000000000"
# One in so many stays as it is.
KEPT = 6


def real(name, value, ids, salt):
    """The id to send instead of a made-up one: mostly of the first of its kind, on which most hangs."""
    if not isinstance(value, str) or not UUID.fullmatch(value):
        return value
    name = ALIASES.get(name, name)
    known = ids.get(name) or ids.get(name.removesuffix("s"))
    number = number_of([value, salt])
    if not known or number % KEPT == 0:
        return value
    return known[number // KEPT % len(known)] if number % 3 == 0 else known[0]


def number_of(value):
    return zlib.crc32(json.dumps(value, default=str).encode())


def without(body):
    """A body that says less, mostly."""
    return {name: value for name, value in body.items() if name not in LEFT_OUT or number_of(value) % KEPT == 0}


def replaced(value, ids, salt, name=""):
    number = number_of(value)
    if name == "wait_seconds" and type(value) is int and 0 <= value <= 60:
        return value % (LONGEST_WAIT_SECONDS + 1)
    if name in GOOD and isinstance(value, (str, dict)) and number % KEPT:
        return GOOD[name](number // KEPT)
    if isinstance(value, dict):
        return {key: replaced(item, ids, salt, key) for key, item in value.items()}
    if isinstance(value, list):
        return [replaced(item, ids, salt + place, name) for place, item in enumerate(value)]
    return real(name, value, ids, salt)


def address(path, made_up):
    """Where nobody is. Whatever is made up, nobody outside this machine is called."""
    if "://" in made_up or number_of(made_up) % KEPT:
        return "http://127.0.0.1:9/" if "webhook" in path else "ws://127.0.0.1:9"
    return made_up


def target(case):
    """The name in the path of what a request may take away, cut off, or give other rights."""
    method, names = case.method.upper(), re.findall(r"\{(\w+)\}", case.path)
    if method == "DELETE" and case.path.endswith("}"):
        return names[-1]
    if method in ("PATCH", "PUT") and names and names[-1] in ("gateway_id", "member_id", "agent_id"):
        return names[-1]
    # These end tokens, and the sample's agents go on with theirs.
    if case.path.endswith(("/unlink", "/rotate-token")):
        return names[-1]
    return None


def spared(name, value):
    """What to take away instead of something that others need. Schemathesis learns ids from answers, the sample's too."""
    if not isinstance(value, str) or not UUID.fullmatch(value):
        return value
    doomed = SAMPLE["doomed"].get(name, [])
    if value in SAMPLE["ids"].get(name, []) or (doomed and number_of(value) % KEPT):
        return doomed[number_of(value) % len(doomed)] if doomed else NOBODY
    return value


# What somebody else did not answer, and whose fault that is stands in the code.
UPSTREAM = re.compile(r"(gateway|souls_directory)_(unreachable|timeout|busy|unavailable)")


@schemathesis.check
def ours_to_answer(context, response, case):
    """Whatever is asked is no error of ours. That a gateway is not there is said as such."""
    if response.status_code >= 500:
        code = json.loads(response.content).get("code") or ""
        assert UPSTREAM.fullmatch(code), f"{response.status_code} {code}"


@schemathesis.hook
def before_call(context, case, kwargs):
    ids, salt = dict(SAMPLE["ids"]), number_of([case.body, case.query])
    if name := target(case):
        ids.pop(name, None)
        if isinstance(case.path_parameters, dict) and name in case.path_parameters:
            case.path_parameters = {**case.path_parameters, name: spared(name, case.path_parameters[name])}
    for place in ("path_parameters", "query", "body"):
        value = getattr(case, place)
        if isinstance(value, (dict, list)):
            setattr(case, place, replaced(value, ids, salt))
    if isinstance(case.body, dict):
        if case.method.upper() == "PATCH" or "approvals" in case.path:
            case.body = without(case.body)
        if isinstance(url := case.body.get("url"), str):
            case.body["url"] = address(case.path, url)


@schemathesis.hook
def after_call(context, case, response):
    """Notes what was answered: one line each, so that several workers can write."""
    label = case.operation.definition.raw.get("operationId", case.operation.label)
    with open(os.environ["MC_FUZZ_ANSWERS"], "a") as file:
        file.write(f"{label} {response.status_code}\n")
