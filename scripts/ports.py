"""Ports for processes that have to be told theirs before they start."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below those that the kernel gives to outgoing connections: one of these could take it before the process.
PORTS = range(10000, 30000)

# The locks on the ports that this process has been given. They go with it.
held = []


def free_port():
    """A port that nobody listens on, and that nobody else who asks here or asks tests/ports is given while
    this process lives."""
    directory = Path(tempfile.gettempdir()) / f"mission-control-ports-{os.getuid()}"
    directory.mkdir(exist_ok=True)
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        claim = open(directory / str(port), "a")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        held.append(claim)
        return port
    raise OSError("no port is free")
