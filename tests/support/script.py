"""Drive a conversation with scripted replies: no network, no clock, every request and wait kept."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from connector.core.talk import Conversation, NoAnswer, Outcome, Request, Response, Wait

Reply = Response | NoAnswer


class Played(Struct):
    """What a conversation said, and how it ended."""

    outcomes: Sequence[Outcome]
    requests: list[Request]
    waits: list[float]

    def body(self, index: int = 0) -> Any:
        """The JSON of one request, numbers as they are written (text)."""
        return json.loads(self.requests[index].body or b"null", parse_float=str, parse_int=str)


def play(conversation: Conversation, answer: Callable[[Request], Reply]) -> Played:
    """Run a conversation to its end against a destination that is a function."""
    requests: list[Request] = []
    waits: list[float] = []
    reply: Reply | None = None
    while True:
        try:
            said = conversation.send(reply)
        except StopIteration as end:
            return Played(end.value, requests, waits)
        if isinstance(said, Wait):
            waits.append(said.seconds)
            reply = None
        else:
            requests.append(said)
            reply = answer(said)


def script(*replies: Reply) -> Callable[[Request], Reply]:
    """These replies in turn; a request more is an error."""
    rest = iter(replies)

    def answer(request: Request) -> Reply:
        reply = next(rest, None)
        assert reply is not None, f"unexpected {request.method} {request.path}"
        return reply

    return answer


def status(code: int, body: object = None, headers: dict[str, str] | None = None) -> Response:
    """An answer; `body` becomes JSON unless it is text."""
    raw = body.encode() if isinstance(body, str) else b"" if body is None else json.dumps(body).encode()
    return Response(code, raw, headers or {})


def names(outcomes: Iterable[Outcome]) -> list[str]:
    """The kinds of outcomes, for short assertions."""
    return [type(outcome).__name__ for outcome in outcomes]
