"""RULES 5: an order is sent only when its contact is known to be accepted."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from connector.core.talk import Request
from connector.dialects.yespo import YespoOptions
from connector.dialects.yespo_locator import Locator
from tests.support.stage import NAME, Process, Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import CONTACTS, ORDERS, contact, order


def imports(stage: Stage) -> list[list[str]]:
    """The contacts of each import, in order."""
    bodies = [msgspec.json.decode(r.body or b"") for r in stage.crm.requests if r.resource == "contacts"]
    return [[one["externalCustomerId"] for one in body["contacts"]] for body in bodies]


def test_many_orders_of_unknown_contacts_wait_for_one_import() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, *[order(f"o{n}", n, customer=f"c{n % 10}") for n in range(40)])
        process.until_done()
        assert [sorted(one) for one in imports(stage)] == [sorted(f"c{n}" for n in range(10))]
        kinds = [request.resource for request in stage.crm.requests]
        assert kinds.index("import_status") < kinds.index("events")
        assert stage.crm.crm.ignored == []
        assert process.outcomes == {"delivered": 40}


def test_orders_of_known_contacts_pass_those_that_wait() -> None:
    with staged(import_seconds=30) as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("known", 1))
        process.until_done()
        stage.produce(ORDERS, order("waits", 2, customer="new"), order("passes", 3, customer="known"))
        process.until(lambda: stage.crm.taken("order", "passes"))
        process.run(10)
        assert stage.crm.taken("order", "waits") == []
        assert stage.committed() in (None, 0)
        process.until_done()
        assert stage.crm.taken("order", "waits") == ["2"]


def test_a_contact_change_in_the_queue_is_waited_for_and_none_is_made() -> None:
    with staged(import_seconds=5) as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, "Ann"))
        stage.produce(ORDERS, order("o", 2, customer="c"))
        process.until_done()
        assert imports(stage) == [["c"]]
        assert stage.crm.crm.contacts["c"].values["firstName"] == "Ann"


def test_a_contact_made_for_an_order_is_older_than_any_change_of_it() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o", 9, customer="c"))
        process.until_done()
        stage.produce(CONTACTS, contact("c", 1, "Ann"))
        process.until_done()
        assert stage.crm.taken("contact", "c") == ["", "Ann"]


def test_a_refused_contact_costs_its_order_and_the_others_try_their_own() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.crm.failing.add("c")
        stage.produce(
            ORDERS,
            order("o1", 1, customer="c"),
            order("o2", 2, customer="c"),
            order("o3", 3, customer="fine"),
        )
        process.until_done()
        assert stage.causes() == {0: "contact_refused", 1: "contact_refused"}
        assert imports(stage) == [["c", "fine"], ["c"]]
        assert stage.crm.taken("order", "o3") == ["3"]


def test_a_contact_known_by_another_address_is_found_by_its_id_alone() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, email="new@shop.example"))
        process.until_done()
        stage.produce(ORDERS, order("o", 2, customer="c", email="old@shop.example"))
        process.until_done()
        sent = msgspec.json.decode(stage.crm.requests[-1].body or b"")
        assert sent["keyValue"] == "c"
        assert not any(param["name"] == "email" for param in sent["params"])
        assert stage.crm.crm.ignored == []
        assert len(imports(stage)) == 1


def test_a_contact_that_a_process_was_killed_over_is_imported_again() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until(lambda: imports(stage))
        process.die()
        again = stage.start()
        again.until_done()
        assert stage.crm.taken("order", "o") == ["1"]
        assert stage.crm.crm.ignored == []


def made(ensure: Any, **options: Any) -> YespoOptions:
    return YespoOptions(name=NAME, ensure=ensure, **options)


# --- contacts.ensure ------------------------------------------------------------------------------


def test_where_contacts_are_never_made_an_order_waits_for_its_own_and_is_a_dead_letter_in_the_end() -> None:
    with staged() as stage:
        process = stage.start(options=made("never", wait_seconds=20))
        stage.produce(ORDERS, order("o1", 1, customer="late"), order("o2", 2, customer="nobody"))
        process.run(10)
        assert (stage.crm.requests, stage.letters) == ([], {})
        stage.produce(CONTACTS, contact("late", 3))
        process.until_done()
        assert imports(stage) == [["late"]]
        assert stage.crm.taken("order", "o1") == ["1"]
        assert stage.causes() == {1: "unknown_contact"}
        assert stage.crm.crm.ignored == []


def test_a_dead_letter_for_want_of_a_contact_can_be_sent_once_the_contact_is_there() -> None:
    with staged() as stage:
        process = stage.start(options=made("never", wait_seconds=0))
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until_done()
        stage.produce(CONTACTS, contact("c", 2))
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until_done()
        assert stage.crm.taken("order", "o") == ["1"]


def test_always_refreshes_a_contact_from_each_order_that_tells_something_else() -> None:
    with staged() as stage:
        process = stage.start(options=made("always"))
        for lsn, name in enumerate(["Ann", "Ann", "Anna"]):
            stage.produce(ORDERS, order(f"o{lsn}", lsn, customer="c", first_name=name))
            process.until_done()
        assert stage.crm.taken("contact", "c") == ["Ann", "Anna"]
        stage.produce(ORDERS, order("o0", 0, customer="c", first_name="Ann"))
        process.until_done()
        assert stage.crm.taken("contact", "c") == ["Ann", "Anna"], "a replayed order brings nothing back"
        assert process.outcomes == {"delivered": 3, "duplicate": 1}


def test_the_last_contact_change_seen_is_preferred_to_an_orders_own_fields() -> None:
    with staged() as stage:
        process = stage.start(options=made("always"))
        stage.produce(CONTACTS, contact("c", 1, "Ann"))
        process.until_done()
        stage.produce(ORDERS, order("o", 9, customer="c", first_name="Old"))
        process.until_done()
        assert stage.crm.taken("contact", "c") == ["Ann"]
        assert stage.crm.taken("order", "o") == ["9"]


def test_a_contact_change_in_the_queue_with_the_orders_address_is_waited_for_too() -> None:
    with staged(import_seconds=5) as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, "Ann", email="a@shop.example"))
        guest = order("o", 2, customer="c", external_customer_id=None, email="A@shop.example")
        stage.produce(ORDERS, guest)
        process.until_done()
        assert imports(stage) == [["c"]]
        assert stage.crm.crm.orders["o"].contact_id == stage.crm.crm.contacts["c"].id
        assert len(stage.crm.crm.all_contacts) == 1


# --- One address, several customers ---------------------------------------------------------------


def test_a_guest_and_the_customer_who_registers_later_are_one_contact() -> None:
    for registers in ("by a change of their own", "by an order"):
        with staged() as stage:
            process = stage.start()
            stage.produce(ORDERS, order("o1", 1, external_customer_id=None, email="g@shop.example"))
            process.until_done()
            if registers == "by an order":
                stage.produce(ORDERS, order("o2", 2, customer="c", email="g@shop.example"))
            else:
                stage.produce(CONTACTS, contact("c", 2, email="g@shop.example"))
            process.until_done()
            (only,) = stage.crm.crm.all_contacts
            assert (only.external_id, only.email) == ("c", "g@shop.example"), registers
            assert stage.crm.crm.orders["o1"].contact_id == only.id
            assert stage.crm.crm.ignored == []


def test_a_customer_whose_address_is_another_contacts_is_made_without_it_and_found_by_their_id() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c2", 1, email="family@shop.example"))
        process.until_done()
        stage.produce(ORDERS, order("o", 2, customer="c3", email="family@shop.example"))
        process.until_done()
        contacts = stage.crm.crm.contacts
        assert (contacts["c2"].email, contacts["c3"].email) == ("family@shop.example", None)
        assert stage.crm.crm.orders["o"].contact_id == contacts["c3"].id
        stage.produce(ORDERS, order("o2", 3, customer="c2", email="family@shop.example"))
        process.until_done()
        assert stage.crm.crm.orders["o2"].contact_id == contacts["c2"].id


def test_guests_and_others_that_share_a_batch_are_imported_apart() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o1", 1, external_customer_id=None, email="g@shop.example"))
        process.until_done()
        stage.produce(
            CONTACTS, contact("a", 2), contact("g", 3, email="g@shop.example"), contact("b", 4)
        )  # fmt: skip
        process.until_done()
        bodies = [msgspec.json.decode(r.body or b"") for r in stage.crm.requests if r.resource == "contacts"]
        found = [(b["dedupeOn"], [c["externalCustomerId"] for c in b["contacts"]]) for b in bodies[1:]]
        assert found == [("externalCustomerId", ["a", "b"]), ("email", ["g"])]
        assert len(stage.crm.crm.all_contacts) == 3


def test_a_known_customer_who_takes_a_guests_address_has_it_afterwards() -> None:
    """By their own id: Yespo never updates what a contact is looked for by."""
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, email="old@shop.example"))
        stage.produce(ORDERS, order("o1", 2, external_customer_id=None, email="g@shop.example"))
        process.until_done()
        stage.produce(CONTACTS, contact("c", 3, email="g@shop.example"))
        process.until_done()
        assert stage.crm.crm.contacts["c"].email == "g@shop.example"
        stage.produce(ORDERS, order("o2", 4, customer="c", email="g@shop.example"))
        process.until_done()
        assert stage.crm.crm.orders["o2"].contact_id == stage.crm.crm.contacts["c"].id


def test_a_record_without_an_id_does_not_take_it_from_the_customer_who_has_its_address() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, email="c@shop.example"))
        process.until_done()
        stage.produce(CONTACTS, contact("n", 2, external_customer_id=None, email="c@shop.example"))
        process.until_done()
        [found] = stage.crm.crm.all_contacts
        assert (found.external_id, found.values["firstName"]) == ("c", "2")
        stage.produce(ORDERS, order("o", 3, customer="c"))
        process.until_done()
        assert stage.crm.crm.orders["o"].contact_id == found.id


def test_a_locator_of_the_accounts_own_finds_each_customer_whoever_has_the_address() -> None:
    options = YespoOptions(name=NAME, locator=Locator("customerCode"))
    with staged(custom_locators={"customerCode": "externalCustomerId"}) as stage:
        process = stage.start(options=options)
        for lsn, customer in enumerate(["c2", "c3", "c2"]):
            stage.produce(ORDERS, order(f"o{lsn}", lsn, customer=customer, email="family@shop.example"))
            process.until_done()
        crm = stage.crm.crm
        assert [crm.orders[f"o{n}"].contact_id for n in range(3)] == [
            crm.contacts[customer].id for customer in ("c2", "c3", "c2")
        ]
        assert crm.contacts["c3"].email is None, "the address stays with the one who has it"
        event = crm.events[1]
        assert (event.key_value, event.params["customerCode"]) == ("c3", "c3")
        assert event.params["email"] == "family@shop.example"


@pytest.mark.parametrize(("field", "found"), [("email", "a@shop.example"), ("phone", "380501234567")])
def test_a_locator_can_carry_an_address(field: Any, found: str) -> None:
    custom = {"who": "sms" if field == "phone" else field}
    with staged(custom_locators=custom) as stage:
        process = stage.start(options=YespoOptions(name=NAME, locator=Locator("who", field)))
        stage.produce(ORDERS, order("o", 1, email="a@shop.example", phone="+38 050 123 45 67"))
        process.until_done()
        (event,) = stage.crm.crm.events
        assert (event.key_value, event.params["who"]) == (found, found)


def test_an_order_without_what_the_locator_carries_is_found_by_the_documented_list() -> None:
    options = YespoOptions(name=NAME, locator=Locator("customerCode"))
    with staged(custom_locators={"customerCode": "externalCustomerId"}) as stage:
        process = stage.start(options=options)
        stage.produce(ORDERS, order("o", 1, external_customer_id=None, email="a@shop.example"))
        process.until_done()
        (event,) = stage.crm.crm.events
        assert (event.key_value, "customerCode" in event.params) == ("a@shop.example", False)


# --- Refused, erased, or moved meanwhile ----------------------------------------------------------


def test_of_one_import_each_refused_contact_costs_its_own_orders_alone() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.crm.failing |= {"c1", "c3"}
        stage.produce(ORDERS, *[order(f"o{n}", n, customer=f"c{n}") for n in range(5)])
        process.until_done()
        assert stage.causes() == {1: "contact_refused", 3: "contact_refused"}
        assert process.outcomes == {"dead_lettered": 2, "delivered": 3}


def test_an_erasure_waits_for_the_orders_in_flight_and_later_ones_are_dead_letters() -> None:
    with staged() as stage:
        process = stage.start(on_delete="cancel")
        stage.produce(CONTACTS, contact("c", 1))
        process.until_done()
        stage.crm.fate = lambda request: "slow" if request.resource == "events" and not slow else "ok"
        slow: list[bool] = []
        stage.produce(ORDERS, order("o1", 2, customer="c"))
        process.until(lambda: process.courier.flying)
        stage.produce(CONTACTS, contact("c", 3, op="d"))
        process.run(1)
        stage.produce(ORDERS, order("o2", 4, customer="c"))
        process.run(1)
        slow.append(True)
        process.until_done()
        resources = [r.resource for r in stage.crm.requests]
        assert resources.index("erasures") > max(n for n, name in enumerate(resources) if name == "events")
        assert stage.crm.taken("order", "o1") == ["2"]
        assert stage.causes() == {1: "erased_contact"}
        assert stage.crm.crm.ignored == []


def test_an_address_that_moves_waits_for_the_orders_that_go_to_it() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, email="old@shop.example"))
        process.until_done()
        lost: list[Request] = []

        def fate(request: Request) -> Fate:
            """The first event is not received, and waited for in vain."""
            if request.resource == "events" and not lost:
                lost.append(request)
                return "slow"
            return "ok"

        stage.crm.fate = fate
        stage.produce(ORDERS, order("o1", 2, customer="c", email="old@shop.example"))
        process.until(lambda: process.courier.flying)
        stage.produce(CONTACTS, contact("c", 3, email="new@shop.example"))
        stage.produce(ORDERS, order("o2", 4, customer="c", email="old@shop.example"))
        process.until_done()
        assert [stage.crm.taken("order", key) for key in ("o1", "o2")] == [["2"], ["4"]]
        assert stage.crm.crm.ignored == []
        assert stage.crm.crm.contacts["c"].email == "new@shop.example"


@pytest.mark.parametrize("first", [ORDERS, CONTACTS])
def test_an_address_that_moves_and_an_order_that_goes_to_it_do_not_fly_together_though_both_are_due(
    first: str,
) -> None:
    with staged() as stage:
        process = stage.start(linger=0.0)
        stage.produce(CONTACTS, contact("c", 1, email="old@shop.example"))
        process.until_done()
        slow = iter([True])
        stage.crm.fate = lambda r: "slow" if r.resource == "events" and next(slow, False) else "ok"
        records = {
            ORDERS: order("o", 2, customer="c", email="old@shop.example"),
            CONTACTS: contact("c", 3, email="new@shop.example"),
        }
        for topic in (first, *records.keys() - {first}):
            stage.produce(topic, records[topic])
        process.until_done()
        assert stage.crm.taken("order", "o") == ["2"]
        assert stage.crm.crm.ignored == []
        assert stage.crm.crm.contacts["c"].email == "new@shop.example"


def guest(key: str, lsn: int, email: str) -> bytes:
    """An order of somebody who left nothing but an address."""
    return order(key, lsn, external_customer_id=None, email=email)


def test_an_address_that_moves_waits_for_a_guest_who_goes_to_it_and_later_guests_for_the_address() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, email="old@shop.example"))
        process.until_done()
        slow = iter([True])
        stage.crm.fate = lambda r: "slow" if r.resource == "events" and next(slow, False) else "ok"
        stage.produce(ORDERS, guest("o1", 2, "old@shop.example"))
        process.until(lambda: process.courier.flying)
        stage.produce(CONTACTS, contact("c", 3, email="new@shop.example"))
        process.run(1)
        stage.produce(ORDERS, guest("o2", 4, "old@shop.example"))
        process.until_done()
        orders, contacts = stage.crm.crm.orders, stage.crm.crm.contacts
        assert stage.crm.crm.ignored == []
        assert contacts["c"].email == "new@shop.example"
        assert orders["o1"].contact_id == contacts["c"].id
        assert orders["o2"].contact_id != contacts["c"].id, "a guest of their own, under the old address"


def test_a_guest_waits_for_a_doubtful_change_as_long_as_for_a_contact_and_is_then_a_dead_letter() -> None:
    """The change was given up in doubt: it is a dead letter itself, and may have been applied."""
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1, email="old@shop.example"))
        process.until_done()
        answers: Iterator[Fate] = iter(["lost"])
        stage.crm.fate = lambda _: next(answers, "ok")
        stage.produce(CONTACTS, contact("c", 2, mark="marked", email="new@shop.example"))
        process.until_done()
        stage.produce(ORDERS, order("o1", 3, customer="c", email="old@shop.example"))
        stage.produce(ORDERS, guest("o2", 4, "old@shop.example"))
        process.until_done()
        assert stage.crm.taken("order", "o1") == ["3"]
        causes = sorted(letter.cause for letter in stage.letters.values())
        assert causes == ["refused", "unknown_contact"]
        assert stage.crm.crm.ignored == []


def test_a_process_that_dies_in_an_outage_over_the_change_of_an_address_costs_no_guest_an_order() -> None:
    """Who waited for it while it lived has not waited in vain: the change is only sent after the outage."""
    with staged() as stage:
        both = stage.start(), stage.start()
        stage.produce(CONTACTS, contact("k", 1), contact("c", 2, email="old@shop.example"))
        while stage.committed(CONTACTS) != 2:
            _turns(*both)
        changing, other = both if (CONTACTS, 0) in both[0].parts.partitions.tracks else both[::-1]
        stage.crm.fate = lambda _: "503"
        stage.produce(CONTACTS, contact("c", 3, email="new@shop.example"))
        changing.until(lambda: changing.courier.flying)
        stage.produce(ORDERS, *[order(f"o{n}", 4 + n, customer="k") for n in range(3)])
        stage.produce(ORDERS, guest("o", 9, "old@shop.example"))
        end = stage.clock.monotonic() + 90
        while stage.clock.monotonic() < end:
            _turns(*both)
        other.until(lambda: not other.courier.room)
        changing.die()
        other.run(10)
        stage.crm.fate = lambda _: "ok"
        other.until_done()
        assert stage.letters == {}
        assert stage.crm.crm.ignored == []


def _turns(*processes: Process) -> None:
    for process in processes:
        process.turn()


def test_a_held_contact_change_whose_partition_goes_away_holds_nobody() -> None:
    with staged() as stage:
        process = stage.start()
        stage.produce(CONTACTS, contact("c", 1))
        process.until_done()
        stage.crm.fate = lambda request: "slow" if request.resource == "events" else "ok"
        stage.produce(ORDERS, order("o1", 2, customer="c"))
        process.until(lambda: process.courier.flying)
        stage.produce(CONTACTS, contact("c", 3, "Ann"))
        process.run(1)
        process.lane.lost([(CONTACTS, 0)])
        stage.crm.fate = lambda _: "ok"
        stage.produce(ORDERS, order("o2", 4, customer="c"))
        process.until(lambda: stage.crm.taken("order", "o2"))
        assert stage.crm.taken("contact", "c") == ["1"]


# --- Whatever the documents leave open ------------------------------------------------------------


@pytest.mark.parametrize(
    "reading",
    [
        {},
        {"contact_by": "key_value"},
        {"key_value_strict": True},
        {"takes_over": False},
        {"shared_channel": "moved"},
        {"new_contact_fields": "listed"},
        {"keep_dedupe_field": False},
        {"failed_as_object": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("ensure", ["unknown", "always"])
def test_under_every_reading_of_the_documents_nothing_is_ignored(
    reading: dict[str, Any], ensure: str
) -> None:
    """Guests, customers with one address, customers who register, change it, or are erased."""
    with staged(**reading) as stage:
        process = stage.start(options=made(ensure), on_delete="cancel")
        email = "family@shop.example"
        steps: list[tuple[str, bytes]] = [
            (ORDERS, order("o1", 1, external_customer_id=None, email=email)),
            (CONTACTS, contact("c1", 2, email=email)),
            (ORDERS, order("o2", 3, customer="c1", email=email)),
            (ORDERS, order("o3", 4, customer="c2", email=email)),
            (CONTACTS, contact("c2", 5, email=email)),
            (ORDERS, order("o4", 6, customer="c1", email=email)),
            (ORDERS, order("o5", 7, customer="c2", email=email)),
            (CONTACTS, contact("c1", 8, email="own@shop.example")),
            (ORDERS, order("o6", 9, customer="c1", email=email)),
            (ORDERS, order("o7", 10, customer="c1", email="own@shop.example")),
            (CONTACTS, contact("c2", 11, op="d")),
            (ORDERS, order("o8", 12, customer="c1", email="own@shop.example")),
        ]
        for topic, record in steps:
            stage.produce(topic, record)
            process.until_done()
        assert stage.crm.crm.ignored == []
        assert stage.letters == {}
        owner = stage.crm.crm.contacts["c1"].id
        owned = {key for key, found in stage.crm.crm.orders.items() if found.contact_id == owner}
        assert {"o2", "o4", "o6", "o7", "o8"} <= owned
