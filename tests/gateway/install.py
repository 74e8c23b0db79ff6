"""Real OpenClaw gateways out of npm, each with the Node.js that it needs, kept in the cache of the scripts."""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from stack import Failure

PINS = Path(__file__).resolve().parent / "openclaw"
INSTALL_SECONDS = 900


def versions():
    """Those that are pinned, the newest first."""
    found = [path.name for path in PINS.iterdir() if (path / "package-lock.json").exists()]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)


def cache():
    """Where scripts/lib.sh keeps fetched programs, too."""
    if named := os.environ.get("MC_CACHE_DIR"):
        return Path(named)
    if os.getuid() == 0:
        return Path("/var/cache/mission-control")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mission-control"


class Installed:
    """A gateway's release on this machine: `node` runs `entry`."""

    def __init__(self, version):
        pins = PINS / version
        if not (pins / "package-lock.json").exists():
            raise Failure(f"no release {version} is pinned; there are: {', '.join(versions())}")
        self.version = version
        node = json.loads((pins / "package.json").read_text())["engines"]["node"]
        root = cache() / "openclaw"
        root.mkdir(parents=True, exist_ok=True)
        self.node = install(root / f"node-{node}", node, lambda draft: fetch_node(draft, node)) / "bin" / "node"
        release = install(root / version, contents(*parts_of(pins)), lambda draft: fetch_release(draft, pins))
        self.entry = release / "gateway" / "node_modules" / "openclaw" / "openclaw.mjs"


def parts_of(pins):
    """The directories that a release is made from: some refer to another one beside theirs."""
    beside = re.findall(r'"file:\.\./(\w+)"', (pins / "package.json").read_text())
    return [pins, *(PINS / name for name in beside)]


def contents(*directories):
    """A hash of everything in them."""
    files = sorted(path for directory in directories for path in directory.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def install(place, stamp, fetch):
    """Makes a directory unless it was made from the same. Whoever comes second waits; what is half done is never found."""
    with open(f"{place}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = place / ".stamp"
        if mark.exists() and mark.read_text() == stamp:
            return place
        draft = Path(f"{place}.draft")
        for old in (draft, place):
            shutil.rmtree(old, ignore_errors=True)
        draft.mkdir()
        fetch(draft)
        (draft / ".stamp").write_text(stamp)
        draft.rename(place)
    return place


def fetch_node(draft, version):
    """The package of this platform, which is nothing but the programs."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower())
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    if not machine or not system:
        raise Failure(f"npm has no Node.js for {platform.system()} on {platform.machine()}: real gateways cannot be started")
    name = f"node-{system}-{machine}"
    print(f"  fetching {name} {version}", flush=True)
    (draft / "package.json").write_text(json.dumps({"private": True, "dependencies": {name: version}}))
    npm(draft, "install")
    package = draft / "node_modules" / name
    if not os.access(package / "bin" / "node", os.X_OK):
        raise Failure(f"{name} {version} has no bin/node")
    (draft / "bin").symlink_to(Path("node_modules") / name / "bin")


def fetch_release(draft, pins):
    print(f"  fetching OpenClaw {pins.name}", flush=True)
    for part in parts_of(pins):
        shutil.copytree(part, draft / ("gateway" if part == pins else part.name))
    npm(draft / "gateway", "ci")


def npm(directory, verb):
    """Runs npm without the packages' own scripts. Its cache would double what is kept, and goes."""
    home = directory / ".home"
    home.mkdir()
    env = {**os.environ, "HOME": str(home), "npm_config_cache": str(home / "cache")}
    env.setdefault("npm_config_userconfig", str(Path.home() / ".npmrc"))
    command = ["npm", verb, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except FileNotFoundError:
        raise Failure("npm is missing: https://nodejs.org") from None
    except subprocess.TimeoutExpired:
        raise Failure(f"npm {verb} took longer than {INSTALL_SECONDS} s") from None
    shutil.rmtree(home, ignore_errors=True)
    if done.returncode:
        raise Failure(f"npm {verb} failed:\n{done.stdout}{done.stderr}")
