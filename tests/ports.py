"""Ports for what tests start, in as many processes as tests run in."""

from __future__ import annotations

import random
import socket
from collections import deque

# Below those that connections are given (from 32768 on Linux, from 49152 elsewhere).
FIRST, LAST = 16_384, 32_767
KEPT = 64

_kept: deque[socket.socket] = deque()


def free_port() -> int:
    """Return a port that nobody listens on, and that no test is given while the last `KEPT` of this process are.

    Something takes a while to listen on its port. Until then it is known by the UDP port of the same number, which is
    held here: no other test process can hold it, and none needs it.
    """
    for port in random.SystemRandom().sample(range(FIRST, LAST + 1), 1000):
        token = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            token.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            token.close()
            continue
        _kept.append(token)
        if len(_kept) > KEPT:
            _kept.popleft().close()
        return port
    raise AssertionError(f"none of a thousand ports from {FIRST} to {LAST} is free")
