"""The plan of one shape: which column feeds which field, and how. Made once, applied to every record."""

from collections.abc import Collection, Iterator, Mapping
from zoneinfo import ZoneInfo

from msgspec import UNSET, Struct
from msgspec.structs import fields, replace

from connector.core.change import UNKNOWN, Shape
from connector.core.convert import word
from connector.core.events import Body, Contact
from connector.core.filler import FAILURES, Fill, Step, filler
from connector.core.fit import NO_DEFAULT, NOT_QUICK, Found, Settled, Unfit, settle
from connector.core.items import Items
from connector.core.model import Reject
from connector.core.paths import locate, reader
from connector.core.rules import TopicRules
from connector.core.targets import BODIES, PHONE, WORD, Target, converter, lenient, quick, required, targets
from connector.core.version import declare


class Plan(Struct, frozen=True):
    """A shape's plan. `blank`: the body's arguments before any step; params fill the slot `extra`.

    fast: the same as `plainly`, written out for this shape.
    """

    body: type[Body]
    steps: tuple[Step, ...]
    params: tuple[Step, ...]
    extra: int
    version: Step | None
    blank: list[object]
    fast: Fill | None = None

    def feeds(self, target: str) -> bool:
        """Whether a column feeds this field."""
        return any(step.target == target for step in self.steps)

    def fill(self, row: Mapping[str, object]) -> Body | Reject:
        """The body of one row, or why it has none."""
        if self.fast is not None:
            try:
                return self.fast(row)
            except FAILURES:
                pass
        return self.plainly(row)

    def plainly(self, row: Mapping[str, object]) -> Body | Reject:
        """The body of one row, step by step."""
        values, extra = self.blank[:], {}
        for step in (*self.steps, *self.params):
            try:
                value = step.settled(step.read(row[step.column]))
            except Unfit as unfit:
                return Reject(unfit.cause, f"{step.target}: column {step.column} {unfit.what}")
            except KeyError:
                return Reject("mapping", f"{step.target}: the record has no column {step.column}")
            if step.slot >= 0:
                values[step.slot] = value
            elif value is not UNSET:
                extra[step.target] = value
        if self.params:
            values[self.extra] = extra or UNSET
        return self.body(*values)  # type: ignore[arg-type]  # each converter makes its field's type

    def declared(self, row: Mapping[str, object]) -> int | str | Reject | None:
        """The version that the row declares; None where the configuration names no field."""
        if self.version is None:
            return None
        step = self.version
        try:
            return step.settled(step.read(row.get(step.column)))  # type: ignore[return-value]  # see `declare`
        except Unfit as unfit:
            return Reject("version", f"version: column {step.column} {unfit.what}")


class Planner:
    """Makes plans for one topic; holds what does not depend on the shape."""

    def __init__(self, rules: TopicRules, zone: ZoneInfo) -> None:
        """Raises Unfit for a default of the wrong type, which `targets.problems` reports."""
        self._rules, self._zone = rules, zone
        self._body = BODIES[rules.entity]
        self._targets = targets(self._body)
        self._slots = {field.name: slot for slot, field in enumerate(fields(self._body))}
        self._settled = {name: converter(rules, name, zone) for name in self._targets if name != "items"}
        if "items" in self._targets:
            self._items = Items(rules, zone)
            self._settled["items"] = settle(self._items)

    def plan(self, shape: Shape) -> Plan | Reject:
        """The plan of a shape; Reject where the shape lacks a mapped column."""
        lacking = required(self._rules, shape.columns)
        if lacking:
            return Reject("mapping", f"{self._rules.name}: {lacking[0]}")
        params = tuple(
            self._step(-1, path, name, converter(self._rules, name, self._zone), shape)
            for name, path in self._rules.params.items()
        )
        extra = self._slots["fields" if self._body is Contact else "params"]
        plan = self._plan(shape, self._targets, self._settled)
        fast = filler(self._body, plan.blank, plan.steps, params, extra)
        return replace(plan, params=params, extra=extra, fast=fast)

    def partial(self, shape: Shape, names: Collection[str]) -> Plan:
        """The plan of what tells an entity alone, as far as the shape has it (a delete's row has little)."""
        return self._plan(shape, names, self._settled | {PHONE: lenient(self._settled[PHONE])})

    def _plan(self, shape: Shape, names: Collection[str], converters: Mapping[str, Settled]) -> Plan:
        blank: list[object] = [UNSET] * len(self._slots)
        steps = []
        for target, settled in self._wanted(names, converters):
            path = target.path(self._rules.fields, shape.columns)
            if path is None or locate(path, shape.columns) is None:
                blank[target.slot] = settled(UNSET)
            else:
                steps.append(self._step(target.slot, path, target.name, settled, shape))
        return Plan(self._body, tuple(steps), (), -1, self._version(shape), blank)

    def _wanted(
        self, names: Collection[str], converters: Mapping[str, Settled]
    ) -> Iterator[tuple[Target, Settled]]:
        for name in names:
            yield self._targets[name], converters[name]
        if "status" in names:
            raw = replace(self._targets["status"], slot=self._slots["raw_status"])
            yield raw, settle(word, self._rules.defaults.get("status", NO_DEFAULT))

    def _version(self, shape: Shape) -> Step | None:
        if not self._rules.version or self._rules.version == "auto":
            return None
        if not locate(self._rules.version, shape.columns):
            return Step(-1, self._rules.version, lambda _: None, *NOT_QUICK, self._declare, "version")
        return self._step(-1, self._rules.version, "version", self._declare, shape)

    def _declare(self, value: Found) -> int | str:
        return declare(None if value is UNSET else value, self._zone)

    def _step(self, slot: int, path: str, name: str, settled: Settled, shape: Shape) -> Step:
        head, segments = locate(path, shape.columns) or (path, ())
        column = shape.columns[head]
        null = head in self._rules.null_defaults or column.name in self._rules.null_defaults
        read = reader(column, segments, default_is_null=null)
        raw = slot == self._slots.get("raw_status")
        short = WORD if raw else quick(self._rules, name, self._zone) if name in self._targets else NOT_QUICK
        form = UNKNOWN if segments or null or column.json else column.form
        items = self._items if name == "items" and name in self._targets else None
        return Step(slot, column.name, read, *short, settled, name, form, items)
