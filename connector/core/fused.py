"""The fast form of `generated` and `filler` together: from the bytes to an event's body in one function.

No row is made in between: each mapped column is converted where it is read, and of the others nothing is kept
(their texts are checked, as the plain form does). It makes the same body, or it raises whatever it likes:
then the plain form reads the bytes anew, decides, and says what is wrong.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from connector.core import filler, generated
from connector.core.avro import Node, Schema, children, plain_names
from connector.core.columns import Plan
from connector.core.filler import Step, blanks, call, field, is_list, parts_of, short_cut, slow_way
from connector.core.generated import Generator, Reader, Wanted, number_into, used_twice

BODY: Final = ""
"""Under which a flattened message has its body beside its metadata: no metadata is called so."""
_NAMES: Final = generated.NAMES | filler.NAMES
_TYPES: Final = {
    "string": "str", "int": "int", "long": "int", "bytes": "bytes", "fixed": "bytes", "boolean": "bool",
}  # fmt: skip
_NULLABLE: Final = 2


def fuse(
    schema: Schema, row: dict[str, Any], plan: Plan, wanted: Wanted, meta: Collection[str] = ()
) -> Reader | None:
    """The reader that makes of the record `row` its body; None where that is left to the plain form.

    meta: columns that are kept beside it; with any, the record is a dict of them and, under BODY, the body.
    """
    shared = used_twice(schema)
    if shared is None or plan.version is not None or not _stands_alone(schema, row, wanted):
        return None
    return _Fused(schema, shared, wanted, row, plan, meta).reader()


def _stands_alone(schema: Schema, row: dict[str, Any], wanted: Wanted) -> bool:
    """Whether what is read has this record in one place only."""
    left, seen, places = [schema.root], set(), 0
    for name_or_node in left:
        node = schema.node(name_or_node)
        places += node is row
        if not isinstance(node, dict) or node["type"] != "record":
            left.extend(children(node))
        elif node["name"] not in seen:
            seen.add(node["name"])
            names = wanted.get(node["name"])
            left.extend(f["type"] for f in node["fields"] if names is None or f["name"] in names)
    return places == 1


class _Fused(Generator):
    """Writes the functions of one schema and one plan."""

    def __init__(
        self, schema: Schema, shared: set[str], wanted: Wanted, row: Node, plan: Plan, meta: Collection[str]
    ) -> None:
        super().__init__(schema, shared, wanted, _NAMES)
        self._row, self._plan, self._meta = row, plan, meta

    def _record(self, node: dict[str, Any], into: str) -> None:
        if node is self._row and into:
            self._body(node, into)
        else:
            super()._record(node, into)

    def _body(self, node: dict[str, Any], into: str) -> None:
        plan, kept = self._plan, {}
        names = plain_names(node)
        for column in (names[f["name"]] for f in node["fields"] if names[f["name"]] in self._meta):
            kept[column] = self._source.name("v")
        slots, extra = blanks(self._source, plan.blank), {}
        for step, value in self._columns(node, (*plan.steps, *plan.params), kept):
            if step.slot >= 0:
                slots[step.slot] = value
            else:
                extra[step.target] = value
        if plan.params:
            slots[plan.extra] = self._params([(step.target, extra[step.target]) for step in plan.params])
        self._source.add(f"{into} = {call(self._source.constant(plan.body), slots)}")
        if kept:
            parts = {BODY: into} | kept
            pairs = (f"{self._source.constant(name)}: {value}" for name, value in parts.items())
            self._source.add(f"{into} = {{{', '.join(pairs)}}}")

    def _params(self, params: list[tuple[str, str]]) -> str:
        found = self._source.name("v")
        self._source.add(f"{found} = {{}}")
        for name, value in params:
            self._source.add(f"if {value} is not UNSET: {found}[{self._source.constant(name)}] = {value}")
        self._source.add(f"{found} = {found} or UNSET")
        return found

    # --- Columns ----------------------------------------------------------------------------------

    def _columns(
        self, node: dict[str, Any], steps: Sequence[Step], kept: dict[str, str]
    ) -> list[tuple[Step, str]]:
        """Read all fields of a record; the variable of each step. kept: those of what stays as it is."""
        names, made = plain_names(node), []
        for one in node["fields"]:
            name = names[one["name"]]
            feeds = [(step, self._source.name("v")) for step in steps if step.column == name]
            if name in kept:
                self._value(one["type"], kept[name])
            elif feeds:
                self._column(one["type"], feeds)
            else:
                self._unmapped(one["type"])
            made += feeds
        return made

    def _unmapped(self, node: Node) -> None:
        checks, self._checks = self._checks, True
        self._value(node, "")
        self._checks = checks

    def _column(self, node: Node, feeds: list[tuple[Step, str]]) -> None:
        """One column into the variables of its steps."""
        if not isinstance(node, list) or len(node) != _NULLABLE or node.count("null") != 1:
            return self._part(node, feeds)
        null = node.index("null")
        self._source.add(*number_into("n"))
        with self._source.block(f"if n == {1 - null}"):
            self._part(node[1 - null], feeds)
        with self._source.block(f"elif n == {null}"):
            for step, value in feeds:
                self._null(step, value)
        with self._source.block("else"):
            self._source.add("raise ValueError('no such branch')")
        return None

    def _part(self, node: Node, feeds: list[tuple[Step, str]]) -> None:
        found, (step, value) = self._schema.node(node), feeds[0]
        if len(feeds) == 1 and is_list(step) and isinstance(found, dict) and found["type"] == "array":
            return self._items(found, step, value)
        raw = value if len(feeds) == 1 else self._source.name("v")
        self._value(node, raw)
        kind = _TYPES.get(found["type"] if isinstance(found, dict) else str(found))
        for step, value in feeds:
            if value != raw:
                self._source.add(f"{value} = {raw}")
            self._converted(step, value, kind)
        return None

    def _converted(self, step: Step, value: str, kind: str | None) -> None:
        """As `filler.field`, of a raw value whose type is known."""
        short = short_cut(self._source, step, value)
        if short is None or short.kind != kind or is_list(step):
            field(self._source, step, value)
        elif short.test and short.made == value:
            self._source.add(f"if not ({short.test}): {slow_way(self._source, step, value)}")
        elif short.test:
            slow = slow_way(self._source, step, value)
            self._source.add(f"if {short.test}: {value} = {short.made}", f"else: {slow}")
        elif short.made != value:
            self._source.add(f"{value} = {short.made}")

    def _null(self, step: Step, value: str) -> None:
        if short_cut(self._source, step, value) is None:
            self._source.add(f"{value} = None", slow_way(self._source, step, value))
        else:
            self._source.add(f"{value} = {self._source.constant(step.settled(None))}")

    def _items(self, node: dict[str, Any], step: Step, value: str) -> None:
        """The records of an array, each straight into its Item."""
        parts, blank = parts_of(step)
        slots = blanks(self._source, blank)
        self._source.add(f"{value} = []")
        with self._source.block("while True"):
            self._blocks()
            with self._source.block("for _ in range(n)"):
                for part, made in self._columns(self._schema.node(node["items"]), parts, {}):
                    slots[part.slot] = made
                self._source.add(f"{value}.append({call('make_item', slots)})")
        self._source.add(f"{value} = tuple({value})")
