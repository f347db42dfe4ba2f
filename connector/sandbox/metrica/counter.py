"""The counter's state, and what the rows of an upload do to it. No I/O."""

import threading
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connector.sandbox.accepted import Accepted, Sink
from connector.sandbox.metrica.fields import Flaw, OnDemand
from connector.sandbox.metrica.merge import CREATED, Mode, merge
from connector.sandbox.metrica.options import MetricaOptions
from connector.sandbox.metrica.records import Ignored, Stored, Upload
from connector.sandbox.metrica.rows import Entity, Name, Row
from connector.sandbox.metrica.schema import Schema
from connector.sandbox.records import Seen

LAST = 200
_CLIENT = "client_uniq_id"


class Counter:
    """One counter. on_accepted: told of every row that is applied."""

    def __init__(self, options: MetricaOptions, clock: Callable[[], float]) -> None:
        self.options = options
        self.clock = clock
        self.lock = threading.RLock()
        self.on_accepted: Sink = lambda _: None
        self._zone = ZoneInfo(options.time_zone)
        self.reset()

    def reset(self) -> None:
        """A counter without data or schema."""
        with self.lock:
            self.schema = Schema(self.options)
            self.stored: dict[Name, dict[str, Stored]] = {"contact": {}, "order": {}, "simple_order": {}}
            self.orders_of: Tally[str] = Tally()
            self.uploads: list[Upload] = []
            self.ignored: list[Ignored] = []
            self.requests: deque[Seen] = deque(maxlen=LAST)
            self.answers: Tally[tuple[str, int]] = Tally()
            self.failing: frozenset[str] = frozenset()
            self.failing_uploads = 0

    @property
    def contacts(self) -> dict[str, Stored]:
        """Contacts by uniq_id."""
        with self.lock:
            return dict(self.stored["contact"])

    @property
    def orders(self) -> dict[str, Stored]:
        """Orders by id."""
        with self.lock:
            return dict(self.stored["order"])

    @property
    def simple_orders(self) -> dict[str, Stored]:
        """Simple orders by id; those without one under `#1`, `#2` and so on."""
        with self.lock:
            return dict(self.stored["simple_order"])

    def counts(self) -> dict[str, int]:
        """How much of everything there is."""
        with self.lock:
            return {
                **{f"{name}s": len(table) for name, table in self.stored.items()},
                "uploads": len(self.uploads),
                "ignored": len(self.ignored),
                "requests": sum(self.answers.values()),
            }

    def now(self) -> str:
        """The time in the counter's zone."""
        return datetime.fromtimestamp(self.clock(), self._zone).strftime("%Y-%m-%d %H:%M:%S")

    def examine(self, entity: Entity, row: Row) -> None:
        """What only the counter knows of a row. Raises Flaw."""
        options, values = self.options, row.values
        if row.id in self.failing:
            raise OnDemand(entity.key, "refused on demand")
        if options.changed_create_date == "refused" and self._moves_creation(entity, row):
            raise Flaw(CREATED, "cannot be changed")
        if entity.name == "contact":
            return
        if options.unmapped_status == "refused" and self._type_of(values) is None:
            raise Flaw("order_status", "is not mapped")
        if entity.name == "order" and options.unknown_contact == "refused" and not self._knows(values):
            raise Flaw(_CLIENT, "no such contact")

    def apply(self, entity: Entity, mode: Mode, rows: Iterable[Row], *, answered: bool) -> None:
        """Write rows that were examined. answered: the sender will be told of it."""
        with self.lock:
            for row in rows:
                if (id_ := self._write(entity, mode, row)) is not None:
                    self._tell(entity, id_, row, answered=answered)

    def saw(self, name: str, seen: Seen) -> None:
        """Log a request."""
        with self.lock:
            self.requests.append(seen)
            self.answers[name, seen.status] += 1

    def _write(self, entity: Entity, mode: Mode, row: Row) -> str | None:
        """Its id; None where it is passed over."""
        table = self.stored[entity.name]
        id_ = row.id or f"#{len(table) + 1}"
        old = table.get(id_)
        if entity.name == "order" and (reason := self._useless(row, old)):
            self._ignore(entity, id_, reason)
            return None
        if old is not None and self._moves_creation(entity, row):
            self._ignore(entity, id_, f"{CREATED} cannot be changed")
        values = merge(mode, old.values if old else {}, row.values)
        type_ = None if entity.name == "contact" else self._type_of(values)
        filled = {} if entity.name == "contact" else self._filled(values, type_, old)
        table[id_] = Stored(id_, values, filled, type_, old.versions + 1 if old else 1)
        if entity.name != "contact" and type_ is None:
            self._ignore(entity, id_, "the status is not mapped")
        if entity.name == "order":
            self._count(old, values)
        return id_

    def _useless(self, row: Row, old: Stored | None) -> str | None:
        """Why an order is passed over."""
        client, limit = row.values[_CLIENT], self.options.orders_per_client
        if self.options.unknown_contact == "ignored" and not self._knows(row.values):
            return "unknown contact"
        new = old is None or old.values[_CLIENT] != client
        if limit and new and self.orders_of[client] >= limit:
            return f"more than {limit} orders of one client"
        return None

    def _filled(self, values: Mapping[str, Any], type_: str | None, old: Stored | None) -> dict[str, str]:
        """The times of update and completion, where they are not sent."""
        filled = {} if "update_date_time" in values else {"update_date_time": self.now()}
        if "finish_date_time" not in values and type_ == "PAID":
            before = old.filled.get("finish_date_time") if old else None
            filled["finish_date_time"] = before or self.now()
        return filled

    def _count(self, old: Stored | None, values: Mapping[str, Any]) -> None:
        if old is not None:
            self.orders_of[old.values[_CLIENT]] -= 1
        self.orders_of[values[_CLIENT]] += 1

    def _moves_creation(self, entity: Entity, row: Row) -> bool:
        old, sent = self.stored[entity.name].get(row.id), row.values.get(CREATED)
        return bool(old and sent and old.values.get(CREATED, sent) != sent)

    def _knows(self, values: Mapping[str, Any]) -> bool:
        return values[_CLIENT] in self.stored["contact"]

    def _type_of(self, values: Mapping[str, Any]) -> str | None:
        return self.schema.type_of(values.get("order_status") or "PAID")

    def _ignore(self, entity: Entity, id_: str, reason: str) -> None:
        self.ignored.append(Ignored(entity.name, id_, reason, self.clock()))

    def _tell(self, entity: Entity, id_: str, row: Row, *, answered: bool) -> None:
        kind: Literal["contact", "order"] = "contact" if entity.name == "contact" else "order"
        rev = row.values.get(self.options.contact_rev if kind == "contact" else self.options.order_rev)
        text = None if rev is None else str(rev)
        self.on_accepted(
            Accepted(self.clock(), kind, id_, text, f"{entity.name}s", not answered, service="metrica")
        )
