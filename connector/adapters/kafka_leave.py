"""How a member that holds nothing leaves its group, so that nobody waits for the end of its session."""

import time
from typing import Final

from confluent_kafka import Consumer

LEAVE_SECONDS: Final = 3.0
"""How long it waits for the end of a join, which others may hold up."""


def leave(consumer: Consumer, *, classic: bool) -> None:
    """Leave before `close`, which would end such a member of a cooperative group without a word.

    In the midst of a join librdkafka (2.16) puts leaving off until the join has ended, and forgets it in
    `close`. A member of the classic protocol has left when it has no id; by KIP-848 it keeps its own for life
    and leaves at any time."""
    consumer.unsubscribe()
    limit = time.monotonic() + LEAVE_SECONDS
    while classic and consumer.memberid() and time.monotonic() < limit:
        consumer.poll(0.02)
