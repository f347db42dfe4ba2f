"""Conversations and their requests. On the courier's thread."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

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
from connector.ports import Clock, Destination, Http, Meter, RequestSpan, Tracer
from connector.recording import Around
from connector.tracing.origins import Origins, places

FAILED: Final = 400
NAMES: Final = {
    Accepted: "accepted", Refused: "refused", InDoubt: "in_doubt", Retry: "retry", Halt: "halt",
}  # fmt: skip
Answered = dict[int, RequestSpan]
"""Spans of requests that carried events and are answered, by the request's id(), until their conversation
takes the answer: what became of the events is told by what it does then."""


class TracedHttp:
    """ports.Http over another one."""

    def __init__(
        self, http: Http, tracer: Tracer, answered: Answered, origins: Origins, destination: str,
        clock: Clock, meter: Meter,
    ) -> None:  # fmt: skip
        self._http, self._tracer, self._answered, self._origins = http, tracer, answered, origins
        self._destination, self._clock, self._meter = destination, clock, meter
        self.close = http.close

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        """See ports.Http."""
        name, links = f"{request.method} {request.resource}", self._origins.of(request.carries)
        span, begun = self._tracer.begin(name, self._attributes(request), links), self._clock.monotonic()
        try:
            reply = await self._http.send(request, timeout)
        except BaseException as error:
            span.end({"error.type": type(error).__name__})
            raise
        seconds = self._clock.monotonic() - begun
        span.answered(_told(reply))
        if request.carries:
            self._answered[id(request)] = span
        else:
            span.end({})
        if span.trace_id:
            where = {"destination": self._destination, "resource": request.resource}
            self._meter.exemplar("request_seconds", seconds, span.trace_id, **where)
        return reply

    def _attributes(self, request: Request) -> dict[str, str | int | Sequence[str]]:
        return {
            "http.request.method": request.method,
            "crm_connector.destination": self._destination,
            "crm_connector.resource": request.resource,
            "messaging.batch.message_count": len(request.carries),
            "crm_connector.records": places(request.carries),
        }


class TracedDestination(Around):
    """ports.Destination over another one."""

    def __init__(self, destination: Destination, tracer: Tracer, answered: Answered) -> None:
        super().__init__(destination)
        self._destination, self._tracer, self._answered = destination, tracer, answered

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """See ports.Destination."""
        self._tracer.rest()
        conversation = self._destination.converse(lot, batch)
        reply: Response | NoAnswer | None = None
        span: RequestSpan | None = None
        ends: Mapping[str, int | str | Sequence[str]] = {}
        try:
            while True:
                try:
                    step = conversation.send(reply)
                except StopIteration as stop:
                    ends = _outcomes(stop.value)
                    return list(stop.value)
                if span is not None and isinstance(step, Request) and step.carries:
                    span.end({})
                    span = None
                reply = yield step
                span = self._answered.pop(id(step), span)
        except Exception:
            ends = {"error.type": "defect"}
            raise
        finally:  # also where it is given up in the middle
            if span is not None:
                span.end(ends)


def _told(reply: Response | NoAnswer) -> dict[str, str | int]:
    if isinstance(reply, NoAnswer):
        return {"error.type": reply.reason}
    status = {"http.response.status_code": reply.status}
    return status | {"error.type": str(reply.status)} if reply.status >= FAILED else {**status}


def _outcomes(outcomes: Sequence[Outcome]) -> dict[str, int | Sequence[str]]:
    counts = Counter(f"crm_connector.{NAMES[type(outcome)]}" for outcome in outcomes)
    causes = sorted({_cause(outcome) for outcome in outcomes if not isinstance(outcome, Accepted)})
    return {**counts, "crm_connector.causes": causes} if causes else {**counts}


def _cause(outcome: Refused | InDoubt | Retry | Halt) -> str:
    return outcome.cause if isinstance(outcome, Refused) else outcome.reason
