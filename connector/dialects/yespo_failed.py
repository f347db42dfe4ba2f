"""Which contacts of a request `failedContacts` means. The shape of its elements is not documented.

An element is believed when it names exactly one contact of the request by its externalCustomerId, e-mail or
phone: as a bare text, as the name of a member, or under a field of such a name at any depth. Anything else
(a bare number or an index, whose base is unknown; a count; two contacts that one value fits) is not guessed
at: None tells the caller to halve the request, which finds the bad ones, since an import may be repeated.
"""

from collections.abc import Iterator, Sequence

from connector.core.events import Contact
from connector.dialects.yespo_locator import email_of, id_of, phone_of

_NAMES = frozenset({
    "externalcustomerid", "email", "emailaddress", "phone", "phonenumber", "sms", "value", "contact",
})  # fmt: skip


def blamed(failed: object, contacts: Sequence[Contact]) -> set[int] | None:
    """Indexes of the contacts that failed; None: some failed, but not all of them can be told."""
    if not failed:
        return set()
    if not isinstance(failed, (list, dict)):
        return None
    elements = failed if isinstance(failed, list) else _members(failed)
    identities = _identities(contacts)
    found = [_one(element, identities) for element in elements]
    return None if None in found else {index for index in found if index is not None}


def _members(failed: dict[str, object]) -> list[object]:
    """A lone contact as an object of its own, or a member for each one."""
    return [failed] if any(name.lower() in _NAMES for name in failed) else list(failed.items())


def _identities(contacts: Sequence[Contact]) -> dict[str, set[int]]:
    table: dict[str, set[int]] = {}
    for index, contact in enumerate(contacts):
        email = email_of(contact.email)
        for name in (id_of(contact.external_customer_id), email and email.lower(), phone_of(contact.phone)):
            if name:
                table.setdefault(name, set()).add(index)
    return table


def _one(element: object, identities: dict[str, set[int]]) -> int | None:
    candidates = [identities.get(name) or identities.get(name.lower()) for name in _names(element)]
    known = [indexes for indexes in candidates if indexes]
    common = set.intersection(*known) if known else set()
    return common.pop() if len(common) == 1 else None


def _names(element: object) -> Iterator[str]:
    match element:
        case str():
            yield element
            yield element.removeprefix("+")
        case tuple() | list():
            for part in element:
                yield from _names(part)
        case dict():
            for field, value in element.items():
                if isinstance(value, (dict, list)) or field.lower() in _NAMES:
                    yield from _names(value)
