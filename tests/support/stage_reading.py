"""Records of a stage: JSON on the wire instead of Avro, then the real mapper."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from connector.core.change import Change, Shape
from connector.core.mapping import Mapper
from connector.core.model import Op, Origin, Record, Reject, Skip
from connector.core.rules import OnDelete, TopicRules
from connector.errors import Outage, RegistryDown
from connector.lane.intake import Reading
from tests.support.mapping import shape_of

ORDERS, CONTACTS = "orders", "contacts"
POISON = b"poison"


Trouble = Literal["none", "before", "after"]
"""A call that fails before it has done anything, or after it has done all."""


class Outside:
    """What of the surroundings can be down. troubles: of the next calls of ledger and dead letters."""

    def __init__(self) -> None:
        self.registry = self.letters = False
        self.troubles: Iterator[Trouble] = iter(())

    @contextmanager
    def call(self, failure: Outage) -> Iterator[None]:
        """A call that may meet trouble."""
        trouble = next(self.troubles, "none")
        if trouble == "before":
            raise failure
        yield
        if trouble == "after":
            raise failure


class JsonDecoder:
    """intake.Decodes for what `order` and `contact` write."""

    def __init__(self, down: Outside, table: str) -> None:
        self._down, self._table = down, table
        self._shapes: dict[tuple[str, ...], Shape] = {}

    def decode(self, record: Record) -> Change | Skip | Reject:
        if self._down.registry:
            raise RegistryDown("the registry is down")
        if record.value is None:
            return Skip("tombstone")
        if record.value == POISON:
            return Reject("bad_framing", "it is no message of ours")
        told: dict[str, Any] = msgspec.json.decode(record.value)
        row = told["row"]
        shape = self._shapes.setdefault(tuple(row), shape_of(row))
        origin = Origin(told.get("clock", "shop"), self._table, told.get("lsn"), told.get("ts", 0))
        return Change(Op(told["op"]), row, shape, origin, {"id": told["id"]})


def readings(down: Outside, on_delete: OnDelete, rules: Mapping[str, Any]) -> dict[str, Reading]:
    """How both topics are read. rules: of the orders' topic, otherwise than usual."""
    removal: OnDelete = "erase" if on_delete == "cancel" else "ignore"
    usual = {"params": {"rev": "rev", "mark": "mark"}, "on_delete": on_delete, "totals": "off"}
    topics = (
        TopicRules(ORDERS, "order", **{**usual, **rules}),
        TopicRules(CONTACTS, "contact", on_delete=removal),
    )
    return {r.name: Reading(JsonDecoder(down, r.name), Mapper(r), r.totals) for r in topics}


def order(
    key: str, lsn: int | None, rev: str | None = None, *, customer: str | None = None, mark: str = "",
    op: str = "u", pk: str | None = None, ts: int | None = None, clock: str = "shop", **columns: Any,
) -> bytes:  # fmt: skip
    """One change of an order. rev: tells this content from all others (default: the lsn)."""
    row = {
        "external_order_id": key,
        "status": "INITIALIZED",
        "date": "2026-01-02T03:04:05Z",
        "total_cost": "10.50",
        "currency": "UAH",
        "external_customer_id": customer or f"c-{key}",
        "email": f"{customer or f'c-{key}'}@shop.example",
        "rev": str(lsn) if rev is None else rev,
        "mark": mark or None,
    }
    return _write(op, lsn, pk or key, {**row, **columns}, ts, clock)


def contact(
    key: str, lsn: int | None, rev: str | None = None, *, mark: str = "", op: str = "u",
    pk: str | None = None, **columns: Any,
) -> bytes:  # fmt: skip
    """One change of a contact."""
    row = {
        "external_customer_id": key,
        "email": f"{key}@shop.example",
        "first_name": f"{lsn}" if rev is None else rev,
        "last_name": mark or None,
    }
    return _write(op, lsn, pk or key, {**row, **columns}, None, "shop")


def _write(op: str, lsn: int | None, pk: str, row: Mapping[str, Any], ts: int | None, clock: str) -> bytes:
    if op == "d":
        row = {}
    told = {"op": op, "lsn": lsn, "ts": (lsn or 0) * 10 if ts is None else ts, "id": pk, "row": row}
    return msgspec.json.encode({**told, "clock": clock})
