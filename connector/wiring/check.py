"""What `check` looks at beyond the file: each finding is a line, with its remedy where something is wrong."""

import asyncio
import os
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

from connector import wiring
from connector.adapters import history_file, schema_file
from connector.adapters.kafka_admin import KafkaAdmin
from connector.adapters.registry import Registry
from connector.core import targets
from connector.core.change import Column
from connector.core.model import Missing
from connector.core.talk import NoAnswer, Request, Response
from connector.errors import ConnectorError
from connector.settings import Settings
from connector.settings.destination import Destination
from connector.settings.destinations import YespoSettings
from connector.settings.metrica import MetricaSettings
from connector.settings.topic import TopicSettings
from connector.wiring import advice, check_metrica, clocks, ledgers
from connector.wiring.finding import Finding, Findings
from connector.wiring.topic_columns import columns_of

_WAIT = 10.0


def check(settings: Settings) -> Findings:
    """Everything outside, one after another; a part that does not answer is a finding, not the end."""
    columns: dict[str, Collection[str]] = {}
    parts: list[Callable[[], Findings]] = [lambda: _kafka(settings), lambda: _schemas(settings, columns)]
    parts += [lambda: advice.advise(settings), lambda: advice.same_ids(settings, columns)]
    parts += [lambda: check_metrica.columns(settings, columns)]
    parts += [lambda name=name: clocks.check(settings, name) for name in settings.destinations]  # type: ignore[misc]
    parts += [lambda name=name: _credentials(settings, name) for name in settings.destinations]  # type: ignore[misc]
    parts += [lambda: _ledger(settings), lambda: _history(settings)]
    for part in parts:
        try:
            yield from part()
        except ConnectorError as error:
            yield from (Finding("wrong", line) for line in str(error).splitlines())


# --- Kafka ----------------------------------------------------------------------------------------


def _kafka(settings: Settings) -> Findings:
    for name in settings.destinations:
        admin = KafkaAdmin(settings.kafka_client(), settings.group_of(name), _WAIT)
        try:
            if name == next(iter(settings.destinations)):
                yield from _brokers(settings, admin)
            yield from _group(settings, name, admin)
        finally:
            admin.close()


def _brokers(settings: Settings, admin: KafkaAdmin) -> Findings:
    yield Finding("ok", f"brokers: {admin.brokers()} at {settings.kafka.bootstrap_servers}")
    known = admin.topics()
    for index, topic in enumerate(settings.topics):
        if topic.name in known:
            yield Finding("ok", f"topic {topic.name}: {_count(len(known[topic.name]), 'partition')}")
        else:
            yield Finding(
                "wrong", f"topics[{index}].name: {topic.name} does not exist; create it or correct the name"
            )
    yield _dead_letters(settings, known)


def _dead_letters(settings: Settings, known: dict[str, list[int]]) -> Finding:
    wanted = settings.dead_letters
    if wanted.topic in known:
        return Finding("ok", f"dead letters {wanted.topic}: there")
    if wanted.create:
        return Finding("ok", f"dead letters {wanted.topic}: will be created at the first start")
    return Finding(
        "wrong",
        f"dead_letters.topic: {wanted.topic} does not exist; create it, compacted, or set create: true",
    )


def _group(settings: Settings, name: str, admin: KafkaAdmin) -> Findings:
    refusals = admin.refusals([topic.name for topic in settings.topics_of(name)])
    yield from (Finding("wrong", line) for line in refusals)
    if not refusals:
        yield Finding("ok", f"group {settings.group_of(name)}: may read its topics")


# --- Schemas --------------------------------------------------------------------------------------


def _schemas(settings: Settings, columns: dict[str, Collection[str]]) -> Findings:
    """columns: here go those of each topic that has a schema."""
    registry = wiring.registry(settings)
    for index, topic in enumerate(settings.topics):
        yield from _schema(f"topics[{index}]", topic, registry, columns)


def _schema(
    place: str, topic: TopicSettings, registry: Registry | None, columns: dict[str, Collection[str]]
) -> Findings:
    source, text = f"schema file {topic.schema_file}", None
    if topic.schema_file is not None:
        text = schema_file.load(topic.schema_file)
    elif registry is not None:
        subject = f"{topic.name}-value"
        latest = registry.latest(subject)
        source, text = f"schema of {subject}", latest[1] if latest else None
    if text is None:
        yield Finding(
            "warning", f"{place}: the registry has no {source} yet; write a record or correct the name"
        )
        return
    columns[topic.name] = found = columns_of(text, topic)
    lacking = targets.required(topic.rules(), found)
    yield from (Finding("wrong", f"{place}.{line}") for line in lacking)
    if not lacking:
        yield Finding("ok", f"{source}: has what {topic.name} needs")
    yield from _phantoms(place, topic, found)


def _phantoms(place: str, topic: TopicSettings, found: dict[str, Column]) -> Findings:
    """Debezium writes a column's default where the row has NULL, and no record tells the difference."""
    doubtful = [
        name
        for name, column in found.items()
        if column.nullable
        and column.default is not None
        and not isinstance(column.default, Missing)
        and name not in topic.null_defaults
        and not name.startswith("__")
    ]
    if doubtful:
        yield Finding(
            "warning",
            f"{place}: NULL arrives as the default in {', '.join(doubtful)}; "
            "name in null_defaults those whose default means null, or drop the default at the source",
        )


# --- Destinations and ledger ----------------------------------------------------------------------


def _credentials(settings: Settings, name: str) -> Findings:
    chosen = settings.destinations[name]
    ask = _ASKING.get(type(chosen))
    if ask is not None:
        yield from ask(settings, name, chosen)


def _yespo(settings: Settings, name: str, chosen: YespoSettings) -> Findings:
    answer = asyncio.run(_ask_yespo(settings, name))
    yield _verdict(f"destinations.{name}", chosen.url, answer)


_ASKING: Mapping[type[Destination], Callable[[Settings, str, Any], Findings]] = {
    YespoSettings: _yespo,
    MetricaSettings: check_metrica.check,
}
"""What is asked of a destination, where there is something."""


async def _ask_yespo(settings: Settings, name: str) -> Response | NoAnswer:
    http = wiring.http(settings, name)
    try:
        return await http.send(Request("GET", "/v1/account/info", "account"), _WAIT)
    finally:
        await http.close()


def _verdict(place: str, url: str, answer: Response | NoAnswer) -> Finding:
    if isinstance(answer, NoAnswer):
        return Finding(
            "wrong", f"{place}.url: {url} does not answer ({answer.reason}); check address and network"
        )
    if answer.status == HTTPStatus.OK:
        return Finding("ok", f"{place}: {url} accepts the key")
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return Finding(
            "wrong", f"{place}.api_key: {url} refuses it ({answer.status}); put a valid key in its place"
        )
    return Finding("wrong", f"{place}.url: {url} answers {answer.status}; check the address or try later")


def _ledger(settings: Settings) -> Findings:
    if settings.ledger.is_postgres:
        yield Finding("ok", ledgers.opened(settings))
        return
    path = settings.ledger.sqlite_path
    if path.exists():
        ledger = wiring.ledger(settings, next(iter(settings.destinations)))
        identity = ledger.identity
        ledger.close()
        yield Finding("ok", f"ledger {path}: opens, id {identity}")
    elif path.parent.is_dir() and os.access(path.parent, os.W_OK):
        yield Finding("ok", f"ledger {path}: will be made at the first start")
    else:
        yield Finding(
            "wrong",
            f"ledger.url: {path.parent} is not a directory to write in; create it or correct the path",
        )


def _history(settings: Settings) -> Findings:
    """A check makes no file."""
    path = settings.history
    if path is None:
        return
    if os.access(path if path.exists() else path.parent, os.W_OK) and not path.is_dir():
        yield Finding("ok", f"history {path}: can be written; it grows with every record")
    else:
        yield Finding("wrong", f"history: {path} cannot be written; {history_file.REMEDY}")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
