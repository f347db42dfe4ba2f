"""The clients of Kafka that this process has."""

import gc
from collections.abc import Sized
from typing import cast

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient


def clients() -> list[Sized]:
    """All but consumers; the length of each is the number of events that it keeps."""
    return [cast("Sized", one) for one in gc.get_objects() if isinstance(one, AdminClient | Producer)]


class Kept:
    """How many events a client has kept."""

    def __init__(self, client: Sized) -> None:
        self._client, self._most = client, 0

    def fell(self) -> bool:
        """Whether it keeps fewer than it did: somebody has polled it."""
        now = len(self._client)
        self._most = max(self._most, now)
        return now < self._most
