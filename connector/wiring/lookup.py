"""Where an order or a contact stands: what each destination's ledger knows of it, without its content."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from connector.core.heads import State
from connector.core.letters import Choice
from connector.core.model import Entity, Version
from connector.core.past import Sent
from connector.core.sight import Sight
from connector.errors import BrokerDown
from connector.settings import Settings
from connector.wiring import dead_letters
from connector.wiring.edges import ledger_there

PATIENCE: Final = 5.0
"""Seconds within which Kafka has to answer; the ledger tells the most of it."""


class Known(Struct, frozen=True, omit_defaults=True):
    """What one destination's ledger knows.

    state: accepted | erased | removed | unsubscribed, None = nothing was settled yet. live: once accepted as
    a live event or by Add orders. version: see `_told`. open: on_its_way | in_doubt, with the open version.
    history: what was accepted, or may have been, oldest first: at (seconds since the epoch), via, outcome,
    attempts, version. orders: of a contact, where its orders are counted. letters: its dead letters: topic,
    partition, offset, time_ms (the record's), cause, detail.
    """

    destination: str
    state: str | None = None
    live: bool = False
    version: dict[str, Any] | None = None
    remote_id: str | None = None
    open: str | None = None
    open_version: dict[str, Any] | None = None
    history: tuple[dict[str, Any], ...] = ()
    orders: int = 0
    letters: tuple[dict[str, Any], ...] = ()


def find(
    settings: Settings, entity: Entity, key: str, destinations: tuple[str, ...], warn: Callable[[str], None]
) -> list[Known]:
    """Of these destinations (none named: every one), those that know it, or have dead letters of it.

    warn: told why dead letters could not be looked at. Raises ConfigError, LedgerDown, Fatal.
    """
    for name in destinations:
        settings.destination(name)
    names = destinations or tuple(settings.destinations)
    known = {name: _look(settings, name, entity, key) for name in names}
    try:
        letters = _letters(settings, entity, key, frozenset(names))
    except BrokerDown as error:
        warn(f"dead letters: not looked at: {error}")
        letters = {}
    return [
        replace(one or Known(name), letters=tuple(letters.get(name, ())))
        for name, one in known.items()
        if one or name in letters
    ]


def _letters(
    settings: Settings, entity: Entity, key: str, names: frozenset[str]
) -> dict[str, list[dict[str, Any]]]:
    """By destination, in the order of the dead-letter topic."""
    topics = frozenset(topic.name for topic in settings.topics if topic.entity == entity)
    found: dict[str, list[dict[str, Any]]] = {}
    with dead_letters.opened(settings) as box:
        choice = Choice(destinations=names, topics=topics, keys=frozenset({key}))
        if topics and dead_letters.look(settings, box, choice, wait=PATIENCE):
            for one in box.letters():
                at, letter = one.letter.record.position, one.letter
                told = {
                    "topic": at.topic, "partition": at.partition, "offset": at.offset,
                    "time_ms": one.time_ms, "cause": letter.cause, "detail": letter.detail,
                }  # fmt: skip
                found.setdefault(letter.destination, []).append(told)
    return found


def _look(settings: Settings, name: str, entity: Entity, key: str) -> Known | None:
    ledger = ledger_there(settings, name)
    try:
        sight = ledger.look(entity, key)
        if sight.head is None and sight.claim is None:
            return None
        return _known(name, sight, ledger.history(entity, key))
    finally:
        ledger.close()


def _known(name: str, sight: Sight, history: Sequence[Sent]) -> Known:
    head, claim = sight.head, sight.claim
    return Known(
        destination=name,
        state=State(head.state).name.lower() if head else None,
        live=head is not None and head.live,
        version=_told(head.version if head else None),
        remote_id=head.remote_id if head else None,
        open=None if claim is None else "on_its_way" if sight.living else "in_doubt",
        open_version=_told(claim.head.version if claim else None),
        orders=sight.orders,
        history=tuple(
            {
                "at": one.at,
                "via": one.via,
                "outcome": one.outcome,
                "attempts": one.attempts,
                "version": _told(one.version),
            }
            for one in history
        ),
    )


def _told(version: Version | None) -> dict[str, Any] | None:
    """What is known of a version: clock, declared, lsn, ts_ms, topic, partition, offset."""
    if version is None:
        return None
    names = ("clock", "declared", "lsn", "ts_ms", "topic", "partition", "offset")
    return {name: value for name in names if (value := getattr(version, name)) is not None}
