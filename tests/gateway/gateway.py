"""A real gateway, started for a run: everything that it keeps lies in one directory."""

import json
import os
import signal
import subprocess
import time

from ports import free_port
from stack import Failure
from wire import Refused, Wire

# The newest release takes 11 s on a quiet machine, and several times that on a busy one.
READY_SECONDS = 180
STOP_SECONDS = 60
RESTART_SECONDS = 60
SETTLED_SECONDS = 10
TOKEN = "the-token-of-the-gateway"


class Gateway:
    """`start`, `stop` and `start` again; the workspaces of its agents are under `root`."""

    def __init__(self, installed, directory, model_url):
        self.installed, self.version = installed, installed.version
        self.home = directory / "gateway"
        self.root = self.home / "agents"
        self.log, self.process = self.home / "gateway.log", None
        for folder in ("state", "tmp", "agents"):
            (self.home / folder).mkdir(parents=True)
        self.port = free_port()
        self.config_path = self.home / "openclaw.json"
        self.config_path.write_text(json.dumps(self.first_config(model_url), indent=2))

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def is_since(self, version):
        return parts(self.version) >= parts(version)

    def first_config(self, model_url):
        """What its owner wrote: a model, and nothing that reaches for the network."""
        model = {
            "id": "scripted", "name": "Scripted", "reasoning": False, "input": ["text"],
            "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}, "contextWindow": 200000, "maxTokens": 8192,
        }
        provider = {"baseUrl": model_url, "apiKey": "none", "api": "openai-completions", "models": [model]}
        config = {
            "gateway": {
                "mode": "local", "port": self.port, "bind": "loopback", "auth": {"mode": "token", "token": TOKEN},
                "controlUi": {"enabled": False},
            },
            "models": {"mode": "replace", "providers": {"scripted": provider}},
            "agents": {"defaults": {"model": {"primary": "scripted/scripted"}, "workspace": str(self.root / "own")}},
            "plugins": {"enabled": False},
            "update": {"checkOnStart": False},
            "logging": {"file": str(self.home / "own.log")},
        }
        if not self.is_since("2026.5.0"):
            config["browser"] = {"enabled": False}
            # Else it asks somebody before it runs a command on the host.
            config["tools"] = {"exec": {"host": "gateway", "security": "full", "ask": "off"}}
        else:
            # road.py is one; without this the newest release turns whoever comes through it away.
            config["gateway"]["trustedProxies"] = ["127.0.0.1"]
        return config

    def start(self):
        env = {
            "PATH": os.environ["PATH"], "LANG": "C.UTF-8",
            "HOME": str(self.home), "OPENCLAW_HOME": str(self.home), "TMPDIR": str(self.home / "tmp"),
            "OPENCLAW_STATE_DIR": str(self.home / "state"), "OPENCLAW_CONFIG_PATH": str(self.config_path),
            "OPENCLAW_DISABLE_BONJOUR": "1", "OPENCLAW_NO_RESPAWN": "1", "OPENCLAW_SKIP_CHANNELS": "1",
            "OPENCLAW_EXEC_SHELL_SNAPSHOT": "0",
        }
        command = [self.installed.node, self.installed.entry, "gateway", "run", "--port", str(self.port), "--bind", "loopback"]
        with open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                command, env=env, cwd=self.home, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.until_ready()

    def until_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with Wire(self.port, TOKEN) as wire:
                    return wire.hello
            except (OSError, Refused) as error:
                if self.process.poll() is not None:
                    raise Failure(f"the gateway ended with {self.process.returncode}:\n{self.last_lines()}") from None
                if time.monotonic() > deadline:
                    raise Failure(f"the gateway is not ready after {READY_SECONDS} s: {error}\n{self.last_lines()}") from None
            time.sleep(0.2)

    def settle(self):
        """Waits until it rests. The oldest release restarts itself for changes of its configuration, some time after them."""
        restarts, since = 0, time.monotonic()
        while time.monotonic() - since < SETTLED_SECONDS:
            seen = self.log.read_text(errors="replace").count("received SIGUSR1")
            if seen != restarts:
                restarts, since = seen, time.monotonic()
            time.sleep(0.5)

    def stop(self):
        """Ends it as its owner does. The newest release waits for turns under way; not longer than a minute here."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        """Ends it as a machine that goes down does."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)

    def ask(self, method, params=None):
        """Asks as an operator; a gateway that restarts, as the older ones do after a change, is waited for."""
        deadline = time.monotonic() + RESTART_SECONDS
        while True:
            try:
                with Wire(self.port, TOKEN) as wire:
                    return wire.ask(method, params)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def agents(self):
        """The agents of the configuration file, by id."""
        agents = json.loads(self.config_path.read_text()).get("agents", {})
        return agents.get("entries") or {entry["id"]: entry for entry in agents.get("list", [])}

    def last_lines(self, count=25):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def parts(version):
    return [int(part) for part in version.split(".")]
