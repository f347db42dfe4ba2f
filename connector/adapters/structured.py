"""structlog, without rich.

It loads rich for tracebacks that nobody here is shown: a fifth of a second of every start.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _without(module: str) -> Iterator[None]:
    """As if it were not installed, for whoever is imported meanwhile."""
    loaded = sys.modules.get(module)
    if loaded is None:
        sys.modules[module] = None  # type: ignore[assignment] # what Python itself does for "cannot be imported"
    try:
        yield
    finally:
        if loaded is None:
            del sys.modules[module]


with _without("rich"):
    import structlog
    from structlog.typing import EventDict, Processor, WrappedLogger

__all__ = ["EventDict", "Processor", "WrappedLogger", "structlog"]
