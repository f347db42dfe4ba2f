"""Which fields the configuration can name, how each is converted, and what is wrong with a mapping."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from difflib import get_close_matches
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import fields

from connector.core import convert, instants
from connector.core.change import Value
from connector.core.events import Body, Contact, Fact, Item, Order
from connector.core.fit import NO_DEFAULT, NOT_QUICK, Convert, Found, Quick, Settled, Unfit, mapped, settle
from connector.core.model import Entity
from connector.core.paths import locate
from connector.core.phones import is_region, phones
from connector.core.rules import TopicRules

BODIES: Final[Mapping[Entity, type[Body]]] = {"order": Order, "contact": Contact, "event": Fact}
KEYS: Final[Mapping[Entity, str]] = {
    "order": "externalOrderId", "contact": "externalCustomerId", "event": "eventId",
}  # fmt: skip
ITEM_PREFIX: Final = "items."
PHONE: Final = "phone"

_NOT_TARGETS: Final = {"rawStatus", "params", "fields", "extra"}
_NO_DEFAULT_FOR: Final = {"externalOrderId", "externalCustomerId", "eventId", "email", "phone", "items"}
_KINDS: Final[Mapping[str, Convert]] = {
    "externalOrderId": convert.word, "externalCustomerId": convert.word, "externalItemId": convert.word,
    "storeId": convert.word, "email": convert.word, "phone": convert.word, "status": convert.word,
    "currency": convert.word, "languageCode": convert.word, "timeZone": convert.word,
    "totalCost": convert.total, "cost": convert.money, "shipping": convert.money,
    "discount": convert.money, "taxes": convert.money, "quantity": convert.quantity,
    "additionalInfo": convert.tree, "items": convert.tree, "eventId": convert.word, "eventType": convert.word,
}  # fmt: skip
_ON_DELETE: Final[Mapping[Entity, tuple[str, ...]]] = {
    "order": ("cancel",), "contact": ("unsubscribe", "erase"), "event": (),
}  # fmt: skip
_INSTANTS: Final = ("date", "occurred")
WORD: Final = Quick(str, str.strip)  # type: ignore[arg-type]  # called with a str
_QUICK: Final[Mapping[Convert, Quick]] = {
    convert.text: Quick(str), convert.word: WORD, convert.quantity: Quick(int),
    convert.money: Quick(Decimal, convert.money), convert.total: Quick(Decimal, convert.total),
}  # fmt: skip


class Target(Struct, frozen=True):
    """A field of a body: its name in the configuration, in a table (snake_case), and its place."""

    name: str
    snake: str
    slot: int

    def path(self, configured: Mapping[str, str], names: Collection[str], prefix: str = "") -> str | None:
        """Its column: the configured one ("" = not mapped), else the first of its own names that exists."""
        path = configured.get(prefix + self.name)
        if path is not None:
            return path or None
        return next((name for name in (self.name, self.snake) if name in names), None)


@cache
def targets(body: type[Struct]) -> dict[str, Target]:
    """The fields of a body that a column can feed, by name."""
    found = [Target(f.encode_name, f.name, slot) for slot, f in enumerate(fields(body))]
    return {target.name: target for target in found if target.name not in _NOT_TARGETS}


def quick(rules: TopicRules, place: str, zone: ZoneInfo) -> Quick:
    """The short cut of a field's conversion. `place`: as in `converter`."""
    base, words = bare(rules.entity, place, zone), rules.values.get(place)
    if place == PHONE:
        return NOT_QUICK if words else Quick(str, phones(rules.phone_region))  # type: ignore[arg-type]  # as WORD
    if words is not None:
        return Quick(str, _replaced(words)) if base is convert.word else NOT_QUICK
    return Quick(datetime, base) if place in _INSTANTS else _QUICK.get(base, NOT_QUICK)


def _replaced(words: Mapping[str, str]) -> Convert:
    def run(value: Value) -> object:
        word: str = value.strip()  # type: ignore[union-attr,assignment]  # called with a str
        return words.get(word, word)

    return run


def converter(rules: TopicRules, place: str, zone: ZoneInfo) -> Settled:
    """Value → field, with the configured words and default; a part of items is whole or raises Unavailable.

    place: the field's name in the configuration ("totalCost", "items.cost"), or a parameter's.
    Raises Unfit for a default of the wrong type.
    """
    base = bare(rules.entity, place, zone)
    given, words = rules.defaults.get(place), rules.values.get(place)
    default = NO_DEFAULT if given is None else base(given)
    cause = "invalid_total" if place == "totalCost" else "unrepresentable"
    whole = place.startswith(ITEM_PREFIX)
    convert = mapped(base, words) if words else base
    convert = _phone(convert, rules.phone_region) if place == PHONE else convert
    return settle(convert, default, cause, whole=whole)


def _phone(convert: Convert, region: str | None) -> Convert:
    """Configured words stand for the source's own ("-" for none), so they come before its spelling."""
    read = phones(region)

    def run(value: Value) -> object:
        word = convert(value)
        return read(word) if isinstance(word, str) else None

    return run


def lenient(settled: Settled) -> Settled:
    """Null where a value does not fit: what only helps to tell an entity does not cost it its identity."""

    def run(value: Found) -> object:
        try:
            return settled(value)
        except Unfit:
            return None

    return run


def bare(entity: Entity, place: str, zone: ZoneInfo) -> Convert:
    """The conversion that a field's type asks for; a parameter's, and an item's extra, is a JSON tree."""
    known = targets(Item if place.startswith(ITEM_PREFIX) else BODIES[entity])
    name = place.removeprefix(ITEM_PREFIX)
    if name not in known:
        return convert.tree
    if name in _INSTANTS or name == "birthDate":
        return instants.instant(zone) if name in _INSTANTS else instants.day(zone)
    return _KINDS.get(name, convert.text)


# --- What is wrong --------------------------------------------------------------------------------


def problems(rules: TopicRules) -> list[str]:
    """Mistakes of one topic's mapping, one line each, from the configuration alone ("fields.totlCost: …")."""
    return [*_unknown(rules), *_params(rules), *_deletes(rules), *_values(rules), *_facts(rules)]


def required(rules: TopicRules, columns: Collection[str]) -> list[str]:
    """What a schema with these columns lacks for this mapping, one line each; empty: it fits."""
    wanted = {f"fields.{name}": path for name, path in rules.fields.items() if "." not in name and path}
    wanted |= {f"params.{name}": path for name, path in rules.params.items()}
    wanted |= {"version": rules.version} if rules.version not in (None, "auto") else {}
    lines = [_lacking(place, path) for place, path in wanted.items() if not locate(path, columns)]
    key = targets(BODIES[rules.entity])["eventType" if rules.entity == "event" else KEYS[rules.entity]]
    if not key.path(rules.fields, columns) and key.name not in rules.defaults:
        advice = "set event_type, or name its column" if rules.entity == "event" else "name the column"
        lines.append(f"fields.{key.name}: the schema has no column {key.name} or {key.snake}; {advice}")
    return lines + _items_lacking(rules, columns)


def _lacking(place: str, path: str) -> str:
    return f"{place}: the schema has no column {path.partition('.')[0]}"


def _items_lacking(rules: TopicRules, columns: Collection[str]) -> list[str]:
    named = next((name for name in rules.fields if name.startswith(ITEM_PREFIX)), None)
    if named is None or "items" in rules.fields or "items" in columns:
        return []
    return [f"fields.{named}: the schema has no column items; name it in fields.items"]


def _unknown(rules: TopicRules) -> Iterator[str]:
    parts = targets(Item) if rules.entity == "order" else ()
    known = [*targets(BODIES[rules.entity]), *(ITEM_PREFIX + name for name in parts)]
    also = {"values": rules.params, "defaults": rules.params}
    for section, names in (("fields", rules.fields), ("values", rules.values), ("defaults", rules.defaults)):
        for name in names:
            item = name.startswith(ITEM_PREFIX) and rules.entity == "order"
            if name not in known and name not in also.get(section, ()) and not item:
                yield f"{section}.{name}: {_hint(name, known, rules.entity)}"


def _hint(name: str, known: list[str], entity: Entity) -> str:
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]}?" if near else "extra parameters go into params"
    return f"no such field of {'a contact' if entity == 'contact' else f'an {entity}'}; {advice}"


def _params(rules: TopicRules) -> Iterator[str]:
    own = targets(BODIES[rules.entity])
    sent = ("externalCustomerId", "email", "phone") if rules.entity == "event" else own
    taken = {name.lower(): name for name in sent}
    for name in rules.params:
        if name.lower() in taken:
            yield f"params.{name}: the name is taken by {taken[name.lower()]}; choose another"
        taken.setdefault(name.lower(), name)


def _deletes(rules: TopicRules) -> Iterator[str]:
    right = _ON_DELETE[rules.entity]
    if rules.on_delete not in ("ignore", "dead-letter", *right):
        better = " or ".join(right or ("ignore", "dead-letter"))
        yield f"on_delete: {rules.on_delete} has no meaning for entity {rules.entity}; use {better}"


def _facts(rules: TopicRules) -> Iterator[str]:
    if rules.entity == "event" and rules.version not in (None, "auto"):
        yield "version: an event happens once and has none; remove the line"


def _values(rules: TopicRules) -> Iterator[str]:
    try:
        zone = ZoneInfo(rules.time_zone)
    except (ValueError, OSError, LookupError):
        yield f"time_zone: no time zone {rules.time_zone}; use an IANA name such as Europe/Kyiv"
        zone = ZoneInfo("UTC")
    if rules.phone_region and not is_region(rules.phone_region):
        yield f"phone_region: no region {rules.phone_region}; use two letters such as UA"
    for name, default in rules.defaults.items():
        if name in _NO_DEFAULT_FOR:
            yield f"defaults.{name}: one value cannot stand for everybody's; remove it"
            continue
        try:
            bare(rules.entity, name, zone)(default)
        except Unfit:
            yield f"defaults.{name}: the value does not have the field's type"
