"""Why the ledger lacks a record: by the dead letters, the group's commits, and what the ledger holds."""

from collections.abc import Sequence
from contextlib import closing
from typing import Literal

from msgspec import Struct

from connector.adapters.kafka_admin import KafkaAdmin
from connector.adapters.masking_payload import PayloadMasker
from connector.core.claims import Ask, Busy, Deny, Verdict
from connector.core.heads import Head, State
from connector.core.latest import Latest
from connector.core.letters import Choice
from connector.core.sight import Sight
from connector.settings import Settings
from connector.wiring import dead_letters
from connector.wiring.edges import AnyLedger
from connector.wiring.ranges import Range, Wish

Why = Literal[
    "never_accepted", "older_accepted", "in_doubt", "on_its_way", "dead_lettered", "refused", "removed",
    "not_read_yet", "asks", "older_than_ledger", "sent_late",
]  # fmt: skip
"""refused: by this configuration it would be a dead letter, and is none. removed: by `past-events delete`.
sent_late: its claim was lost by then, so the destination may hold it instead of what is newer (RULES 2)."""


class Found(Struct, frozen=True, omit_defaults=True):
    """The latest of one entity, which the ledger lacks.

    key: None where the record does not tell. time_ms: Kafka's. detail: a sentence or a cause; accepted: where
    what was accepted instead stands, as "<topic>[<partition>]@<offset>".
    """

    entity: str
    key: str | None
    partition: int
    offset: int
    time_ms: int
    why: Why
    detail: str | None = None
    accepted: str | None = None


def letter_id(wish: Wish, range_: Range, one: Latest) -> str:
    """What its dead letter would be called (RULES 10)."""
    return f"{wish.destination}/{wish.topic}/{range_.topic_id}/{one.partition}/{one.offset}"


def told(
    settings: Settings,
    wish: Wish,
    range_: Range,
    ledger: AnyLedger,
    lacking: Sequence[Latest],
) -> list[Found]:
    """Each with its reason. Raises BrokerDown, ConfigError, LedgerDown, Fatal."""
    if not lacking:
        return []
    committed, mask = _committed(settings, wish), PayloadMasker(reveal=False)

    def explained(one: Latest, cause: str | None) -> Found:
        read = one.offset < (committed.get(one.partition) or 0)
        sight = Sight() if one.key is None else ledger.look(one.entity, one.key)
        why, detail = ("dead_lettered", cause) if cause else _why(one, sight, read=read)
        at = one.partition, one.offset, one.time_ms
        return Found(one.entity, mask.key(one.key), *at, why, detail, _place(sight.head))

    def _why(one: Latest, sight: Sight, *, read: bool) -> tuple[Why, str | None]:
        if one.fault is not None:
            return ("refused" if read else "not_read_yet"), ": ".join(one.fault)
        (said,) = ledger.rehearse([one.want(wish.topic)])
        return _asked(said) or (_seen(sight, said, read=read), None)

    with dead_letters.opened(settings) as box:
        box.look(Choice(destinations=frozenset({wish.destination}), topics=frozenset({wish.topic})))
        return [explained(one, box.index.cause(letter_id(wish, range_, one))) for one in lacking]


def sent_late(wish: Wish, range_: Range, ledger: AnyLedger) -> list[Found]:
    """Records of the range of which a stale send is the last that is known. Raises LedgerDown, Fatal."""
    spans = {one.partition: range(one.start, one.end) for one in range_.stretches}
    mask, found = PayloadMasker(reveal=False), []
    for one in ledger.stale():
        at = one.version
        if at is not None and at.topic == wish.topic and at.offset in spans.get(at.partition, ()):
            head = ledger.look(one.entity, one.key).head
            place = at.partition, at.offset, at.timestamp_ms
            found.append(Found(one.entity, mask.key(one.key), *place, "sent_late", None, _place(head)))
    return found


def _committed(settings: Settings, wish: Wish) -> dict[int, int | None]:
    with closing(KafkaAdmin(settings.kafka_client(), settings.group_of(wish.destination))) as admin:
        return {one.partition: one.committed for one in admin.lag([wish.topic])}


def _asked(said: Verdict) -> tuple[Why, str] | None:
    """Where the ledger itself would not let it go."""
    if isinstance(said, Ask):
        return "asks", f"because of its {said.reason}; answer with `crm-connector resume`"
    return ("older_than_ledger", said.detail) if isinstance(said, Deny) else None


def _seen(sight: Sight, said: Verdict, *, read: bool) -> Why:
    if sight.claim is not None:
        return "on_its_way" if sight.living or isinstance(said, Busy) else "in_doubt"
    if not read:
        return "not_read_yet"
    if sight.head is None:
        return "never_accepted"
    return "removed" if sight.head.state is State.REMOVED else "older_accepted"


def _place(head: Head | None) -> str | None:
    at = None if head is None else head.version
    return None if at is None else f"{at.topic}[{at.partition}]@{at.offset}"
