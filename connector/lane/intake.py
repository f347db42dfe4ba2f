"""From a record to what the lane plans: decode, map, check; the first step that says no decides."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from connector.core.change import Change
from connector.core.events import Event, Order
from connector.core.fingerprint import gone
from connector.core.model import Record, Reject, Skip
from connector.core.plan import Item
from connector.core.totals import distribute, mismatch
from connector.errors import ConnectorError, describe
from connector.ports import Destination, Meter

Stage = Literal["decode", "map", "check"]


class Decodes(Protocol):
    """core.decode.Decoder of one topic."""

    def decode(self, record: Record) -> Change | Skip | Reject:
        """Raises RegistryDown."""


class Maps(Protocol):
    """core.mapping.Mapper of one topic."""

    def map(self, change: Change, record: Record, topic_id: str) -> Event | Skip | Reject:
        """Never raises."""

    def key_of(self, change: Change) -> str | None:
        """The entity key, as far as the row tells it. Never raises."""


class Refusal(Struct, frozen=True):
    """A record that costs itself, and at which step."""

    stage: Stage
    reject: Reject
    key: str | None = None


class Reading(Struct, frozen=True):
    """How one topic is read. totals: warn | strict | distribute | off (RULES 9)."""

    decoder: Decodes
    mapper: Maps
    totals: str = "off"


class Intake:
    """One lane's reading of its topics."""

    def __init__(
        self,
        topics: Mapping[str, Reading],
        destination: Destination,
        find_key: Callable[[str], str | None],
        meter: Meter,
    ) -> None:
        """find_key: row key → entity key, for deletes that know only their primary key (RULES 8)."""
        self._topics, self._destination = topics, destination
        self._find_key, self._meter = find_key, meter

    def take(self, record: Record, topic_id: str, now: float) -> Item | Skip | Refusal:
        """What to do about one record. Raises RegistryDown, LedgerDown: nothing happened, take it again.

        A record that meets a defect of ours costs itself: no restart would get past it.
        """
        try:
            return self._take(record, topic_id, now)
        except (ConnectorError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the next record is to be read
            return Refusal("map", Reject("defect", f"{describe(error)}; please report it"))

    def _take(self, record: Record, topic_id: str, now: float) -> Item | Skip | Refusal:
        topic = self._topics[record.position.topic]
        change = topic.decoder.decode(record)
        if isinstance(change, Change):
            event = topic.mapper.map(change, record, topic_id)
            if isinstance(event, Event):
                fit = self._add_up(event, record, topic.totals) if topic.totals != "off" else event
                return fit if isinstance(fit, Refusal) else self._plan(fit, record, topic_id, now)
            return event if isinstance(event, Skip) else Refusal("map", event, topic.mapper.key_of(change))
        return change if isinstance(change, Skip) else Refusal("decode", change)

    def _add_up(self, event: Event, record: Record, totals: str) -> Event | Refusal:
        """Its digests stay those of what the source says, from which alone the distributed costs follow."""
        if not isinstance(event.body, Order) or not mismatch(event.body):
            return event
        topic = record.position.topic
        self._meter.add("totals_mismatches_total", destination=self._destination.name, topic=topic)
        if totals == "strict":
            detail = "items do not add up to totalCost; correct the order, or set totals: warn"
            return Refusal("map", Reject("totals", detail), event.key)
        if totals != "distribute":
            return event
        body = distribute(event.body)
        if isinstance(body, str):
            return Refusal("map", Reject("totals", body), event.key)
        return replace(event, body=body)

    def _plan(self, event: Event, record: Record, topic_id: str, now: float) -> Item | Skip | Refusal:
        if not event.key:
            found = self._find_key(event.row_key or "")
            if found is None:
                return Refusal(
                    "map", Reject("unknown_row", "delete of an unknown row: the ledger never saw it")
                )
            event = with_key(event, found)
        reason = self._destination.check(event)
        if reason is not None:
            return Refusal("check", Reject("check", reason), event.key)
        if deep := self._destination.deep(event):
            topic = record.position.topic
            self._meter.add("deep_values_total", deep, destination=self._destination.name, topic=topic)
        lot, requires = self._destination.lot(event), self._destination.requires(event)
        aliases = self._destination.aliases(event) if event.entity == "contact" else ()
        return Item(event, record, topic_id, lot, requires, arrived=now, aliases=aliases)


def with_key(event: Event, key: str) -> Event:
    """The delete of a row whose business key the ledger knows."""
    body = replace(event.body, **{_KEY_FIELD[event.entity]: key})
    return replace(event, key=key, body=body, digest=gone(key))


_KEY_FIELD = {"order": "external_order_id", "contact": "external_customer_id"}
