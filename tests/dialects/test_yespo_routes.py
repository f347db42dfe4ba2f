"""Which contact comes first (RULES 5), which event is sent (RULES 7), and in whose company."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.claims import Grant
from connector.core.events import Contact, Event, Order, Requirement
from connector.core.heads import Kept
from connector.core.model import Kind, Op
from connector.core.talk import Refused, Sending
from connector.dialects.yespo import Yespo, YespoOptions
from connector.dialects.yespo_locator import Locator
from tests.dialects.yespo_samples import PAST, YESPO, contact_event, ensured, order_event
from tests.support.script import play, script, status


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Requirement("AV13760", "email:john@example.com")),
        ({"email": None}, Requirement("AV13760", "phone:380501234567")),
        ({"email": " ", "phone": None}, Requirement("AV13760", None)),
        ({"external_customer_id": None}, Requirement("email:john@example.com", "email:john@example.com")),
        (
            {"external_customer_id": UNSET, "email": UNSET},
            Requirement("phone:380501234567", "phone:380501234567"),
        ),
    ],
)
def test_an_order_requires_the_contact_that_yespo_will_look_for(
    changes: dict[str, object], expected: Requirement
) -> None:
    assert YESPO.requires(order_event(**changes)) == expected


def test_a_contact_without_an_address_and_a_delete_require_nobody() -> None:
    assert YESPO.requires(contact_event(external_customer_id="c1")) is None
    assert YESPO.requires(contact_event(email="a@b.c")) is None
    assert (
        YESPO.requires(contact_event(Kind.CONTACT_DELETED, external_customer_id="c1", email="a@b.c")) is None
    )
    assert YESPO.requires(order_event(Kind.ORDER_CANCELLED, Op.DELETE)) is None


def test_a_contact_with_an_id_asks_who_has_its_address() -> None:
    both = contact_event(external_customer_id="c1", email="A@b.c", phone="380501234567")
    assert YESPO.requires(both) == Requirement("", "email:a@b.c")
    assert YESPO.requires(contact_event(external_customer_id="c1", phone="380501234567")) == Requirement(
        "", "phone:380501234567"
    )


def test_a_contact_is_made_without_the_address_of_another() -> None:
    event = ensured(order_event(first_name="Олена"), shared=True)
    assert event.body == Contact(external_customer_id="AV13760", first_name="Олена")
    assert YESPO.check(event) is None


def test_contacts_are_made_never_once_or_for_each_order() -> None:
    never, always = Yespo(YespoOptions(ensure="never")), Yespo(YespoOptions(ensure="always"))
    assert never.ensure(order_event(), shared=False) is None
    once, refreshed = ensured(order_event()), always.ensure(order_event(), shared=False)
    assert refreshed is not None
    assert (once.digest, len(refreshed.digest)) == (b"", 16)
    assert replace(refreshed, digest=b"") == once
    assert (YESPO.requires(order_event()), always.requires(order_event())) == (
        Requirement("AV13760", "email:john@example.com"),
        Requirement("AV13760", "email:john@example.com", fresh=True),
    )


def test_the_contact_of_an_order_is_made_of_the_orders_own_fields_and_clears_none() -> None:
    event = ensured(order_event(first_name="Олена", last_name=None, phone=None))
    body = Contact(external_customer_id="AV13760", email="John@Example.com", first_name="Олена")
    assert event == Event("contact", Kind.CONTACT_UPSERTED, "AV13760", body, b"", b"", None, None)
    assert YESPO.check(event) is None


@pytest.mark.parametrize(
    "changes", [{}, {"email": None}, {"external_customer_id": None}, {"email": UNSET, "phone": UNSET}]
)
def test_the_contact_made_for_an_order_is_the_one_it_requires(changes: dict[str, object]) -> None:
    event = order_event(**changes)
    needed, contact = YESPO.requires(event), ensured(event)
    assert needed is not None
    assert contact.key == needed.key
    assert needed.alias is None or needed.alias in YESPO.aliases(contact)


def test_aliases_of_a_contact_are_its_email_and_phone_in_one_spelling() -> None:
    event = contact_event(external_customer_id="c1", email=" A@B.C ", phone="380501234567")
    assert YESPO.aliases(event) == ("email:a@b.c", "phone:380501234567")
    assert YESPO.aliases(contact_event(external_customer_id="c1", email=None)) == ()
    assert YESPO.aliases(order_event()) == ()


KNOWN, STATUS_ONLY = Grant(known=True), Grant(known=True, status_only=True)


@pytest.mark.parametrize(
    ("kind", "state", "grant", "sent"),
    [
        (Kind.ORDER_CREATED, "INITIALIZED", Grant(), Kind.ORDER_CREATED),
        (Kind.ORDER_CREATED, "INITIALIZED", KNOWN, Kind.ORDER_UPDATED),
        (Kind.ORDER_UPDATED, "INITIALIZED", Grant(), Kind.ORDER_UPDATED),
        (Kind.ORDER_UPDATED, "DELIVERED", Grant(), Kind.ORDER_UPDATED),
        (Kind.ORDER_UPDATED, "DELIVERED", Grant(status_only=True), Kind.ORDER_UPDATED),
        (Kind.ORDER_UPDATED, "DELIVERED", KNOWN, Kind.ORDER_UPDATED),
        (Kind.ORDER_UPDATED, "DELIVERED", STATUS_ONLY, Kind.ORDER_DELIVERED),
        (Kind.ORDER_UPDATED, "CANCELLED", STATUS_ONLY, Kind.ORDER_CANCELLED),
        (Kind.ORDER_UPDATED, "IN_PROGRESS", STATUS_ONLY, Kind.ORDER_UPDATED),
        (Kind.ORDER_DELIVERED, "DELIVERED", KNOWN, Kind.ORDER_DELIVERED),
        (Kind.ORDER_DELIVERED, "INITIALIZED", Grant(), Kind.ORDER_UPDATED),
        (Kind.ORDER_CANCELLED, "INITIALIZED", Grant(), Kind.ORDER_UPDATED),
    ],
)
def test_the_ledger_decides_which_event_is_sent(kind: Kind, state: str, grant: Grant, sent: Kind) -> None:
    refined = YESPO.refine(order_event(kind, status=state), grant)
    assert refined.kind is sent
    assert isinstance(refined.body, Order)
    final = {Kind.ORDER_DELIVERED: "DELIVERED", Kind.ORDER_CANCELLED: "CANCELLED"}
    assert refined.body.status == final.get(kind, state)


BARE: dict[str, object] = dict.fromkeys(
    ("status", "date", "total_cost", "items", "email", "phone", "external_customer_id", "currency"), UNSET
)


KEPT = Kept("12.50", "2026-01-02T03:04:05+00:00")


def test_a_delete_cancels_a_known_order_with_contact_total_and_date_of_its_last_state() -> None:
    deleted = order_event(Kind.ORDER_CANCELLED, Op.DELETE, **BARE)
    for key, wire in (("c7", "c7"), ("email:a@b.c", "a@b.c"), ("phone:380501234567", "380501234567")):
        refined = YESPO.refine(deleted, Grant(known=True, contact_key=key, kept=KEPT))
        played = play(YESPO.converse(YESPO.lot(refined), [Sending(refined)]), script(status(200)))
        body = played.body()
        assert (body["eventTypeKey"], body["keyValue"]) == ("orderCancelled", wire)
        sent = {param["name"]: param["value"] for param in body["params"]}
        assert (sent["status"], sent["totalCost"], sent["date"]) == (
            "CANCELLED", "12.50", "2026-01-02T05:04:05",
        )  # fmt: skip


def test_a_delete_of_a_whole_row_cancels_with_the_rows_own_fields() -> None:
    refined = YESPO.refine(
        order_event(Kind.ORDER_CANCELLED, Op.DELETE), Grant(known=True, contact_key="other", kept=KEPT)
    )
    body = play(YESPO.converse(YESPO.lot(refined), [Sending(refined)]), script(status(200))).body()
    assert body["keyValue"] == "John@Example.com"
    assert {"name": "totalCost", "value": "990.10"} in body["params"]


def test_a_cancellation_without_total_and_date_is_sent_only_where_the_account_takes_it() -> None:
    deleted, grant = order_event(Kind.ORDER_CANCELLED, Op.DELETE, **BARE), Grant(known=True, contact_key="c7")
    refined = YESPO.refine(deleted, grant)
    [refused] = play(YESPO.converse(YESPO.lot(refined), [Sending(refined)]), script()).outcomes
    assert isinstance(refused, Refused)
    assert (refused.cause, refused.detail.partition(":")[0]) == ("check", "totalCost, date missing")
    taking = Yespo(YespoOptions(cancel_by_key=True))
    played = play(taking.converse(taking.lot(refined), [Sending(refined)]), script(status(200)))
    names = [param["name"] for param in played.body()["params"]]
    assert names == ["externalCustomerId", "externalOrderId", "status"]


@pytest.mark.parametrize("yespo", [YESPO, PAST])
def test_a_delete_of_an_unknown_order_is_not_sent_to_be_ignored(yespo: Yespo) -> None:
    deleted = yespo.refine(order_event(Kind.ORDER_CANCELLED, Op.DELETE), Grant())
    played = play(yespo.converse(yespo.lot(deleted), [Sending(deleted)]), script())
    [refused] = played.outcomes
    assert isinstance(refused, Refused)
    assert refused.cause == "unknown_order"


def test_a_cancellation_that_no_contact_is_kept_for_is_not_sent_to_be_ignored() -> None:
    deleted = order_event(Kind.ORDER_CANCELLED, Op.DELETE, **BARE)
    refined = YESPO.refine(deleted, Grant(known=True, kept=KEPT))
    [refused] = play(YESPO.converse(YESPO.lot(refined), [Sending(refined)]), script()).outcomes
    assert isinstance(refused, Refused)
    assert refused.cause == "no_usable_locator"


def test_deleted_contacts_are_unsubscribed_many_a_request_and_keep_their_locators() -> None:
    events = [contact_event(Kind.CONTACT_UNSUBSCRIBED, email=f" a{n}@b.c ") for n in range(3)]
    lot = YESPO.lot(events[0])
    assert (lot.resource, lot.max_events, lot.in_doubt) == ("unsubscriptions", 500, "resend")
    assert YESPO.aliases(events[0]) == ()
    answers = script(*[status(code) for code in (400, 200, 400, 400, 200)])
    played = play(YESPO.converse(lot, [Sending(event) for event in events]), answers)
    [request, *_] = played.requests
    assert (request.method, request.path) == ("POST", "/v1/emails/unsubscribed/add")
    assert played.body() == {"emails": ["a0@b.c", "a1@b.c", "a2@b.c"]}
    assert [type(outcome).__name__ for outcome in played.outcomes] == ["Accepted", "Refused", "Accepted"]


def test_live_events_go_one_by_one_and_are_in_doubt_as_configured() -> None:
    holding = Yespo(YespoOptions(in_doubt="hold"))
    lots = YESPO.lot(order_event()), holding.lot(order_event())
    assert [(lot.resource, lot.max_events, lot.live, lot.in_doubt) for lot in lots] == [
        ("events", 1, True, "resend"),
        ("events", 1, True, "hold"),
    ]


def test_past_events_go_by_500_are_held_and_make_no_order_known() -> None:
    lot = PAST.lot(order_event())
    assert (lot.resource, lot.max_events, lot.live, lot.in_doubt) == ("past_events", 500, False, "hold")


def test_only_snapshots_of_the_topics_named_go_to_past_events() -> None:
    yespo = Yespo(YespoOptions(past_snapshots=frozenset({"orders"})))
    live = order_event()
    snapshot = replace(live, snapshot=True)
    assert yespo.lot(live).resource == "events"
    assert yespo.lot(snapshot).resource == "past_events"
    assert YESPO.lot(snapshot).resource == "events"


def test_contacts_share_a_request_only_with_the_same_set_of_fields() -> None:
    def group(**fields: object) -> str:
        return YESPO.lot(contact_event(**fields)).group

    both = group(external_customer_id="c1", email="a@b.c", first_name=None)
    assert both == group(external_customer_id="c2", email=None, first_name="N")
    others = [
        group(external_customer_id="c1", email="a@b.c"),
        group(external_customer_id="c1", email="a@b.c", first_name="N", fields={"5": 1}),
        group(email="a@b.c", first_name="N"),
        group(phone="380501234567", first_name="N"),
    ]
    assert len({both, *others}) == 5
    lot = YESPO.lot(contact_event(external_customer_id="c1"))
    assert (lot.resource, lot.max_events, lot.in_doubt) == ("contacts", 3000, "resend")


def test_an_order_is_sent_in_its_own_numbers_whatever_it_is_refined_to() -> None:
    event = order_event(total_cost=Decimal("5.10"), status="DELIVERED")
    refined = YESPO.refine(event, STATUS_ONLY)
    assert replace(refined, kind=event.kind) == event


@pytest.mark.parametrize(
    ("parameter", "field", "params", "words"),
    [
        ("customerCode", "externalCustomerId", ["city"], None),
        ("externalCustomerId", "externalCustomerId", [], None),
        ("email", "externalCustomerId", [], "has a meaning of its own"),
        ("ContactKey", "externalCustomerId", [], "has a meaning of its own"),
        ("totalCost", "externalCustomerId", [], "has a meaning of its own"),
        ("City", "email", ["city"], "is a parameter of a topic too"),
    ],
)
def test_a_locator_has_a_name_of_its_own(
    parameter: str, field: Any, params: list[str], words: str | None
) -> None:
    fault = Locator(parameter, field).fault(params)
    assert (fault is None) if words is None else (words in (fault or ""))
