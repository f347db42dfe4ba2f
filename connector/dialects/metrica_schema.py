"""A counter's schema as code: what the configuration declares, against what the counter has. Pure.

Nothing is ever taken away: what only the counter has is told, and stays. An attribute keeps its type for good
(inferred): another one is a conflict, which nothing but another name resolves.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from connector.core.talk import Request
from connector.dialects.metrica_values import encode

Part = Literal["order_statuses", "contact attributes", "order attributes"]
Entries = Mapping[str, Mapping[str, Any]]
"""Id, or name, → the fields that the configuration declares."""
PARTS: Final[tuple[Part, ...]] = ("order_statuses", "contact attributes", "order attributes")
_WORDS: Final[Mapping[Part, str]] = {
    "order_statuses": "order status", "contact attributes": "contact attribute",
    "order attributes": "order attribute",
}  # fmt: skip
_NAMES: Final = {"order_statuses": "id"}
_FOR_GOOD: Final = ("type_name", "multivalued")


class Step(Struct, frozen=True):
    """What stands between the configuration and the counter. do: add | change | conflict | extra (only the
    counter has it). fields: name → (the counter's, the configuration's)."""

    do: Literal["add", "change", "conflict", "extra"]
    part: Part
    name: str
    fields: Mapping[str, tuple[Any, Any]]

    @property
    def text(self) -> str:
        """For people, in one line."""
        sign = {"add": "+", "change": "~", "conflict": "!", "extra": " "}[self.do]
        told = ", ".join(
            f"{name} {_shown(new)}" if self.do == "add" else f"{name} {_shown(old)} → {_shown(new)}"
            for name, (old, new) in self.fields.items()
        )
        tail = "only in the counter; it stays" if self.do == "extra" else told
        hint = " (a type stays for good: choose another name)" if self.do == "conflict" else ""
        return f"{sign} {_WORDS[self.part]} {self.name}: {tail}{hint}"


def reading(counter_id: int, part: Part) -> Request:
    """Ask the counter for a part of its schema."""
    return Request("GET", _path(counter_id, part), "schema")


def read(part: Part, body: bytes) -> dict[str, dict[str, Any]] | None:
    """The counter's entries by id or name; None: that is no such answer."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError):
        return None
    # Inferred: custom attributes are told apart from the system's, or alone.
    found = told.get(part, told.get("custom_attributes", told.get("attributes")))
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return None
    return {str(one.get(_name(part))): one for one in found}


def difference(part: Part, wanted: Entries, found: Entries) -> list[Step]:
    """What has to be done, and what cannot be; empty but for extras: the counter has what is declared."""
    steps = []
    for name, fields in wanted.items():
        has = found.get(name)
        if has is None:
            steps.append(Step("add", part, name, {key: (None, value) for key, value in fields.items()}))
        elif differing := _differing(has, fields):
            fixed = part != "order_statuses" and any(key in _FOR_GOOD for key in differing)
            steps.append(Step("conflict" if fixed else "change", part, name, differing))
    return steps + [Step("extra", part, name, {}) for name in found if name not in wanted]


def writing(
    counter_id: int, part: Part, wanted: Entries, found: Entries, steps: Sequence[Step]
) -> Request | None:
    """The request that applies the steps of a part; None: there is nothing to be done.

    All statuses go, the counter's own too: whether the others would stay is not documented. Of attributes
    only those that differ.
    """
    due = [step.name for step in steps if step.part == part and step.do in ("add", "change")]
    if not due:
        return None
    key = _name(part)

    def whole(name: str) -> dict[str, Any]:
        return {"humanized": name, **found.get(name, {}), key: name, **wanted.get(name, {})}

    if part == "order_statuses":
        body: dict[str, object] = {part: [whole(name) for name in {**found, **wanted}]}
    else:
        body = {"attributes": [{"type_group": "PREDEFINED"} | whole(name) for name in due]}
    return Request(
        "POST", _path(counter_id, part), "schema", encode(body), {"content-type": "application/json"}
    )


def _path(counter_id: int, part: Part) -> str:
    base = f"/cdp/api/v1/counter/{counter_id}/schema"
    if part == "order_statuses":
        return f"{base}/{part}"
    return f"{base}/attributes?entity_type={part.partition(' ')[0]}"


def _name(part: Part) -> str:
    return _NAMES.get(part, "name")


def _differing(has: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """An empty list, an empty text, false and none at all are the same."""
    return {
        key: (has.get(key), new) for key, new in fields.items() if (has.get(key) or None) != (new or None)
    }


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
