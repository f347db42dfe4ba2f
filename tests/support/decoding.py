"""Captured records through the real decoder."""

from collections.abc import Iterator

from connector.core.change import Change
from connector.core.decode import Decoder
from connector.core.envelope import Decoded
from connector.core.model import Position, Record
from connector.core.rules import Envelope, TopicRules
from tests.fakes.schemas import FakeSchemas
from tests.support import cdc


def captured_schemas() -> FakeSchemas:
    """A registry with all captured schemas."""
    return FakeSchemas({schema_id: schema.schema_str for schema_id, schema in cdc.schemas().items()})


def decoder(topic: str, envelope: Envelope = "auto") -> Decoder:
    """A fresh decoder of a captured topic."""
    return Decoder(TopicRules(topic, "order", envelope=envelope), captured_schemas())


def record(captured: cdc.CapturedRecord) -> Record:
    """A captured record as a source hands it out."""
    position = Position(captured.topic, captured.partition, captured.offset)
    return Record(position, captured.timestamp_ms, captured.key, captured.value, tuple(captured.headers))


def decoded(
    variant: cdc.Variant, table: str = "", *, meta: bool = False
) -> Iterator[tuple[cdc.CapturedRecord, Decoded]]:
    """All records of a variant (of one table), each topic through one decoder, with what they say."""
    decoders: dict[str, Decoder] = {}
    for captured in cdc.meta_records(variant) if meta else cdc.records(variant):
        if captured.topic.endswith(table):
            topic = captured.topic
            yield captured, decoders.setdefault(topic, decoder(topic)).decode(record(captured))


def changes(variant: cdc.Variant, table: str = "") -> list[tuple[cdc.CapturedRecord, Change]]:
    """The changes among `decoded`."""
    return [(captured, change) for captured, change in decoded(variant, table) if isinstance(change, Change)]
