"""Unsubscriptions: `POST /v1/emails/unsubscribed/add` with the e-mails of deleted contacts.

The contact stays, with its orders; only its e-mail gets no more messages. Nothing subscribes it again, should
the row come back: that is the customer's decision. How many e-mails a request may have is not documented:
MAX_EMAILS is ours. Repeating one changes nothing.
"""

from connector.core.conclude import Steps, ask, isolate
from connector.core.events import Contact
from connector.core.lots import Lot
from connector.core.talk import Batch, Conversation, Outcome, Refused, Request
from connector.dialects.yespo_answers import UNENCODABLE, judge
from connector.dialects.yespo_check import MAX_IDENTIFIER
from connector.dialects.yespo_contacts import contact_in
from connector.dialects.yespo_events import JSON_HEADERS, encode
from connector.dialects.yespo_locator import email_of

PATH = "/v1/emails/unsubscribed/add"
MAX_EMAILS = 500
LOT = Lot("unsubscriptions", "", MAX_EMAILS, "resend")


def fault(contact: Contact) -> str | None:
    """Why this deleted contact cannot be unsubscribed."""
    email = email_of(contact.email)
    if email is None:
        return (
            "email missing: a deleted row tells it only under REPLICA IDENTITY FULL; set that in the "
            "database, and replica_identity: full here"
        )
    return f"email is longer than {MAX_IDENTIFIER} characters" if len(email) > MAX_IDENTIFIER else None


def converse(batch: Batch) -> Conversation:
    """Unsubscribe; what a refused request was refused for is found by halving."""

    def attempt(part: Batch) -> Steps[list[Outcome] | Refused]:
        emails = [email_of(contact_in(sending.event).email) for sending in part]
        try:
            body = encode({"emails": emails})
        except (ValueError, RecursionError):
            return UNENCODABLE
        request = Request("POST", PATH, "unsubscriptions", body, JSON_HEADERS, part)
        return judge((yield from ask(request)), part)

    return isolate(batch, attempt)
