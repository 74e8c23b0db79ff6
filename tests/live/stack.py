"""The real product, started for a script: one process, its private PostgreSQL, free ports, everything in one temporary
directory that goes with it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import souls
from ports import free_port
from rest import Rest

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "a-token-for-a-script-" * 3
START_SECONDS = 90
STOP_SECONDS = 30


class Failure(Exception):
    """Something that the person who ran the script has to know."""


def binary():
    """The debug build, or what MC_BINARY names."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("MC_BINARY", target / "debug" / "mission-control")).resolve()
    if not os.access(path, os.X_OK):
        raise Failure(f"{path} is not built: scripts/test build")
    return path


# Everything comes from one address, and waits for no budget; a webhook may go to it.
SETTINGS = {
    "LOG_LEVEL": "warn",
    "MC_AGENT_REQUESTS_PER_MINUTE": "0",
    "MC_AUTH_FAILURES_PER_MINUTE": "0",
    "MC_WEBHOOK_ALLOW_PRIVATE_ADDRESSES": "true",
}


class Stack:
    """`with Stack() as stack`: the product answers at `stack.url`."""

    def __init__(self):
        self.children = []

    def __enter__(self):
        # Whoever ends the script ends what it started.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.directory = tempfile.mkdtemp(prefix="mission-control-live-")
        self.log = Path(self.directory) / "serve.log"
        self.url = f"http://127.0.0.1:{free_port()}"
        self.token = TOKEN
        try:
            self.process = self.start(
                ["serve"], self.log,
                MC_DATA_DIR=f"{self.directory}/data",
                MC_HTTP_ADDR=self.url.removeprefix("http://"),
                MC_ADMIN_ADDR=f"127.0.0.1:{free_port()}",
                BASE_URL=self.url,
                LOCAL_AUTH_TOKEN=TOKEN,
                MC_SOULS_DIRECTORY_URL=souls.serve(),
                **SETTINGS,
            )
            self.until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, arguments, log, **settings):
        """Runs the binary in the background, without the variables of whoever runs the script."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("MC_")}
        for name in ("DATABASE_URL", "BASE_URL", "LOCAL_AUTH_TOKEN"):
            env.pop(name, None)
        with open(log, "ab") as output:
            child = subprocess.Popen(
                [binary(), *arguments], env={**env, **settings}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.children.append(child)
        return child

    def until_ready(self):
        rest = Rest(self.url)
        deadline = time.monotonic() + START_SECONDS
        while rest.try_status("GET", "/readyz") != 200:
            if self.process.poll() is not None:
                raise Failure(f"serve ended with {self.process.returncode}:\n{self.last_lines()}")
            if time.monotonic() > deadline:
                raise Failure(f"serve is not ready after {START_SECONDS} s:\n{self.last_lines()}")
            time.sleep(0.1)

    def user(self):
        """A client that is signed in as the local user."""
        return Rest(self.url, self.token)

    def last_lines(self, count=30, having=""):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([line for line in lines if having in line][-count:])

    def collisions(self):
        """What the database wrote down of transactions that waited for each other."""
        log = Path(self.directory) / "data" / "postgres.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        places = [number for number, line in enumerate(lines) if "deadlock detected" in line]
        return "\n".join(line for number in places for line in lines[number:number + 12])

    def stop(self):
        for child in reversed(self.children):
            if child.poll() is None:
                # The sample's gateway listens to Ctrl-C alone.
                child.send_signal(signal.SIGTERM if child is self.children[0] else signal.SIGINT)
                try:
                    child.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        shutil.rmtree(self.directory, ignore_errors=True)
