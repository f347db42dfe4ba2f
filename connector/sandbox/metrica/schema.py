"""The counter's schema: order statuses, attributes of contacts and orders, products."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.fields import Field
from connector.sandbox.metrica.options import MetricaOptions
from connector.sandbox.metrica.rows import CONTACT, ORDER, SIMPLE_ORDER, Entity

STATUS_TYPES = ("IN_PROGRESS", "PAID", "CANCELLED", "SPAM", "OTHER")
_UNMAPPED = frozenset({"IN_PROGRESS", "PAID", "CANCELLED", "SPAM"})
_SPELLED = {"CANCELED": "CANCELLED"}
ATTRIBUTE_TYPES = ("numeric", "date", "datetime", "email", "text")
ENTITIES = {"CONTACT": CONTACT, "ORDER": ORDER, "SIMPLE_ORDER": SIMPLE_ORDER}
MAX_ITEMS = 160_000
_MAX_GOALS = 10
_MAX_NAME = 4096
_ID = re.compile(r"[\w\-:]{1,255}", re.ASCII)
_KINDS = {"numeric": "number"}


class Status(Struct, frozen=True):
    """A status of the CRM and the type it stands for."""

    id: str
    humanized: str
    type: str
    goal_action_ids: tuple[str, ...] = ()


class Attribute(Struct, frozen=True):
    """A field of the shop's own. type_name: see ATTRIBUTE_TYPES, or a list's name."""

    name: str
    type_name: str
    type_group: str
    multivalued: bool
    humanized: str


class Schema:
    """What was declared. Not thread-safe."""

    def __init__(self, options: MetricaOptions) -> None:
        self._goals = options.goals
        self._replaces = options.statuses_posted == "replaced"
        self._named_by_identifiers = options.product_ids == "identifiers"
        self.statuses: dict[str, Status] = {}
        self.attributes: dict[str, dict[str, Attribute]] = {name: {} for name in ENTITIES}
        self.products: dict[str, str] = {}

    def type_of(self, status: str) -> str | None:
        """The type that a status stands for; None: none, and it is of no use in reports.

        The types themselves need no mapping (but OTHER), nor do the goals, which are OTHER.
        """
        if found := self.statuses.get(status):
            return found.type
        if (spelled := _SPELLED.get(status, status)) in _UNMAPPED:
            return spelled
        return "OTHER" if status in self._goals else None

    def fields(self, entity: Entity, *, any_birthday: bool) -> dict[str, Field]:
        """Fields and attributes of an entity. any_birthday: also one before 1970."""
        declared = self.attributes[entity.name.upper()].values()
        own = {each.name: _field(each) for each in declared}
        fields = {**own, **entity.fields}
        if any_birthday and "birth_date" in fields:
            fields["birth_date"] = Field("date", since=1)
        return fields

    def map_statuses(self, body: Any) -> None:
        """POST order_statuses: all of them, or none. Raises Refused."""
        read = [_status(raw, f"order_statuses[{n}]") for n, raw in enumerate(_list(body, "order_statuses"))]
        if self._replaces:
            self.statuses.clear()
        self.statuses.update((each.id, each) for each in read)

    def declare(self, entity_type: str, body: Any) -> None:
        """POST attributes: all of them, or none; one that is there may only be renamed. Raises Refused."""
        known, system = self.attributes[entity_type], ENTITIES[entity_type].fields
        read: dict[str, Attribute] = {}
        for number, raw in enumerate(_list(body, "attributes")):
            place = f"attributes[{number}]"
            one = _attribute(raw, place)
            if one.name in system:
                raise Refused(400, f"{one.name} is a system attribute", f"{place}.name")
            old = known.get(one.name, one)
            if (old.type_name, old.multivalued) != (one.type_name, one.multivalued):
                raise Refused(400, f"{one.name} exists with another type", f"{place}.name")
            read[one.name] = one
        known.update(read)

    def add_products(self, body: Any) -> None:
        """POST products: all of them, or none. Raises Refused."""
        _list(body, "attributes")
        items = _list(body, "items")
        for name, given in (("attributes", body["attributes"]), ("items", items)):
            if len(given) > MAX_ITEMS:
                raise Refused(400, f"at most {MAX_ITEMS}", name)
        name_of = _identifier if self._named_by_identifiers else _text
        places = [(raw, f"items[{number}]") for number, raw in enumerate(items)]
        read = [(name_of(raw, "name", place), _humanized(raw, place)) for raw, place in places]
        self.products.update(read)


def _field(attribute: Attribute) -> Field:
    kind = _KINDS.get(attribute.type_name, attribute.type_name)
    return Field(kind if attribute.type_group == "PREDEFINED" else "text", many=attribute.multivalued)


def _status(raw: Any, place: str) -> Status:
    id_ = _identifier(raw, "id", place)
    if (type_ := raw.get("type")) not in STATUS_TYPES:
        raise Refused(400, f"one of {', '.join(STATUS_TYPES)}", f"{place}.type")
    goals = raw.get("goal_action_ids") or []
    goals = [goals] if isinstance(goals, str) else goals
    if not isinstance(goals, list) or len(goals) > _MAX_GOALS or len({*map(str, goals)}) < len(goals):
        raise Refused(400, f"at most {_MAX_GOALS}, each once", f"{place}.goal_action_ids")
    return Status(id_, _humanized(raw, place), type_, tuple(map(str, goals)))


def _attribute(raw: Any, place: str) -> Attribute:
    name, type_name = _identifier(raw, "name", place), _text(raw, "type_name", place)
    usual = "PREDEFINED" if type_name in ATTRIBUTE_TYPES else "CUSTOM_LIST"
    group = str(raw.get("type_group") or usual).upper()
    if group not in {"PREDEFINED", "CUSTOM_LIST", "SYSTEM_LIST"} or (group == "PREDEFINED") != (
        type_name in ATTRIBUTE_TYPES
    ):
        raise Refused(400, f"one of {', '.join(ATTRIBUTE_TYPES)}, or a list", f"{place}.type_name")
    if not isinstance(many := raw.get("multivalued"), bool):
        raise Refused(400, "is required", f"{place}.multivalued", error_type="missing_parameter")
    return Attribute(name, type_name, group, many, _humanized(raw, place))


def _identifier(raw: Any, name: str, place: str) -> str:
    if not _ID.fullmatch(found := _text(raw, name, place)):
        raise Refused(400, "letters, digits, _, - and : only, 255 at most", f"{place}.{name}")
    return found


def _text(raw: Any, name: str, place: str) -> str:
    found = raw.get(name) if isinstance(raw, Mapping) else None
    if not isinstance(found, str) or not found:
        raise Refused(400, "is required", f"{place}.{name}", error_type="missing_parameter")
    return found


def _humanized(raw: Mapping[str, Any], place: str) -> str:
    found = raw.get("humanized") or ""
    if not isinstance(found, str) or len(found) > _MAX_NAME:
        raise Refused(400, f"a text of at most {_MAX_NAME}", f"{place}.humanized")
    return found


def _list(body: Any, name: str) -> list[Any]:
    found = body.get(name) if isinstance(body, Mapping) else None
    if not isinstance(found, list):
        raise Refused(400, "a list is required", name, error_type="missing_parameter")
    return found
