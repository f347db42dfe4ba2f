"""Who is held back for whom, and let go exactly once."""

from connector.core.events import Contact, Event, Order, Requirement
from connector.core.lots import Lot
from connector.core.model import Kind, Position, Record
from connector.core.plan import Item, Plan
from connector.lane.escort import DOUBTFUL, Escort
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


GUEST = "email:a"


def test_a_change_that_yields_to_a_guest_goes_before_the_guests_who_come_later() -> None:
    """The ledger told that it takes the address of the first one away."""
    first, later, contact = item("order", "o1", GUEST), item("order", "o2", GUEST), item("contact", "c")
    scene = Scene(first, contact, later)
    escort = scene.escort
    assert escort.lets_go(first)
    assert escort.lets_go(contact)
    assert escort.guests() == (GUEST,)
    escort.lands(contact, GUEST)
    assert not escort.lets_go(later)
    escort.lands(first)
    assert escort.lets_go(contact)
    assert escort.guests() == (), "it waits for nobody but those in flight"
    escort.lands(contact)
    scene.plan.done(contact)
    assert scene.due() == [later]
    assert escort.lets_go(later)


def test_a_change_that_yields_to_several_guests_is_overtaken_by_none_of_them_again() -> None:
    """Else guests by two addresses, by turns, would keep it waiting for ever."""
    guests = [item("order", f"o{n}", key) for n, key in enumerate([GUEST, "phone:1", GUEST])]
    contact = item("contact", "c")
    scene = Scene(*guests, contact)
    escort = scene.escort
    for guest in guests[:2]:
        assert escort.lets_go(guest)
        assert guest.requires
        assert escort.lets_go(contact)
        escort.lands(contact, guest.requires.key)
        escort.lands(guest)
    assert not escort.lets_go(guests[2])
    assert escort.lets_go(contact)
    assert escort.guests() == ()


def test_an_order_waits_for_the_change_in_the_plan_that_settles_a_doubt_of_its_contact() -> None:
    order, other, contact = item("order", "o1", "c"), item("order", "o2", "d"), item("contact", "c")
    scene = Scene(order, other, contact)
    assert scene.escort.need(order, shared=False, doubtful=True) is None
    assert scene.escort.need(other, shared=False, doubtful=True) is DOUBTFUL, "there is no patience"
    assert scene.due() == []
    scene.plan.done(contact)
    assert scene.due() == [order]


def test_guests_wait_for_no_later_change_than_the_one_that_was_dropped() -> None:
    guest, contact, later = item("order", "o1", GUEST), item("contact", "c"), item("contact", "c")
    scene = Scene(guest, contact)
    assert scene.escort.lets_go(contact)
    scene.escort.lands(contact, GUEST)
    scene.escort.forget(scene.plan.drop(lambda one: one is contact, lambda _: False))
    scene.plan.add(later)
    assert scene.escort.lets_go(guest)


def test_guests_wait_for_no_change_that_was_dropped() -> None:
    guest, contact = item("order", "o1", GUEST), item("contact", "c")
    scene = Scene(guest, contact)
    assert scene.escort.lets_go(contact)
    scene.escort.lands(contact, GUEST)
    scene.escort.forget(scene.plan.drop(lambda one: one is contact, lambda _: False))
    assert scene.due() == [guest]
    assert scene.escort.lets_go(guest)


def test_a_guest_who_is_being_made_is_on_the_way_too_and_customers_are_not_guests() -> None:
    customers = item("order", "o1", "c"), item("contact", "d")
    scene = Scene(*customers, item("contact", GUEST))
    assert all(scene.escort.lets_go(one) for one in (*customers, item("contact", GUEST)))
    assert scene.escort.guests() == (GUEST,)
