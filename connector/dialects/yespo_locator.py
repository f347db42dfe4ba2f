"""Which contact Yespo attaches an order to, and how its identifiers are written.

Documented: a contact is located by the first parameter found, whatever its case, among LOCATORS; keyValue,
where it is left out, is taken from contactId, externalCustomerId, email, phone. The two orders disagree about
an order that has both externalCustomerId and email, and externalCustomerId is in the second list only. So we
always send keyValue, and always the value of the parameter that the first list finds (as all of the vendor's
examples do): both readings then name one value, and that value is the requirement (RULES 5). With neither
email nor phone, keyValue is the externalCustomerId, by the second list.
Inferred: that an explicit keyValue is compared with the field it was taken from.

An account can name a parameter of its own ("Events" in its settings) and the contact's field that it is
compared with: a Locator. It is sent beside the documented ones, and keyValue is its value. Inferred: that the
account lists it first.

A phone is written in the digits that map made of it (core.phones), as in the vendor's examples, in orders and
contacts alike, since Yespo compares it literally. An e-mail is written as it came, trimmed: Yespo compares it
without case. Blank, and the word null (inferred), name nobody.
"""

from collections.abc import Iterable
from typing import Literal

from msgspec import UNSET, Struct

from connector.core.events import Contact, Fact, Order, Requirement, Text
from connector.core.identity import normalise_email

LOCATORS = (
    "contactid", "contact_id", "email", "emailaddress", "useremail", "contactemail", "phone", "sms",
    "phonenumber", "pushtoken", "contactkey", "contact_key",
)  # fmt: skip
BLANK = ("", "null")
"""What counts as not sent, once trimmed. A tuple: to look into a set costs the hash of a text that is new."""
LOCATOR_NAMES = frozenset(LOCATORS)
NAMES = frozenset(name.lower() for name in Order.__struct_encode_fields__)


class Locator(Struct, frozen=True):
    """A parameter of the account's own, and the field of an event and of a contact that it carries."""

    parameter: str
    field: Literal["externalCustomerId", "email", "phone"] = "externalCustomerId"

    def value(self, body: Order | Fact) -> str | None:
        """What the contact is found by; None: the event does not have it, the documented list applies."""
        if self.field == "externalCustomerId":
            return id_of(body.external_customer_id)
        return email_of(body.email) if self.field == "email" else phone_of(body.phone)

    def fault(self, params: Iterable[str]) -> str | None:
        """Why it cannot be sent beside these extra parameters."""
        name = self.parameter.lower()
        if name != self.field.lower() and (name in LOCATOR_NAMES or name in NAMES):
            return f"{self.parameter} has a meaning of its own; name a parameter of the account"
        if name in {param.lower() for param in params}:
            return f"{self.parameter} is a parameter of a topic too; take it out of params"
        return None


def email_of(value: Text) -> str | None:
    """The e-mail as sent; None where there is none."""
    return email if value and (email := value.strip()) not in BLANK else None


def phone_of(value: Text) -> str | None:
    """The phone as sent; None where there is none (map has given it its one spelling)."""
    return id_of(value)


def id_of(value: Text) -> str | None:
    """The externalCustomerId as sent (compared literally, so never trimmed); None where it is blank."""
    return value if value and value.strip() not in BLANK else None


def email_alias(email: str) -> str:
    """How the ledger knows a contact by its e-mail."""
    return f"email:{normalise_email(email)}"


def requirement(
    order: Order | Fact, *, fresh: bool = False, locator: Locator | None = None
) -> Requirement | None:
    """The contact that must be accepted first, by the value that Yespo will use."""
    customer, email = id_of(order.external_customer_id), email_of(order.email)
    alias = email_alias(email) if email else None
    by_phone = locator is not None and locator.field == "phone"
    if (alias is None or by_phone) and (phone := phone_of(order.phone)):
        alias = f"phone:{phone}"
    key = customer or alias
    by_id = locator is not None and locator.field == "externalCustomerId" and customer is not None
    return Requirement(key, alias, fresh, by_id) if key else None


def address(contact: Contact) -> Requirement | None:
    """What tells whether a guest, made from an earlier order, is this contact: found by its address."""
    known = aliases(contact) if id_of(contact.external_customer_id) else ()
    return Requirement("", known[0]) if known else None


def aliases(contact: Contact) -> tuple[str, ...]:
    """Every locator value that leads to a contact."""
    email, phone = email_of(contact.email), phone_of(contact.phone)
    return (*((email_alias(email),) if email else ()), *((f"phone:{phone}",) if phone else ()))


def contact_of(order: Order | Fact, *, addressed: bool = True) -> Contact:
    """The contact as far as an order knows it: what the order lacks is left alone, never cleared."""
    first, last = (order.first_name, order.last_name) if isinstance(order, Order) else (None, None)
    return Contact(
        external_customer_id=id_of(order.external_customer_id) or UNSET,
        email=(addressed and email_of(order.email)) or UNSET,
        phone=(addressed and phone_of(order.phone)) or UNSET,
        first_name=first or UNSET,
        last_name=last or UNSET,
    )


def fields_of_key(key: str) -> dict[str, str]:
    """The order field that a contact's key (see `requirement`) stands for."""
    kind, _, value = key.partition(":")
    return {kind: value} if kind in {"email", "phone"} and value else {"external_customer_id": key}
