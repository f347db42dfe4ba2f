"""The items of an order, from an array of records or of JSON texts, or from one JSON text.

A schema tells nothing of the keys inside JSON, so the plan of an item is made once per set of keys.
"""

from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from msgspec import UNSET

from connector.core.change import Value
from connector.core.events import Item
from connector.core.fit import NOT_QUICK, Convert, Settled, Unavailable, Unfit
from connector.core.model import UNAVAILABLE, Missing
from connector.core.paths import Segments, locate, parse, walk
from connector.core.rules import TopicRules
from connector.core.targets import ITEM_PREFIX, converter, quick, targets

_MAX_PLANS: Final = 256
_EXTRA: Final = len(Item.__struct_fields__) - 1


Part = tuple[int, str, type, Convert | None, Settled, str]
"""One mapped part of an item: slot, key, short cut (type and call), the long way, name."""


class Plan(NamedTuple):
    """How items with one set of keys are read. blank: Item's arguments before that; extra: its `extra`."""

    parts: list[Part]
    extras: list[Part]
    blank: list[object]
    extra: dict[str, object]


class Items:
    """Value → tuple of Item; raises Unfit, and Unavailable for a placeholder in any mapped part."""

    def __init__(self, rules: TopicRules, zone: ZoneInfo) -> None:
        """Resolve the converters; raises Unfit for a default of the wrong type."""
        self._rules = rules
        fields = targets(Item)
        self._slots = {name: target.slot for name, target in fields.items()}
        extra = [n.removeprefix(ITEM_PREFIX) for n in rules.fields if n.startswith(ITEM_PREFIX)]
        self._extra = [name for name in extra if name not in fields]
        names = [*fields, *self._extra]
        self._settled = {name: converter(rules, ITEM_PREFIX + name, zone) for name in names}
        self._quick = {name: quick(rules, ITEM_PREFIX + name, zone) for name in names}
        self._plans: dict[tuple[str, ...], Plan] = {}
        self.has_extra = bool(self._extra)

    def parts(self, keys: tuple[str, ...]) -> tuple[list[Part], list[object]]:
        """How an item with these keys is read, and Item's arguments before that (its extra fields apart)."""
        plan = self._make(keys)
        return plan.parts, plan.blank

    def __call__(self, value: Value) -> tuple[Item, ...] | None:
        """Convert a column's value. A text is JSON; JSON's null is null."""
        value = _unwrapped(value)
        if value is None:
            return None
        if not isinstance(value, list):
            raise Unfit("holds no list of items")
        items = []
        try:
            for entry in value:
                items.append(self._item(entry))  # noqa: PERF401  # the handler counts them
        except Unfit as unfit:
            raise Unfit(f"has an item (number {len(items) + 1}) that {unfit.what}", unfit.cause) from None
        return tuple(items)

    def _item(self, entry: Value) -> Item:
        if type(entry) is not dict:
            entry = _record(entry)
        keys = tuple(entry)
        plan = self._plans.get(keys) or self._planned(keys)
        values = plan.blank[:]
        name = ""
        try:
            for slot, key, fast, quick, settled, name in plan.parts:  # noqa: B007  # the handler names it
                value = entry[key]
                if type(value) is fast:
                    values[slot] = quick(value) or settled(value) if quick else value
                else:
                    values[slot] = settled(value)
            if self._extra:
                extra = plan.extra.copy()
                for _, key, _, _, settled, name in plan.extras:  # as above
                    extra[name] = settled(entry[key])
                values[_EXTRA] = {name: part for name, part in extra.items() if part is not UNSET} or UNSET
        except Unfit as unfit:
            raise Unfit(f"{unfit.what} (in {name})", unfit.cause) from None
        return Item(*values)  # type: ignore[arg-type]  # each converter makes its field's type

    def _planned(self, keys: tuple[str, ...]) -> Plan:
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        plan = self._plans[keys] = self._make(keys)
        return plan

    def _make(self, keys: tuple[str, ...]) -> Plan:
        plan = Plan([], [], [UNSET] * (_EXTRA + 1), {})
        for name, settled in self._settled.items():
            slot = self._slots.get(name, _EXTRA)
            found = self._find(name, keys)
            if found is not None:
                key, segments = found
                short = NOT_QUICK if segments else self._quick[name]
                part = (slot, key, *short, _inside(settled, segments), name)
                (plan.parts if slot < _EXTRA else plan.extras).append(part)
            elif slot < _EXTRA:
                plan.blank[slot] = settled(UNSET)
            else:
                plan.extra[name] = settled(UNSET)
        return plan

    def _find(self, name: str, keys: tuple[str, ...]) -> tuple[str, Segments] | None:
        if name in self._slots:
            path = targets(Item)[name].path(self._rules.fields, keys, ITEM_PREFIX)
        else:
            path = self._rules.fields[ITEM_PREFIX + name]
        return locate(path, keys) if path else None


def _unwrapped(value: Value) -> Value:
    """The value of JSON text, any other as it is. Raises Unavailable for a placeholder."""
    if isinstance(value, str) and not isinstance(value, Missing):
        value = parse(value)
    if value is UNAVAILABLE:
        raise Unavailable
    return value


def _record(entry: Value) -> dict[str, Value]:
    """An entry that is JSON text (jsonb[]), or is no record at all."""
    entry = _unwrapped(entry)
    if isinstance(entry, dict):
        return entry
    raise Unfit("is no record")


def _inside(convert: Settled, segments: Segments) -> Settled:
    if not segments:
        return convert
    return lambda value: convert(walk(value, segments))
