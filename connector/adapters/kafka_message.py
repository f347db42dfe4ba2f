"""A message of librdkafka as a record."""

from typing import cast

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from connector.core.model import Position, Record

Headers = tuple[tuple[str, bytes | None], ...]


def record_of(message: Message, topic: str, lease: int) -> Record:
    """topic: its topic's name. lease: which assignment of its partition it was read in."""
    partition: int = message.partition()  # type: ignore[assignment]  # only a message that is made lacks them
    offset: int = message.offset()  # type: ignore[assignment]
    kind, timestamp = message.timestamp()
    headers = message.headers()
    return Record(
        Position(topic, partition, offset, lease),
        -1 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp,
        message.key(),
        message.value(),
        cast("Headers", tuple(headers)) if headers else (),
    )
