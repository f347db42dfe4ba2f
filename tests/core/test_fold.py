"""Several changes of one entity that wait: when the last alone is sent, what becomes of the others."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.events import Contact, Event, Order
from connector.core.fold import replaces
from connector.core.lots import Lot
from connector.core.model import Kind, Op, Position, Record, Version
from connector.core.plan import Item, Plan

NEWEST = Lot("orders", "", 500, "resend", newest=True)


def event(number: int, *, ts_ms: int | None = None, **body: Any) -> Event:
    """A change of one order; `number` is its lsn."""
    at = Position("orders", 0, number)
    version = Version("shop", number, number if ts_ms is None else ts_ms, None, "orders", 0, number, number)
    order = Order("a", **{"status": f"s{number}", **body})
    return Event("order", Kind.ORDER_UPDATED, "a", order, bytes([number]), b"", version, at)


def item(one: Event) -> Item:
    assert one.position is not None
    return Item(one, Record(one.position, 0, None, b""), "", NEWEST)


def planned(*numbers: int) -> tuple[Plan, list[Item]]:
    plan = Plan(batch_events=9, batch_bytes=999, linger=0.0)
    items = [item(event(number)) for number in numbers]
    for one in items:
        plan.add(one)
    return plan, items


def taken(plan: Plan) -> Item | None:
    """What goes next, folded."""
    batches = list(plan.due(0.0, 9))
    assert all(len(batch) == 1 for batch in batches)
    return plan.fold(batches[0][0]) if batches else None


def test_a_newer_state_that_tells_all_stands_for_an_older_one() -> None:
    assert replaces(event(2), event(1))


def test_nothing_is_left_out_that_only_the_older_one_tells() -> None:
    assert not replaces(event(2, email=UNSET), event(1, email="a"))
    assert replaces(event(2, email=None), event(1, email="a"))
    assert not replaces(event(2, params={"a": 1}), event(1, params={"a": 1, "b": 2}))
    assert replaces(event(2, params={"a": 1, "b": 2}), event(1, params={"a": 1}))


def test_what_is_not_surely_newer_stands_for_nothing() -> None:
    assert not replaces(event(1), event(2))
    assert not replaces(event(1), event(1))
    assert not replaces(event(2, ts_ms=0), event(1, ts_ms=5)), "an epoch may say otherwise"
    later = event(2)
    assert later.version is not None
    assert not replaces(replace(later, version=None), event(1))
    assert not replaces(replace(later, version=replace(later.version, clock="other")), event(1))
    assert not replaces(replace(later, row_key="row"), event(1))


def test_a_delete_goes_by_itself() -> None:
    assert not replaces(replace(event(2), op=Op.DELETE), event(1))
    gone = replace(event(2), kind=Kind.CONTACT_DELETED, body=Contact())
    assert not replaces(gone, event(1))


def test_the_last_one_goes_and_what_comes_later_waits_for_it() -> None:
    plan, items = planned(1, 2, 3)
    last = taken(plan)
    assert last is items[2]
    assert last.earlier == (items[0], items[1])
    plan.add(later := item(event(4)))
    assert taken(plan) is None
    last.earlier = ()
    plan.done(last)
    assert taken(plan) is later
    plan.done(later)
    assert len(plan) == 0


def test_an_older_state_after_a_newer_one_ends_what_is_left_out() -> None:
    plan, items = planned(1, 3, 2, 4)
    last = taken(plan)
    assert last is items[1]
    last.earlier = ()
    plan.done(last)
    assert taken(plan) is items[3]


def test_where_the_last_one_is_refused_those_before_it_have_their_turn() -> None:
    plan, items = planned(1, 2, 3)
    last = taken(plan)
    assert last is items[2]
    plan.add(later := item(event(4)))
    plan.done(last)  # its earlier ones are left: it was a dead letter
    again = taken(plan)
    assert again is later
    assert again.earlier == (items[0], items[1])


def test_who_is_asked_for_again_may_stand_for_more() -> None:
    plan, items = planned(1, 2)
    last = taken(plan)
    assert last is items[1]
    plan.again(last, 0.0)
    plan.add(more := item(event(3)))
    again = taken(plan)
    assert again is more
    assert again.earlier == (items[0], items[1])


STEPS = st.lists(st.tuples(st.booleans(), st.booleans(), st.none() | st.integers(0, 7)), max_size=8)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=8), STEPS)
def test_every_item_is_finished_or_dropped_once_whatever_is_dropped_and_refused(
    numbers: list[int], steps: list[tuple[bool, bool, int | None]]
) -> None:
    plan, items = planned(*numbers)
    ended: list[Item] = []
    rest = iter(steps)
    while (out := taken(plan)) is not None:
        flies, accepted, dropped = next(rest, (True, True, None))
        gone = {id(one) for number, one in enumerate(items) if number == dropped}
        flying = {id(out)} if flies else set[int]()
        if not flies:
            plan.again(out, 0.0)
        ended += dropping(plan, gone, flying)
        if flies:
            if accepted:
                ended += out.earlier
                out.earlier = ()
            ended.append(out)
            plan.done(out)
    assert sorted(map(id, ended)) == sorted(map(id, items))
    assert len(plan) == 0


def dropping(plan: Plan, gone: set[int], flying: set[int]) -> list[Item]:
    return plan.drop(lambda one: id(one) in gone, lambda one: id(one) in flying)
