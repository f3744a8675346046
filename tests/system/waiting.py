"""waiting.py - wait for a condition, never for a length of time."""
import pty
import time

import pytest

POLL_S = 0.005


class Timeout(AssertionError):
    pass


def wait_until(condition, timeout=10.0, what="the condition"):
    """The first true value of condition(); fails with a sentence when it never comes. what may be
    a function, for a message that shows how things stood."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"waited {timeout} s for {what() if callable(what) else what}")
        time.sleep(POLL_S)


def terminal():
    """Both ends of a new pseudo-terminal, where the machine has them."""
    try:
        return pty.openpty()
    except OSError as why:
        pytest.skip(f"no pseudo-terminal here: {why}")
