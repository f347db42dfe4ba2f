"""Waiting for what others do in their own time."""

import time
from collections.abc import Callable


def wait_for(what: Callable[[], object], seconds: float = 10.0) -> None:
    """Until `what()` is true; fails when it does not become so."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain")
        time.sleep(0.02)
