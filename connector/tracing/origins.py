"""Which traces records come from."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from connector.core.model import Position, Record
from connector.core.talk import Batch
from connector.ports import Source, TopicPartition

HEADER: Final = "traceparent"
MOST: Final = 20_000
"""Records of which it is known, the newest: as many as the usual memory budget has room for."""


class Origins:
    """Noted on the lane's thread, asked for on the courier's."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[Position, bytes] = OrderedDict()

    def note(self, records: Iterable[Record]) -> None:
        """Records were read."""
        for record in records:
            for name, value in record.headers:
                if name == HEADER and value:
                    self._known[record.position] = value
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def of(self, batch: Batch) -> list[bytes]:
        """Their traceparents, each once, as producers wrote them."""
        known = self._known
        if not known:
            return []
        found = [known.get(at) for sending in batch if (at := sending.event.position)]
        return list(dict.fromkeys(origin for origin in found if origin))


class TracedSource:
    """ports.Source over another one."""

    def __init__(self, source: Source, origins: Origins) -> None:
        self._source, self._origins = source, origins
        self.resolve, self.end, self.reached = source.resolve, source.end, source.reached
        self.pause, self.resume, self.close = source.pause, source.resume, source.close
        self.fetched, self.seek = source.fetched, source.seek

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """See ports.Source."""
        records = self._source.poll(limit, timeout)
        self._origins.note(records)
        return records

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        """See ports.Source."""
        return self._source.commit(offsets, wait=wait)


def places(batch: Batch) -> Sequence[str]:
    """Where its records are, a text for each partition; a contact that was made for an order has none."""
    offsets: dict[TopicPartition, list[int]] = {}
    for sending in batch:
        if (at := sending.event.position) is not None:
            offsets.setdefault(at.place, []).append(at.offset)
    return [f"{topic}[{n}] {min(found)}-{max(found)}" for (topic, n), found in sorted(offsets.items())]
