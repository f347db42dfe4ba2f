"""What the account has accepted, as JSON lines: the evidence of a trial, written by nobody who is on trial.

A `rev` tells a version from all others: of an order it is the event's parameter of that name, of a contact
its first name (contacts have no parameters), or "erased", "deleted", "unsubscribed", "subscribed". A contact
that was made from an order's fields may have none.
"""

import itertools
import os
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct


class Accepted(Struct, frozen=True):
    """One acceptance. at: seconds since the epoch, by the sandbox's clock. resource: the request's.

    key: externalOrderId; of a contact externalCustomerId, else "email:…" or "phone:…"; at Metrica id and
    uniq_id. doubtful: the sandbox itself did not say so to the sender (a fault on demand).
    """

    at: float
    entity: Literal["order", "contact"]
    key: str
    rev: str | None
    resource: str
    doubtful: bool = False
    service: Literal["yespo", "metrica"] = "yespo"


Sink = Callable[[Accepted], None]


class AcceptedFile:
    """Appends a line for each acceptance, in their order; `n` counts them from each start."""

    def __init__(self, path: Path) -> None:
        """Raises OSError where it cannot be written."""
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._numbers = itertools.count()
        weakref.finalize(self, os.close, self._file)

    def __call__(self, accepted: Accepted) -> None:
        """Write it. Raises OSError: a trial without its evidence is none."""
        line = {"n": next(self._numbers), **msgspec.structs.asdict(accepted)}
        whole = msgspec.json.encode(line) + b"\n"
        if os.write(self._file, whole) < len(whole):
            raise OSError("the file of what was accepted is full")
