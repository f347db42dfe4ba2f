"""Sample CDC traffic: a shop's changes as Debezium writes them, with what goes wrong on such topics.

Records of one key are in order of commit; topics are not ordered between themselves (contacts come late, so
that an order often precedes its contact). A killed Connect worker writes its last records again: repeated
states, and older ones after newer ones. A few records are broken. Orders get one column more on the way.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, Final, Literal, Protocol

from fastavro import parse_schema, schemaless_writer
from msgspec import Struct

from connector.sandbox.broker import Outgoing
from connector.sandbox.traffic_schemas import CONTACTS, EVOLVED, KEYS, ORDERS, VALUES
from connector.sandbox.traffic_shop import Change, Row, Shop, epoch_ms

Kind = Literal["state", "touch", "repeat", "no_total", "truncated", "not_avro", "unknown_schema"]

TOPICS: Final = {"orders": ORDERS, "contacts": CONTACTS}
SPAN: Final = timedelta(minutes=30)
LATE: Final = 20
"""Contacts are late against orders by such a part of the span, at most; a half of them is not late at all."""
UNKNOWN_ID: Final = 999_999
_PRIMARY: Final = {"orders": "order_no", "contacts": "id"}
_KEY: Final = {"orders": "order_no", "contacts": "customer_no"}
_CRASHES: Final = (0.45, 0.8)
_ALTERED: Final = 0.6
_POISON: Final = 250
"""One broken record of each kind for so many orders, but at least one."""


class Registry(Protocol):
    """Where schemas are registered (sandbox.registry.RegistryServer)."""

    def register(self, subject: str, schema: str) -> int:
        """Its id."""


class Entry(Struct, frozen=True):
    """A record of the traffic: what it is, whose change, at which position of the source's log."""

    record: Outgoing
    kind: Kind
    table: str
    key: str
    lsn: int
    at: datetime


class Writer:
    """Bytes in Confluent's framing."""

    def __init__(self, schema: str, schema_id: int) -> None:
        """Of one registered schema."""
        self._schema, self._prefix = parse_schema(json.loads(schema)), _prefix(schema_id)

    def write(self, datum: Mapping[str, Any]) -> bytes:
        """A record's key or value."""
        out = BytesIO()
        out.write(self._prefix)
        schemaless_writer(out, self._schema, datum)
        return out.getvalue()


class Traffic:
    """An endless shop. `shop`: what the source holds by now; `broken`: the orders without a total there."""

    def __init__(self, registry: Registry, seed: int = 1, start: datetime | None = None) -> None:
        """start: when the shop opens (default: so that a first batch ends now)."""
        self._random = random.Random(seed)  # noqa: S311 - sample data, repeatable
        self.shop = Shop(seed, start or datetime.now(UTC) - SPAN)
        self.broken: set[str] = set()
        self._lsn = 35_852_096
        self._keys = {t: Writer(KEYS[t], registry.register(f"{t}-key", KEYS[t])) for t in KEYS}
        self._values = {t: Writer(VALUES[t], registry.register(f"{t}-value", VALUES[t])) for t in VALUES}
        self._evolved = Writer(EVOLVED, registry.register(f"{ORDERS}-value", EVOLVED))

    def batch(self, orders: int, span: timedelta = SPAN, *, faults: bool = True) -> list[Entry]:
        """The records of so many new orders and of what becomes of them, in the order to be written.

        faults: with repeats, broken records and orders without a total.
        """
        changes = self.shop.trade(orders, span)
        if faults:
            changes = [each for change in changes for each in self._without_total(change, orders)]
        entries = [self._entry(change, place / len(changes)) for place, change in enumerate(changes)]
        entries = sorted(entries, key=lambda e: e.at + self._delay(e, span))
        self._values[ORDERS] = self._evolved
        return list(self._poisoned(_crashed(entries), orders)) if faults else entries

    # --- From a change to a record ----------------------------------------------------------------

    def _entry(self, change: Change, progress: float) -> Entry:
        topic, row = TOPICS[change.table], change.row
        self._lsn += 8 * self._random.randint(10, 90)
        evolved = topic == ORDERS and progress > _ALTERED
        after = _row(change.table, change.row)
        envelope = debezium(change.table, change.op, after, self._lsn, change.at)
        record = Outgoing(
            topic,
            self._keys[topic].write({_PRIMARY[change.table]: row[_PRIMARY[change.table]]}),
            (self._evolved if evolved else self._values[topic]).write(envelope),
            _headers("run-1"),
        )
        broken = change.table == "orders" and row["total"] is None
        kind: Kind = "no_total" if broken else "touch" if change.touch else "state"
        return Entry(record, kind, change.table, str(row[_KEY[change.table]]), self._lsn, change.at)

    def _delay(self, entry: Entry, span: timedelta) -> timedelta:
        """The same for all records of a contact, so that these keep their order."""
        if entry.table == "orders":
            return timedelta(0)
        late = random.Random(entry.key).uniform(-1, 1)  # noqa: S311 - sample data
        return span / LATE * max(0.0, late)

    # --- What goes wrong --------------------------------------------------------------------------

    def _without_total(self, change: Change, orders: int) -> Iterator[Change]:
        """Some orders are first written without a total; a half of them is corrected soon."""
        key = str(change.row.get("order_no"))
        every = max(3, min(_POISON, orders // 2))
        number = int(key.removeprefix("SO-")) if change.table == "orders" else -1
        if change.op != "c" or number % every != 1:
            if key not in self.broken:
                yield change
            return
        yield Change(change.table, "c", change.row | {"total": None}, change.at)
        if (number // every) % 2 == 0:
            yield Change(change.table, "u", change.row, change.at + timedelta(seconds=1))
        else:
            self.broken.add(key)
            self.shop.orders[key] = change.row | {"total": None}

    def _poisoned(self, entries: list[Entry], orders: int) -> Iterator[Entry]:
        count = max(1, orders // _POISON)
        victims = self._random.sample(
            [e for e in entries if e.table == "orders" and e.kind == "state"], count
        )
        chosen = {id(victim) for victim in victims}
        for entry in entries:
            yield entry
            if id(entry) in chosen:
                for kind, value in _spoilt(entry.record.value or b"").items():
                    record = Outgoing(ORDERS, entry.record.key, value, entry.record.headers)
                    yield Entry(record, kind, "orders", entry.key, entry.lsn, entry.at)


def _crashed(entries: list[Entry]) -> list[Entry]:
    """Connect was killed: what it wrote since its last offset commit comes again, by a new run."""
    window = max(12, len(entries) // 20)
    out: list[Entry] = []
    for place, entry in enumerate(entries):
        out.append(entry)
        if any(place == int(len(entries) * crash) for crash in _CRASHES):
            out += [_repeated(old) for old in entries[max(0, place + 1 - window) : place + 1]]
    return out


def _repeated(entry: Entry) -> Entry:
    old = entry.record
    record = Outgoing(old.topic, old.key, old.value, _headers("run-2"))
    kind: Kind = "no_total" if entry.kind == "no_total" else "repeat"
    return Entry(record, kind, entry.table, entry.key, entry.lsn, entry.at)


def _spoilt(value: bytes) -> dict[Kind, bytes]:
    return {
        "truncated": value[: len(value) // 2],
        "not_avro": b'{"order_no": "a record of some other program"}',
        "unknown_schema": _prefix(UNKNOWN_ID) + value[5:],
    }


def _prefix(schema_id: int) -> bytes:
    return b"\x00" + schema_id.to_bytes(4, "big")


def _headers(run: str) -> tuple[tuple[str, bytes], ...]:
    context = {
        "connectorLogicalName": b"shop",
        "taskId": b"0",
        "connectorName": b"postgresql",
        "runId": run.encode(),
    }
    return tuple((f"__debezium.context.{name}", value) for name, value in context.items())


def debezium(table: str, op: str, after: Row, lsn: int, at: datetime) -> dict[str, Any]:
    """A change as Debezium tells it; `after` as Avro takes it."""
    ms = epoch_ms(at)
    source = {
        "version": "3.7.0.Final", "connector": "postgresql", "name": "shop", "ts_ms": ms,
        "snapshot": "true" if op == "r" else "false", "db": "shop", "sequence": f'["{lsn}","{lsn}"]',
        "ts_us": ms * 1000, "ts_ns": ms * 1_000_000, "schema": "public", "table": table,
        "txId": lsn // 64, "lsn": lsn, "xmin": None,
    }  # fmt: skip
    return {
        "before": None, "after": after, "source": source,
        "transaction": {"id": f"{lsn // 64}:{lsn}", "total_order": 1, "data_collection_order": 1},
        "op": op, "ts_ms": ms + 700, "ts_us": (ms + 700) * 1000, "ts_ns": (ms + 700) * 1_000_000,
    }  # fmt: skip


def _row(table: str, row: Row) -> Row:
    zoned = row["created_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if table == "contacts":
        return row | {"created_at": zoned, "updated_at": epoch_ms(row["updated_at"]) * 1000}
    viewed = row["viewed_at"] and epoch_ms(row["viewed_at"]) * 1000
    items, delivery = (json_text(row[name]) for name in ("items", "delivery"))
    return row | {"created_at": zoned, "viewed_at": viewed, "items": items, "delivery": delivery}


def json_text(value: object) -> str:
    """As PostgreSQL writes jsonb: numbers keep their digits."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json_text(name)}: {json_text(part)}" for name, part in value.items()) + "}"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | None) else str(value)
