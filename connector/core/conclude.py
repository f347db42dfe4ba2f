"""Neutral steps of a conversation: ask, take events one by one, and isolate the bad ones of a refused batch.

Once a request of a conversation has met an outage, what was not sent yet is not sent into it: it was not
applied and is retried (promise 6). What had an answer before keeps its outcome.
"""

from collections.abc import Callable, Generator
from typing import TypeAlias, TypeVar

from connector.core.talk import (
    Batch,
    Conversation,
    Halt,
    InDoubt,
    NoAnswer,
    Outcome,
    Refused,
    Request,
    Response,
    Retry,
    Sending,
    Wait,
)

T = TypeVar("T")
Steps: TypeAlias = Generator[Request | Wait, Response | NoAnswer | None, T]
Attempt = Callable[[Batch], Steps[list[Outcome] | Refused]]
"""Send a batch once: an outcome per event, or one Refused for the batch as a whole (nothing was applied)."""


def ask(request: Request) -> Steps[Response | NoAnswer]:
    """Yield a request and hand back its reply."""
    reply = yield request
    if reply is None:
        raise TypeError("a driver answers a Request with a Response or NoAnswer")
    return reply


def isolate(batch: Batch, attempt: Attempt) -> Conversation:
    """Halve what is refused as a whole until each bad event stands alone with its own Refused."""
    verdict = yield from attempt(batch)
    if type(verdict) is not Refused:
        return verdict
    if len(batch) == 1:
        return [verdict]
    middle = len(batch) // 2
    outcomes = yield from isolate(batch[:middle], attempt)
    return (yield from _unless_out(outcomes, batch[middle:], attempt))


def each(batch: Batch, attempt: Callable[[Sending], Steps[Outcome]]) -> Conversation:
    """One request an event, in order."""
    outcomes: list[Outcome] = []
    for sending in batch:
        stop = outage(outcomes) if outcomes else None
        outcomes.append(stop or (yield from attempt(sending)))
    return outcomes


def outage(outcomes: list[Outcome]) -> Outcome | None:
    """What becomes of an event that was not sent because of these outcomes; None: send it."""
    match outcomes[-1:]:
        case [InDoubt()] | [Retry(reason="import_error")]:
            return Retry("unavailable")
        case [Halt(reason, detail)]:
            return Halt(reason, detail)
        case [Retry(reason="throttled" | "unavailable" | "unreachable") as last]:
            return last
    return None


def _unless_out(outcomes: list[Outcome], rest: Batch, attempt: Attempt) -> Conversation:
    stop = outage(outcomes)
    if stop is not None:
        return outcomes + [stop] * len(rest)
    return outcomes + (yield from isolate(rest, attempt))
