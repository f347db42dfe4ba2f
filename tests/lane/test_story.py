"""The story of a record: each of its ends, and in what order what is made of it goes."""

from typing import Any

from connector.dialects.yespo import YespoOptions
from tests.support.stage import NAME, Process, Stage, staged
from tests.support.stage_reading import CONTACTS, ORDERS, POISON, contact, order


def lived(stage: Stage, *records: bytes | None, **settings: Any) -> Process:
    """A process that has settled and committed these orders."""
    process = stage.start(**settings)
    stage.produce(ORDERS, *records)
    process.until_done()
    return process


def test_an_order_is_delivered_and_committed() -> None:
    with staged() as stage:
        process = lived(stage, order("o", 1))
        assert process.outcomes == {"delivered": 1}
        assert stage.crm.crm.orders["o"].status == "INITIALIZED"
        assert stage.committed() == 1


def test_a_rule_filters_and_is_counted() -> None:
    with staged() as stage:
        process = lived(stage, None, order("o", 1, op="d"))
        assert process.outcomes == {"filtered": 2}
        assert stage.crm.requests == []


def test_each_step_can_cost_a_record_and_only_that_one() -> None:
    with staged() as stage:
        process = lived(
            stage,
            POISON,
            order("o1", 1, total_cost="cheap"),
            order("o2", 2, status="SOLD"),
            order("o3", 3, mark="marked"),
            order("o4", 4),
        )
        stages = {offset: one.stage for (_, offset), one in stage.letters.items()}
        assert stages == {0: "decode", 1: "map", 2: "check", 3: "deliver"}
        assert process.outcomes == {"dead_lettered": 4, "delivered": 1}
        assert stage.committed() == 5
        letter = stage.letters[(ORDERS, 0), 3]
        assert (letter.cause, letter.key, letter.attempts, letter.destination) == ("refused", "o3", 1, NAME)


def test_a_refused_version_does_not_stand_in_the_way_of_the_next() -> None:
    with staged() as stage:
        process = lived(stage, order("o", 1), order("o", 2, mark="marked"), order("o", 3))
        assert process.outcomes == {"dead_lettered": 1, "delivered": 2}
        assert stage.crm.taken("order", "o") == ["1", "3"]


def test_what_comes_twice_late_or_without_change_is_not_sent() -> None:
    with staged() as stage:
        process = lived(stage, order("o", 1), order("o", 2), order("o", 2), order("o", 1), order("o", 3, "2"))
        assert process.outcomes == {"delivered": 2, "duplicate": 1, "superseded": 1, "unchanged": 1}
        assert stage.crm.taken("order", "o") == ["1", "2"]


def test_a_replay_sends_nothing() -> None:
    with staged() as stage:
        first = lived(stage, *[order(f"o{n}", n) for n in range(10)])
        first.drain()
        sent = len(stage.crm.requests)
        stage.group.commits.clear()
        second = stage.start()
        second.until_done()
        assert second.outcomes == {"duplicate": 10}
        assert len(stage.crm.requests) == sent


def test_changes_of_one_order_go_in_turn_and_others_do_not_wait() -> None:
    with staged() as stage:
        slow = {"first"}
        stage.crm.fate = lambda r: "503" if b'"slow"' in (r.body or b"") and slow else "ok"
        process = stage.start()
        stage.produce(ORDERS, order("seed", 0, customer="c"))
        process.until_done()
        stage.produce(
            ORDERS,
            order("slow", 1, customer="c"),
            order("slow", 2, customer="c"),
            order("fast", 3, customer="c"),
        )
        process.until(lambda: stage.crm.taken("order", "fast"))
        assert stage.crm.taken("order", "slow") == []
        slow.clear()
        process.until_done()
        assert stage.crm.taken("order", "slow") == ["1", "2"]


def test_a_change_of_status_alone_moves_a_known_order() -> None:
    with staged() as stage:
        lived(stage, order("o", 1, "same"), order("o", 2, "same", status="DELIVERED"))
        assert [event.type_key for event in stage.crm.crm.history("o")] == ["orderUpdated", "orderDelivered"]


def test_a_delete_cancels_the_order_of_its_row_even_right_behind_it() -> None:
    with staged() as stage:
        process = lived(
            stage,
            order("o", 1, pk="7"),
            order("o", 2, op="d", pk="7"),
            order("o", 1, pk="7"),
            order("", 3, op="d", pk="8"),
            on_delete="cancel",
            options=YespoOptions(cancel_by_key=True),
        )
        assert b'"orderCancelled"' in (stage.crm.requests[-1].body or b"")
        assert process.outcomes == {"dead_lettered": 1, "delivered": 2, "superseded": 1}
        assert stage.causes() == {3: "unknown_row"}


def test_an_erased_contact_is_not_brought_back_by_an_order() -> None:
    with staged() as stage:
        process = stage.start(on_delete="cancel")
        stage.produce(CONTACTS, contact("c", 1), contact("c", 2, op="d"))
        process.until_done()
        stage.produce(ORDERS, order("o", 3, customer="c"))
        process.until_done()
        assert stage.causes() == {0: "erased_contact"}
        assert stage.crm.crm.contacts == {}


def test_an_order_is_created_once_and_updated_from_then_on() -> None:
    with staged() as stage:
        lived(stage, order("o", 1, op="c"), order("o", 2), order("o", 3, op="c"))
        kinds = [event.type_key for event in stage.crm.crm.history("o")]
        assert kinds == ["orderCreated", "orderUpdated", "orderUpdated"]
