"""A destination's dialect as a conversation without I/O.

A conversation is a generator: it yields a Request (and is sent a Response or NoAnswer) or a Wait (and is
sent None), and returns one outcome per event of its batch, in the batch's order. Polling an asynchronous
import, halving a refused batch, pausing for a quota are then plain code, tested without a network.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import final

from msgspec import Struct

from connector.core.events import Event


@final
class Request(Struct, frozen=True):
    """One HTTP request, relative to the destination's base URL. `resource` is its name in metrics.

    carries: what it asks to be applied; () = it only asks how something stands.
    """

    method: str
    path: str
    resource: str
    body: bytes | None = None
    headers: Mapping[str, str] = {}
    carries: "Batch" = ()


@final
class Response(Struct, frozen=True):
    """An answer: header names in lower case, the body whole (bounded by the client)."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


@final
class NoAnswer(Struct, frozen=True):
    """No answer came. `made` is False only where the connection provably was never made (RULES 4)."""

    made: bool
    reason: str


@final
class Wait(Struct, frozen=True):
    """Ask the driver to sleep (an import that is not finished yet)."""

    seconds: float


@final
class Sending(Struct, frozen=True, gc=False):
    """One event of a batch with what its earlier attempts left behind.

    doubtful: an earlier request may have been applied (its answer was lost). conflicts: 409s in a row.
    errors: how many imports of it alone ended in an error.
    id_only: the destination must locate the contact by its externalCustomerId alone (RULES 5).
    guest: a contact whose address a contact without externalCustomerId has: they are one, unless it is known.
    part: what of it is accepted already, in its dialect's words (None: nothing): not to be sent again.
    known: see Grant.
    """

    event: Event
    doubtful: bool = False
    conflicts: int = 0
    attempts: int = 0
    id_only: bool = False
    errors: int = 0
    part: str | None = None
    guest: bool = False
    known: bool = False


@final
class Accepted(Struct, frozen=True, gc=False):
    """The destination has it. `remote_id` is its own id of the entity, where it gives one."""

    remote_id: str | None = None


@final
class Refused(Struct, frozen=True, gc=False):
    """The event's own fault: a dead letter (same words as Reject)."""

    cause: str
    detail: str


@final
class InDoubt(Struct, frozen=True, gc=False):
    """It may or may not have been applied. part: see Sending, of what was accepted before; so below."""

    reason: str
    part: str | None = None


@final
class Retry(Struct, frozen=True, gc=False):
    """Not applied; try again. reason: throttled | unavailable | unreachable | conflict | import_error.
    after: seconds asked for by the destination, None = our own backoff."""

    reason: str
    after: float | None = None
    part: str | None = None


@final
class Halt(Struct, frozen=True, gc=False):
    """No other request would be applied: reason credentials | contract (RULES, promise 6).

    doubtful: this one may have been all the same (an import whose end may not be asked for).
    """

    reason: str
    detail: str
    doubtful: bool = False
    part: str | None = None


Outcome = Accepted | Refused | InDoubt | Retry | Halt
Conversation = Generator[Request | Wait, Response | NoAnswer | None, list[Outcome]]
Batch = Sequence[Sending]
