"""Which columns a topic has, by its schemas, and whether an operator names one of them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

from connector import wiring
from connector.adapters import schema_file
from connector.core.avro import SchemaInvalid, parse
from connector.core.change import Column
from connector.core.logical import columns
from connector.core.paths import locate
from connector.core.selection import Where
from connector.errors import ConfigError, ConnectorError
from connector.settings import Settings
from connector.settings.topic import TopicSettings


def columns_of(text: str, topic: TopicSettings) -> dict[str, Column]:
    """The columns of the row, inside Debezium's envelope or not. Raises ConnectorError."""
    try:
        schema = parse(text)
    except SchemaInvalid as error:
        raise ConnectorError(f"schema of {topic.name}: {error}; correct it in the registry") from None
    record = schema.record(schema.root)
    types = {field["name"]: field["type"] for field in record["fields"]} if record else {}
    if topic.envelope != "plain" and {"op", "source", "after"} <= types.keys():
        record = schema.record(types["after"])
    if record is None:
        raise ConnectorError(f"schema of {topic.name}: is not a record; correct it in the registry")
    return columns(schema, record)


def refuse_unknown(settings: Settings, topic: TopicSettings, where: Sequence[Where]) -> None:
    """Raises ConfigError for paths that begin with no column of any of the topic's schemas; RegistryDown.

    Where no schema is known by the default subject's name, nothing can be told.
    """
    lacking, known = {one.path for one in where}, dict[str, None]()
    for text in _texts(settings, topic) if lacking else ():
        with suppress(ConnectorError):
            known |= dict.fromkeys(columns_of(text, topic))
        lacking = {path for path in lacking if locate(path, known) is None}
        if not lacking:
            return
    if known and lacking:
        raise ConfigError(*(f"--where: {_told(path, topic, known)}" for path in sorted(lacking)))


def _told(path: str, topic: TopicSettings, known: dict[str, None]) -> str:
    if path in topic.fields:
        return f"{path} is no column of {topic.name}, but read from one; write {topic.fields[path]}"
    return f"{path} is no column of {topic.name}; choose {', '.join(sorted(known))}"


def _texts(settings: Settings, topic: TopicSettings) -> Iterator[str]:
    """Newest first: the schemas that a range may have been written with."""
    if topic.schema_file is not None:
        yield schema_file.load(topic.schema_file)
        return
    registry = wiring.registry(settings)
    if registry is not None:
        yield from registry.each(topic.name)
