"""A rehearsal answers as the ledger would, had it been told; the ledger is told nothing."""

import pytest

from connector.core.claims import Done, Grant, Needs, Settlement, Want
from connector.core.events import Requirement
from connector.rehearsal import Rehearsal
from tests.fakes.ledger import FakeLedger, Store
from tests.support.changes import contact, order, version

V1, V2, V3 = (order("1", version(lsn, lsn, offset=lsn)) for lsn in (1, 2, 3))


@pytest.fixture
def store() -> Store:
    return Store()


def test_what_would_have_been_accepted_counts_from_then_on(store: Store) -> None:
    ledger = FakeLedger(store)
    ledger.turn([], [Want(V1)])
    ledger.turn([Settlement(V1, "accepted")], [])
    before, subject = ledger.look("order", "1"), Rehearsal(FakeLedger(store))

    assert subject.turn([], [Want(V2)]) == [Grant(known=True)]
    assert subject.turn([Settlement(V2, "accepted")], [Want(V1)]) == [Done("superseded")]
    assert subject.turn([], [Want(V2)]) == [Done("duplicate")]
    assert subject.turn([Settlement(V3, "released")], [Want(V3)]) == [Grant(known=True)]
    assert ledger.look("order", "1") == before


def test_an_order_goes_once_its_contact_would_have_been_accepted(store: Store) -> None:
    subject = Rehearsal(FakeLedger(store))
    order_of_c1 = Want(V1, Requirement("C1", None))
    made = contact("C1", None)
    assert subject.turn([], [order_of_c1]) == [Needs()]
    assert subject.turn([], [Want(made)]) == [Grant()]
    assert subject.turn([Settlement(made, "accepted")], [order_of_c1]) == [Grant()]
    assert FakeLedger(store).look("contact", "C1").head is None


def test_an_address_would_stay_with_the_contact_that_would_have_it(store: Store) -> None:
    """Else whoever has the same address would wait for it again and again: a dry run without an end."""
    subject = Rehearsal(FakeLedger(store))
    first, order_of_c2 = contact("C1", None), Want(V1, Requirement("C2", "phone:+380501234567"))
    assert subject.turn([], [order_of_c2, Want(first)]) == [Needs(), Grant()]
    settled = Settlement(first, "accepted", aliases=("phone:+380501234567",))
    assert subject.turn([settled], [order_of_c2]) == [Needs(shared=True)]
    second = contact("C2", None)
    assert subject.turn([Settlement(second, "accepted")], [order_of_c2]) == [Grant()]
