"""The dialects against the sandbox, which was written from the vendor's documents alone."""

from typing import Any

import pytest
from hypothesis import given, settings

from connector.core.claims import Grant
from connector.core.events import Event, Order
from connector.core.model import Kind, Op, Position
from connector.core.talk import Accepted, Outcome, Request, Response, Sending, Wait
from connector.dialects.yespo import Yespo
from tests.dialects.test_yespo_properties import likely
from tests.dialects.yespo_samples import PAST, YESPO, contact_event, ensured, order_event, sendings
from tests.sandbox.calls import Account


class Client:
    """Converses with an account whose clock the waits move."""

    def __init__(self, **options: Any) -> None:
        self.account = Account(ann=False, **{"import_seconds": 3, "rate_per_second": 0, **options})

    def send(self, yespo: Yespo, *batch: Sending) -> list[Outcome]:
        conversation = yespo.converse(yespo.lot(batch[0].event), batch)
        reply: Response | None = None
        while True:
            try:
                said = conversation.send(reply)
            except StopIteration as end:
                outcomes: list[Outcome] = end.value
                return outcomes
            reply = None
            if isinstance(said, Wait):
                self.account.clock.advance(said.seconds)
            else:
                reply = self._answer(said)

    def contact_first(self, event: Event) -> None:
        assert self.send(YESPO, Sending(ensured(event))) == [Accepted()]
        self.account.crm.settle()

    def _answer(self, request: Request) -> Response:
        path, _, query = request.path.partition("?")
        answer = self.account.call(request.method, path, request.body or b"", query=query.encode())
        return Response(answer.status, answer.body)


def test_an_order_is_attached_to_the_contact_that_was_imported_for_it() -> None:
    crm, event = Client(), order_event(Kind.ORDER_CREATED)
    crm.contact_first(event)
    assert crm.send(YESPO, Sending(event)) == [Accepted()]
    account = crm.account.crm
    order = account.orders["12345679"]
    assert (order.status, order.params["totalCost"], order.params["date"]) == (
        "INITIALIZED", "990.10", "2020-05-14T13:11:00",
    )  # fmt: skip
    contact = account.contacts["AV13760"]
    assert (order.contact_id, contact.email, contact.phone) == (
        contact.id,
        "John@Example.com",
        "380501234567",
    )
    assert account.ignored == []


@pytest.mark.parametrize(
    ("status", "kind"), [("DELIVERED", "orderDelivered"), ("CANCELLED", "orderCancelled")]
)
def test_a_change_of_status_alone_moves_the_order(status: str, kind: str) -> None:
    crm, event = Client(), order_event()
    crm.contact_first(event)
    crm.send(YESPO, Sending(event))
    changed = YESPO.refine(order_event(status=status), Grant(known=True, status_only=True))
    assert crm.send(YESPO, Sending(changed)) == [Accepted()]
    assert crm.account.crm.orders["12345679"].status == status
    assert crm.account.crm.history("12345679")[-1].type_key == kind


def test_a_null_clears_a_contacts_field_and_what_is_unset_is_left_alone() -> None:
    crm = Client()
    first = contact_event(
        external_customer_id="c1", email="a@b.io", first_name="A", town="Київ", fields={"7": 1}
    )
    second = contact_event(external_customer_id="c1", email="a@b.io", first_name=None, fields={"7": None})
    for event in (first, second):
        assert crm.send(YESPO, Sending(event)) == [Accepted()]
        crm.account.crm.settle()
    contact = crm.account.crm.contacts["c1"]
    assert contact.values["town"] == "Київ"
    assert not contact.values.get("firstName")
    assert contact.custom["7"] is None


@pytest.mark.parametrize("as_object", [False, True])
def test_a_contact_that_yespo_refuses_costs_itself(as_object: bool) -> None:
    crm = Client(failed_as_object=as_object)
    batch = [
        Sending(contact_event(external_customer_id=f"c{n}", email=mail))
        for n, mail in enumerate(["a@b.io", "no mail", "c@d.io"])
    ]
    outcomes = crm.send(YESPO, *batch)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Accepted", "Refused", "Accepted"]
    crm.account.crm.settle()
    assert set(crm.account.crm.contacts) == {"c0", "c2"}


def test_past_events_are_kept_with_the_time_they_occurred() -> None:
    crm, batch = Client(), sendings(3)
    crm.contact_first(batch[0].event)
    assert crm.send(PAST, *batch) == [Accepted()] * 3
    kept = crm.account.crm.past_events
    assert [event.occurred for event in kept] == ["2020-05-14T13:11"] * 3
    assert crm.account.crm.ignored == []


def test_an_erased_contact_is_gone_and_a_known_delete_cancels_its_order() -> None:
    crm, event = Client(), order_event()
    crm.contact_first(event)
    crm.send(YESPO, Sending(event))
    deleted = order_event(Kind.ORDER_CANCELLED, Op.DELETE, external_customer_id=None, email=None, phone=None)
    assert YESPO.check(deleted) is None
    cancelled = YESPO.refine(deleted, Grant(known=True, contact_key="AV13760"))
    assert crm.send(YESPO, Sending(cancelled)) == [Accepted()]
    assert crm.account.crm.ignored == []
    assert crm.account.crm.orders["12345679"].status == "CANCELLED"
    assert crm.send(YESPO, Sending(contact_event(Kind.CONTACT_DELETED, external_customer_id="AV13760"))) == [
        Accepted()
    ]
    assert crm.account.crm.all_contacts == []


@settings(max_examples=60)
@given(order=likely)
def test_what_passes_check_is_never_ignored_under_a_2xx(order: Order) -> None:
    crm = Client()
    event = Event(
        "order", Kind.ORDER_UPDATED, order.external_order_id, order, b"", b"", None, Position("orders", 0, 1)
    )
    if YESPO.check(event) is not None:
        return
    if crm.send(YESPO, Sending(ensured(event))) != [Accepted()]:
        return
    crm.account.crm.settle()
    [outcome] = crm.send(YESPO, Sending(event))
    assert crm.account.crm.ignored == []
    assert (outcome == Accepted()) is (order.external_order_id in crm.account.crm.orders)
