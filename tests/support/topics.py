"""Topics for tests, each with a name that no other test has."""

import uuid
from collections.abc import Mapping

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.support.broker import Broker

_SECONDS = 30.0


class TopicFactory:
    """Creates topics on a broker."""

    def __init__(self, broker: Broker) -> None:
        """Nothing is created or connected yet."""
        self._broker = broker
        self._admin: AdminClient | None = None

    def __call__(
        self, prefix: str = "test", *, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> str:
        """The name of a new topic. The embedded broker makes it at first use, of EMBEDDED_PARTITIONS."""
        name = f"{prefix}.{uuid.uuid4().hex[:12]}"
        if self._broker.is_real:
            self._create(NewTopic(name, partitions, 1, config=dict(config or {})))
        return name

    def _create(self, new: NewTopic) -> None:
        self._admin = self._admin or AdminClient(
            {"bootstrap.servers": self._broker.bootstrap, "log_level": 0}
        )
        for done in self._admin.create_topics([new], operation_timeout=_SECONDS).values():
            done.result(_SECONDS)
