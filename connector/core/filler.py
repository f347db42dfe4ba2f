"""The fast form of `columns.Plan.plainly`: a plan written out as one function, compiled once per shape.

It makes the same body, or raises where the plain form is to decide (and to say what is wrong). Texts, whole
numbers and decimals of a known form are taken after a look at their type; whatever is not as expected, or has
no short cut, goes through the same readers and converters as there.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import UNSET

from connector.core import convert
from connector.core.change import UNKNOWN, Form
from connector.core.events import Body, Item
from connector.core.fit import Convert, Never, Settled, Unavailable, Unfit
from connector.core.items import Items
from connector.core.moments import PLACEHOLDER
from connector.core.paths import Reader
from connector.core.source import Source

Fill = Callable[[Mapping[str, object]], Body]
FAILURES: Final = (Unfit, Unavailable, KeyError, OverflowError)
"""What a generated function raises: then the plain form decides."""

NAMES: Final[dict[str, object]] = {
    "UNSET": UNSET, "PLACEHOLDER": PLACEHOLDER, "digits": int.from_bytes, "cent": Decimal("0.01"),
    "make_item": Item, "epoch": datetime(1970, 1, 1, tzinfo=UTC),
}  # fmt: skip
_FACTORS: Final[dict[int | None, str]] = {0: " * 100", 1: " * 10", 2: ""}
"""By scale: from a decimal's digits to cents."""


class Step(NamedTuple):
    """One column into one field: settled(read(raw)); and what allows a short cut.

    fast, quick: see fit.Quick. items: of the field of that name, what its entries are made by.
    """

    slot: int
    column: str
    read: Reader
    fast: type
    quick: Convert | None
    settled: Settled
    target: str
    form: Form = UNKNOWN
    items: Items | None = None


def filler(
    body: type[Body],
    blank: list[object],
    steps: tuple[Step, ...],
    params: tuple[Step, ...],
    extra: int,
) -> Fill:
    """Write a plan's function: row → body. blank, extra: see columns.Plan."""
    source = Source(NAMES)
    slots = blanks(source, blank)
    with source.block("def fill(row)"):
        for step in steps:
            slots[step.slot] = _loaded(source, "row", step)
            field(source, step, slots[step.slot])
        if params:
            slots[extra] = _params(source, params)
        source.add(f"return {call(source.constant(body), slots)}")
    return source.build("fill")  # type: ignore[no-any-return]


def blanks(source: Source, values: list[object]) -> list[str]:
    """The arguments of a body, or of an item, before any step."""
    return ["UNSET" if value is UNSET else source.constant(value) for value in values]


def call(function: str, slots: list[str]) -> str:
    """All fields by position, but the last ones that have nothing."""
    used = max((slot for slot, value in enumerate(slots) if value != "UNSET"), default=-1) + 1
    return f"{function}({', '.join(slots[:used])})"


def _loaded(source: Source, row: str, step: Step) -> str:
    value = source.name("v")
    source.add(f"{value} = {row}[{source.constant(step.column)}]")
    return value


def _params(source: Source, params: tuple[Step, ...]) -> str:
    found = source.name("v")
    source.add(f"{found} = {{}}")
    for step in params:
        value = _loaded(source, "row", step)
        field(source, step, value)
        source.add(f"if {value} is not UNSET: {found}[{source.constant(step.target)}] = {value}")
    source.add(f"{found} = {found} or UNSET")
    return found


# --- One field: its variable holds the raw value before, the field's after ------------------------


class Short(NamedTuple):
    """A raw value of the type `kind` that passes `test` ("" = every one does) makes the field's: `made`."""

    kind: str
    test: str
    made: str


def field(source: Source, step: Step, value: str) -> None:
    """Lines that convert a raw value of any type."""
    slow, short = slow_way(source, step, value), short_cut(source, step, value)
    if is_list(step):
        _items(source, step, value, slow)
    elif short is None:
        _any(source, step, value, slow)
    else:
        known = f"type({value}) is {short.kind}{short.test and f' and {short.test}'}"
        source.add(
            f"if {known}: " + ("pass" if short.made == value else f"{value} = {short.made}"),
            f"elif {value} is None: {value} = {source.constant(step.settled(None))}",
            f"else: {slow}",
        )


def is_list(step: Step) -> bool:
    """Whether it takes an array of records, and nothing of them but what has a name of its own."""
    return step.form.items is not None and step.items is not None and not step.items.has_extra


def short_cut(source: Source, step: Step, value: str) -> Short | None:
    """How most values of a field are converted; None: each goes the long way."""
    form = step.form
    if form.plain is str and step.fast is str:
        return _text(source, step, value)
    if form.plain is not None and form.plain is step.fast and step.quick is None:
        return Short(form.plain.__name__, "", value)
    if form.scale in _FACTORS and step.quick in (convert.money, convert.total):
        # Negative ones go the long way; eight bytes are digits that the default context holds exactly.
        test = f"0 < len({value}) <= 8 and {value}[0] < 128"
        return Short("bytes", test, f"digits({value}){_FACTORS[form.scale]} * cent")
    if form.unit is not None and step.fast is datetime:
        return Short("int", "", f"epoch + {source.constant(form.unit)} * {value}")
    return None


def slow_way(source: Source, step: Step, value: str) -> str:
    """The line that does as `columns.Plan.plainly`."""
    return f"{value} = {source.constant(step.settled)}({source.constant(step.read)}({value}))"


def _text(source: Source, step: Step, value: str) -> Short:
    test = f"{value} != PLACEHOLDER"
    if step.quick is None:
        return Short("str", test, value)
    short = source.name("v")
    made = f"{value}.strip()" if step.quick is str.strip else f"{source.constant(step.quick)}({value})"
    return Short("str", f"{test} and ({short} := {made})", short)


def parts_of(step: Step) -> tuple[list[Step], list[object]]:
    """How the records of an array are read, field by field, and Item's arguments before that."""
    columns = step.form.items or {}
    parts, blank = step.items.parts(tuple(columns)) if step.items else ([], [])
    steps = [
        Step(slot, key, columns[key].read, fast, quick, settled, name, columns[key].form)
        for slot, key, fast, quick, settled, name in parts
    ]
    return steps, blank


def _any(source: Source, step: Step, value: str, slow: str) -> None:
    if step.fast is Never:
        return source.add(slow)
    settled = f"{source.constant(step.settled)}({value})"
    quick = f"{source.constant(step.quick)}({value}) or {settled}" if step.quick else value
    source.add(
        f"{value} = {source.constant(step.read)}({value})",
        f"{value} = ({quick}) if type({value}) is {source.constant(step.fast)} else {settled}",
    )
    return None


def _items(source: Source, step: Step, value: str, slow: str) -> None:
    """Only the mapped fields of the records of an array, each straight into its Item."""
    parts, blank = parts_of(step)
    slots, entry, made = blanks(source, blank), source.name("v"), source.name("v")
    with source.block(f"if type({value}) is list"):
        source.add(f"{made} = []")
        with source.block(f"for {entry} in {value}"):
            for part in parts:
                slots[part.slot] = _loaded(source, entry, part)
                field(source, part, slots[part.slot])
            source.add(f"{made}.append({call('make_item', slots)})")
        source.add(f"{value} = tuple({made})")
    with source.block("else"):
        source.add(slow)
