"""RULES 5: an order is sent only when its contact is known to be accepted."""

import msgspec

from tests.support.stage import Stage, staged
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
