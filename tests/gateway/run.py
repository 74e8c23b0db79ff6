"""Proves the product against real OpenClaw gateways.

    tests/gateway/run.py [VERSION...] [--newest] [--quick] [--list]

For each release: the debug build with a database of its own, a gateway out of npm, and a scripted model behind it. The
steps of steps.py follow one another; the first that fails ends the release.
"""

import argparse
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "live"), str(HERE.parent.parent / "scripts")]
sys.dont_write_bytecode = True

from install import Installed, versions  # noqa: E402
import stack as live  # noqa: E402
from stack import Failure, Stack  # noqa: E402
from steps import STEPS  # noqa: E402
import faults  # noqa: E402, F401
import operations  # noqa: E402, F401
import ending  # noqa: E402, F401
from world import World  # noqa: E402


# What a bad line or a gateway that is down interrupts goes on soon: the pauses are not what is proved here.
live.SETTINGS["MC_LIFECYCLE_RETRY_SCHEDULE"] = ",".join(["500ms"] * 10 + ["2s"] * 40)
live.SETTINGS["MC_NOTICE_RETRY_SCHEDULE"] = ",".join(["2s"] * 50)


def indented(text):
    return "\n".join(f"      {line}" for line in str(text).splitlines())


def run(version, quick):
    """Whether every step passed."""
    begin = time.monotonic()
    print(f"OpenClaw {version}", flush=True)
    installed = Installed(version)
    with Stack() as stack:
        stack.user().post("/api/v1/auth/bootstrap")
        world = World(stack, installed)
        try:
            passed = timed("the gateway starts", world, lambda _: world.gateway.start())
            for name, function in STEPS:
                if not (quick and function.slow):
                    passed = passed and timed(name, world, function)
        finally:
            world.close()
    print(f"  {'passed' if passed else 'FAILED'} in {time.monotonic() - begin:.0f} s\n", flush=True)
    return passed


def timed(name, world, function):
    begin, problem = time.monotonic(), None
    try:
        function(world)
    except Failure as failure:
        problem = str(failure)
    except Exception:
        problem = traceback.format_exc()
    print(f"  {time.monotonic() - begin:6.1f} s  {'ok    ' if problem is None else 'FAILED'}  {name}", flush=True)
    if problem is not None:
        print(indented(problem))
        print(indented("the product's last lines:"), indented(world.stack.last_lines(15)), sep="\n")
        print(indented("the gateway's last lines:"), indented(world.gateway.last_lines(15)), sep="\n", flush=True)
    return problem is None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", nargs="*", help="releases; all that are pinned unless named")
    parser.add_argument("--newest", action="store_true", help="only the newest that is pinned")
    parser.add_argument("--quick", action="store_true", help="without the steps that take minutes")
    parser.add_argument("--list", action="store_true", help="list the releases that are pinned, and the steps")
    arguments = parser.parse_args()
    if arguments.list:
        print(*versions(), *(f"  {name}" for name, _ in STEPS), sep="\n")
        return True
    chosen = arguments.version or versions()[: 1 if arguments.newest else None]
    failed = [version for version in chosen if not run(version, arguments.quick)]
    if failed:
        print(f"failed: {', '.join(failed)}")
    return not failed


if __name__ == "__main__":
    try:
        sys.exit(0 if main() else 1)
    except Failure as error:
        sys.exit(f"scripts/e2e-gateway: {error}")
