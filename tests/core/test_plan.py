"""Planning: order in a line, independence between lines, batches by events, bytes and linger."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connector.core.events import Contact, Event, Order, Requirement
from connector.core.lots import Lot
from connector.core.model import Kind, Position, Record
from connector.core.plan import Item, Line, Plan

ORDERS = Lot("event", "", max_events=3, in_doubt="resend")
LIVE = Lot("live", "", max_events=1, in_doubt="resend")
HELD = Lot("held", "", max_events=1, in_doubt="hold")
PAST = Lot("past_events", "", max_events=500, in_doubt="hold")
CONTACTS = Lot("contacts", "", max_events=500, in_doubt="resend")
EVENTS, BYTES, LINGER = 4, 100, 1.0


def item(
    key: str = "a",
    *,
    number: int = 0,
    size: int = 10,
    lot: Lot = PAST,
    arrived: float = 0.0,
    contact: bool = False,
    aliases: tuple[str, ...] = (),
) -> Item:
    at = Position("topic", number % 2, number)
    event = Event(
        entity="contact" if contact else "order",
        kind=Kind.CONTACT_UPSERTED if contact else Kind.ORDER_UPDATED,
        key=key,
        body=Contact() if contact else Order(key),
        digest=b"",
        core_digest=b"",
        version=None,
        position=at,
        size=size,
    )
    return Item(event, Record(at, 0, None, b""), "", lot, arrived=arrived, aliases=aliases)


def plan() -> Plan:
    return Plan(batch_events=EVENTS, batch_bytes=BYTES, linger=LINGER)


def due(one: Plan, now: float, room: int = 100, *, flush: bool = False) -> list[list[Item]]:
    return list(one.due(now, room, flush=flush))


# --- Batches


def test_single_events_whose_doubt_costs_nothing_may_wait_for_a_slot_and_no_others() -> None:
    for lot, expected in ((LIVE, 3), (HELD, 1), (ORDERS, 1), (PAST, 1)):
        one = plan()
        for n in range(15):
            one.add(item(str(n), lot=lot))
        assert len(list(one.due(9.0, 1, 3))) == expected


def test_nobody_overtakes_who_waits_for_a_slot() -> None:
    one = plan()
    one.add(held := item("a", lot=HELD))
    one.add(item("b", lot=LIVE))
    assert list(one.due(9.0, 0, 3)) == []
    assert next(one.due(9.0, 1, 3)) == [held]


def test_a_batch_waits_for_company_as_long_as_its_oldest_may_linger() -> None:
    one = plan()
    one.add(first := item("a", arrived=0.0))
    one.add(second := item("b", arrived=0.9))

    assert due(one, 0.99) == []
    assert one.next_due(0.75) == 0.25
    assert due(one, 1.0) == [[first, second]]
    assert one.next_due(1.0) is None


def test_a_batch_goes_at_once_when_it_is_full_by_events() -> None:
    one = plan()
    items = [item(str(n), arrived=0.0) for n in range(6)]
    for each in items:
        one.add(each)

    assert due(one, 0.0) == [items[:4]]
    assert due(one, 1.0) == [items[4:]]


def test_a_batch_goes_at_once_when_it_is_full_by_bytes_and_never_holds_more() -> None:
    one = plan()
    items = [item(str(n), size=60) for n in range(3)]
    for each in items:
        one.add(each)

    assert due(one, 0.0) == [[items[0]], [items[1]]]
    one.add(giant := item("giant", size=1000))
    assert due(one, 0.0) == [[items[2]], [giant]]


def test_a_lot_may_ask_for_smaller_batches_and_never_shares_one() -> None:
    one = plan()
    orders = [item(str(n), lot=ORDERS) for n in range(3)]
    past = [item(f"p{n}") for n in range(3)]
    for each in [*orders, *past]:
        one.add(each)

    assert due(one, 0.0) == [orders]
    assert due(one, 0.0, flush=True) == [past]


def test_no_more_batches_than_there_is_room_for() -> None:
    one = plan()
    for n in range(12):
        one.add(item(str(n)))

    assert [len(batch) for batch in due(one, 0.0, room=2)] == [4, 4]
    assert due(one, 9.0, room=0) == []
    assert [len(batch) for batch in due(one, 0.0, room=2)] == [4]


def test_a_lot_that_always_has_something_to_send_starves_no_other() -> None:
    """Room for less than comes: whoever has waited longest goes first, of whichever lot."""
    one = plan()
    one.add(item("early", lot=ORDERS, arrived=0.0))
    one.add(contact := item("c", contact=True, lot=CONTACTS, arrived=0.1))
    taken: list[Item] = []
    for turn in range(1, 4):
        for n in range(4):
            one.add(item(f"{turn}.{n}", lot=ORDERS, arrived=float(turn)))
        taken += [each for batch in due(one, turn + 1.0, room=1) for each in batch]

    assert contact in taken


def test_an_item_that_waited_for_its_line_goes_before_younger_ones_and_does_not_linger_anew() -> None:
    one = plan()
    one.add(head := item("a", number=1, arrived=0.0))
    one.add(tail := item("a", number=2, arrived=0.1))
    assert due(one, 1.0) == [[head]]
    one.add(young := item("b", arrived=4.9))
    one.done(head)

    assert due(one, 5.0) == [[tail, young]]


def test_an_item_asked_for_again_is_due_at_its_time() -> None:
    one = plan()
    one.add(busy := item("a"))
    assert due(one, 1.0) == [[busy]]
    one.again(busy, 3.0)

    assert one.next_due(1.0) == 2.0
    assert due(one, 2.9, flush=True) == []
    assert due(one, 3.0) == [[busy]]


# --- The contact first


def test_an_order_waits_for_whoever_is_in_its_contacts_line() -> None:
    one = plan()
    one.add(order := item("order"))
    one.add(contact := item("7", contact=True, lot=CONTACTS))
    taken = due(one, 0.0, flush=True)
    assert {id(each) for batch in taken for each in batch} == {id(order), id(contact)}

    assert one.await_contact(order, Requirement("7", None))
    assert due(one, 9.0, flush=True) == []
    one.done(contact)
    assert due(one, 9.0, flush=True) == [[order]]


def test_an_order_whose_contact_nobody_brings_is_told_so_and_waits_for_the_one_made_for_it() -> None:
    one = plan()
    orders = [item(str(n)) for n in range(2)]
    for each in orders:
        one.add(each)
    assert due(one, 0.0, flush=True) == [orders]

    assert not one.await_contact(orders[0], Requirement("7", None))
    one.add(made := item("7", contact=True, lot=CONTACTS))
    for each in orders:
        assert one.await_contact(each, Requirement("7", None))
    assert due(one, 9.0, flush=True) == [[made]]
    one.done(made)
    assert due(one, 9.0, flush=True) == [orders]


def test_an_order_waits_for_whoever_in_the_plan_will_have_its_address() -> None:
    one = plan()
    one.add(order := item("order"))
    one.add(contact := item("7", contact=True, lot=CONTACTS, aliases=("email:a", "phone:1")))
    due(one, 0.0, flush=True)

    assert not one.await_contact(order, Requirement("8", "email:b"))
    assert one.await_contact(order, Requirement("email:a", "email:a"))
    one.done(contact)
    assert due(one, 9.0, flush=True) == [[order]]
    assert not one.await_contact(order, Requirement("email:a", "email:a"))


# --- Giving back


def test_what_is_dropped_is_returned_and_the_rest_keeps_its_order() -> None:
    one = plan()
    items = [item("a", number=n) for n in range(5)]
    for each in items:
        one.add(each)
    assert due(one, 9.0) == [[items[0]]]

    dropped = one.drop(lambda i: i in items[0:4:2], lambda i: i is items[0])
    assert dropped == [items[2]]
    one.done(items[0])
    for expected in (items[1], items[3], items[4]):
        assert due(one, 9.0) == [[expected]]
        one.done(expected)
    assert len(one) == 0


@settings(max_examples=60, stateful_step_count=60)
class AnyOrder(RuleBasedStateMachine):
    """Any sequence of calls: at most one item of a line is out, in order, until it is done or dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.plan = plan()
        self.now = 0.0
        self.count = 0
        self.lines: dict[Line, list[Item]] = {}
        self.out: list[Item] = []
        self.later: list[tuple[float, Item]] = []
        self.waiting: list[tuple[Line, Item]] = []

    def _add(self, one: Item) -> None:
        self.lines.setdefault(one.line, []).append(one)
        self.plan.add(one)

    @rule(
        key=st.sampled_from("abc"),
        size=st.sampled_from([1, 40, 200]),
        lot=st.sampled_from([ORDERS, LIVE, HELD, PAST]),
    )
    def add(self, key: str, size: int, lot: Lot) -> None:
        self.count += 1
        self._add(item(key, number=self.count, size=size, lot=lot, arrived=self.now))

    @rule(key=st.sampled_from("xy"))
    def add_contact(self, key: str) -> None:
        self.count += 1
        self._add(item(key, number=self.count, contact=True, lot=CONTACTS, arrived=self.now))

    @rule(seconds=st.sampled_from([0.0, 0.4, 1.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(room=st.integers(min_value=0, max_value=3), ahead=st.integers(0, 5), flush=st.booleans())
    def take(self, room: int, ahead: int, *, flush: bool) -> None:
        batches = list(self.plan.due(self.now, room, ahead, flush=flush))
        assert len(batches) <= max(room, ahead)
        assert all(batch[0].lot is LIVE for batch in batches[room:])
        for batch in batches:
            self._check(batch, flush=flush)
            for one in batch:
                assert one is self.lines[one.line][0], "not the head of its line"
                assert one not in self.out, "handed out twice"
                assert all(when <= self.now for when, held in self.later if held is one)
                assert all(held is not one for _, held in self.waiting)
                self.out.append(one)
        taken = {id(one) for batch in batches for one in batch}
        self.later = [(when, one) for when, one in self.later if id(one) not in taken]

    def _check(self, batch: list[Item], *, flush: bool) -> None:
        lot, size = batch[0].lot, sum(one.event.size for one in batch)
        assert all(one.lot == lot for one in batch)
        assert 0 < len(batch) <= min(EVENTS, lot.max_events)
        assert size <= BYTES or len(batch) == 1

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        one = self.out.pop(data.draw(st.integers(min_value=0, max_value=len(self.out) - 1)))
        assert self.lines[one.line].pop(0) is one
        if not self.lines[one.line]:
            del self.lines[one.line]
        self.plan.done(one)
        self.waiting = [(line, held) for line, held in self.waiting if line != one.line]

    @precondition(lambda self: self.out)
    @rule(seconds=st.sampled_from([0.0, 0.5]))
    def again(self, seconds: float) -> None:
        one = self.out.pop()
        self.later.append((self.now + seconds, one))
        self.plan.again(one, self.now + seconds)

    @precondition(lambda self: any(one.event.entity == "order" for one in self.out))
    @rule(key=st.sampled_from("xy"))
    def await_contact(self, key: str) -> None:
        one = next(one for one in self.out if one.event.entity == "order")
        self.out.remove(one)
        line: Line = ("contact", key)
        need = Requirement(key, None)
        there = self.plan.await_contact(one, need)
        assert there == (line in self.lines)
        if not there:
            self.count += 1
            self._add(item(key, number=self.count, contact=True, lot=CONTACTS, arrived=self.now))
            assert self.plan.await_contact(one, need)
        self.waiting.append((line, one))

    @rule(partition=st.sampled_from([0, 1]))
    def drop(self, partition: int) -> None:
        def gone(one: Item) -> bool:
            return one.record is not None and one.record.position.partition == partition

        dropped = self.plan.drop(gone, lambda one: one in self.out)
        expected = [one for line in self.lines.values() for one in line if gone(one) and one not in self.out]
        assert {id(one) for one in dropped} == {id(one) for one in expected}
        assert len(dropped) == len(expected)
        names = {id(one) for one in dropped}
        kept = {line: [one for one in items if id(one) not in names] for line, items in self.lines.items()}
        self.lines = {line: items for line, items in kept.items() if items}
        if dropped:  # what waited is asked for anew
            self.later, self.waiting = [], []

    @invariant()
    def as_many_lines(self) -> None:
        assert len(self.plan) == len(self.lines)

    def teardown(self) -> None:
        """Nothing is lost: what is left comes out, each once, when all that is out gets done."""
        for _ in range(1000):
            self.now += 10
            self.take(room=100, ahead=0, flush=True)
            if not self.out:
                break
            while self.out:
                one = self.out.pop()
                assert self.lines[one.line].pop(0) is one
                if not self.lines[one.line]:
                    del self.lines[one.line]
                self.plan.done(one)
                self.waiting = [(line, held) for line, held in self.waiting if line != one.line]
        assert self.lines == {}
        assert len(self.plan) == 0


TestAnyOrder = AnyOrder.TestCase


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(min_value=0, max_value=3)), max_size=12))
def test_nothing_lingers_longer_than_it_may(arrivals: list[tuple[str, float]]) -> None:
    one = plan()
    for number, (key, arrived) in enumerate(sorted(arrivals, key=lambda arrival: arrival[1])):
        one.add(item(f"{key}{number}", arrived=arrived, size=1))
    for batch in due(one, 3.0):
        assert len(batch) == EVENTS or any(each.arrived <= 2.0 for each in batch)
    left = due(one, 3.0, flush=True)

    assert all(each.arrived > 2.0 for batch in left for each in batch)


def test_what_waits_for_company_is_not_ready_or_large_batches_would_never_fill() -> None:
    one = plan()
    for n in range(EVENTS - 1):
        one.add(item(str(n)))
    assert one.ready == 0
    one.add(item("last"))
    assert one.ready == EVENTS
    one.add(item("giant", size=BYTES, lot=CONTACTS))
    assert one.ready == EVENTS + 1
