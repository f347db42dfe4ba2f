"""Events as requests bring them: their limits, their key, and the contact they are tied to."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct

from connector.sandbox.answers import Refusal
from connector.sandbox.contacts import Contact, ContactBook
from connector.sandbox.options import Options
from connector.sandbox.values import is_number, nested

MAX_NAME = 100
MAX_KEY = 300
_FORBIDDEN = re.compile(r"""[<;’\\/|"`'^?!,>]""")
_NONE_OF = "< ; ’ \\ / | \" ` ' ^ ? ! , >"
_KEY_FROM = ("contactId", "externalCustomerId", "email", "phone", "pushToken")
_FIELD = {
    "contactid": "id",
    "contact_id": "id",
    "email": "email",
    "emailaddress": "email",
    "useremail": "email",
    "contactemail": "email",
    "phone": "sms",
    "sms": "sms",
    "phonenumber": "sms",
    "pushtoken": "pushToken",
    "contactkey": "externalCustomerId",
    "contact_key": "externalCustomerId",
}
_OCCURRED = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?")


class Incoming(Struct, frozen=True):
    """An event of a request. key_value: sent, or taken from the parameters."""

    type_key: str
    key_value: str
    params: dict[str, Any]


def read_event(body: object, options: Options, version: int = 2) -> Incoming:
    """Check the event's limits. Raises Refusal (400, plain text); v1 requires keyValue, v3 has an object."""
    if not isinstance(body, dict):
        raise Refusal(400, "The body must be an object")
    type_key = body.get("eventTypeKey")
    if not isinstance(type_key, str) or not type_key:
        raise Refusal(400, "eventTypeKey is required")
    if len(type_key) > MAX_NAME or _FORBIDDEN.search(type_key):
        raise Refusal(400, f"eventTypeKey: at most {MAX_NAME} characters, none of {_NONE_OF}")
    params = _object(body.get("params")) if version >= 3 else _pairs(body.get("params"))  # noqa: PLR2004
    key_value = body.get("keyValue") or (_key_of(params) if version > 1 else None)
    if not key_value:
        raise Refusal(400, f"keyValue is required, or one of {', '.join(_KEY_FROM)}")
    forbidden = _FORBIDDEN.search(str(key_value)) if options.key_value_strict else None
    if len(str(key_value)) > MAX_KEY or forbidden:
        raise Refusal(400, f"keyValue: at most {MAX_KEY} characters, none of {_NONE_OF}")
    if rules := options.validated.get(type_key):
        _validate(params, rules)
    return Incoming(type_key, str(key_value), params)


def _pairs(raw: object) -> dict[str, Any]:
    """Parameters as a list of name and value; both required, names unique. The list may be empty."""
    if raw is None:
        return {}
    if not isinstance(raw, list):
        raise Refusal(400, "params must be an array")
    params: dict[str, Any] = {}
    for element in raw:
        if not isinstance(element, dict) or not element.get("name") or "value" not in element:
            raise Refusal(400, "params: name and value are required in each element")
        name = element["name"]
        if name in params:
            raise Refusal(400, "params: names must be unique")
        params[name] = element["value"]
    return _object(params)


def _object(raw: object) -> dict[str, Any]:
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise Refusal(400, "params must be an object")
    for name in raw:
        if not isinstance(name, str) or len(name) > MAX_NAME:
            raise Refusal(400, f"params: a name has at most {MAX_NAME} characters")
    return raw


def _key_of(params: Mapping[str, Any]) -> Any:
    """The documented order: contactId, externalCustomerId, email, phone, pushToken."""
    return next((params[name] for name in _KEY_FROM if not is_blank(params.get(name))), None)


def is_blank(value: object) -> bool:
    """An identifier that counts as not sent: null, empty, blank or the word null."""
    return value is None or (isinstance(value, str) and value.strip() in {"", "null"})


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "date": lambda value: isinstance(value, str) and _is_date(value),
    "array": lambda value: isinstance(nested(value), list),
    "object": lambda value: isinstance(nested(value), dict),
}


def _validate(params: Mapping[str, Any], rules: Mapping[str, str]) -> None:
    for name, kind in rules.items():
        if name not in params or not _TYPES[kind](params[name]):
            raise Refusal(400, f"Event parameters are not valid: {name} must be of type {kind}")


def _is_date(value: str) -> bool:
    try:
        return bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def occurred_of(body: Mapping[str, Any]) -> str | None:
    """`occurred` as YYYY-MM-DDTHH:mm; None where it is not one of the two documented forms."""
    value = body.get("occurred")
    return moment(value) if isinstance(value, str) else None


def moment(value: str, *, end: bool = False) -> str | None:
    """A date or date with time as YYYY-MM-DDTHH:mm; a bare date is the day's beginning, or its end."""
    if not (shape := _OCCURRED.fullmatch(value)) or not _is_date(value):
        return None
    if shape[1]:
        return value
    return f"{date.fromisoformat(value)}T{'23:59' if end else '00:00'}"


def locate(incoming: Incoming, book: ContactBook, options: Options) -> Contact | None:
    """The contact of the first identifying parameter found; later ones do not count.

    Names compare without case in the account's order; values with case, but for e-mail. Where none is
    among the parameters: externalCustomerId, then keyValue in the order of the fields it stands for.
    """
    params = incoming.params
    if options.contact_by == "key_value" and (found := _by_key(incoming, book)):
        return found
    if options.custom_locators:
        for name, field in options.custom_locators.items():
            if not is_blank(params.get(name)):
                return book.find(field, params[name])
    lowered = {name.lower(): value for name, value in params.items()}
    for name in options.locators:
        if not is_blank(value := lowered.get(name)):
            return book.find(_FIELD[name], value)
    if not is_blank(value := params.get("externalCustomerId")):
        return book.find("externalCustomerId", value)
    return _by_key(incoming, book)


def _by_key(incoming: Incoming, book: ContactBook) -> Contact | None:
    """By keyValue, in the order of the fields that it stands for."""
    fields = ("id", "externalCustomerId", "email", "sms")
    return next((found for field in fields if (found := book.find(field, incoming.key_value))), None)
