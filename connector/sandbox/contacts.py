"""Contacts as the CRM keeps them: who is found by what, and what an update does to which field."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

ADDRESS = ("region", "town", "address", "postcode")
FIELDS = (
    "externalCustomerId",
    "firstName",
    "lastName",
    "email",
    "sms",
    *ADDRESS,
    "languageCode",
    "timeZone",
)
DEDUPE = {
    "email": ("email",),
    "sms": ("sms",),
    "email_or_sms": ("email", "sms"),
    "id": ("id",),
    "externalCustomerId": ("externalCustomerId",),
    "fieldId": ("fieldId",),
}
CHANNELS = ("email", "sms")
_INDEXED = ("externalCustomerId", "email", "sms")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+?[\d\s()-]{5,20}")
_CHANNELS_OF_A_TYPE = 2


class Contact(Struct, frozen=True):
    """A contact. values: the named FIELDS, None or absent = null; custom: additional fields by id."""

    id: int
    values: Mapping[str, str | None]
    custom: Mapping[str, Any] = {}
    updated: int = 0
    unsubscribed: bool = False

    @property
    def external_id(self) -> str | None:
        """The shop's own id."""
        return self.values.get("externalCustomerId")

    @property
    def email(self) -> str | None:
        """The e-mail address."""
        return self.values.get("email")

    @property
    def phone(self) -> str | None:
        """The sms channel's number."""
        return self.values.get("sms")


class Sent(Struct, frozen=True):
    """A contact as a request has it: only what it names."""

    values: Mapping[str, str | None]
    custom: Mapping[str, Any]
    id: int | None = None

    @property
    def external_id(self) -> str | None:
        """The shop's own id."""
        return self.values.get("externalCustomerId") or None

    @property
    def key(self) -> str:
        """What tells it from others: the shop's own id, else a channel."""
        email, phone = self.values.get("email"), self.values.get("sms")
        return self.external_id or (f"email:{email}" if email else f"phone:{phone}")


def read_contact(raw: object) -> Sent | str:
    """A contact of a request, or why it cannot be added."""
    if not isinstance(raw, dict):
        return "a contact must be an object"
    values = {name: raw[name] for name in FIELDS if name in raw and name not in {"email", "sms", *ADDRESS}}
    values |= {name: value for name, value in (raw.get("address") or {}).items() if name in ADDRESS}
    channels = _channels(raw.get("channels") or [])
    if isinstance(channels, str):
        return channels
    values |= channels
    if not channels and not values.get("externalCustomerId"):
        return "neither a channel nor externalCustomerId"
    custom = {str(field["id"]): field.get("value") for field in raw.get("fields") or []}
    text = {name: None if value is None else str(value) for name, value in values.items()}
    return Sent(text, custom, raw.get("id"))


def _channels(raw: list[Any]) -> dict[str, str | None] | str:
    """The first value of each type. At most two of one type are accepted."""
    found: dict[str, list[str]] = {}
    for channel in raw:
        kind, value = channel.get("type"), channel.get("value")
        shape = {"email": _EMAIL, "sms": _PHONE}.get(kind)
        if shape is None:
            return "channels.type must be email or sms"
        if not isinstance(value, str) or not shape.fullmatch(value):
            return f"channels: not a valid value of type {kind}"
        found.setdefault(kind, []).append(value)
    if any(len(values) > _CHANNELS_OF_A_TYPE for values in found.values()):
        return "channels: more than two of one type"
    return {kind: values[0] for kind, values in found.items()}


class ContactBook:
    """All contacts, with the indexes they are found by. Not thread-safe."""

    def __init__(
        self, *, keep_dedupe_field: bool = True, takes_over: bool = True, moves_channels: bool = False
    ) -> None:
        """See Options: keep_dedupe_field, takes_over, shared_channel."""
        self.by_id: dict[int, Contact] = {}
        self.deleted: dict[str, Contact] = {}
        self.unsubscribed: set[str] = set()
        self._index: dict[tuple[str, str], dict[int, None]] = {}
        self._keep, self._takes_over, self._moves = keep_dedupe_field, takes_over, moves_channels
        self._ids = 0
        self._updates = 0

    def find(self, field: str, value: object) -> Contact | None:
        """By id, externalCustomerId, email (in any case) or sms; of several the one updated last."""
        return max(self._holders(field, str(value)), key=lambda contact: contact.updated, default=None)

    def match(self, sent: Sent, dedupe_on: str, field_id: str = "") -> Contact | None:
        """ExternalCustomerId is searched first, dedupeOn second.

        Of several with one channel value, those of another externalCustomerId do not count.
        """
        if sent.external_id and (known := self.find("externalCustomerId", sent.external_id)):
            return known
        found = [c for name in DEDUPE[dedupe_on] for c in self._same(name, sent, field_id)]
        if sent.external_id and (not self._takes_over or len({contact.id for contact in found}) > 1):
            found = [contact for contact in found if contact.external_id is None]
        return max(found, key=lambda contact: contact.updated, default=None)

    def add(self, sent: Sent) -> Contact:
        """A new contact with all that was sent."""
        self._ids += 1
        return self._put(Contact(self._ids, dict(sent.values), dict(sent.custom)))

    def update(
        self, known: Contact, sent: Sent, fields: Collection[str], custom: Collection[str], kept: str = ""
    ) -> Contact:
        """Set exactly these fields and custom field ids; one that was not sent becomes null."""
        values = dict(known.values)
        for name in fields:
            if not (self._keep and name == kept and values.get(name)):
                values[name] = sent.values.get(name)
        if not known.external_id and sent.external_id:
            values["externalCustomerId"] = sent.external_id
        extra = {**known.custom, **{name: sent.custom.get(name) for name in custom}}
        return self._put(replace(known, values=values, custom=extra))

    def has_anothers_channel(self, sent: Sent, known: Contact | None) -> bool:
        """Whether another contact has its e-mail or phone."""
        own = known.id if known else 0
        return any(holder.id != own for name in CHANNELS for holder in self._same(name, sent, ""))

    def delete(self, contact: Contact, *, erase: bool) -> None:
        """Take it out; without `erase` an import can restore it."""
        self._unlink(contact)
        del self.by_id[contact.id]
        if not erase and contact.external_id:
            self.deleted[contact.external_id] = contact

    def restore(self, external_id: str) -> Contact:
        """Bring a deleted one back."""
        return self._put(self.deleted.pop(external_id))

    def subscribe(self, email: str, *, subscribed: bool) -> None:
        """Put an address on the list of unsubscribed ones, or take it off."""
        change = self.unsubscribed.discard if subscribed else self.unsubscribed.add
        change(email.lower())
        for contact in list(self._holders("email", email)):
            self._put(contact)

    def _same(self, field: str, sent: Sent, field_id: str) -> Iterator[Contact]:
        if field == "fieldId":
            value = sent.custom.get(field_id)
            return (c for c in self.by_id.values() if value is not None and c.custom.get(field_id) == value)
        value = sent.id if field == "id" else sent.values.get(field)
        return self._holders(field, str(value)) if value else iter(())

    def _holders(self, field: str, value: str) -> Iterator[Contact]:
        if field == "id":
            found = self.by_id.get(int(value)) if value.isdecimal() else None
            return iter(() if found is None else (found,))
        key = value.lower() if field == "email" else value
        return (self.by_id[number] for number in self._index.get((field, key), ()))

    def _put(self, contact: Contact) -> Contact:
        self._updates += 1
        if old := self.by_id.get(contact.id):
            self._unlink(old)
        if self._moves:
            self._take_channels(contact)
        off = (contact.email or "").lower() in self.unsubscribed
        contact = replace(contact, updated=self._updates, unsubscribed=off)
        self.by_id[contact.id] = contact
        for key in _keys(contact):
            self._index.setdefault(key, {})[contact.id] = None
        return contact

    def _take_channels(self, contact: Contact) -> None:
        """What it has, no other has any longer."""
        for name in CHANNELS:
            value = contact.values.get(name)
            for other in [one for one in self._holders(name, value or "") if one.id != contact.id]:
                self._unlink(other)
                left = self.by_id[other.id] = replace(other, values={**other.values, name: None})
                for key in _keys(left):
                    self._index.setdefault(key, {})[left.id] = None

    def _unlink(self, contact: Contact) -> None:
        for key in _keys(contact):
            self._index[key].pop(contact.id, None)


def _keys(contact: Contact) -> Iterator[tuple[str, str]]:
    for field in _INDEXED:
        if value := contact.values.get(field):
            yield field, value.lower() if field == "email" else value
