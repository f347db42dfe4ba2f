"""DeadLetters to a compacted Kafka topic (RULES 10), with Kafka Connect's header names beside our own."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connector.core.letters import Letter
from connector.errors import ConfigError, DeadLettersDown

Headers = list[tuple[str, str | bytes | None]]

FLUSH_SECONDS: Final = 10.0
"""How long one write may take before the lane pauses; membership of the group lasts far longer."""
LARGEST: Final = 1_000_000_000
"""librdkafka's own limit: the broker's decides, and a letter refused for its size goes without its value."""
FIXED: Final = {"acks": "all", "enable.idempotence": True, "linger.ms": 5, "message.max.bytes": LARGEST}


class KafkaDeadLetters:
    """ports.DeadLetters. A letter's key is its position, so writing it again replaces it."""

    def __init__(self, properties: Mapping[str, str | int | float | bool], topic: str) -> None:
        """properties: librdkafka's, with bootstrap.servers. Raises ConfigError for one it refuses."""
        try:
            self._producer = Producer({**properties, **FIXED, "delivery.timeout.ms": 8000, "log_level": 3})
        except (KafkaException, ValueError, TypeError) as error:
            raise ConfigError(f"kafka.properties: {error}") from error
        self._topic = topic

    def write(self, letters: Sequence[Letter]) -> None:
        """See ports.DeadLetters."""
        too_large = self._send(letters, omit=False)
        if too_large and self._send(too_large, omit=True):
            raise DeadLettersDown(
                f"dead_letters.topic {self._topic}: refuses even a letter without its value"
            )

    def _send(self, letters: Sequence[Letter], *, omit: bool) -> list[Letter]:
        """Write and wait for every report; returns what was refused for its size."""
        errors: dict[int, KafkaError] = {}
        reported: set[int] = set()
        for number, letter in enumerate(letters):
            self._produce(letter, omit=omit, report=partial(_note, errors, reported, number), errors=errors)
        self._producer.flush(FLUSH_SECONDS)
        if len(reported | set(errors)) < len(letters):
            self._producer.purge()
            raise DeadLettersDown(
                f"dead_letters.topic {self._topic}: no delivery report within {FLUSH_SECONDS} s"
            )
        too_large = [n for n, e in errors.items() if e.code() == KafkaError.MSG_SIZE_TOO_LARGE]
        for number, error in errors.items():
            if number not in too_large:
                raise DeadLettersDown(f"dead_letters.topic {self._topic}: {error.str()}")
        return [letters[number] for number in too_large]

    def _produce(
        self, letter: Letter, *, omit: bool, report: "_Report", errors: dict[int, KafkaError]
    ) -> None:
        record = letter.record
        number: int = report.args[2]
        try:
            self._producer.produce(
                self._topic,
                key=key_of(letter),
                value=b"" if omit else (record.value or b""),  # null would be a tombstone
                headers=headers_of(letter, omit=omit),
                timestamp=max(record.timestamp_ms, 0),
                on_delivery=report,
            )
        except KafkaException as error:
            errors[number] = error.args[0]
        except BufferError as error:
            raise DeadLettersDown(
                f"dead_letters.topic {self._topic}: the producer's queue is full"
            ) from error

    def close(self) -> None:
        """Nothing is left to flush: a write returns when all is durable."""
        self._producer.purge()


_Report = partial[None]


def _note(
    errors: dict[int, KafkaError],
    reported: set[int],
    number: int,
    error: KafkaError | None,
    _message: Message,
) -> None:
    reported.add(number)
    if error is not None:
        errors[number] = error


def key_of(letter: Letter) -> str:
    """destination/topic/topic id/partition/offset."""
    at = letter.record.position
    return f"{letter.destination}/{at.topic}/{letter.topic_id}/{at.partition}/{at.offset}"


def headers_of(letter: Letter, *, omit: bool) -> Headers:
    """The record's own headers, then Connect's, then ours."""
    record, at = letter.record, letter.record.position
    headers: Headers = [
        *record.headers,
        ("__connect.errors.topic", at.topic),
        ("__connect.errors.partition", str(at.partition)),
        ("__connect.errors.offset", str(at.offset)),
        ("__connect.errors.stage", letter.stage.upper()),
        ("__connect.errors.class.name", "connector.lane.Lane"),
        ("__connect.errors.exception.class.name", letter.cause),
        ("__connect.errors.exception.message", letter.detail),
        ("crm-connector.cause", letter.cause),
        ("crm-connector.destination", letter.destination),
        ("crm-connector.attempts", str(letter.attempts)),
    ]
    if letter.key is not None:
        headers.append(("crm-connector.key", letter.key))
    if record.key is not None:
        headers.append(("crm-connector.original-key", record.key))
    value = record.value
    if value is None:
        headers.append(("crm-connector.value", "null"))
    elif omit:
        digest = hashlib.sha256(value).hexdigest()
        headers += [
            ("crm-connector.value", "omitted"),
            ("crm-connector.value-size", str(len(value))),
            ("crm-connector.value-sha256", digest),
        ]
    return headers
