"""Which contacts `failedContacts` means, and which orders `failedOrders`. Their shapes are not documented.

An element is believed when it names exactly one contact of the request by its externalCustomerId, e-mail or
phone, one order by its externalOrderId: as a bare text, as the name of a member, or under a field of such a
name at any depth. Anything else (a bare number or an index, whose base is unknown; a count; two that one
value fits) is not guessed at: None tells the caller to halve the request, which finds the bad ones, since
what was taken may be repeated.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from connector.core.events import Contact
from connector.dialects.yespo_locator import email_of, id_of, phone_of

_CONTACT = frozenset({
    "externalcustomerid", "email", "emailaddress", "phone", "phonenumber", "sms", "value", "contact",
})  # fmt: skip
_ORDER = frozenset({"externalorderid", "order"})


class _Request(Struct, frozen=True):
    """What was sent: by each spelling of a name, whom it may mean; and the fields that hold names."""

    meant: Mapping[str, set[int]]
    fields: frozenset[str]
    exact: bool = False

    def by(self, name: str) -> set[int]:
        """Whom a name means."""
        if self.exact:
            return self.meant.get(name, set())
        plain = name.removeprefix("+")
        return self.meant.get(name) or self.meant.get(plain) or self.meant.get(name.lower()) or set()


def blamed(failed: object, contacts: Sequence[Contact]) -> set[int] | None:
    """Indexes of the contacts that failed; None: some failed, but not all of them can be told."""
    return _told(failed, _Request(_identities(contacts), _CONTACT)) if failed else set()


def blamed_orders(failed: object, keys: Sequence[str]) -> set[int] | None:
    """The same of orders, by their externalOrderId, which compares literally."""
    meant = {key: {index} for index, key in enumerate(keys)}
    return _told(failed, _Request(meant, _ORDER, exact=True)) if failed else set()


def _told(failed: object, request: _Request) -> set[int] | None:
    if not isinstance(failed, (list, dict)):
        return None
    elements = failed if isinstance(failed, list) else _members(failed, request)
    found = [_one(element, request) for element in elements]
    return None if None in found else {index for index in found if index is not None}


def _members(failed: dict[str, object], request: _Request) -> list[object]:
    """A lone one as an object of its own, or a member for each one."""
    named = any(name.lower() in request.fields for name in failed)
    return [failed] if named else list(failed.items())


def _identities(contacts: Sequence[Contact]) -> dict[str, set[int]]:
    table: dict[str, set[int]] = {}
    for index, contact in enumerate(contacts):
        email = email_of(contact.email)
        for name in (id_of(contact.external_customer_id), email and email.lower(), phone_of(contact.phone)):
            if name:
                table.setdefault(name, set()).add(index)
    return table


def _one(element: object, request: _Request) -> int | None:
    known = [meant for name in names_in(element, request.fields) if (meant := request.by(name))]
    common = set.intersection(*known) if known else set()
    return common.pop() if len(common) == 1 else None


def names_in(element: object, fields: frozenset[str], *, named: bool = False) -> Iterator[str]:
    """Texts, and numbers where a field says that they are names."""
    match element:
        case str():
            yield element
        case int() if named:
            yield str(element)
        case tuple() | list():
            for part in element:
                yield from names_in(part, fields, named=named)
        case dict():
            for field, value in element.items():
                holds = field.lower() in fields
                if holds or isinstance(value, (dict, list)):
                    yield from names_in(value, fields, named=holds)
