"""What of the account and of the service can be set."""

from collections.abc import Mapping

from msgspec import Struct

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

    rate_per_second, conflict_seconds, event_bytes, body_bytes: 0 = no limit.
    bearer_token: None = the API key. conflict_on: resources that answer 409 to a repeated body.
    locators: parameter names, lower case, in the account's order; custom_locators: the account's own
    parameter name → contact field (externalCustomerId, email, sms, id), tried before them.
    validated: event type → parameter → string | number | date | array | object ("validate parameters").
    segmented: event types enabled for past events, None = every one.
    past_results: answer past events with a status each (vendor's OpenAPI), instead of nothing.
    failed_as_object: one failed contact as an object instead of a list of one (vendor's OpenAPI).
    keep_dedupe_field: the field named in dedupeOn is never updated (vendor's OpenAPI).
    cancel_by_key: orderDelivered and orderCancelled need nothing but externalOrderId and a contact (the
    documents can be read both ways).
    missing_contact_status: answer to the deletion of an unknown contact (not documented).
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
