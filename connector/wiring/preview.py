"""What would be sent for a window of a topic: rendered by the lane and the dialects, sent to nobody."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from connector.adapters.kafka_extent import Extents
from connector.adapters.kafka_range import KafkaRange
from connector.adapters.masking_payload import PayloadMasker
from connector.core.events import Event
from connector.core.letters import Letter
from connector.core.model import Record
from connector.core.payloads import Difference, differences, fields
from connector.core.talk import Request
from connector.errors import ConfigError
from connector.settings import Settings
from connector.wiring.preview_lane import Apart, Whole, Window, hold

__all__ = ["Difference", "Divergence", "Preview", "Wanted", "diff", "preview"]

_WAY: Final = "sent by"
_LETTER: Final = "dead letter"


class Wanted(Struct, frozen=True):
    """The newest records, or the first from `since_ms` on: at most `limit`.

    by_ledger: judged by what it holds; else as if nothing had been sent before.
    """

    topic: str
    limit: int
    since_ms: int | None = None
    by_ledger: bool = False
    reveal: bool = False


class Preview(Struct, frozen=True):
    """Of one destination.

    requests: method, path, resource, events (keys), body. letters: position, key, cause, detail. calls:
    requests by resource. rate_per_second: configured (0: not limited). per_day: the quota (None: not
    counted). topic_records: what the topic holds, about.
    """

    destination: str
    records: int
    outcomes: Mapping[str, int]
    requests: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    calls: Mapping[str, int]
    rate_per_second: float
    per_day: int | None
    topic_records: int


class Divergence(Struct, frozen=True):
    """One event whose payload, or fate, another configuration changes."""

    destination: str
    entity: str
    key: str | None
    topic: str
    partition: int
    offset: int
    changes: list[Difference]


def preview(settings: Settings, name: str, wanted: Wanted) -> Preview:
    """Raises BrokerDown, RegistryDown, ConfigError; LedgerDown, Fatal where it is judged by the ledger."""
    records, held = _window(settings, wanted)
    window = Window(wanted.topic, _topic_id(settings, name, wanted), records)
    tape = hold(settings, name, window, Whole(asks=wanted.by_ledger))
    mask, delivery = PayloadMasker(reveal=wanted.reveal), settings.delivery_of(name)
    return Preview(
        destination=name,
        records=len(records),
        outcomes=dict(tape.watch.outcomes),
        requests=[_request(one, mask) for one in tape.rendering.requests],
        letters=[_letter(one, mask) for one in tape.unwritten.letters],
        calls=dict(tape.rendering.batches),
        rate_per_second=delivery.rate_per_second,
        per_day=settings.requests_per_day(name),
        topic_records=held,
    )


def diff(settings: Settings, other: Settings, name: str, wanted: Wanted) -> tuple[int, list[Divergence]]:
    """How many records were looked at, and what the other configuration changes. Raises as `preview`."""
    other.destination(name)
    records, _ = _window(settings, wanted)
    window = Window(wanted.topic, _topic_id(settings, name, wanted), records)
    before, after = (
        _told(hold(one, name, window, Apart(asks=wanted.by_ledger))) for one in (settings, other)
    )
    mask, found = PayloadMasker(reveal=wanted.reveal), []
    for place in sorted({*before, *after}):
        changes = _changes(before.get(place), after.get(place), mask)
        if changes and (told := after.get(place) or before.get(place)) is not None:
            found.append(Divergence(name, told.entity, mask.key(told.key), *place[:3], changes=changes))
    return len(records), found


# --- The window -----------------------------------------------------------------------------------


def _window(settings: Settings, wanted: Wanted) -> tuple[list[Record], int]:
    """The records, and how many the topic holds. Nobody joins a group."""
    source = KafkaRange(settings.kafka_client(), wanted.topic)
    try:
        spans = source.spans()
        if not spans:
            raise ConfigError(f"--topic: {wanted.topic} does not exist in Kafka; check its name")
        starts = {one: (_start(source, wanted, one, *span), span[1]) for one, span in spans.items()}
        found = _some(source.read(starts), wanted)
    finally:
        source.close()
    return found, sum(end - start for start, end in spans.values())


def _topic_id(settings: Settings, name: str, wanted: Wanted) -> str:
    """Versions that the ledger knows may be by it."""
    if not wanted.by_ledger:
        return ""
    extents = Extents(settings.kafka_client(), settings.group_of(name), wanted.topic)
    try:
        return extents.topic_id()
    finally:
        extents.close()


def _start(source: KafkaRange, wanted: Wanted, partition: int, low: int, end: int) -> int:
    if wanted.since_ms is None:
        return max(low, end - wanted.limit)
    at = source.first_at(partition, wanted.since_ms)
    return end if at is None else at


def _some(read: Iterator[list[Record]], wanted: Wanted) -> list[Record]:
    """By time: the first of them, or the last."""
    found: list[Record] = []
    for records in read:
        found += records
        if wanted.since_ms is not None and len(found) > wanted.limit * 20:
            break
    found.sort(key=lambda record: (record.timestamp_ms, record.position.partition, record.position.offset))
    return found[: wanted.limit] if wanted.since_ms is not None else found[-wanted.limit :]


# --- What is told ---------------------------------------------------------------------------------


def _request(request: Request, mask: PayloadMasker) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": mask.path(request.path),
        "resource": request.resource,
        "events": [mask.key(one.event.key) for one in request.carries],
        "body": mask.body(request.body),
    }


def _letter(letter: Letter, mask: PayloadMasker) -> dict[str, Any]:
    at = letter.record.position
    return {
        "topic": at.topic, "partition": at.partition, "offset": at.offset, "key": mask.key(letter.key),
        "cause": letter.cause, "detail": letter.detail,
    }  # fmt: skip


class _Told(Struct):
    """What becomes of one record, or of a contact that is made for one: the fields of its requests."""

    entity: str
    key: str | None
    fields: dict[str, Any]


Place = tuple[str, int, int, str]
"""Topic, partition, offset, "" for a record; of a contact made for an order its key."""


def _told(tape: Whole) -> dict[Place, _Told]:
    found: dict[Place, _Told] = {}
    for request in tape.rendering.requests:
        for one in request.carries:
            place = _place(one.event)
            told = found.setdefault(place, _Told(one.event.entity, one.event.key, {}))
            told.fields |= {_WAY: f"{request.method} {request.resource}", **fields(request.body or b"{}")}
    for letter in tape.unwritten.letters:
        at = letter.record.position
        fate = {_LETTER: f"{letter.cause}: {letter.detail}"}
        found[at.topic, at.partition, at.offset, ""] = _Told("record", letter.key, fate)
    return found


def _place(event: Event) -> Place:
    at = event.position
    return (at.topic, at.partition, at.offset, "") if at else ("", -1, -1, event.key)


def _changes(before: _Told | None, after: _Told | None, mask: PayloadMasker) -> list[Difference]:
    """Its fields; where it is sent by one of the two only, that alone."""
    was, now = (told.fields if told else {} for told in (before, after))
    fate = [Difference(_LETTER, was.get(_LETTER), now.get(_LETTER))]
    if fate[0].was or fate[0].now:
        return fate if fate[0].was != fate[0].now else []
    if not was or not now:
        return [Difference(_WAY, was.get(_WAY), now.get(_WAY))] if was or now else []
    return [
        one
        if one.field == _WAY
        else Difference(one.field, mask.field(one.field, one.was), mask.field(one.field, one.now))
        for one in differences(was, now)
    ]
