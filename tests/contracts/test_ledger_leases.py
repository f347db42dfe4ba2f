"""The Ledger port where owners live by leases (RULES 2): the fake with a lease, and PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from connector.adapters.ledger_postgres import PostgresLedger
from connector.core.claims import Busy, Done, Grant, Settlement, Verdict, Want
from connector.core.events import Event
from connector.ports import Ledger
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger, Store
from tests.support.changes import order, version
from tests.support.postgres import Database, silence
from tests.support.waiting import wait_for

V1 = order("1", version(1, 1))


class Countable(Ledger, Protocol):
    """A ledger that counts what it found stale."""

    stale_sends: int


class World(Protocol):
    """One store whose owners have a lease of so many seconds."""

    lease: float

    def open(self) -> Countable:
        """An owner more, with a heartbeat."""

    def silence(self, ledger: Countable) -> None:
        """It gives no sign of life any more."""

    def until(self, true: Callable[[], bool]) -> None:
        """Let time pass."""


class FakeWorld:
    lease = 0.6

    def __init__(self) -> None:
        self._clock, self._store = FakeClock(0.0), Store()
        self._beating: list[Countable] = []

    def open(self) -> Countable:
        self._beating.append(FakeLedger(self._store, "yespo", self._clock.now, self.lease))
        return self._beating[-1]

    def silence(self, ledger: Countable) -> None:
        self._beating.remove(ledger)

    def until(self, true: Callable[[], bool]) -> None:
        for _ in range(100):
            if true():
                return
            self._clock.advance(0.05)
            for ledger in self._beating:
                assert isinstance(ledger, FakeLedger)
                ledger.beat()
        pytest.fail("it did not come true")


class PostgresWorld:
    lease = 4.0  # a machine that stands still for less buries nobody

    def __init__(self, url: str, cleanup: ExitStack) -> None:
        self._url, self._cleanup = url, cleanup

    def open(self) -> Countable:
        ledger = PostgresLedger(lambda: self._url, "yespo", lease=self.lease)
        self._cleanup.callback(ledger.close)
        return ledger

    def silence(self, ledger: Countable) -> None:
        assert isinstance(ledger, PostgresLedger)
        silence(ledger)

    def until(self, true: Callable[[], bool]) -> None:
        wait_for(true)


@pytest.fixture(params=["fake", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with ExitStack() as cleanup:
        if request.param == "fake":
            yield FakeWorld()
        else:
            database: Database = request.getfixturevalue("migrated")
            yield PostgresWorld(database.url, cleanup)


def ask(ledger: Ledger, *events: Event) -> list[Verdict]:
    return ledger.turn([], list(map(Want, events)))


def test_it_is_kept_by_the_heartbeat_alone(world: World) -> None:
    idle, other = world.open(), world.open()
    assert ask(idle, V1) == [Grant()]
    left: list[float] = []

    def looked() -> bool:
        assert ask(other, V1) == [Busy()]
        left.append(idle.lease_left())
        return len(left) > 60 * world.lease

    world.until(looked)
    assert 0 < min(left) <= max(left) <= world.lease + 1e-6


def test_a_silent_owners_claim_is_in_doubt_once_its_lease_has_passed(world: World) -> None:
    silent, heir = world.open(), world.open()
    assert ask(silent, V1) == [Grant()]
    world.silence(silent)
    assert ask(heir, V1) == [Busy()]
    world.until(lambda: ask(heir, V1) == [Grant(doubtful=True)])
    assert silent.lease_left() == 0


def test_a_late_settle_of_a_lost_claim_is_stale_and_clears_the_digest(world: World) -> None:
    first, second, third = (order("1", version(lsn), "same") for lsn in (1, 2, 3))
    late, heir = world.open(), world.open()
    assert ask(late, first) == [Grant()]
    world.silence(late)
    world.until(lambda: ask(heir, first) == [Grant(doubtful=True)])
    heir.turn([Settlement(first, "accepted")], [])
    assert ask(heir, second) == [Done("unchanged")]
    late.turn([Settlement(first, "accepted")], [])
    assert (late.stale_sends, heir.stale_sends) == (1, 0)
    assert ask(heir, third) == [Grant(known=True)]


def test_who_was_buried_claims_nothing_until_all_that_was_granted_is_settled(world: World) -> None:
    kept, new = order("kept", version(1)), order("new", version(1))
    late, heir = world.open(), world.open()
    assert ask(late, V1, kept) == [Grant(), Grant()]
    world.silence(late)
    world.until(lambda: ask(heir, V1) == [Grant(doubtful=True)])
    assert ask(late, new) == [Busy()]
    assert late.lease_left() == 0
    late.turn([Settlement(V1, "accepted"), Settlement(kept, "accepted")], [])
    assert late.stale_sends == 1
    assert ask(late, new) == [Grant()]
    assert late.lease_left() > 0
    assert ask(late, kept) == [Done("duplicate")]


def test_who_was_buried_long_ago_begins_anew_only_without_old_claims(world: World) -> None:
    """What waits in the courier for a destination to come back was granted by the claim that was lost."""
    new, third = order("new", version(1)), order("3", version(1))
    late, heir, timer = world.open(), world.open(), world.open()
    assert ask(late, V1) == [Grant()]
    world.silence(late)
    world.until(lambda: ask(heir, V1) == [Grant(doubtful=True)])
    heir.turn([Settlement(V1, "accepted")], [])
    assert ask(late, new) == [Busy()]
    assert ask(timer, third) == [Grant()]
    world.silence(timer)
    world.until(lambda: ask(heir, third) == [Grant(doubtful=True)])  # a lease later
    assert ask(late, new) == [Busy()]
    assert late.lease_left() == 0
    late.turn([Settlement(V1, "released")], [])
    assert ask(late, new) == [Grant()]
    assert late.lease_left() > 0


def test_what_a_silent_owner_settles_before_anybody_took_it_counts(world: World) -> None:
    """Its lease has passed, and nobody has asked for the key: nothing was sent by another."""
    silent, other = world.open(), world.open()
    assert ask(silent, V1) == [Grant()]
    world.silence(silent)
    world.until(lambda: silent.lease_left() == 0)
    silent.turn([Settlement(V1, "accepted")], [])
    assert silent.stale_sends == 0
    assert ask(other, V1) == [Done("duplicate")]
