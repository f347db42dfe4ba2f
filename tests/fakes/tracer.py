"""Traces in memory."""

import re
from collections.abc import Sequence

from connector.ports import Attributes

TRACEPARENT = re.compile(rb"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class FakeSpan:
    """The RequestSpan port. links: the trace ids that it is linked to."""

    def __init__(self, number: int, name: str, attributes: Attributes, links: Sequence[bytes]) -> None:
        self.trace_id, self.name = f"{number:032x}", name
        self.attributes = dict(attributes)
        self.links = [found[1].decode() for each in links if (found := TRACEPARENT.fullmatch(each))]
        self.is_answered = self.is_ended = False

    @property
    def failed(self) -> bool:
        return "error.type" in self.attributes

    def answered(self, attributes: Attributes) -> None:
        assert not self.is_answered
        self.is_answered = True
        self.attributes |= attributes

    def end(self, attributes: Attributes) -> None:
        assert not self.is_ended, "a span ends once"
        self.is_ended = True
        self.attributes |= attributes


class FakeTracer:
    """The Tracer port. spans: all, as they began. said: the trace of what would be logged now."""

    def __init__(self) -> None:
        self.spans: list[FakeSpan] = []
        self.said: str | None = None

    def begin(self, name: str, attributes: Attributes, links: Sequence[bytes]) -> FakeSpan:
        self.spans.append(FakeSpan(len(self.spans) + 1, name, attributes, links))
        self.said = self.spans[-1].trace_id
        return self.spans[-1]

    def rest(self) -> None:
        self.said = None
