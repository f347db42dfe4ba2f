"""What `check` looks at in a counter of Metrica: token, counter, schema, columns, the last uploads."""

import asyncio
from collections.abc import Collection, Mapping

import msgspec

from connector import wiring
from connector.core.paths import locate
from connector.core.talk import NoAnswer, Request, Response
from connector.dialects.metrica_answers import succeeded
from connector.errors import ConnectorError
from connector.settings import Settings
from connector.settings.metrica import MetricaSettings
from connector.wiring import daily, metrica_schema
from connector.wiring.finding import Finding, Findings

_WAIT = 10.0
_APPLY = "run crm-connector metrica schema apply -c FILE"


def check(settings: Settings, name: str, chosen: MetricaSettings) -> Findings:
    """Token and counter first: without them nothing else can be told."""
    place = f"destinations.{name}"
    answer = asyncio.run(_last_uploads(settings, name, chosen))
    found = _verdict(place, chosen, answer)
    yield found
    if found.mark == "ok":
        yield from _schema(settings, name)
        yield from _uploads(place, answer)


def columns(settings: Settings, known: Mapping[str, Collection[str]]) -> Findings:
    """Columns that are named for Metrica and are not there: each record would be a dead letter.

    known: of each topic whose schema is known.
    """
    for name, chosen in settings.destinations.items():
        if not isinstance(chosen, MetricaSettings):
            continue
        for topic in settings.topics_of(name):
            for param, path in chosen.params(topic.entity).items():
                if topic.name in known and not locate(path, known[topic.name]):
                    what = f"the schema of {topic.name} has no column {path} for {param}"
                    yield Finding("wrong", f"destinations.{name}: {what}; correct columns or attributes")


async def _last_uploads(settings: Settings, name: str, chosen: MetricaSettings) -> Response | NoAnswer:
    http = daily.by_hand(settings, name, wiring.http(settings, name))
    path = f"/cdp/api/v1/counter/{chosen.counter_id}/last_uploadings?limit=1&source=API"
    try:
        return await http.send(Request("GET", path, "last_uploadings"), _WAIT)
    finally:
        await http.close()


def _verdict(place: str, chosen: MetricaSettings, answer: Response | NoAnswer) -> Finding:
    url, counter = chosen.url, chosen.counter_id
    if isinstance(answer, NoAnswer):
        return Finding(
            "wrong", f"{place}.url: {url} does not answer ({answer.reason}); check address and network"
        )
    if succeeded(answer):
        return Finding("ok", f"{place}: {url} accepts the token for counter {counter}")
    remedies = {
        401: f"token: {url} refuses it (401); put a valid one in its place",
        403: f"token: {url} refuses it for counter {counter} (403); it needs metrika:write and the counter's "
        "permission",
        404: f"counter_id: {url} knows no counter {counter}; correct the number",
        429: "requests_per_day: the quota is spent (429); try again after 00:00 GMT",
    }
    other = f"url: {url} answers {answer.status}; check the address or try later"
    return Finding("wrong", f"{place}.{remedies.get(answer.status, other)}")


def _schema(settings: Settings, name: str) -> Findings:
    place = f"destinations.{name}"
    try:
        steps = metrica_schema.plan(settings, name)
    except ConnectorError as error:
        yield Finding("wrong", str(error))
        return
    for step in steps:
        if step.do == "conflict":
            yield Finding("wrong", f"{place}: {step.text.removeprefix('! ')}")
    due = [step.name for step in steps if step.do in ("add", "change")]
    if due:
        yield Finding("wrong", f"{place}: the counter's schema differs in {', '.join(due)}; {_APPLY}")
    else:
        yield Finding("ok", f"{place}: the counter has the statuses and attributes that are declared")


def _uploads(place: str, answer: Response | NoAnswer) -> Findings:
    """Shown, and never used to settle anything (RULES 12)."""
    if isinstance(answer, NoAnswer):
        return
    try:
        told = msgspec.json.decode(answer.body, type=dict[str, list[dict[str, object]]])
    except (ValueError, RecursionError):
        return
    for last in told.get("uploadings", [])[:1]:
        words = (last.get("elements_count"), last.get("api_validation_status"), last.get("datetime"))
        yield Finding("ok", "{}: the last upload had {} elements, {}, at {}".format(place, *words))
