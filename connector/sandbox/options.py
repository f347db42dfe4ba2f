"""What of the account and of the service can be set."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal

import msgspec
from msgspec import Struct

from connector.sandbox.metrica.options import MetricaOptions

LOCATORS = (
    "contactid",
    "contact_id",
    "email",
    "emailaddress",
    "useremail",
    "contactemail",
    "phone",
    "sms",
    "phonenumber",
    "pushtoken",
    "contactkey",
    "contact_key",
)


class Options(Struct, frozen=True, kw_only=True):
    """The account's settings and the service's limits; the defaults are the documented ones.

    Where the documents can be read both ways, or say nothing, there is an option for each reading.

    rate_per_second, conflict_seconds, event_bytes, body_bytes: 0 = no limit.
    bearer_token: None = the API key. conflict_on: resources that answer 409 to a repeated body.
    locators: parameter names, lower case, in the account's order; custom_locators: the account's own
    parameter name → contact field (externalCustomerId, email, sms, id), tried before them.
    validated: event type → parameter → string | number | date | array | object ("validate parameters").
    segmented: event types enabled for past events, None = every one.
    past_results: answer past events with a status each (vendor's OpenAPI), instead of nothing: what is not
    segmented is then told, not ignored.
    failed_as_object: one failed contact as an object instead of a list of one (vendor's OpenAPI).
    keep_dedupe_field: the field named in dedupeOn is never updated (vendor's OpenAPI).
    cancel_by_key: orderDelivered and orderCancelled need nothing but externalOrderId and a contact (the
    documents can be read both ways).
    missing_contact_status: answer to the deletion of an unknown contact (not documented).
    contact_by: an event's contact is found by its parameters, keyValue only where none of them can tell; or
    by keyValue, where it is given.
    key_value_strict: what is forbidden in eventTypeKey is forbidden in keyValue too.
    takes_over: a contact that dedupeOn finds under another externalCustomerId gets the new one; else it is
    passed over. shared_channel: an address that another contact has is kept by both, moved to the one that is
    imported last, or refused (a failed contact).
    new_contact_fields: a new contact gets all that was sent, or what contactFields lists.
    metrica: of the sandbox Metrica.
    """

    api_key: str = "sandbox-key"
    bearer_token: str | None = None
    user_email: str = "owner@shop.example"
    organisation: str = "Sandbox"
    org_id: int = 1
    rate_per_second: int = 200
    import_seconds: float = 0.2
    conflict_seconds: float = 60
    conflict_on: frozenset[str] = frozenset({"event", "contact", "contacts", "orders"})
    delete_range_enabled: bool = False
    delete_range_status: int = 400
    event_bytes: int = 20 * 1024
    body_bytes: int = 0
    locators: tuple[str, ...] = LOCATORS
    custom_locators: Mapping[str, str] = {}
    validated: Mapping[str, Mapping[str, str]] = {}
    segmented: frozenset[str] | None = None
    past_results: bool = False
    failed_as_object: bool = False
    keep_dedupe_field: bool = True
    cancel_by_key: bool = False
    missing_contact_status: int = 200
    contact_by: Literal["params", "key_value"] = "params"
    key_value_strict: bool = False
    takes_over: bool = True
    shared_channel: Literal["kept", "moved", "refused"] = "kept"
    new_contact_fields: Literal["all", "listed"] = "all"
    metrica: MetricaOptions = MetricaOptions()


def read_options(settings: Sequence[str]) -> Options:
    """Options from `name=value` texts, a value as JSON or as it is; of Metrica `metrica.name=value`.

    Raises ValueError with what is wrong.
    """
    given: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if name not in _NAMES:
            near = get_close_matches(name, _NAMES, n=1)
            raise ValueError(f"{name} is no option" + (f"; did you mean {near[0]}?" if near else ""))
        if not equals:
            raise ValueError(f"{name} has no value; write {name}=VALUE")
        before, _, last = name.rpartition(".")
        (given.setdefault(before, {}) if before else given)[last] = _value(text)
    return msgspec.convert(given, Options)


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _names(options: type[Struct], before: str = "") -> list[str]:
    return [f"{before}{field.name}" for field in msgspec.structs.fields(options)]


_NAMES = frozenset({*_names(Options), *_names(MetricaOptions, "metrica.")} - {"metrica"})
