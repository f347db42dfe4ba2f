"""Bulk imports of contacts: asynchronous sessions, and the request they are made from."""

from collections.abc import Collection
from typing import Any, Literal

from msgspec import Struct

from connector.sandbox.answers import Refusal
from connector.sandbox.contacts import DEDUPE, FIELDS, Contact, ContactBook, Sent, read_contact

MAX_CONTACTS = 3000
# Channels and keys of the account that this sandbox does not keep.
_NOT_KEPT = {"contactKey", "ordersInfo", "mobilepush", "webpush"}
Status = Literal["STARTED", "IMPORTING", "FINISHED", "ERROR"]


class Import(Struct):
    """One session. fields: contactFields, None where it was left out. answered: its sender was told of it.

    strict: a contact with another one's address fails. listed: a new contact has the listed fields alone.
    """

    id: str
    contacts: list[Sent]
    failed: list[dict[str, Any]]
    dedupe_on: str
    field_id: str
    fields: Collection[str] | None
    custom: Collection[str]
    restore: bool
    event_key: str
    accepted: float
    seconds: float = 0
    broken: bool = False
    answered: bool = True
    strict: bool = False
    listed: bool = False
    failed_later: list[dict[str, Any]] = []
    mapping: list[dict[str, Any]] = []
    applied: list[Sent] = []

    def status(self, now: float) -> Status:
        """Queued for the first half of its time, imported in the second."""
        if now < self.accepted + self.seconds / 2:
            return "STARTED"
        if now < self.accepted + self.seconds:
            return "IMPORTING"
        return "ERROR" if self.broken else "FINISHED"

    def apply(self, book: ContactBook) -> list[Contact]:
        """Write the contacts; returns the new ones."""
        return [new for sent in self.contacts if (new := self._apply(book, sent))]

    def _apply(self, book: ContactBook, sent: Sent) -> Contact | None:
        """A deleted contact is skipped, or restored where the request asks for that."""
        if (sent.external_id or "") in book.deleted:
            if not self.restore:
                return None
            book.restore(sent.external_id or "")
        known = book.match(sent, self.dedupe_on, self.field_id)
        if self.strict and book.has_anothers_channel(sent, known):
            self.failed_later.append({"externalCustomerId": sent.external_id, "error": "not unique"})
            return None
        fields = FIELDS if self.fields is None else self.fields
        if known is None:
            known = book.add(_only(sent, fields) if self.listed else sent)
            self._map(known, sent)
            return known
        self._map(book.update(known, sent, fields, self.custom, self.dedupe_on), sent)
        return None

    def _map(self, contact: Contact, sent: Sent) -> None:
        value = sent.external_id or sent.values.get("email") or sent.values.get("sms")
        self.mapping.append({"dedupeValue": value, "contactId": contact.id})
        self.applied.append(sent)


def _only(sent: Sent, fields: Collection[str]) -> Sent:
    kept = {name: value for name, value in sent.values.items() if name in fields}
    return Sent({**kept, "externalCustomerId": sent.external_id}, sent.custom, sent.id)


def read_import(body: object, session: str, now: float, failing: Collection[str]) -> Import:
    """A request of POST /v1/contacts. Raises Refusal (400) for the request, lists failures of contacts."""
    if not isinstance(body, dict) or not isinstance(raw := body.get("contacts"), list):
        raise Refusal(400, "contacts: a list is required", as_json=True)
    if not 1 <= len(raw) <= MAX_CONTACTS:
        raise Refusal(400, f"contacts: from 1 to {MAX_CONTACTS} in a request", as_json=True)
    if (dedupe_on := body.get("dedupeOn")) not in DEDUPE:
        raise Refusal(400, f"dedupeOn: one of {', '.join(DEDUPE)} is required", as_json=True)
    good, failed = _sort(raw, failing)
    return Import(
        id=session,
        contacts=good,
        failed=failed,
        dedupe_on=dedupe_on,
        field_id=str(body.get("fieldId", "")),
        fields=_fields(body.get("contactFields")),
        custom=[str(number) for number in body.get("customFieldsIDs") or []],
        restore=bool(body.get("restoreDeleted")),
        event_key=body.get("eventKeyForNewContacts") or "",
        accepted=now,
    )


def _fields(raw: list[str] | None) -> list[str] | None:
    """contactFields: left out (or null), every field is meant."""
    if raw is None:
        return None
    if unknown := sorted(set(raw) - set(FIELDS) - _NOT_KEPT):
        raise Refusal(400, f"contactFields: unknown {', '.join(unknown)}", as_json=True)
    return [name for name in raw if name in FIELDS]


def _sort(raw: list[Any], failing: Collection[str]) -> tuple[list[Sent], list[dict[str, Any]]]:
    """What can be added, and what cannot, each with its own data and the error."""
    good: list[Sent] = []
    failed: list[dict[str, Any]] = []
    for contact in raw:
        sent = read_contact(contact)
        if not isinstance(sent, str) and sent.external_id in failing:
            sent = "refused on demand"
        if isinstance(sent, str):
            failed.append({**(contact if isinstance(contact, dict) else {}), "error": sent})
        else:
            good.append(sent)
    return good, failed
