"""Who is held back for whom, and let go exactly once."""

from connector.core.events import Contact, Event, Order, Requirement
from connector.core.lots import Lot
from connector.core.model import Kind, Position, Record
from connector.core.plan import Item, Plan
from connector.lane.escort import Escort
from tests.courier.scripted import Scripted
from tests.fakes.clock import FakeClock

LOT = Lot("events", "", 10, "resend")


def item(entity: str, key: str, contact: str | None = None) -> Item:
    at = Position("topic", 0, 0)
    if entity == "contact":
        event = Event("contact", Kind.CONTACT_UPSERTED, key, Contact(), b"", b"", None, at)
    else:
        event = Event("order", Kind.ORDER_UPDATED, key, Order(key), b"", b"", None, at)
    requires = Requirement(contact, None) if contact else None
    return Item(event, Record(at, 0, None, b""), "", LOT, requires)


class Scene:
    """Some items that were due at once."""

    def __init__(self, *items: Item) -> None:
        self.plan = Plan(batch_events=10, batch_bytes=1000, linger=0)
        self.escort = Escort(Scripted(), self.plan, FakeClock())
        for one in items:
            self.plan.add(one)
        assert self.due() == list(items)

    def due(self) -> list[Item]:
        return [one for batch in self.plan.due(1e12, 10, flush=True) for one in batch]


def test_a_contacts_change_is_held_until_the_last_of_its_orders_has_landed() -> None:
    first, second, contact = item("order", "o1", "c"), item("order", "o2", "c"), item("contact", "c")
    scene = Scene(first, second, contact)
    assert scene.escort.lets_go(first)
    assert scene.escort.lets_go(second)
    assert not scene.escort.lets_go(contact)
    scene.escort.lands(first)
    assert scene.due() == []
    scene.escort.lands(second)
    assert scene.due() == [contact]
    assert scene.escort.lets_go(contact)


def test_orders_wait_for_a_held_or_flying_change_of_their_contact_and_for_no_other() -> None:
    first, later, other = item("order", "o1", "c"), item("order", "o2", "c"), item("order", "o3", "d")
    contact = item("contact", "c")
    scene = Scene(first, later, other, contact)
    assert scene.escort.lets_go(first)
    assert not scene.escort.lets_go(contact)
    assert [scene.escort.lets_go(later), scene.escort.lets_go(other)] == [False, True]
    scene.escort.lands(first)
    assert scene.due() == [contact]
    assert scene.escort.lets_go(contact)
    scene.escort.lands(contact)
    scene.plan.done(contact)
    assert scene.due() == [later]
    assert scene.escort.lets_go(later)


def test_what_is_held_is_offered_once_though_the_plan_was_rebuilt_meanwhile() -> None:
    order, contact, gone = item("order", "o1", "c"), item("contact", "c"), item("order", "o2", "d")
    scene = Scene(order, contact, gone)
    assert scene.escort.lets_go(order)
    assert not scene.escort.lets_go(contact)
    dropped = scene.plan.drop(lambda one: one is gone, lambda one: one is order)
    assert dropped == [gone]
    scene.escort.forget(dropped)
    scene.escort.lands(order)
    assert scene.due() == [contact]
    assert scene.due() == []
