"""`metrica schema`: the counter's schema against the configuration, and applied."""

import asyncio
from collections.abc import Mapping
from typing import Any

from connector import wiring
from connector.core.talk import NoAnswer, Request, Response
from connector.dialects.metrica_answers import error_types, succeeded, told
from connector.dialects.metrica_schema import Entries, Part, Step, difference, read, reading, writing
from connector.errors import ConfigError, ConnectorError
from connector.ports import Http
from connector.settings import Settings
from connector.settings.metrica import AttributeSettings, MetricaSettings, StatusSettings
from connector.wiring import daily

__all__ = ["Step", "apply", "counters", "declared", "plan"]

_WAIT = 30.0


def counters(settings: Settings, destination: str | None) -> list[str]:
    """The destinations of type metrica, or the one that is named. Raises ConfigError."""
    if destination is not None:
        _counter(settings, destination)
        return [destination]
    found = [name for name, one in settings.destinations.items() if isinstance(one, MetricaSettings)]
    if not found:
        raise ConfigError("destinations: none is of type metrica; add one")
    return found


def plan(settings: Settings, name: str) -> list[Step]:
    """What differs. Raises ConfigError; ConnectorError where the counter does not tell."""
    return asyncio.run(_run(settings, name, apply=False))


def apply(settings: Settings, name: str) -> list[Step]:
    """Do what `plan` tells; what was done, and what could not be. Raises as `plan` does."""
    return asyncio.run(_run(settings, name, apply=True))


def declared(chosen: MetricaSettings) -> Mapping[Part, Entries]:
    """What the configuration declares, part by part."""
    statuses = {
        one.id or word: {"type": one.type, **_goals(one), **_named(one)}
        for word, one in chosen.statuses.items()
    }
    contacts, orders = (
        {
            name: {"type_name": one.type, "multivalued": one.multivalued} | _named(one)
            for name, one in chosen.attributes_of(entity).items()
        }
        for entity in ("contact", "order")
    )
    return {"order_statuses": statuses, "contact attributes": contacts, "order attributes": orders}


def _goals(one: StatusSettings) -> dict[str, list[str]]:
    return {"goal_action_ids": list(one.goal_action_ids)} if one.goal_action_ids else {}


def _named(one: StatusSettings | AttributeSettings) -> dict[str, str]:
    """A name for people that is not configured is the counter's own affair."""
    return {} if one.humanized is None else {"humanized": one.humanized}


async def _run(settings: Settings, name: str, *, apply: bool) -> list[Step]:
    chosen = _counter(settings, name)
    http = daily.by_hand(settings, name, wiring.http(settings, name))
    place = f"destinations.{name}"
    try:
        steps: list[Step] = []
        for part, wanted in declared(chosen).items():
            found = _entries(part, await _ask(http, place, reading(chosen.counter_id, part)), place)
            own = difference(part, wanted, found)
            steps += own
            request = writing(chosen.counter_id, part, wanted, found, own) if apply else None
            if request is not None:
                await _ask(http, place, request)
        return steps
    finally:
        await http.close()


def _counter(settings: Settings, name: str) -> MetricaSettings:
    chosen = settings.destination(name)
    if not isinstance(chosen, MetricaSettings):
        raise ConfigError(f"{name}: is of type {chosen.type}; name a destination of type metrica")
    return chosen


async def _ask(http: Http, place: str, request: Request) -> Response:
    answer = await http.send(request, _WAIT)
    if isinstance(answer, NoAnswer):
        raise ConnectorError(f"{place}.url: does not answer ({answer.reason}); check address and network")
    if not succeeded(answer):
        outcome: Any = told(answer)
        words = ": ".join([f"HTTP {answer.status}", *error_types(answer)])
        what = getattr(outcome, "detail", None) or words
        raise ConnectorError(f"{place}: {request.method} {request.resource}: {what}")
    return answer


def _entries(part: Part, answer: Response, place: str) -> Entries:
    found = read(part, answer.body)
    if found is None:
        raise ConnectorError(f"{place}.url: answers no {part}; check the address")
    return found
