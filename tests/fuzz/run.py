"""Fuzzes the running product by its own OpenAPI document.

Every answer has to be of a documented status and media type, to match its schema, and not to be an error of the server. The
product is the debug build with a database of its own, a simulated gateway, and an organization that has one of everything.
It is asked as the owner, as agents, as a member, with a credential that only reads, and at last for what takes everything
away.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "live"), str(HERE.parent.parent / "scripts")]
sys.dont_write_bytecode = True

from rest import Refused  # noqa: E402
from sample import Sample  # noqa: E402
from stack import Failure, Stack  # noqa: E402

CHECKS = "ours_to_answer,status_code_conformance,content_type_conformance,response_schema_conformance"
SEED = 20261122
# Streams are never answered whole; probes have statuses of their own.
LEFT_OUT = r"/stream$|/events$|^/(health|healthz|readyz)$"
# Longer than the edge gives any request, so that one that hangs is answered as the product answers it.
PATIENCE_SECONDS = 120
# Change who the caller is or take everything away: for the last phase.
FINAL = [
    "create_organization", "set_active_organization", "delete_organization", "leave_organization", "transfer_ownership",
    "accept_invite", "delete_me",
]

class Phase:
    """One run of schemathesis."""

    def __init__(self, name, token, examples, share, *options):
        self.name, self.token, self.examples, self.share, self.options = name, token, examples, share, options


def lanes(sample, stack):
    """Phases that run side by side, each lane in order; and what comes after all of them."""
    but_final = [word for name in FINAL for word in ("--exclude-operation-id", name)]
    for_agents = [word for tag in ("agent-lead", "agent-worker") for word in ("--include-tag", tag)]
    final = [word for name in FINAL for word in ("--include-operation-id", name)]
    everything, by_chance = ("--phases", "coverage,fuzzing"), ("--phases", "fuzzing")
    first = [Phase("as the owner", stack.token, 8, 0.95, *everything, *but_final)]
    second = [
        Phase("as a lead", sample.lead_token, 6, 0.35, *everything, *for_agents),
        Phase("as a worker", sample.worker_token, 4, 0.2, *by_chance, *for_agents),
        Phase("as a member", sample.member_token, 4, 0.2, *by_chance, *but_final),
        Phase("with a credential that reads", sample.read_token, 4, 0.2, *by_chance, *but_final),
    ]
    return [first, second], Phase("for what takes everything away", stack.token, 4, 0.05, *everything, *final)


class Fuzz:
    """Schemathesis against one product."""

    def __init__(self, stack, sample_file, seed, seconds):
        self.stack, self.sample_file, self.seed, self.seconds = stack, sample_file, seed, seconds
        self.failed = []

    def lane(self, phases):
        for phase in phases:
            self.phase(phase)

    def phase(self, phase):
        command = [
            Path(sys.executable).parent / "st", "run", f"{self.stack.url}/openapi.json",
            "--header", f"Authorization:Bearer {phase.token}",
            "--checks", CHECKS, "--mode", "all", "--seed", str(self.seed),
            "--continue-on-failure", "--generation-database", "none", "--request-timeout", str(PATIENCE_SECONDS),
            "--suppress-health-check", "all", "--warnings", "off", "--no-color",
            "--output-sanitize", "false", "--generation-with-security-parameters", "false",
            "--exclude-path-regex", LEFT_OUT, *phase.options,
        ]
        if self.seconds is None:
            command += ["--max-examples", str(phase.examples)]
        else:
            command += ["--max-examples", "200", "--max-time", str(max(1, int(self.seconds * phase.share)))]
        answers = self.sample_file.with_name(phase.name.replace(" ", "-"))
        answers.touch()
        env = {
            **os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1",
            "MC_FUZZ_SAMPLE": str(self.sample_file), "MC_FUZZ_ANSWERS": str(answers),
        }
        done = subprocess.run(
            command, env=env, cwd=self.stack.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode != 0:
            self.failed.append(phase.name)
            print(done.stdout)
        print(f"==> fuzz {phase.name}: {'failed' if done.returncode else 'good'}\n{depth(answers)}", flush=True)


def doomed(sample):
    """Things that nobody else needs, by the names under which a request to take them away carries them."""
    user = sample.user

    def made(path, **more):
        return [user.post(path, {"name": f"Doomed {n}", **more})["id"] for n in range(3)]

    tasks, invites = f"/api/v1/boards/{sample.board}/tasks", "/api/v1/organizations/me/invites"
    fields = "/api/v1/organizations/me/custom-fields"
    return {
        "tag_id": made("/api/v1/tags"),
        "group_id": made("/api/v1/board-groups"),
        "policy_id": made("/api/v1/approval-policies"),
        "api_token_id": made("/api/v1/users/me/api-tokens"),
        "board_id": [sample.new_board(f"Doomed {n}", board_group_id=sample.group, keep=False) for n in range(3)],
        "task_id": [user.post(tasks, {"title": f"Doomed {n}"})["id"] for n in range(30)],
        "invite_id": [user.post(invites, {"invited_email": f"doomed{n}@example.com"})["id"] for n in range(3)],
        "task_custom_field_definition_id": [
            user.post(fields, {"field_key": f"doomed_{n}", "board_ids": [sample.board]})["id"] for n in range(3)
        ],
        "member_id": [sample.new_member(name)["member"]["id"] for name in ("Grace", "Linus")],
        "webhook_endpoint_id": [sample.new_endpoint(keep=False) for _ in range(2)],
        "agent_id": [
            user.post("/api/v1/agents", {"board_id": sample.board, "name": f"Doomed {n}"})["id"] for n in range(8)
        ],
        "skill_id": [
            user.post("/api/v1/skills/marketplace", {"source_url": f"https://example.com/doomed-{n}"})["id"] for n in range(3)
        ],
        "pack_id": [
            user.post("/api/v1/skills/packs", {"source_url": f"https://github.com/doomed/pack-{n}"})["id"] for n in range(3)
        ],
        "gateway_id": made("/api/v1/gateways", url="ws://127.0.0.1:9", workspace_root="/doomed"),
    }


def depth(answers):
    """How deep it went: an operation that never did anything was not tested much."""
    statuses = {}
    for line in answers.read_text().splitlines():
        operation, status = line.split()
        statuses.setdefault(operation, Counter())[int(status)] += 1
    total = sum(statuses.values(), Counter())
    never = sorted(name for name, found in statuses.items() if not any(status < 400 for status in found))
    few = f", not {', '.join(never)}" if 0 < len(never) <= 15 else ""
    well = f"{len(statuses) - len(never)} of {len(statuses)} operations answered well at least once{few}"
    return f"{well}\nanswers by status: {dict(sorted(total.items()))}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="fuzz for so long, with a seed of chance")
    parser.add_argument("--seed", type=int, help="fuzz with this seed")
    arguments = parser.parse_args()
    seed = arguments.seed or (random.SystemRandom().randrange(2**32) if arguments.minutes else SEED)
    print(f"seed {seed}", flush=True)
    with Stack() as stack:
        sample = Sample(stack)
        sample_file = Path(stack.directory) / "sample.json"
        sample_file.write_text(json.dumps({"ids": sample.ids, "doomed": doomed(sample)}))
        fuzz = Fuzz(stack, sample_file, seed, arguments.minutes and arguments.minutes * 60)
        side_by_side, last = lanes(sample, stack)
        with ThreadPoolExecutor() as threads:
            list(threads.map(fuzz.lane, side_by_side))
        fuzz.phase(last)
        if collisions := stack.collisions():
            print(f"transactions that were given up for another and done again:\n{collisions}")
        if failures := stack.last_lines(having="request failed"):
            print(f"what the product logged of failures, last:\n{failures}")
            fuzz.failed.append("failures in the log")
        if stack.process.poll() is not None:
            fuzz.failed.append(f"serve ended with {stack.process.returncode}")
    if fuzz.failed:
        print(f"failed with seed {seed}: {', '.join(fuzz.failed)}")
    return not fuzz.failed


if __name__ == "__main__":
    try:
        sys.exit(0 if main() else 1)
    except (Failure, Refused) as error:
        sys.exit(f"tests/fuzz: {error}")
