"""Contacts: bulk import (`POST /v1/contacts`, then `importstatus` until FINISHED) and erasure.

An import that ends in ERROR blames nobody: the batch is halved; a single contact is retried, and refused
when it failed IMPORT_ATTEMPTS times. One that is not finished in time, or whose status cannot be had, is in
doubt: an import may be repeated.
"""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from msgspec import Struct

from connector.core.conclude import Attempt, Steps, ask, each, isolate, outage
from connector.core.events import Contact, Event
from connector.core.talk import (
    Accepted,
    Batch,
    Conversation,
    Halt,
    InDoubt,
    Outcome,
    Refused,
    Request,
    Response,
    Retry,
    Sending,
    Wait,
)
from connector.dialects.yespo_answers import (
    CREDENTIALS,
    UNENCODABLE,
    judge,
    retry_after,
    succeeded,
)
from connector.dialects.yespo_contact_body import bulk
from connector.dialects.yespo_events import JSON_HEADERS, encode
from connector.dialects.yespo_failed import blamed
from connector.dialects.yespo_locator import id_of

MAX_CONTACTS = 3000
IMPORT_ATTEMPTS = 3
FIRST_PAUSE, LONGEST_PAUSE, GROWTH = 0.2, 5.0, 1.6
NOT_FOUND = 404
LISTED = Refused("refused", "listed in failedContacts of the import")
FAILED = Refused("import_failed", f"its import ended in ERROR {IMPORT_ATTEMPTS} times")
_NOT_JSON = Halt("contract", "the answer of contacts is not a JSON object: check url", doubtful=True)


class Receipt(Struct, rename="camel"):
    """The answer to an import."""

    async_session_id: str | int | None = None
    failed_contacts: object = None


class Progress(Struct, rename="camel"):
    """The answer to importstatus."""

    status: str = ""
    failed_contacts: object = None


def converse(batch: Batch, import_seconds: float) -> Conversation:
    """Import contacts of one group and wait until they are in; `import_seconds` bounds the waiting."""

    def attempt(part: Batch) -> Steps[list[Outcome] | Refused]:
        contacts = [contact_in(sending.event) for sending in part]
        try:
            body = encode(bulk(contacts, guests=_registers(part[0])))
        except (ValueError, RecursionError):
            return UNENCODABLE
        answer = yield from ask(Request("POST", "/v1/contacts", "contacts", body, JSON_HEADERS, part))
        if not isinstance(answer, Response) or not succeeded(answer):
            return judge(answer, part, asynchronous=True)
        receipt = _receipt(answer)
        if receipt is None:
            return [_NOT_JSON] * len(part)
        return (yield from _conclude(receipt, part, contacts, import_seconds))

    guests = [at for at, sending in enumerate(batch) if _registers(sending)]
    if not guests or len(guests) == len(batch):
        return isolate(batch, attempt)
    others = [at for at, sending in enumerate(batch) if not _registers(sending)]
    return _apart(batch, (others, guests), attempt)


def _registers(sending: Sending) -> bool:
    """Whether a guest becomes this contact. One that is known is found by its own id, and takes the address:
    what dedupeOn names is never updated (the vendor's OpenAPI)."""
    return sending.guest and not sending.known


def _apart(batch: Batch, parts: Sequence[list[int]], attempt: Attempt) -> Conversation:
    """Guests in a request of their own: dedupeOn is one for a request."""
    outcomes: dict[int, Outcome] = {}
    stop: Outcome | None = None
    for part in parts:
        ended = [stop] * len(part) if stop else (yield from isolate([batch[at] for at in part], attempt))
        outcomes |= zip(part, ended, strict=True)
        stop = outage(ended)
    return [outcomes[at] for at in range(len(batch))]


def erase(batch: Batch) -> Conversation:
    """Erase contacts, one request each. An unknown one (404, inferred) costs itself, not the lane."""

    def attempt(sending: Sending) -> Steps[Outcome]:
        try:
            customer = quote(erased_id(sending.event), safe="")
        except ValueError:
            return UNENCODABLE
        path = f"/v1/contact?externalCustomerId={customer}&erase=true"
        answer = yield from ask(Request("DELETE", path, "erasures", carries=(sending,)))
        if isinstance(answer, Response) and answer.status == NOT_FOUND:
            return Refused("unknown_contact", "HTTP 404: no such contact, or a wrong url")
        verdict = judge(answer, (sending,))
        return verdict if isinstance(verdict, Refused) else verdict[0]

    return each(batch, attempt)


def erased_id(event: Event) -> str:
    """The externalCustomerId of a deleted contact: its row may have nothing but the event's key."""
    return id_of(contact_in(event).external_customer_id) or event.key


def contact_in(event: Event) -> Contact:
    """The body of a contact's event."""
    if not isinstance(event.body, Contact):
        raise TypeError(f"{event.kind} is no event of a contact")
    return event.body


def _conclude(
    receipt: Receipt, part: Batch, contacts: list[Contact], limit: float
) -> Steps[list[Outcome] | Refused]:
    failed = blamed(receipt.failed_contacts, contacts)
    if failed is None:
        return LISTED
    if receipt.async_session_id is not None and len(failed) < len(part):
        ended = yield from _finish(str(receipt.async_session_id), limit)
        if not isinstance(ended, Progress):
            return [LISTED if i in failed else ended for i in range(len(part))]
        if ended.status == "ERROR":
            return _after_error(part)
        later = blamed(ended.failed_contacts, contacts)
        if later is None:
            return LISTED
        failed |= later
    return [LISTED if i in failed else Accepted() for i in range(len(part))]


def _after_error(part: Batch) -> list[Outcome] | Refused:
    if len(part) > 1 or part[0].errors + 1 >= IMPORT_ATTEMPTS:
        return FAILED
    return [Retry("import_error")]


def _finish(session: str, limit: float) -> Steps[Progress | Outcome]:
    """Ask until the import has ended; its state, or what becomes of its contacts when that cannot be had."""
    request = Request("GET", f"/v1/importstatus/{quote(session, safe='')}", "import_status")
    waited, pause, asked = 0.0, FIRST_PAUSE, 0.0
    while waited < limit:
        yield Wait(max(pause, asked))
        waited += max(pause, asked)
        pause = min(pause * GROWTH, LONGEST_PAUSE)
        answer = yield from ask(request)
        if isinstance(answer, Response) and answer.status in CREDENTIALS:
            return Halt("credentials", f"HTTP {answer.status}: check api_key", doubtful=True)
        asked = min((isinstance(answer, Response) and retry_after(answer)) or 0.0, limit - waited)
        progress = _progress(answer) if isinstance(answer, Response) and succeeded(answer) else None
        if progress and progress.status in {"FINISHED", "ERROR"}:
            return progress
    return InDoubt("import_unfinished")


def _receipt(answer: Response) -> Receipt | None:
    if not answer.body.strip():
        return Receipt()
    try:
        return msgspec.json.decode(answer.body, type=Receipt)
    except (ValueError, RecursionError):
        return None


def _progress(answer: Response) -> Progress | None:
    try:
        return msgspec.json.decode(answer.body, type=Progress)
    except (ValueError, RecursionError):
        return None
