"""The body of a contact import.

contactFields is always sent and exact: a field that is null is listed and left out of the contact, which
clears it; a field that is unset is not listed, which leaves it alone. So one request holds only contacts
with the same set of fields (RULES 5). externalCustomerId is listed too (inferred), so that the list is never
empty, which could be read as absent and would clear everything; but never to be cleared: who has none is
found by an address, and may be a customer. `birth_date` has no field of Yespo's own.
A deleted contact is not restored (RULES 5: an erased contact is never re-created).
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import UNSET

from connector.core.events import Contact
from connector.core.model import Json
from connector.dialects.yespo_events import bounded
from connector.dialects.yespo_locator import email_of, id_of, phone_of

_PLAIN = (("firstName", "first_name"), ("lastName", "last_name"), ("languageCode", "language_code"),
          ("timeZone", "time_zone"))  # fmt: skip
_ADDRESS = ("region", "town", "address", "postcode")
_FIELDS = (*_PLAIN, *((name, name) for name in _ADDRESS), ("email", "email"), ("sms", "phone"))


def dedupe_on(contact: Contact, *, guest: bool = False) -> Literal["externalCustomerId", "email", "sms"]:
    """What a contact is found by, where its externalCustomerId, which always comes first, finds none.

    By nothing else, so that it never becomes a contact that another customer's id belongs to; by its address
    where that leads to a guest: then the two become one.
    """
    if id_of(contact.external_customer_id) and not guest:
        return "externalCustomerId"
    return "email" if email_of(contact.email) else "sms"


def group_of(contact: Contact) -> str:
    """Contacts of one group may share a request."""
    return ",".join([dedupe_on(contact), *contact_fields(contact), *map(str, custom_ids(contact))])


def contact_fields(contact: Contact) -> list[str]:
    """contactFields: what was mapped and available."""
    found = [name for name, field in _FIELDS if getattr(contact, field) is not UNSET]
    return sorted([*found, "externalCustomerId"] if id_of(contact.external_customer_id) else found)


def custom_ids(contact: Contact) -> list[int | str]:
    """customFieldsIDs: numbers, as the API has them."""
    return [_custom_id(name) for name in sorted(contact.fields or ())]


def bulk(contacts: list[Contact], *, guests: bool = False) -> dict[str, object]:
    """The body of one import; all contacts are of the first one's group. guests: see `dedupe_on`."""
    return {
        "contacts": [_written(contact) for contact in contacts],
        "dedupeOn": dedupe_on(contacts[0], guest=guests),
        "contactFields": contact_fields(contacts[0]),
        "customFieldsIDs": custom_ids(contacts[0]),
        "restoreDeleted": False,
    }


def _written(contact: Contact) -> dict[str, object]:
    email, phone = email_of(contact.email), phone_of(contact.phone)
    channels = [{"type": "email", "value": email}] if email else []
    if phone:
        channels.append({"type": "sms", "value": phone})
    written: dict[str, object] = _present(contact, _PLAIN)
    if customer := id_of(contact.external_customer_id):
        written["externalCustomerId"] = customer
    if channels:
        written["channels"] = channels
    if address := _present(contact, tuple((name, name) for name in _ADDRESS)):
        written["address"] = address
    if fields := _custom(contact.fields or {}):
        written["fields"] = fields
    return written


def _present(contact: Contact, names: tuple[tuple[str, str], ...]) -> dict[str, object]:
    values = ((name, getattr(contact, field)) for name, field in names)
    return {name: value for name, value in values if value is not UNSET and value is not None}


def _custom(fields: Mapping[str, Json]) -> list[dict[str, object]]:
    return [
        {"id": _custom_id(name), "value": bounded(value, 0)}
        for name, value in sorted(fields.items())
        if value is not None
    ]


def _custom_id(name: str) -> int | str:
    return int(name) if name.isascii() and name.isdecimal() else name
