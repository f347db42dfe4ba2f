"""The source of a run: the records of both topics, and what each of them is."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from connector.ports import TopicPartition
from tests.fakes.source import FakeBroker
from tests.simulation.scenario import Write
from tests.support.stage_crm import Sent
from tests.support.stage_reading import CONTACTS, ORDERS, POISON, contact, order

Slot = tuple[str, str]


class Version(Struct, frozen=True):
    """A record that is a change. rev names its content: a touch has that of an earlier version.

    lost: nobody could find the contact of such an order. moved: with another e-mail. guest: an order with the
    e-mail of a contact, and nothing else.
    """

    slot: Slot
    lsn: int
    rev: str
    marked: bool
    lost: bool = False
    moved: bool = False
    guest: bool = False


What = Version | bytes | None


def told(what: What) -> str:
    """In a word."""
    if not isinstance(what, Version):
        return "null" if what is None else "poison"
    content = f", content {what.rev}" if what.rev != str(what.lsn) else ""
    return f"{what.slot[1]}={what.lsn}{content}{', marked' if what.marked else ''}"


class Source:
    """Appends records and remembers them. versions: of each entity, in order, a repeated one once."""

    def __init__(self, broker: FakeBroker) -> None:
        self._broker = broker
        self.records: dict[tuple[TopicPartition, int], What] = {}
        self.versions: dict[Slot, list[Version]] = defaultdict(list)
        self._values: dict[Version, bytes] = {}
        self._lsn = 0

    def write(self, write: Write, timestamp_ms: int) -> tuple[TopicPartition, int, What]:
        """Append a record; where it stands, and what it is."""
        topic = CONTACTS if write.who == "contact" else ORDERS
        partition = (write.number * 7 + (write.who == "guest")) % len(self._broker.topics[topic].logs)
        what, value = self._record(write)
        offset = self._broker.produce(topic, value, partition=partition, timestamp_ms=timestamp_ms)
        self.records[(topic, partition), offset] = what
        return (topic, partition), offset, what

    def newest(self, sent: Sent) -> int:
        """The newest version of a content."""
        return max(version.lsn for version in self._of(sent))

    def touched(self, sent: Sent) -> bool:
        """Whether a content has several versions."""
        return len(self._of(sent)) > 1

    def since(self, version: Version) -> list[Version]:
        """It, and the later versions of its entity."""
        return [one for one in self.versions[version.slot] if one.lsn >= version.lsn]

    def _of(self, sent: Sent) -> list[Version]:
        return [version for version in self.versions[sent[:2]] if version.rev == sent[2]]

    def _record(self, write: Write) -> tuple[What, bytes | None]:
        if write.do in ("poison", "null"):
            return (POISON, POISON) if write.do == "poison" else (None, None)
        entity, letter = ("contact", "c") if write.who == "contact" else ("order", write.who[0])
        slot = entity, f"{letter}{write.number}"
        known = self.versions[slot]
        if write.do == "again" and known:
            version = known[-1 - write.back % len(known)]
        else:
            like = known[-1 - write.back % len(known)] if known and write.do == "touch" else None
            version = self._next(slot, write, like)
            known.append(version)
            self._values[version] = _value(version, write)
        return version, self._values[version]

    def _next(self, slot: Slot, write: Write, like: Version | None) -> Version:
        self._lsn += 1
        if like:
            return replace(like, lsn=self._lsn)
        lost, guest = write.who == "nobody", write.who == "guest" and write.number % 2 == 1
        return Version(slot, self._lsn, str(self._lsn), write.marked, lost, write.moved, guest)


def customer_of(params: Mapping[str, object]) -> str:
    """Whose address an order came with."""
    return str(params.get("email") or params.get("externalCustomerId")).partition("@")[0]


def _value(version: Version, write: Write) -> bytes:
    key, mark = version.slot[1], "marked" if version.marked else ""
    customer, place = f"c{write.number % 3}", "new.example" if version.moved else "shop.example"
    if write.who == "contact":
        return contact(key, version.lsn, version.rev, mark=mark, email=f"{key}@{place}")
    if write.who == "order":
        return order(key, version.lsn, version.rev, customer=customer, mark=mark, email=f"{customer}@{place}")
    known = f"{customer}@{place}" if write.number % 2 else f"{key}@{place}"
    email = None if write.who == "nobody" else known
    columns: dict[str, Any] = {"external_customer_id": None, "email": email}
    return order(key, version.lsn, version.rev, mark=mark, **columns)
