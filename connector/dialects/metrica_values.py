"""How values are written in Metrica: identifiers, lists, times, and the row that JSON and CSV share.

Identifiers (documented): e-mails in lower case, phones in digits with their country's code (map has made
them so), md5 over the normalised value. Who has no id in the CRM is known by the md5 of the key that stands
for the contact, so that no uniq_id is an address.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from hashlib import md5
from typing import Final

from msgspec import UNSET
from msgspec.json import Encoder

from connector.core.contact_first import PSEUDO
from connector.core.events import Contact, Order, Text
from connector.core.identity import normalise_email
from connector.core.model import Json

Goal = dict[str, str | Decimal]
Cell = str | int | float | Decimal | bool | list[str] | list[Goal] | dict[str, int | Decimal] | None
Row = dict[str, Cell]
"""Metrica's field → value; None = cleared, a field that is not there = not sent."""
encode: Final = Encoder(decimal_format="number").encode
MAX_ID: Final = 255
FIRST_YEAR: Final = 1970
"""Dates before it are not supported."""
_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")
_CLIENT_ID: Final = re.compile(r"[0-9]{1,20}")


def digest(text: str) -> str:
    """md5 in hexadecimal digits, as Metrica compares it."""
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def client_key(body: Order | Contact) -> str | None:
    """The ledger's key of the contact that an order names, None where it names none."""
    if customer := word(body.external_customer_id):
        return customer
    if email := email_of(body.email):
        return f"email:{email}"
    return f"phone:{phone}" if (phone := word(body.phone)) else None


def uniq_id(key: str) -> str:
    """The uniq_id of a contact's key."""
    return f"guest-{digest(key)}" if key.startswith(PSEUDO) else key


def word(value: Text) -> str | None:
    """A text that has more than blanks."""
    return value if value and value.strip() else None


def email_of(value: Text) -> str | None:
    """An e-mail in its one spelling."""
    return normalise_email(value) if value else None


def is_taken(email: str, *, hashed: bool) -> bool:
    """Whether Metrica takes an e-mail."""
    return hashed or _EMAIL.fullmatch(email) is not None


def identifiers(body: Contact | Order, *, hashed: bool) -> Row:
    """E-mails and phones as far as they are told; null clears them. Raises ValueError."""
    row: Row = {}
    if (email := email_of(body.email)) and not is_taken(email, hashed=hashed):
        raise ValueError("email: is no address in Latin letters, and Metrica takes no other")
    for name, raw, value in (
        ("emails", body.email, email),
        ("phones", body.phone, word(body.phone)),
    ):
        if raw is not UNSET:
            found = [] if value is None else [digest(value) if hashed else value]
            row[f"{name}_md5" if hashed else name] = list(found)
    return row


def listed(value: Json) -> list[str]:
    """A list of words from an array, or from a text with commas."""
    parts: Iterable[Json] = value if isinstance(value, list) else str(value or "").split(",")
    return [text for part in parts if (text := str(part).strip())]


def client_ids(value: Json) -> list[str]:
    """Metrica's ClientIDs. Raises ValueError: one that is none."""
    found = listed(value)
    if not all(map(_CLIENT_ID.fullmatch, found)):
        raise ValueError("client_ids: a ClientID has digits alone")
    return found


def goals(value: Json) -> list[Goal]:
    """Goals from `paid:200,visited`: a goal, and its price where it has one. Raises ValueError."""
    found: list[Goal] = []
    for text in listed(value):
        name, colon, price = text.partition(":")
        if not name:
            raise ValueError("goals: a goal has no name")
        found.append({"goal_action_id": name, **({"price": _price(price)} if colon else {})})
    return found


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        price = Decimal("NaN")
    if not price.is_finite():
        raise ValueError("goals: a price is no number")
    return price


def moment(value: datetime | str, zone: tzinfo, source: tzinfo = UTC) -> str:
    """YYYY-MM-DD HH:MM:SS in the counter's time zone. Raises ValueError, OverflowError: no time; too early.

    A text is a time in ISO 8601 (what map makes of a column), of the source's zone where it names none.
    """
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    at = at if at.tzinfo else at.replace(tzinfo=source)
    at = at.astimezone(zone)
    if at.year < FIRST_YEAR:
        raise ValueError(f"before {FIRST_YEAR}")
    return at.strftime("%Y-%m-%d %H:%M:%S")


def changed(source_ms: int, zone: tzinfo) -> str | None:
    """When the source changed it."""
    return moment(datetime.fromtimestamp(source_ms / 1000, UTC), zone) if source_ms >= 0 else None
