"""The source: which versions each entity had, in which order, and at which positions."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import Struct

from tests.chaos.check.reading import Accepted, At, Event, Unreadable, Written

Slot = tuple[str, str]
"""Entity and key."""


class Version(Struct, frozen=True):
    """A version of an entity. place: among its versions; MADE is older than all."""

    place: float
    rev: str | None


MADE = Version(float("-inf"), None)
"""A contact that was made from an order's fields: no record has it."""


class Truth:
    """positions: every record. versions: of each entity, by rev."""

    def __init__(self, written: Sequence[Written]) -> None:
        """Raises Unreadable for a rev at two places of the order."""
        self.written = written
        self.positions = {record.at: record for record in written}
        self.offsets: dict[tuple[str, int], list[int]] = defaultdict(list)
        self.versions: dict[Slot, dict[str, Version]] = defaultdict(dict)
        self._keys: dict[Slot, Slot] = {}
        for number, record in enumerate(written):
            self.offsets[record.topic, record.partition].append(record.offset)
            if record.entity is not None and record.key is not None:
                self._add(record, number)
        for offsets in self.offsets.values():
            offsets.sort()

    def _add(self, record: Written, number: int) -> None:
        slot, rev = slot_of(record), str(record.rev)
        known = self.versions[slot].get(rev)
        if known is None:
            place = number if record.version is None else record.version
            self.versions[slot][rev] = Version(place, rev)
        elif record.version not in (None, known.place):
            raise Unreadable(f"source: {where(record.at)}: rev {rev} of {slot[1]} is another version already")

    def version_at(self, at: At) -> tuple[Slot, Version] | None:
        """The change at a position; None: there is none."""
        record = self.positions.get(at)
        if record is None or record.entity is None or record.key is None:
            return None
        slot = slot_of(record)
        return slot, self.versions[slot][str(record.rev)]

    def learn(self, event: Event) -> None:
        """Whose key it is that a history may tell as a hash only."""
        if event.at is not None:
            self._keys[event.entity, event.key] = self.find(event)[0]

    def find(self, event: Event) -> tuple[Slot, Version]:
        """What a line of a history tells of. Raises Unreadable for a position that the source has not."""
        if event.at is None:
            stated = (event.entity, event.key)
            return self._keys.get(stated, stated), MADE
        found = self.version_at(event.at)
        if found is None:
            raise Unreadable(f"source: has no change at {where(event.at)}, which a history tells of")
        return found

    def accepted(self, one: Accepted) -> tuple[Slot, Version | None]:
        """What was accepted; None: a version that the source has not."""
        slot = (one.entity, one.key)
        return slot, self.versions[slot].get(str(one.rev)) if slot in self.versions else None


def slot_of(record: Written) -> Slot:
    """Whose change it is."""
    return (str(record.entity), str(record.key))


def where(at: At) -> str:
    """A position for people."""
    return f"{at[0]}[{at[1]}]@{at[2]}"
