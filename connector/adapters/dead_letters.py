"""DeadLetters to a compacted Kafka topic (RULES 10), with Kafka Connect's header names beside our own."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from msgspec import Struct
from msgspec.structs import replace

from connector.adapters.kafka_access import Access
from connector.adapters.kafka_properties import Properties, refused_property
from connector.core.letters import Letter
from connector.errors import DeadLettersDown

Headers = list[tuple[str, str | bytes | None]]

FLUSH_SECONDS: Final = 10.0
"""How long one write may take before the lane pauses; membership of the group lasts far longer."""
TOGETHER: Final = 10_000
"""Letters handed to librdkafka at a time: its queue holds 100,000. …"""
TOGETHER_BYTES: Final = 4 << 20
"""… It keeps a copy of each until it is durable: of no more than so much, or of one."""
FIXED: Final = {
    "acks": "all",
    # A letter twice is one letter, by its key; idempotence could end in a fatal error instead.
    "enable.idempotence": False,
    "linger.ms": 5,
    # librdkafka's own limit: the broker's decides, and a letter refused for its size goes without its value.
    "message.max.bytes": 1_000_000_000,
    "delivery.timeout.ms": 8000,
    "log_level": 0,  # what goes wrong is raised
}


class Form(Struct, frozen=True):
    """How much of a letter is written. omit: 0 nothing, 1 the value, 2 also the record's key and headers.

    own_time: with the record's timestamp.
    """

    omit: int = 0
    own_time: bool = True


class KafkaDeadLetters:
    """ports.DeadLetters. A letter's key is its position, so writing it again replaces it."""

    def __init__(
        self, properties: Properties, topic: str, reread: Callable[[], Properties] | None = None
    ) -> None:
        """properties: librdkafka's, with bootstrap.servers; reread: anew, once they were refused.
        Raises ConfigError for one it refuses."""
        self._access, self._topic = Access(reread), topic
        try:
            self._producer = Producer({**properties, **FIXED, "error_cb": self._access.hear})
        except (KafkaException, ValueError, TypeError) as error:
            raise refused_property(error) from error
        self._access.serve(self._producer)

    def write(self, letters: Sequence[Letter]) -> None:
        """See ports.DeadLetters."""
        for some in together(letters):
            for letter, error in zip(some, self._send(some, Form()), strict=True):
                if error is not None:
                    self._write_alone(letter, error)

    def _write_alone(self, letter: Letter, error: KafkaError) -> None:
        """The broker refuses a batch for one letter in it: send each by itself, then reduce it."""
        form: Form | None = Form()
        again: KafkaError | None = error
        if error.code() not in _ONE_LETTERS_FAULT:
            raise self._down(error.str())
        while again is not None:
            if form is None:
                raise self._down(again.str())
            (again,) = self._send([letter], form)
            form = _less(form, again) if again else form

    def _send(self, letters: Sequence[Letter], form: Form) -> list[KafkaError | None]:
        """Write and wait for every report: an error for each letter, None where it is durable."""
        reports: dict[int, KafkaError | None] = {}
        for number, letter in enumerate(letters):
            self._hand_over(partial(_note, reports, number), **_message(letter, form))
        self._flush()
        if len(reports) < len(letters):
            raise self._unreported()
        return [reports[number] for number in range(len(letters))]

    def _hand_over(self, report: Callable[[KafkaError | None, Message | None], None], **message: Any) -> None:
        """To the queue of the producer, which may be smaller than what is written together."""
        try:
            try:
                self._producer.produce(self._topic, on_delivery=report, **message)
            except BufferError:
                self._flush()
                self._producer.produce(self._topic, on_delivery=report, **message)
        except KafkaException as error:
            report(error.args[0], None)
        except BufferError:
            raise self._unreported() from None

    def remove(self, ids: Sequence[str]) -> None:
        """Tombstones, durable on return; a letter that is gone already stays so. Raises DeadLettersDown."""
        reports: dict[int, KafkaError | None] = {}
        for number, one in enumerate(ids):
            self._hand_over(partial(_note, reports, number), key=one)
        self._flush()
        if len(reports) < len(ids):
            raise self._unreported()
        for error in filter(None, reports.values()):
            raise self._down(error.str())

    def _flush(self) -> None:
        """Until all is reported; where the broker refuses the password, with the one of then."""
        deadline = time.monotonic() + FLUSH_SECONDS
        while self._producer.flush(1.0) and time.monotonic() < deadline:
            self._access.renew()

    def _unreported(self) -> DeadLettersDown:
        self._producer.purge()
        return self._down(f"no delivery report within {FLUSH_SECONDS:g} s")

    def _down(self, why: str) -> DeadLettersDown:
        refused, self._access.why = self._access.why, None
        return DeadLettersDown(f"dead_letters.topic {self._topic}: {refused or why}")

    def listen(self) -> None:
        """Hear what went wrong meanwhile. Until then all of it is kept: an outage of a day was 90 MB."""
        self._producer.poll(0)

    def close(self) -> None:
        """Disconnect. Nothing is left to flush: a write returns when all is durable."""
        self._producer.purge()
        self._producer.close()


def together(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    """What is handed over at a time, in order."""
    first = size = 0
    for at, letter in enumerate(letters):
        size += letter.record.held
        if at > first and (size > TOGETHER_BYTES or at - first == TOGETHER):
            yield letters[first:at]
            first, size = at, letter.record.held
    if letters:
        yield letters[first:]


_TOO_LARGE: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
"""For max.message.bytes; or for segment.bytes, which may be the smaller one."""
_ONE_LETTERS_FAULT: Final = frozenset(
    {
        *_TOO_LARGE,
        KafkaError.INVALID_TIMESTAMP,
        KafkaError._INVALID_DIFFERENT_RECORD,  # noqa: SLF001 - the library's public name
    }
)


def _note(
    reports: dict[int, KafkaError | None], number: int, error: KafkaError | None, _message: Message | None
) -> None:
    reports[number] = error


def _less(form: Form, error: KafkaError) -> Form | None:
    """The next form to try, None: there is none."""
    if error.code() in _TOO_LARGE and form.omit < 2:  # noqa: PLR2004 - see Form
        return replace(form, omit=form.omit + 1)
    if error.code() == KafkaError.INVALID_TIMESTAMP and form.own_time:
        return replace(form, own_time=False)
    return None


def _message(letter: Letter, form: Form) -> dict[str, Any]:
    record = letter.record
    return {
        "key": key_of(letter),
        "value": b"" if form.omit else (record.value or b""),  # null would be a tombstone
        "headers": headers_of(letter, form),
        "timestamp": max(record.timestamp_ms, 0) if form.own_time else 0,
    }


def key_of(letter: Letter) -> str:
    """destination/topic/topic id/partition/offset."""
    at = letter.record.position
    return f"{letter.destination}/{at.topic}/{letter.topic_id}/{at.partition}/{at.offset}"


def headers_of(letter: Letter, form: Form) -> Headers:
    """The record's own headers, then Connect's, then ours."""
    record, at = letter.record, letter.record.position
    whole = form.omit < 2  # noqa: PLR2004 - see Form
    headers: Headers = [
        *(record.headers if whole else ()),
        ("__connect.errors.topic", at.topic),
        ("__connect.errors.partition", str(at.partition)),
        ("__connect.errors.offset", str(at.offset)),
        ("__connect.errors.stage", letter.stage.upper()),
        ("__connect.errors.class.name", "connector.lane.lane.Lane"),
        ("__connect.errors.exception.class.name", letter.cause),
        ("__connect.errors.exception.message", letter.detail),
        ("crm-connector.cause", letter.cause),
        ("crm-connector.destination", letter.destination),
        ("crm-connector.attempts", str(letter.attempts)),
    ]
    if letter.key is not None:
        headers.append(("crm-connector.key", letter.key))
    if record.key is not None and whole:
        headers.append(("crm-connector.original-key", record.key))
    if not whole:
        headers.append(("crm-connector.headers", "omitted"))
    if not form.own_time:
        headers.append(("crm-connector.timestamp", str(record.timestamp_ms)))
    return headers + _of_value(record.value, form)


def _of_value(value: bytes | None, form: Form) -> Headers:
    if value is None:
        return [("crm-connector.value", "null")]
    if not form.omit:
        return []
    return [
        ("crm-connector.value", "omitted"),
        ("crm-connector.value-size", str(len(value))),
        ("crm-connector.value-sha256", hashlib.sha256(value).hexdigest()),
    ]
