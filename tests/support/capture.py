"""Captured traffic put back on a broker, byte for byte, and a registry that answers for its schemas."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import Producer

from tests.support import cdc
from tests.support.registry import RegistryServer, running_registry
from tests.support.topics import TopicFactory

_SECONDS = 120.0
_KEEP = {"retention.ms": "-1"}
"""The capture's timestamps are of its own day: by them the broker would delete the records at once."""


def publish(variant: cdc.Variant, bootstrap: str, topic: TopicFactory) -> Mapping[str, str]:
    """Write all topics of a variant, side topics too; their names on the broker by captured name.

    Partition, order and so offset, key, headers and timestamp of each record are those of the capture.
    """
    records = [*cdc.records(variant), *cdc.meta_records(variant)]
    partitions: dict[str, int] = defaultdict(int)
    for record in records:
        partitions[record.topic] = max(partitions[record.topic], record.partition + 1)
    names = {name: topic(name, partitions=max(4, count), config=_KEEP) for name, count in partitions.items()}
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True})
    for record in records:
        producer.produce(
            names[record.topic],
            key=record.key,
            value=record.value,
            partition=record.partition,
            timestamp=record.timestamp_ms,
            headers=list(record.headers),
            on_delivery=_at(record.offset),
        )
    assert producer.flush(_SECONDS) == 0
    return names


@contextmanager
def captured_registry(names: Mapping[str, str]) -> Iterator[RegistryServer]:
    """The capture's registry: each schema under its id, the subjects under the topics' new names.

    What it refused by id (cdc 3) is refused here too.
    """
    with running_registry() as registry:
        for schema in cdc.schemas().values():
            for subject, _ in schema.subjects:
                topic, _, part = subject.rpartition("-")
                name = f"{names.get(topic, topic)}-{part}"
                registry.register(name, schema.schema_str, schema_id=schema.schema_id)
            if schema.http_status != 200:
                registry.answer_400(schema.schema_id)
        yield registry


def _at(offset: int) -> Callable[[object, object], None]:
    def check(error: object, message: object) -> None:
        assert error is None, error
        assert message.offset() == offset  # type: ignore[attr-defined]  # confluent_kafka.Message

    return check
