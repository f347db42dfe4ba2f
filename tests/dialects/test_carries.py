"""What a request asks to be applied is told with it: a history names exactly those events."""

from collections.abc import Iterator

import pytest

from connector.core.lots import Lot
from connector.core.model import Kind
from connector.core.talk import Batch, NoAnswer, Request, Response, Sending, Wait
from connector.dialects.yespo import PAST as PAST_LOT
from connector.dialects.yespo import Yespo
from connector.dialects.yespo_orders import LOT as ORDERS
from connector.dialects.yespo_unsubscribe import LOT as UNSUBSCRIPTIONS
from tests.dialects.yespo_samples import PAST, YESPO, contact_event, contacts, sendings

ERASED = [Sending(contact_event(Kind.CONTACT_DELETED, external_customer_id=f"c{n}")) for n in range(3)]
BATCHES: list[tuple[Yespo, Lot, Batch]] = [
    (YESPO, YESPO.lot(sendings(1)[0].event), sendings(3)),
    (PAST, PAST_LOT, sendings(3)),
    (YESPO, YESPO.lot(contacts(1)[0].event), contacts(3)),
    (YESPO, YESPO.lot(ERASED[0].event), ERASED),
    (YESPO, UNSUBSCRIPTIONS, contacts(3)),
    (YESPO, ORDERS, sendings(3)),
]


def requests(dialects: Yespo, lot: Lot, batch: Batch, status: int) -> Iterator[Request]:
    """Of a conversation in which each of them is answered with this status."""
    conversation = dialects.converse(lot, batch)
    reply: Response | NoAnswer | None = None
    while True:
        try:
            step = conversation.send(reply)
        except StopIteration:
            return
        if isinstance(step, Wait):
            reply = None
        else:
            yield step
            reply = Response(status, b'{"asyncSessionId": "7", "status": "FINISHED"}')


@pytest.mark.parametrize(("dialects", "lot", "batch"), BATCHES, ids=lambda one: getattr(one, "resource", ""))
@pytest.mark.parametrize("status", [200, 400])
def test_every_request_that_changes_something_carries_its_events_and_no_other_does(
    dialects: Yespo, lot: Lot, batch: Batch, status: int
) -> None:
    asked = list(requests(dialects, lot, batch, status))
    carried = [sending for request in asked for sending in request.carries]

    assert {id(sending) for sending in carried} == {id(sending) for sending in batch}
    assert all(bool(request.carries) == (request.method != "GET") for request in asked)
    assert {request.resource for request in asked if request.carries} == {lot.resource}
    if status == 200:
        assert carried == list(batch)
