"""A message of librdkafka as a record."""

from operator import methodcaller
from typing import Final, cast

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from connector.core.model import UNREADABLE, Position, Record

Headers = tuple[tuple[str, bytes | None], ...]
_headers: Final = methodcaller("headers")
"""A call whose result is looked at: a specialised one of Python 3.11 leaves the error to a later call."""


def record_of(message: Message, topic: str, lease: int) -> Record:
    """topic: its topic's name. lease: which assignment of its partition it was read in."""
    partition: int = message.partition()  # type: ignore[assignment]  # only a message that is made lacks them
    offset: int = message.offset()  # type: ignore[assignment]
    kind, timestamp = message.timestamp()
    headers = headers_of(message)
    return Record(
        Position(topic, partition, offset, lease),
        -1 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp,
        message.key(),
        message.value(),
        headers,
    )


def headers_of(message: Message) -> Headers:
    """UNREADABLE alone where they are; a second question would be answered by what is not whole."""
    try:
        found = _headers(message)
    except SystemError:
        return (UNREADABLE,)
    return cast("Headers", tuple(found)) if found else ()
