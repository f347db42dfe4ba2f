"""The API's resources: one function each, from a decoded body to an answer. The caller holds the lock."""

import uuid
from typing import Any
from urllib.parse import parse_qs

from connector.sandbox.answers import OK, Answer, Refusal, as_json
from connector.sandbox.contacts import Contact, read_contact
from connector.sandbox.crm import Crm
from connector.sandbox.events import moment, occurred_of, read_event
from connector.sandbox.imports import read_import
from connector.sandbox.orders import added_flaw

MAX_PAST = 500
MAX_ORDERS = 1000


def event(crm: Crm, body: Any, version: int) -> Answer:
    """POST /vN/event: any 2xx, without a useful body."""
    crm.live(read_event(body, crm.options, version))
    return OK


def past_events(crm: Crm, body: Any, version: int) -> Answer:
    """POST /vN/past_events: all events of the request, or a 400."""
    events = _list(body, "events", MAX_PAST)
    read = [(read_event(each, crm.options, version), each) for each in events]
    for _, each in read:
        if occurred_of(each) is None:
            raise Refusal(400, "occurred is required: YYYY-MM-DD or YYYY-MM-DDTHH:mm", as_json=True)
    results = [{"status": crm.past(incoming, each)} for incoming, each in read]
    if not crm.options.past_results:
        return OK
    good = sum(result["status"] == "ACCEPTED" for result in results)
    return as_json({"results": results, "successCount": good, "errorCount": len(results) - good})


def delete_past_events(crm: Crm, body: Any) -> Answer:
    """DELETE /v1/past_events: by time of occurrence only; off until the vendor's support enables it."""
    if not crm.options.delete_range_enabled:
        raise Refusal(crm.options.delete_range_status, "The method is disabled for your organisation")
    ends = (body.get("from"), body.get("to")) if isinstance(body, dict) else (None, None)
    if not all(isinstance(each, str) for each in ends):
        raise Refusal(400, "from and to are required", as_json=True)
    since, until = moment(str(ends[0])), moment(str(ends[1]), end=True)
    if since is None or until is None or since > until:
        raise Refusal(400, "from and to: YYYY-MM-DD or YYYY-MM-DDTHH:mm, in this order", as_json=True)
    crm.forget(since, until)
    return OK


def orders(crm: Crm, body: Any) -> Answer:
    """POST /v1/orders: 200 with the orders that failed; the id of a single one."""
    failed, added = [], []
    for order in _list(body, "orders", MAX_ORDERS):
        flaw = added_flaw(order)
        if flaw is None and str(order["externalOrderId"]) in crm.failing:
            flaw = "refused on demand"
        if flaw is None:
            added.append(crm.add_order(order))
        else:
            failed.append({"order": order, "error": flaw})
    answer: dict[str, Any] = {"failedOrders": failed}
    if len(added) == 1:
        answer["id"] = str(added[0].id)
    return as_json(answer)


def contacts(crm: Crm, body: Any) -> Answer:
    """POST /v1/contacts: a session of import, and the contacts that cannot be added."""
    session = read_import(body, uuid.uuid4().hex, crm.clock(), crm.failing)
    crm.start(session)
    failed: Any = session.failed
    if crm.options.failed_as_object and len(failed) == 1:
        failed = failed[0]
    return as_json({"asyncSessionId": session.id, "failedContacts": failed})


def import_status(crm: Crm, session: str) -> Answer:
    """GET /v1/importstatus/{sessionId}."""
    crm.settle()
    found = crm.imports.get(session)
    if found is None:
        raise Refusal(404, "No such import session", as_json=True)
    status = found.status(crm.clock())
    answer: dict[str, Any] = {"status": status}
    if status == "ERROR":
        answer["description"] = "The import failed on demand"
    if status == "FINISHED":
        answer["mapping"] = found.mapping
        if found.failed_later:
            answer["failedContacts"] = found.failed_later
    return as_json(answer)


def contact(crm: Crm, body: Any) -> Answer:
    """POST /v1/contact: add or update one, at once; what is not sent stays."""
    sent = read_contact(body)
    if isinstance(sent, str):
        raise Refusal(400, sent, as_json=True)
    crm.settle()
    book = crm.contact_book
    known = book.match(sent, "email_or_sms")
    saved = book.add(sent) if known is None else book.update(known, sent, sent.values, sent.custom)
    crm.accept_contact(sent.key, sent.values.get("firstName"), "contact")
    return as_json({"id": saved.id})


def delete_contact(crm: Crm, query: bytes) -> Answer:
    """DELETE /v1/contact?externalCustomerId=…&erase=true|false."""
    fields = parse_qs(query.decode())
    key = fields.get("externalCustomerId", [""])[0]
    if not key:
        raise Refusal(400, "externalCustomerId is required", as_json=True)
    crm.settle()
    erase = fields.get("erase", ["false"])[0].lower() == "true"
    if erase:
        crm.contact_book.deleted.pop(key, None)
    found: Contact | None = crm.contact_book.find("externalCustomerId", key)
    if found is None:
        return Answer(crm.options.missing_contact_status)
    crm.contact_book.delete(found, erase=erase)
    crm.accept_contact(key, "erased" if erase else "deleted", "delete_contact")
    return OK


def unsubscribe(crm: Crm, body: Any, *, subscribed: bool) -> Answer:
    """POST /v1/emails/unsubscribed/add and /delete."""
    for email in _list(body, "emails", MAX_PAST * 100):
        crm.contact_book.subscribe(str(email), subscribed=subscribed)
        found = crm.contact_book.find("email", email)
        key = (found and found.external_id) or f"email:{email}"
        crm.accept_contact(key, "subscribed" if subscribed else "unsubscribed", "unsubscribed")
    return OK


def account(crm: Crm) -> Answer:
    """GET /v1/account/info."""
    options = crm.options
    return as_json(
        {
            "userEmail": options.user_email,
            "organisationName": options.organisation,
            "orgId": options.org_id,
        }
    )


def _list(body: Any, name: str, limit: int) -> list[Any]:
    found = body.get(name) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise Refusal(400, f"{name}: a list is required", as_json=True)
    if len(found) > limit:
        raise Refusal(400, f"{name}: at most {limit} in a request", as_json=True)
    return found
