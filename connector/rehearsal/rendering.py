"""Conversations that are held with nobody: the requests are kept, each is answered as if it were taken."""

from typing import Final

from connector.core.lots import Lot
from connector.core.talk import Accepted, Batch, Conversation, Outcome, Refused, Request, Response
from connector.ports import Destination
from connector.rehearsal.tape import Agreeable, Rehearsed

TAKEN: Final = Response(200, b'{"success": true}', {"content-type": "application/json"})
_STEPS: Final = 200
"""Of one conversation, at most: who waits for an import waits in vain."""


class Rendering(Agreeable):
    """ports.Destination over another one. requests: those that would change something, in order.

    apart: a request for each event, however they are batched.
    """

    def __init__(self, destination: Destination, *, apart: bool) -> None:
        super().__init__(destination)
        self._destination, self._apart = destination, apart
        self.requests: list[Request] = []

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """See ports.Destination."""
        yield from ()
        parts = [[one] for one in batch] if self._apart else [batch]
        return [outcome for part in parts for outcome in self._held(lot, part)]

    def _held(self, lot: Lot, batch: Batch) -> list[Outcome]:
        conversation, reply, carried = self._destination.converse(lot, batch), None, set[int]()
        ended: list[Outcome] = []
        for _ in range(_STEPS):
            try:
                step = conversation.send(reply)
            except StopIteration as stop:
                ended = stop.value
                break
            reply = TAKEN if isinstance(step, Request) else None
            if isinstance(step, Request) and step.method != "GET":
                self._keep(step, carried)
        conversation.close()
        if len(ended) < len(batch):
            return [Accepted() for _ in batch]
        return [
            end if isinstance(end, Refused) and id(one) not in carried else Accepted()
            for one, end in zip(batch, ended, strict=True)
        ]

    def _keep(self, request: Request, carried: set[int]) -> None:
        """Once: our answer is not the destination's own, so it may be asked again by halves."""
        events = {id(one) for one in request.carries}
        if not events or not events & carried or request.resource not in {r.resource for r in self.requests}:
            self.requests.append(request)
            self.batches[request.resource] += 1
        carried |= events


class Rendered(Rehearsed):
    """A rehearsal that keeps what would be sent."""

    rendering: Rendering
    apart = False

    def destination(self, destination: Destination) -> Destination:
        """See Unrecorded."""
        self.rendering = self.agreeable = Rendering(destination, apart=self.apart)
        return self.rendering
