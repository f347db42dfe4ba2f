"""Change → event: the mapping of one topic (RULES 6, 7, 8), planned once per shape, applied per record."""

from typing import Final
from zoneinfo import ZoneInfo

from msgspec import UNSET
from msgspec.structs import replace

from connector.core.change import Change, Shape
from connector.core.columns import Plan, Planner
from connector.core.events import Body, Contact, Event, Fact, Order
from connector.core.facts import fact_key, row_key
from connector.core.fingerprint import digests, gone
from connector.core.identity import normalise_email
from connector.core.keys import json_object
from connector.core.model import (
    CONTACT_UPSERTED,
    CREATE,
    DELETE,
    ORDER_CANCELLED,
    ORDER_CREATED,
    ORDER_UPDATED,
    READ,
    Kind,
    Record,
    Reject,
    Skip,
)
from connector.core.origin import NEW_KEY, text
from connector.core.paths import locate
from connector.core.rules import TopicRules
from connector.core.targets import BODIES, KEYS, targets
from connector.core.version import clock_of, version_of

_IDENTITY: Final = {
    "order": ("externalOrderId",), "contact": ("externalCustomerId", "email", "phone"), "event": ("eventId",),
}  # fmt: skip
_OF_DELETES: Final = {
    "order": ("totalCost", "date", "externalCustomerId", "email", "phone"), "contact": (), "event": (),
}  # fmt: skip
"""What a delete tells besides, as far as its row has it."""
NOT_UNICODE: Final = Reject("invalid_value", "a text is not valid Unicode (it has half a surrogate pair)")
_DELETED: Final = {"unsubscribe": Kind.CONTACT_UNSUBSCRIBED, "erase": Kind.CONTACT_DELETED}


class Mapper:
    """Maps the changes of one topic. Not thread-safe: a lane has its own."""

    def __init__(self, rules: TopicRules) -> None:
        """Expects rules in which `targets.problems` finds nothing."""
        self._rules = rules
        self._planner = Planner(rules, ZoneInfo(rules.time_zone))
        self._plans: dict[Shape, Plan | Reject] = {}
        self._make = self._fact if rules.entity == "event" else self._written
        self._row_keys = rules.on_delete != "ignore"
        self.uses_keys = self._row_keys or rules.entity == "event"

    def map(self, change: Change, record: Record, topic_id: str) -> Event | Skip | Reject:
        """The event of a change, or why there is none. Never raises.

        Of a delete whose row knows only its primary key, the event's key is "" (and its `row_key` set).
        """
        if change.op is DELETE:
            return self._deleted(change, record, topic_id)
        if self._rules.on_snapshot == "skip" and _is_snapshot(change):
            return Skip("snapshot")
        plan = self._plans.get(change.shape) or self._planned(change.shape)
        return plan if type(plan) is Reject else self._make(change, record, topic_id, plan)

    def key_of(self, change: Change) -> str | None:
        """The entity key of a change that cannot be mapped, for its dead letter; None: its row tells none."""
        known = self._planner.partial(change.shape, _IDENTITY[self._rules.entity])
        body = change.body or known.fill(change.row)
        if isinstance(body, Reject):
            return None
        key = order_key(body) if isinstance(body, Order) else other_key(body)
        return key if key and key.encode(errors="ignore").decode() == key else None

    def plan(self, shape: Shape) -> Plan | None:
        """How the rows of a shape are mapped, None: they are not; for whoever reads them into bodies."""
        plan = self._plans.get(shape) or self._planned(shape)
        return plan if isinstance(plan, Plan) else None

    def _written(self, change: Change, record: Record, topic_id: str, plan: Plan) -> Event | Reject:
        body = change.body or plan.fill(change.row)
        if type(body) is Reject:
            return body
        key = order_key(body) if type(body) is Order else other_key(body)
        if key is None:
            return self._keyless()
        declared = plan.declared(change.row) if plan.version is not None else None
        if type(declared) is Reject:
            return declared
        return self._event(change, record, topic_id, self._kind(change), key, body, declared)

    def _fact(self, change: Change, record: Record, topic_id: str, plan: Plan) -> Event | Reject:
        body = change.body or plan.fill(change.row)
        if not isinstance(body, Fact):
            return body if isinstance(body, Reject) else self._keyless()
        if body.event_id is UNSET and plan.feeds("eventId"):
            return self._keyless()
        try:
            key = fact_key(body, change, record, clock_of(change, record, topic_id), topic_id)
            if not (key or "").encode():
                return self._keyless()
        except UnicodeEncodeError:
            return NOT_UNICODE
        at = record.timestamp_ms if change.origin.ts_ms is None else change.origin.ts_ms
        return Event(
            "event", Kind.CUSTOM, key or "", body, b"", b"", None, record.position, change.op,
            _is_snapshot(change), record.size, None, at,
        )  # fmt: skip

    def _planned(self, shape: Shape) -> Plan | Reject:
        plan = self._plans[shape] = self._planner.plan(shape)
        return plan

    def _kind(self, change: Change) -> Kind:
        if self._rules.entity == "contact":
            return CONTACT_UPSERTED
        if _is_snapshot(change):
            created = self._rules.on_snapshot in ("create", "past_events")
        else:
            created = change.op is CREATE and change.origin.moved != "from"
        return ORDER_CREATED if created else ORDER_UPDATED

    def _event(
        self, change: Change, record: Record, topic_id: str,
        kind: Kind, key: str, body: Body, declared: int | str | None,
    ) -> Event | Reject:  # fmt: skip
        clock, source_ms = clock_of(change, record, topic_id), change.origin.ts_ms
        try:
            digest, core_digest = (gone(key), b"") if change.op is DELETE else digests(body)
            row = row_key(change, record, clock) if self._row_keys else None
        except UnicodeEncodeError:
            return NOT_UNICODE
        return Event(
            self._rules.entity, kind, key, body, digest, core_digest,
            version_of(change, record, clock, declared), record.position, change.op,
            _is_snapshot(change), record.size, row,
            record.timestamp_ms if source_ms is None else source_ms,
        )  # fmt: skip

    def _keyless(self) -> Reject:
        name = KEYS[self._rules.entity]
        also = ", and neither email nor phone can stand in" if self._rules.entity == "contact" else ""
        return Reject("missing_key", f"{name}: the column is null, empty or not available{also}")

    # --- Deletes (RULES 8) --------------------------------------------------------------------------

    def _deleted(self, change: Change, record: Record, topic_id: str) -> Event | Skip | Reject:
        settled = self._filtered(change, record)
        if settled is not None:
            return settled
        columns = change.shape.columns
        known = Shape({name: column for name, column in columns.items() if column.name in change.row})
        plan = self._planner.partial(known, [*_IDENTITY[self._rules.entity], *self._told(known)])
        body = plan.fill(change.row)
        if isinstance(body, Reject):
            return body
        declared = plan.declared(change.row)
        if isinstance(declared, Reject):
            return declared
        what = self._gone(body, change)
        if isinstance(what, Reject):
            return what
        return self._event(change, record, topic_id, *what, declared)

    def _filtered(self, change: Change, record: Record) -> Skip | Reject | None:
        on_delete, entity = self._rules.on_delete, self._rules.entity
        if on_delete == "ignore":
            return Skip("delete_ignored")
        if change.origin.moved == "to" and not self._leaves_the_entity(change, record):
            return Skip("delete_moved")
        if on_delete == "dead-letter":
            return Reject("delete", "the row was deleted at the source, and on_delete is dead-letter")
        if entity == "event" or (on_delete == "cancel") != (entity == "order"):
            return Reject("delete", f"on_delete {on_delete} has no meaning for entity {entity}")
        return None

    def _told(self, known: Shape) -> list[str]:
        """No default may stand for what the row does not have: the ledger may know it."""
        fields, found = targets(BODIES[self._rules.entity]), known.columns
        paths = {
            name: fields[name].path(self._rules.fields, found) for name in _OF_DELETES[self._rules.entity]
        }
        return [name for name, path in paths.items() if path and locate(path, found)]

    def _leaves_the_entity(self, change: Change, record: Record) -> bool:
        """Whether a moved row is another entity: the business key is part of the primary key, and changed."""
        columns = change.shape.columns
        path = targets(BODIES[self._rules.entity])[KEYS[self._rules.entity]].path(self._rules.fields, columns)
        if path is None or path not in columns or columns[path].name not in (change.key or {}):
            return False
        name, now = columns[path].name, json_object(text(dict(record.headers), NEW_KEY) or "")
        return change.key is None or not now or now.get(name) != change.key[name]

    def _gone(self, body: Body, change: Change) -> tuple[Kind, str, Body] | Reject:
        known = body.external_order_id if isinstance(body, Order) else body.external_customer_id
        key = order_key(body) if isinstance(body, Order) else other_key(body)
        if key is None:
            if known is not UNSET:
                return self._keyless()
            if change.key is None:
                return Reject("delete", f"{KEYS[self._rules.entity]}: the deleted row has no key at all")
            key = ""
        if not isinstance(body, Order):
            return _DELETED[self._rules.on_delete], key, body
        return ORDER_CANCELLED, key, replace(body, external_order_id=key, status="CANCELLED")


def order_key(order: Order) -> str | None:
    """The externalOrderId; None where a record has none."""
    return order.external_order_id if type(order.external_order_id) is str else None


def other_key(body: Contact | Fact) -> str | None:
    """Of a contact, `contact_key`; of a fact the id that its row has."""
    return contact_key(body) if isinstance(body, Contact) else body.event_id or None


def contact_key(contact: Contact) -> str | None:
    """The externalCustomerId; where that is null, "email:…" or "phone:…" in its one spelling.

    None without any of them, and where the id exists but was not sent.
    """
    if contact.external_customer_id is not None:
        return contact.external_customer_id or None
    if contact.email and (email := normalise_email(contact.email)):
        return f"email:{email}"
    return f"phone:{contact.phone}" if contact.phone else None


def _is_snapshot(change: Change) -> bool:
    return change.op is READ or change.origin.snapshot
