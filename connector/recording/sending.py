"""Conversations and their requests. On the courier's thread."""

import itertools

from connector.core.lots import Lot
from connector.core.talk import (
    Accepted,
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
)
from connector.ports import Destination, Http
from connector.recording.around import Around
from connector.recording.tape import Tape

Rules = dict[str, str]
"""Resource → what its doubts are (resend or hold), as the lots tell."""


class RecordedDestination(Around):
    """ports.Destination over another one."""

    def __init__(self, destination: Destination, tape: Tape, rules: Rules) -> None:
        super().__init__(destination)
        self._destination, self._tape, self._rules = destination, tape, rules

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """See ports.Destination."""
        self._rules[lot.resource] = lot.in_doubt
        return self._recorded(lot, batch)

    def _recorded(self, lot: Lot, batch: Batch) -> Conversation:
        outcomes = yield from self._destination.converse(lot, batch)
        events = []
        for sending, outcome in zip(batch, outcomes, strict=False):
            name, cause = _named(outcome)
            attempt = sending.attempts + 1
            events.append(self._tape.entry(sending.event, outcome=name, cause=cause, attempt=attempt))
        self._tape.note("answered", resource=lot.resource, events=events)
        return outcomes


class RecordedHttp:
    """ports.Http over another one."""

    def __init__(self, http: Http, tape: Tape, rules: Rules) -> None:
        self._http, self._tape, self._rules = http, tape, rules
        self._numbers = itertools.count()
        self.close = http.close

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        """See ports.Http. A request that carries no event (asking for the state of an import) is no send."""
        if not request.carries:
            return await self._http.send(request, timeout)
        number, tape = next(self._numbers), self._tape
        events = [tape.entry(s.event, doubtful=s.doubtful, attempt=s.attempts + 1) for s in request.carries]
        rule = self._rules.get(request.resource)
        tape.note("sent", request=number, resource=request.resource, rule=rule, events=events)
        reply = await self._http.send(request, timeout)
        if isinstance(reply, Response):
            tape.note("replied", request=number, status=reply.status)
        else:
            tape.note("replied", request=number, reason=reply.reason)
        return reply


def _named(outcome: Outcome) -> tuple[str, str | None]:
    match outcome:
        case Accepted():
            return "accepted", None
        case Refused(cause, _):
            return "refused", cause
        case InDoubt(reason):
            return "in_doubt", reason
        case Retry(reason, _):
            return "retry", reason
        case Halt(reason, _):
            return "halt", reason
