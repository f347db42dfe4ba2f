"""The Ledger port: every sentence of its docstrings and of RULES 2, 5, 8 and 11 that a store has to keep.

Runs on the fake and on each real store. A `World` is one store that survives its owners.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.core.assignment import Answer
from connector.core.claims import Ask, Busy, Count, Deny, Done, Grant, Needs, Settlement, Verdict, Want
from connector.core.events import Contact, Event, Order, Requirement
from connector.core.heads import Kept, State
from connector.core.horizon import OLDER
from connector.core.model import Version
from connector.core.past import Sent
from connector.core.removal import Removable, Removed, Span
from connector.core.sight import Sight
from connector.ports import Archive, Ledger
from tests.fakes.ledger import FakeLedger, Store
from tests.support.changes import contact, fact, order, version
from tests.support.postgres import Database


class Countable(Ledger, Archive, Protocol):
    """A ledger that counts what it found stale, and the orders of clients."""

    stale_sends: int
    counted: Callable[[Sequence[Count]], None]


class World:
    """One store. `open` is an owner more; `crash` is what a kill leaves of one."""

    def __init__(
        self, make: Callable[[str], Countable], analyse: Callable[[], object] = lambda: None
    ) -> None:
        self._make, self.analyse = make, analyse
        self._open: list[Countable] = []

    def open(self, destination: str = "yespo") -> Countable:
        self._open.append(self._make(destination))
        return self._open[-1]

    def crash(self, ledger: Countable) -> None:
        self._open.remove(ledger)
        ledger.close()

    def close(self) -> None:
        for ledger in self._open:
            ledger.close()


@pytest.fixture(params=["fake", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "fake":
        store = Store()
        made = World(lambda destination: FakeLedger(store, destination))
    elif request.param == "sqlite":
        made = World(lambda destination: SqliteLedger(tmp_path / "ledger.db", destination))
    else:
        database: Database = request.getfixturevalue("migrated")
        made = World(
            lambda destination: PostgresLedger(lambda: database.url, destination),
            lambda: database.psql("ANALYZE"),
        )
    yield made
    made.close()


@pytest.fixture
def ledger(world: World) -> Countable:
    return world.open()


def ask(ledger: Ledger, event: Event, requires: Requirement | None = None) -> Verdict:
    return ledger.turn([], [Want(event, requires)])[0]


def settle(ledger: Ledger, event: Event, outcome: Literal["accepted", "released"] = "accepted", *,
           certain: bool = True, live: bool = True, aliases: tuple[str, ...] = (),
           contact_key: str | None = None) -> None:  # fmt: skip
    one = Settlement(event, outcome, certain=certain, live=live, aliases=aliases, contact_key=contact_key)
    ledger.turn([one], [])


def accept(ledger: Ledger, event: Event, *, certain: bool = True, live: bool = True,
           aliases: tuple[str, ...] = (), contact_key: str | None = None) -> None:  # fmt: skip
    assert isinstance(ask(ledger, event), Grant)
    settle(ledger, event, certain=certain, live=live, aliases=aliases, contact_key=contact_key)


V1, V2, V3 = (order("1", version(lsn, lsn, offset=lsn)) for lsn in (1, 2, 3))


class TestRehearsal:
    """ports.Archive.rehearse."""

    def test_it_says_what_a_turn_would_and_claims_nothing(self, world: World, ledger: Countable) -> None:
        accept(ledger, V2)
        asked = [Want(V1), Want(order("2", version(1))), Want(contact("C1", version(1)))]
        other = world.open()
        assert other.rehearse(asked) == [Done("superseded"), Grant(), Grant()]
        assert other.rehearse(asked) == ledger.turn([], asked)

    def test_it_sees_what_others_hold_and_need(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        need = Want(order("9", version(1)), Requirement("C1", None))
        assert world.open().rehearse([Want(V2), need]) == [Busy(), Needs()]

    def test_nothing_is_advanced(self, world: World, ledger: Countable) -> None:
        accept(ledger, V1)
        before, other = ledger.look("order", "1"), world.open()
        same = replace(V2, digest=V1.digest, core_digest=V1.core_digest)
        assert other.rehearse([Want(same)]) == [Done("unchanged")]
        assert ledger.look("order", "1") == before
        accept(other, V3)


class TestVersions:
    def test_what_was_accepted_is_a_duplicate_and_older_is_superseded(self, ledger: Countable) -> None:
        accept(ledger, V2)
        assert ask(ledger, V2) == Done("duplicate")
        assert ask(ledger, V1) == Done("superseded")
        assert ask(ledger, V3) == Grant(known=True)

    def test_it_is_remembered_by_the_next_owner(self, world: World, ledger: Countable) -> None:
        accept(ledger, V2)
        world.crash(ledger)
        assert ask(world.open(), V2) == Done("duplicate")

    def test_a_verdict_for_every_want_in_order(self, ledger: Countable) -> None:
        accept(ledger, V2)
        others = [order(f"n{number}", version(1)) for number in range(600)]
        verdicts = ledger.turn([], [*map(Want, others[:300]), Want(V1), *map(Want, others[300:])])
        assert verdicts == [Grant()] * 300 + [Done("superseded")] + [Grant()] * 300

    def test_two_wants_of_one_key_are_a_mistake_of_the_caller(self, ledger: Countable) -> None:
        with pytest.raises(ValueError, match="two wants"):
            ledger.turn([], [Want(V1), Want(V2)])
        assert ask(ledger, V1) == Grant()

    def test_settling_comes_first_so_the_next_version_can_go_in_the_same_turn(
        self, ledger: Countable
    ) -> None:
        assert ask(ledger, V1) == Grant()
        assert ledger.turn([Settlement(V1, "accepted")], [Want(V2)]) == [Grant(known=True)]

    def test_an_order_and_a_contact_of_one_key_are_two_entities(self, ledger: Countable) -> None:
        accept(ledger, V2)
        assert ask(ledger, contact("1", version(1))) == Grant()

    def test_destinations_share_a_file_and_nothing_else(self, world: World, ledger: Countable) -> None:
        accept(ledger, V2)
        other = world.open("metrica")
        assert ask(other, V2) == Grant()
        assert other.identity == ledger.identity
        assert ask(ledger, V3) == Grant(known=True)

    @pytest.mark.parametrize("key", ["", "a\0b", "a", "Ключ 🛒", "#" + "0" * 32, "'; --", "x" * 5000])
    def test_any_text_is_a_key_of_its_own(self, ledger: Countable, key: str) -> None:
        accept(ledger, order("a\0", version(9)))
        accept(ledger, order(key, version(2)))
        assert ask(ledger, order(key, version(2))) == Done("duplicate")
        assert ask(ledger, order(key + "\0", version(1))) != Done("duplicate")

    def test_versions_of_every_shape_are_kept_exactly(self, ledger: Countable) -> None:
        shapes = [
            version(2**63, 2**63),
            version(declared="2025-01-01"),
            version(declared=-5),
            version(None, 0),
        ]
        for number, at in enumerate(shapes):
            event = order(f"s{number}", at)
            accept(ledger, event)
            assert ask(ledger, event) == Done("duplicate")

    def test_all_digests_of_one_ts_ms_are_kept(self, ledger: Countable) -> None:
        same = [order("1", version(None, 5, offset=at), what) for at, what in enumerate("abc")]
        for event in same:
            accept(ledger, event)
        assert [ask(ledger, event) for event in same] == [Done("duplicate")] * 3


class TestUnchanged:
    def test_equal_content_advances_the_version_and_sends_nothing(self, ledger: Countable) -> None:
        accept(ledger, order("1", version(1), "same"))
        assert ask(ledger, order("1", version(3), "same")) == Done("unchanged")
        assert ask(ledger, order("1", version(2), "other")) == Done("superseded")
        assert ask(ledger, order("1", version(3), "other")) == Done("duplicate")

    def test_a_change_of_status_alone_is_told(self, ledger: Countable) -> None:
        accept(ledger, order("1", version(1), "new", core="core"))
        event = order("1", version(2), "paid", core="core")
        assert ask(ledger, event) == Grant(known=True, status_only=True)
        settle(ledger, event)
        assert ask(ledger, order("1", version(3), "paid, dearer", core="other")) == Grant(known=True)

    @pytest.mark.parametrize("outcome", ["accepted", "released"])
    def test_after_an_uncertain_send_nothing_is_unchanged(
        self, ledger: Countable, outcome: Literal["accepted", "released"]
    ) -> None:
        accept(ledger, order("1", version(1), "same", core="core"))
        doubtful = order("1", version(2), "more", core="core")
        assert isinstance(ask(ledger, doubtful), Grant)
        settle(ledger, doubtful, outcome, certain=False)
        assert ask(ledger, order("1", version(3), "same", core="core")) == Grant(known=True)

    def test_accepted_in_doubt_is_accepted(self, ledger: Countable) -> None:
        for event in (V1, order("2", version(None, 5))):
            accept(ledger, event, certain=False)
            assert ask(ledger, event) == Done("duplicate")

    def test_known_means_accepted_live_once(self, ledger: Countable) -> None:
        accept(ledger, V1, live=False)
        assert ask(ledger, V2) == Grant(known=False)
        settle(ledger, V2)
        accept(ledger, V3, live=False)
        assert ask(ledger, order("1", version(4))) == Grant(known=True)


class TestClaims:
    def test_a_claimed_key_is_busy_for_its_own_owner_too(self, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        assert [ask(ledger, event) for event in (V1, V2)] == [Busy(), Busy()]

    def test_a_claimed_key_is_busy_for_another_living_owner(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        other = world.open()
        assert [ask(other, event) for event in (V1, V2)] == [Busy(), Busy()]
        settle(ledger, V1)
        assert [ask(other, event) for event in (V1, V2)] == [Done("duplicate"), Grant(known=True)]

    def test_what_the_head_already_covers_need_not_wait_for_a_claim(self, ledger: Countable) -> None:
        accept(ledger, V2)
        assert ask(ledger, V3) == Grant(known=True)
        assert [ask(ledger, event) for event in (V1, V2)] == [Done("superseded"), Done("duplicate")]

    def test_nothing_is_unchanged_while_another_version_is_on_its_way(self, ledger: Countable) -> None:
        accept(ledger, order("1", version(1), "same"))
        assert isinstance(ask(ledger, order("1", version(2), "other")), Grant)
        assert ask(ledger, order("1", version(3), "same")) == Busy()

    def test_released_means_not_applied(self, ledger: Countable) -> None:
        accept(ledger, V1)
        assert ask(ledger, V2) == Grant(known=True)
        settle(ledger, V2, "released")
        assert ask(ledger, V1) == Done("duplicate")
        assert ask(ledger, V2) == Grant(known=True)

    def test_settling_v1_does_not_settle_a_claimed_v2(self, ledger: Countable) -> None:
        assert ask(ledger, V2) == Grant()
        settle(ledger, V1)
        assert ask(ledger, V2) == Busy()
        assert ledger.stale_sends == 1

    def test_settling_twice_is_harmless(self, ledger: Countable) -> None:
        accept(ledger, order("1", version(1), "same"))
        settle(ledger, order("1", version(1), "same"))
        assert ledger.stale_sends == 0
        assert ask(ledger, order("1", version(2), "same")) == Done("unchanged")

    def test_settling_many_at_once_with_a_lost_one_among_them(self, ledger: Countable) -> None:
        events = [order(f"n{number}", version(1)) for number in range(5)]
        ledger.turn([], list(map(Want, events)))
        settle(ledger, events[2], "released")
        ledger.turn([Settlement(event, "accepted") for event in events], [])
        assert ledger.stale_sends == 1
        expected = [Done("duplicate")] * 5
        expected[2] = Grant()  # type: ignore[call-overload]
        assert [ask(ledger, event) for event in events] == expected


class TestDeadOwners:
    def test_the_same_version_may_have_been_sent(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, V1) == Grant(doubtful=True)
        assert ask(heir, V1) == Busy()
        settle(heir, V1, certain=False)
        assert ask(heir, V1) == Done("duplicate")

    def test_a_newer_version_takes_over_and_the_older_is_superseded_then(
        self, world: World, ledger: Countable
    ) -> None:
        assert ask(ledger, V1) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, V2) == Grant()
        settle(heir, V2)
        assert ask(heir, V1) == Done("superseded")

    def test_a_claimed_v2_does_not_make_an_unsent_v1_look_superseded(
        self, world: World, ledger: Countable
    ) -> None:
        assert ask(ledger, V2) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, V1) == Grant()
        settle(heir, V1)
        assert ask(heir, V2) == Grant(known=True, doubtful=True)

    def test_what_is_accepted_over_a_newer_doubt_is_not_certain_to_stand(
        self, world: World, ledger: Countable
    ) -> None:
        assert ask(ledger, V2) == Grant()
        world.crash(ledger)
        heir = world.open()
        accept(heir, order("1", version(1), "same"))
        assert ask(heir, V2) == Grant(known=True, doubtful=True)
        settle(heir, V2, "released", certain=False)
        assert ask(heir, order("1", version(3), "same")) == Grant(known=True)

    def test_a_take_over_that_fails_leaves_the_doubt(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, V2) == Grant()
        settle(heir, V2, "released")
        assert ask(heir, V1) == Grant(doubtful=True)
        settle(heir, V1, "released")
        assert ask(heir, V1) == Grant(doubtful=True)

    def test_doubts_add_up_over_crashes(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        world.crash(ledger)
        second = world.open()
        assert ask(second, V2) == Grant()
        world.crash(second)
        third = world.open()
        assert ask(third, V1) == Grant(doubtful=True)
        settle(third, V1, certain=False)
        assert ask(third, V2) == Grant(known=True, doubtful=True)

    def test_a_held_event_stays_in_doubt_until_a_newer_one_is_accepted(
        self, world: World, ledger: Countable
    ) -> None:
        assert ask(ledger, V1) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, V1) == Grant(doubtful=True)
        settle(heir, V1, "released", certain=False)
        assert ask(heir, V1) == Grant(doubtful=True)
        settle(heir, V1, "released", certain=False)
        accept(heir, V2)
        assert ask(heir, V1) == Done("superseded")

    def test_nothing_is_unchanged_under_a_doubt(self, world: World, ledger: Countable) -> None:
        accept(ledger, order("1", version(1), "same", core="core"))
        assert isinstance(ask(ledger, order("1", version(2), "other")), Grant)
        world.crash(ledger)
        heir = world.open()
        back = order("1", version(3), "same", core="core")
        assert ask(heir, back) == Grant(known=True)
        settle(heir, back, "released")
        assert ask(heir, back) == Grant(known=True)

    def test_closing_gives_up_the_claims(self, world: World, ledger: Countable) -> None:
        other = world.open()
        assert ask(ledger, V1) == Grant()
        assert ask(other, V1) == Busy()
        world.crash(ledger)
        assert ask(other, V1) == Grant(doubtful=True)

    def test_a_doubt_of_another_clock_asks(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        world.crash(ledger)
        assert ask(world.open(), order("1", version(9, clock="new"))) == Ask("clock")


MANY = [order(f"m{number}", version(1)) for number in range(150)]


def settle_all(ledger: Ledger, events: list[Event], outcome: Literal["accepted", "released"]) -> None:
    ledger.turn([Settlement(event, outcome) for event in events], [])


def ask_all(ledger: Ledger, events: list[Event]) -> list[Verdict]:
    return ledger.turn([], [Want(event) for event in events])


class TestClaimsOfOneTurn:
    """What was granted together is settled, lost and taken over one by one."""

    def test_a_crash_leaves_doubt_only_where_nothing_was_settled(
        self, world: World, ledger: Countable
    ) -> None:
        ask_all(ledger, MANY)
        settle_all(ledger, MANY[::3], "accepted")
        settle_all(ledger, MANY[1::3], "released")
        world.crash(ledger)
        heir = world.open()
        verdicts = ask_all(heir, MANY)
        assert verdicts[::3] == [Done("duplicate")] * 50
        assert verdicts[1::3] == [Grant()] * 50
        assert verdicts[2::3] == [Grant(doubtful=True)] * 50

    def test_what_was_released_before_a_crash_may_be_claimed_and_lost_again(
        self, world: World, ledger: Countable
    ) -> None:
        ask_all(ledger, MANY)
        settle_all(ledger, MANY[:100], "released")
        assert ask_all(ledger, MANY[:50]) == [Grant()] * 50
        world.crash(ledger)
        heir = world.open()
        doubtful = Grant(doubtful=True)
        assert ask_all(heir, MANY) == [doubtful] * 50 + [Grant()] * 50 + [doubtful] * 50

    def test_another_owner_waits_for_what_is_open_and_for_nothing_else(
        self, world: World, ledger: Countable
    ) -> None:
        other = world.open()
        ask_all(ledger, MANY)
        settle_all(ledger, MANY[:70], "released")
        assert ask_all(other, MANY) == [Grant()] * 70 + [Busy()] * 80
        settle_all(ledger, MANY[70:140], "accepted")
        assert ask_all(other, MANY) == [Busy()] * 70 + [Done("duplicate")] * 70 + [Busy()] * 10
        assert ask_all(ledger, MANY) == [Busy()] * 70 + [Done("duplicate")] * 70 + [Busy()] * 10
        settle_all(other, MANY[:70], "accepted")
        settle_all(ledger, MANY[140:], "accepted")
        assert ask_all(other, MANY) == ask_all(ledger, MANY) == [Done("duplicate")] * 150
        assert (ledger.stale_sends, other.stale_sends) == (0, 0)

    def test_what_was_taken_over_in_part_is_doubtful_in_the_rest(
        self, world: World, ledger: Countable
    ) -> None:
        ask_all(ledger, MANY)
        world.crash(ledger)
        heir = world.open()
        newer = [order(event.key, version(2)) for event in MANY[:80]]
        assert ask_all(heir, newer) == [Grant()] * 80
        settle_all(heir, newer[:40], "accepted")
        settle_all(heir, newer[40:60], "released")
        world.crash(heir)
        third = world.open()
        assert ask_all(third, MANY) == [Done("superseded")] * 40 + [Grant(doubtful=True)] * 110
        settle_all(third, MANY, "accepted")
        newest = ask_all(third, newer)
        assert newest[:40] == [Done("duplicate")] * 40
        assert newest[40:60] == [Grant(known=True)] * 20
        assert newest[60:] == [Grant(known=True, doubtful=True)] * 20

    def test_a_doubt_that_nobody_holds_is_taken_by_one_owner_only(
        self, world: World, ledger: Countable
    ) -> None:
        ask_all(ledger, [V1])
        world.crash(ledger)
        heir, other = world.open(), world.open()
        assert ask(heir, V2) == Grant()
        settle(heir, V2, "released")
        assert ask(other, V1) == Grant(doubtful=True)
        assert [ask(heir, V1), ask(heir, V2)] == [Busy(), Busy()]
        settle(other, V1)
        assert ask(heir, V2) == Grant(known=True)

    def test_a_twice_named_settlement_counts_once(self, ledger: Countable) -> None:
        ask_all(ledger, MANY[:3])
        settle_all(ledger, [MANY[0], MANY[0], MANY[1], MANY[0]], "accepted")
        assert ledger.stale_sends == 0
        assert ask_all(ledger, MANY[:3]) == [Done("duplicate"), Done("duplicate"), Busy()]
        assert ask(ledger, order(MANY[0].key, version(2))) == Grant(known=True)

    def test_each_destination_has_claims_of_its_own(self, world: World, ledger: Countable) -> None:
        lanes = [ledger, world.open("metrica"), world.open("third")]
        for lane in lanes:
            assert ask_all(lane, MANY) == [Grant()] * 150
        settle_all(lanes[0], MANY[:75], "accepted")
        settle_all(lanes[1], MANY[75:], "released")
        world.crash(lanes[2])
        lanes[2] = world.open("third")
        assert ask_all(lanes[0], MANY) == [Done("duplicate")] * 75 + [Busy()] * 75
        assert ask_all(lanes[1], MANY) == [Busy()] * 75 + [Grant()] * 75
        assert ask_all(lanes[2], MANY) == [Grant(doubtful=True)] * 150


ORDER = order("1", version(1))


class TestContactFirst:
    def test_an_unknown_contact_is_needed(self, ledger: Countable) -> None:
        assert ask(ledger, ORDER, Requirement("C1", None)) == Needs()
        assert ask(ledger, ORDER, Requirement("C1", "email:a")) == Needs()
        assert ask(ledger, ORDER) == Grant()

    def test_a_claimed_contact_is_not_an_accepted_one(self, ledger: Countable) -> None:
        assert ask(ledger, contact("C1", version(1))) == Grant()
        assert ask(ledger, ORDER, Requirement("C1", None)) == Needs()

    def test_an_accepted_contact_will_do_by_its_key_or_its_alias(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a", "phone:1"))
        for number, alias in enumerate([None, "email:a", "phone:1"]):
            assert ask(ledger, order(f"o{number}", version(1)), Requirement("C1", alias)) == Grant()

    def test_known_but_not_by_this_alias(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a",))
        assert ask(ledger, ORDER, Requirement("C1", "email:b")) == Grant(id_only=True)

    def test_the_alias_of_another_contact_is_not_ours(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a",))
        accept(ledger, contact("C2", version(2)), aliases=("email:b",))
        assert ask(ledger, ORDER, Requirement("C1", "email:b")) == Grant(id_only=True)
        assert ask(ledger, order("2", version(1)), Requirement("C3", "email:b")) == Needs(shared=True)

    def test_an_alias_leads_to_whoever_was_accepted_with_it_last(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a",))
        assert ask(ledger, ORDER, Requirement("C1", "email:a")) == Grant()
        accept(ledger, contact("C2", version(2)), aliases=("email:a",))
        assert ask(ledger, order("2", version(1)), Requirement("C1", "email:a")) == Grant(id_only=True)
        assert ask(ledger, order("3", version(1)), Requirement("C2", "email:a")) == Grant()

    def test_a_changed_locator_leads_nowhere_and_an_unsent_one_stays(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a", "phone:1"))
        assert ask(ledger, ORDER, Requirement("C1", "email:a")) == Grant()
        changed = contact("C1", version(2), body=Contact(email="b"))
        accept(ledger, changed, aliases=("email:b",))
        verdicts = [
            ask(ledger, order(f"o{number}", version(1)), Requirement("C1", alias))
            for number, alias in enumerate(["email:a", "email:b", "phone:1"])
        ]
        assert verdicts == [Grant(id_only=True), Grant(), Grant()]

    def test_an_order_without_customer_id_goes_to_whoever_has_its_e_mail(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a",))
        assert ask(ledger, ORDER, Requirement("email:a", "email:a")) == Grant()

    def test_a_contact_made_from_an_order_is_known_from_then_on(self, ledger: Countable) -> None:
        ensured = contact("email:a", None)
        assert ask(ledger, ORDER, Requirement("email:a", "email:a")) == Needs()
        accept(ledger, ensured, aliases=("email:a",))
        assert ask(ledger, ensured) == Done("duplicate")
        assert ask(ledger, ORDER, Requirement("email:a", "email:a")) == Grant()

    def test_a_contact_is_told_of_the_guest_who_has_its_address(self, ledger: Countable) -> None:
        whose = Requirement("", "email:a")
        assert ask(ledger, contact("C0", version(1)), whose) == Grant()
        accept(ledger, contact("email:a", None), aliases=("email:a",))
        assert ask(ledger, contact("C1", version(1)), whose) == Grant(guest=True)
        accept(ledger, contact("C2", version(1)), aliases=("email:a",))
        assert ask(ledger, contact("C3", version(1)), whose) == Grant()
        assert ask(ledger, contact("C2", version(2)), whose) == Grant(known=True)

    def test_a_guests_order_is_the_new_customers_once_they_have_its_address(self, ledger: Countable) -> None:
        accept(ledger, contact("email:a", None), aliases=("email:a",))
        assert ask(ledger, order("1", version(1)), Requirement("C1", "email:a")) == Needs()
        accept(ledger, contact("C1", None), aliases=("email:a",))
        assert ask(ledger, order("2", version(1)), Requirement("C1", "email:a")) == Grant()
        assert ask(ledger, order("3", version(1)), Requirement("email:a", "email:a")) == Grant()

    def test_a_fresh_contact_is_asked_for_until_a_change_of_its_own_was_seen(self, ledger: Countable) -> None:
        fresh = Requirement("C1", "email:a", fresh=True)
        asked = [order(f"o{number}", version(1)) for number in range(4)]
        assert ask(ledger, asked[0], fresh) == Needs()
        first, second = contact("C1", None, "first"), contact("C1", None, "second")
        accept(ledger, first, aliases=("email:a",))
        assert ask(ledger, asked[0], fresh) == Needs()
        assert ask(ledger, first) in (Done("unchanged"), Done("duplicate"))
        accept(ledger, second, aliases=("email:a",))
        assert ask(ledger, second) in (Done("unchanged"), Done("duplicate"))
        assert ask(ledger, asked[1], replace(fresh, fresh=False)) == Grant()
        accept(ledger, contact("C1", version(1)), aliases=("email:a",))
        assert ask(ledger, asked[2], fresh) == Grant()
        assert ask(ledger, first) == Done("duplicate")

    def test_whoever_is_refreshed_keeps_what_leads_to_it(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", None, "first"), aliases=("email:a", "phone:1"))
        accept(ledger, contact("C1", None, "second", body=Contact(email="b")), aliases=("email:b",))
        verdicts = [
            ask(ledger, order(f"o{number}", version(1)), Requirement("C1", alias))
            for number, alias in enumerate(["email:a", "email:b", "phone:1"])
        ]
        assert verdicts == [Grant(id_only=True), Grant(), Grant()]

    def test_an_erased_contact_is_not_refreshed(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1), deleted=True))
        verdict = ask(ledger, ORDER, Requirement("C1", None, fresh=True))
        assert isinstance(verdict, Deny)
        assert verdict.cause == "erased_contact"

    def test_without_id_and_alias_there_is_no_way_to_a_known_contact(self, ledger: Countable) -> None:
        accept(ledger, contact("email:a", None))
        verdict = ask(ledger, ORDER, Requirement("email:a", "email:a"))
        assert isinstance(verdict, Deny)
        assert verdict.cause == "no_usable_locator"

    def test_an_ensured_contact_is_older_than_any_change_of_it(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", None), aliases=("email:a",))
        accept(ledger, contact("C1", version(0)), aliases=("email:a",))
        assert ask(ledger, contact("C1", None)) == Done("duplicate")
        assert ask(ledger, contact("C1", version(0))) == Done("duplicate")

    def test_an_erased_contact_denies_its_orders_for_every_owner_at_once(
        self, world: World, ledger: Countable
    ) -> None:
        other = world.open()
        accept(ledger, contact("C1", version(1)), aliases=("email:a",))
        assert ask(other, ORDER, Requirement("C1", "email:a")) == Grant()
        accept(ledger, contact("C1", version(2), deleted=True))
        needed = [Requirement("C1", "email:a"), Requirement("C1", None), Requirement("email:a", "email:a")]
        for number, requirement in enumerate(needed):
            verdict = ask(other, order(f"o{number}", version(1)), requirement)
            assert isinstance(verdict, Deny)
            assert verdict.cause == "erased_contact"

    def test_an_order_never_brings_an_erased_contact_back(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(2), deleted=True))
        verdict = ask(ledger, contact("C1", None))
        assert isinstance(verdict, Deny)
        assert verdict.cause == "erased_contact"

    def test_a_delete_is_a_version_of_the_contact(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)))
        accept(ledger, contact("C1", version(2), deleted=True))
        assert ask(ledger, contact("C1", version(1))) == Done("superseded")
        accept(ledger, contact("C1", version(3)), aliases=("email:a",))
        assert ask(ledger, ORDER, Requirement("C1", "email:a")) == Grant()

    def test_an_unsubscribed_contact_stays_what_it_was_to_its_orders(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a",))
        accept(ledger, contact("C1", version(2), unsubscribed=True))
        assert ask(ledger, contact("C1", version(1))) == Done("superseded")
        assert ask(ledger, ORDER, Requirement("C1", "email:a")) == Grant()
        assert ask(ledger, contact("C1", None)) == Done("duplicate")

    def test_a_contact_that_was_unsubscribed_and_nothing_else_is_unknown_to_its_orders(
        self, world: World, ledger: Countable
    ) -> None:
        gone = contact("C1", version(2), unsubscribed=True)
        accept(ledger, gone)
        assert ask(ledger, ORDER, Requirement("C1", "email:a")) == Needs()
        accept(world.open(), contact("C1", None), aliases=("email:a",))
        assert ask(ledger, ORDER, Requirement("C1", "email:a")) == Grant()
        assert [ask(ledger, contact("C1", version(1))), ask(ledger, gone)] == [
            Done("superseded"), Done("duplicate"),
        ]  # fmt: skip

    def test_an_erased_contact_stays_erased_when_it_is_unsubscribed(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1), deleted=True))
        accept(ledger, contact("C1", version(2), unsubscribed=True))
        verdict = ask(ledger, ORDER, Requirement("C1", None))
        assert isinstance(verdict, Deny)
        assert verdict.cause == "erased_contact"

    def test_what_needs_no_sending_needs_no_contact(self, ledger: Countable) -> None:
        accept(ledger, V2)
        assert ask(ledger, V1, Requirement("C1", None)) == Done("superseded")

    def test_a_denied_or_needy_order_claims_nothing(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, ORDER, Requirement("C1", None)) == Needs()
        assert ask(world.open(), ORDER) == Grant()


MOVES = contact("C1", version(2), body=Contact(email="b"))
BY_KEY, GUESTS = Requirement("C1", "email:a"), Requirement("email:a", "email:a")


def may_go(ledger: Ledger, name: str = "o") -> list[Verdict]:
    """What orders by the address "a" may do: one that names C1 by its key, and a guest's."""
    asked = [Want(order(f"{name}1", version(1)), BY_KEY), Want(order(f"{name}2", version(1)), GUESTS)]
    verdicts = ledger.turn([], asked)
    granted = [a for a, v in zip(asked, verdicts, strict=True) if isinstance(v, Grant)]
    ledger.turn([Settlement(want.event, "released") for want in granted], [])
    return verdicts


def move(ledger: Ledger, event: Event = MOVES, *aliases: str, beside: tuple[str, ...] = ()) -> Verdict:
    """Ask for a change of C1, by default to another e-mail."""
    return ledger.turn([], [Want(event, aliases=aliases or ("email:b",), beside=beside)])[0]


class TestAddressesThatMove:
    """RULES 5: from a claim until it is settled nobody relies on what it takes away."""

    @pytest.fixture(autouse=True)
    def known(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(1)), aliases=("email:a", "phone:1"))

    def test_while_it_is_under_way_a_key_is_found_by_itself_and_a_guest_waits(
        self, world: World, ledger: Countable
    ) -> None:
        other = world.open()
        assert may_go(other) == [Grant(), Grant()]
        assert move(ledger) == Grant(known=True)
        for one in (ledger, other):
            assert may_go(one) == [Grant(id_only=True), Busy()]
            kept = [Requirement("C1", "phone:1"), Requirement("C1", None), replace(BY_KEY, by_id=True)]
            orders = [Want(order(f"k{at}", version(1)), need) for at, need in enumerate(kept)]
            assert one.turn([], orders) == [Grant()] * 3
            one.turn([Settlement(want.event, "released") for want in orders], [])

    def test_once_it_was_given_up_the_address_leads_as_before(self, world: World, ledger: Countable) -> None:
        other = world.open()
        move(ledger)
        assert may_go(other) == [Grant(id_only=True), Busy()]
        settle(ledger, MOVES, "released")
        assert may_go(other) == may_go(ledger) == [Grant(), Grant()]

    def test_once_it_was_accepted_the_address_leads_nowhere(self, world: World, ledger: Countable) -> None:
        other = world.open()
        move(ledger)
        settle(ledger, MOVES, aliases=("email:b",))
        assert may_go(other) == may_go(ledger) == [Grant(id_only=True), Needs()]
        assert ask(other, ORDER, Requirement("C1", "email:b")) == Grant()

    def test_a_dead_owners_leaves_it_in_doubt_until_it_was_taken_over_and_settled(
        self, world: World, ledger: Countable
    ) -> None:
        other = world.open()
        move(ledger)
        world.crash(ledger)
        assert may_go(other) == [Grant(id_only=True), Needs(doubtful=True)]
        assert move(other) == Grant(known=True, doubtful=True)
        assert may_go(other) == [Grant(id_only=True), Busy()]
        settle(other, MOVES, aliases=("email:b",))
        assert may_go(other) == [Grant(id_only=True), Needs()]

    def test_given_up_in_doubt_it_stays_in_doubt_until_a_change_brings_the_address_back(
        self, ledger: Countable
    ) -> None:
        move(ledger)
        settle(ledger, MOVES, "released", certain=False)
        assert may_go(ledger) == [Grant(id_only=True), Needs(doubtful=True)]
        back = contact("C1", version(3), body=Contact(email="a"))
        assert isinstance(move(ledger, back, "email:a"), Grant)
        assert may_go(ledger) == [Grant(id_only=True), Busy()]
        settle(ledger, back, aliases=("email:a",))
        assert may_go(ledger) == [Grant(), Grant()]

    def test_a_change_that_takes_nothing_away_stops_nobody(self, world: World, ledger: Countable) -> None:
        other = world.open()
        more = contact("C1", version(2), body=Contact(email="a"))
        assert move(ledger, more, "email:a", "phone:2", beside=("email:a",)) == Grant(known=True)
        assert may_go(ledger) == may_go(other) == [Grant(), Grant()]

    def test_own_guests_who_are_on_their_way_come_first(self, ledger: Countable) -> None:
        assert move(ledger, beside=("email:c", "email:a", "phone:1")) == Busy("email:a")
        assert may_go(ledger) == [Grant(), Grant()]
        assert move(ledger, beside=("email:c", "phone:1")) == Grant(known=True)

    def test_an_erasure_is_waited_for_by_all_its_orders(self, world: World, ledger: Countable) -> None:
        other, erased = world.open(), contact("C1", version(2), deleted=True)
        assert may_go(other) == [Grant(), Grant()]
        assert move(ledger, erased, beside=("phone:1",)) == Busy("phone:1")
        assert move(ledger, erased) == Grant(known=True)
        assert may_go(other) == [Busy(), Busy()]
        assert ask(other, ORDER, Requirement("C1", None)) == Busy()
        world.crash(ledger)
        assert may_go(other) == [Needs(doubtful=True)] * 2

    def test_a_locator_that_is_cleared_leads_nowhere(self, ledger: Countable) -> None:
        cleared = contact("C1", version(2), body=Contact(email=None, phone=None))
        accept(ledger, cleared)
        assert may_go(ledger) == [Grant(id_only=True), Needs()]

    def test_a_guest_who_was_made_meanwhile_takes_no_customers_address(self, ledger: Countable) -> None:
        accept(ledger, contact("email:a", None), aliases=("email:a",))
        assert may_go(ledger) == [Grant(), Grant()]
        move(ledger)
        settle(ledger, MOVES, aliases=("email:b",))
        by_key, guests = may_go(ledger)
        assert by_key == Grant(id_only=True)
        assert isinstance(guests, Deny), "it may have been merged into the customer"

    def test_nor_does_one_that_is_settled_just_before_the_customer_gives_it_up(
        self, ledger: Countable
    ) -> None:
        made = contact("email:a", None)
        assert [ask(ledger, made), move(ledger)] == [Grant(), Grant(known=True)]
        together = [(made, "email:a"), (MOVES, "email:b")]
        ledger.turn([Settlement(event, "accepted", aliases=(alias,)) for event, alias in together], [])
        by_key, guests = may_go(ledger)
        assert by_key == Grant(id_only=True)
        assert isinstance(guests, Deny)


class TestFacts:
    """RULES 7: accepted or not, nothing else."""

    def test_what_was_accepted_is_a_duplicate_whenever_it_comes_again(
        self, world: World, ledger: Countable
    ) -> None:
        accept(ledger, fact("f", 5_000))
        again = [ask(ledger, fact("f", at)) for at in (5_000, 1_000, 9_000, -1)]
        world.crash(ledger)
        assert [*again, ask(world.open(), fact("f", 5_000))] == [Done("duplicate")] * 5

    def test_every_key_is_a_fact_of_its_own(self, world: World, ledger: Countable) -> None:
        facts = [fact(f"{number}", 7_000) for number in range(600)]
        assert ask_all(ledger, facts) == [Grant()] * 600
        settle_all(ledger, facts[::2], "accepted")
        settle_all(ledger, facts[1::2], "released")
        assert ask_all(world.open(), facts) == [Done("duplicate"), Grant()] * 300

    def test_a_fact_an_order_and_a_contact_of_one_key_are_three(self, ledger: Countable) -> None:
        accept(ledger, fact("1"))
        assert [ask(ledger, V1), ask(ledger, contact("1", version(1)))] == [Grant(), Grant()]
        assert ask(ledger, fact("1")) == Done("duplicate")

    def test_a_claimed_one_is_busy_and_a_dead_owners_is_doubtful_until_it_is_accepted(
        self, world: World, ledger: Countable
    ) -> None:
        assert [ask(ledger, fact("f", 1)), ask(ledger, fact("f", 2))] == [Grant(), Busy()]
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, fact("f", 2)) == Grant(doubtful=True)
        settle(heir, fact("f", 2), "released", certain=False)
        assert ask(heir, fact("f", 1)) == Grant(doubtful=True)
        settle(heir, fact("f", 1))
        assert ask(heir, fact("f", 1)) == Done("duplicate")

    def test_its_contact_comes_first(self, ledger: Countable) -> None:
        assert ask(ledger, fact("f"), Requirement("C1", "email:a")) == Needs()
        accept(ledger, contact("C1", version(1)), aliases=("email:b",))
        assert ask(ledger, fact("f"), Requirement("C1", "email:a")) == Grant(id_only=True)

    @pytest.mark.parametrize("key", ["", "email:a", "#" + "0" * 32, "a\0b", "x" * 5000])
    def test_any_text_is_a_key(self, ledger: Countable, key: str) -> None:
        accept(ledger, fact(key))
        assert ask(ledger, fact(key)) == Done("duplicate")
        assert ask(ledger, fact(key + "x")) == Grant()


class TestRows:
    def test_a_row_leads_to_the_entity_that_it_was_accepted_as(self, ledger: Countable) -> None:
        accept(ledger, order("ORD-1", version(1), row="shop/orders/1"))
        accept(ledger, contact("C1", version(1), row="shop/contacts/1"))
        rows = ["shop/contacts/1", "shop/orders/2", "shop/orders/1", "shop/orders/1"]
        assert ledger.keys_of(rows) == ["C1", None, "ORD-1", "ORD-1"]
        assert ledger.keys_of([]) == []

    def test_only_what_was_accepted_or_unchanged_counts(self, ledger: Countable) -> None:
        event = order("ORD-1", version(1), "same", row="shop/orders/1")
        assert ask(ledger, event) == Grant()
        assert ledger.keys_of(["shop/orders/1"]) == [None]
        settle(ledger, event)
        assert ask(ledger, order("ORD-1", version(2), "same", row="shop/orders/7")) == Done("unchanged")
        assert ledger.keys_of(["shop/orders/1", "shop/orders/7"]) == ["ORD-1", "ORD-1"]

    def test_a_row_can_become_another_entity(self, ledger: Countable) -> None:
        for key in ("ORD-1", "ORD-2"):
            accept(ledger, order(key, version(1), row="shop/orders/1"))
        assert ledger.keys_of(["shop/orders/1"]) == ["ORD-2"]

    def test_an_orders_contact_is_kept_with_its_row(self, ledger: Countable) -> None:
        accept(ledger, order("1", version(1), row="r"), contact_key="C1")
        assert ask(ledger, order("1", version(2), row="r")) == Grant(known=True, contact_key="C1")

    def test_total_and_date_of_an_order_are_kept_with_its_row_for_its_delete(
        self, world: World, ledger: Countable
    ) -> None:
        def at(lsn: int, row: str | None = "r", **fields: Any) -> Event:
            return replace(order("1", version(lsn), row=row), body=Order("1", **fields))

        day = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        accept(ledger, at(1, total_cost=Decimal("1E+2"), date=day))
        accept(ledger, at(2, date=None))
        world.crash(ledger)
        heir = world.open()
        kept = Kept("100", "2026-01-02T03:04:05+00:00")
        assert ask(heir, at(3)) == Grant(known=True, kept=kept)
        settle(heir, at(3, row=None, total_cost=Decimal(7), date=day))
        assert ask(heir, at(4)) == Grant(known=True, kept=kept)

    def test_a_lot_that_keeps_has_an_orders_first_date_kept_without_row_or_total(
        self, world: World, ledger: Countable
    ) -> None:
        def at(lsn: int, date: datetime) -> Event:
            return replace(order("1", version(lsn)), body=Order("1", date=date))

        day = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert ask(ledger, at(1, day)) == Grant()
        ledger.turn([Settlement(at(1, day), "accepted", keeps=True)], [])
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, at(2, day)) == Grant(known=True, kept=Kept("0", "2026-01-02T03:04:05+00:00"))

    def test_an_orders_contact_is_not_kept_without_row_nor_where_it_is_personal(
        self, ledger: Countable
    ) -> None:
        accept(ledger, order("1", version(1)), contact_key="C1")
        accept(ledger, order("2", version(1), row="r"), contact_key="email:a")
        for key in "12":
            assert ask(ledger, order(key, version(2))) == Grant(known=True)

    def test_a_contact_known_by_its_e_mail_alone_has_no_key_to_give(self, ledger: Countable) -> None:
        accept(ledger, contact("email:a", version(1), row="shop/contacts/1"))
        assert ledger.keys_of(["shop/contacts/1"]) == [None]


def told(sent: Sent) -> tuple[Version | None, int, str, str]:
    """All but the time."""
    return sent.version, sent.attempts, sent.via, sent.outcome


class TestHistory:
    def test_it_tells_what_was_accepted_and_how_oldest_first(self, world: World, ledger: Countable) -> None:
        for event in (V1, V2):
            assert isinstance(ask(ledger, event), Grant)
            ledger.turn([Settlement(event, "accepted", attempts=event.version.offset)], [])  # type: ignore[union-attr]
        world.crash(ledger)
        heir = world.open()
        accept(heir, V3, live=False)
        found = heir.history("order", "1")
        assert list(map(told, found)) == [
            (V1.version, 1, "live", "accepted"), (V2.version, 2, "live", "accepted"),
            (V3.version, 1, "past_events", "accepted"),
        ]  # fmt: skip
        assert 0 < found[0].at <= found[1].at <= found[2].at
        assert heir.history("order", "2") == heir.history("contact", "1") == []
        assert world.open("metrica").history("order", "1") == []

    def test_it_tells_of_doubts_and_stale_sends_and_not_of_what_was_released(self, ledger: Countable) -> None:
        accept(ledger, V1, certain=False)
        assert isinstance(ask(ledger, V2), Grant)
        settle(ledger, V2, "released")
        settle(ledger, V3)
        assert [told(sent)[0::3] for sent in ledger.history("order", "1")] == [
            (V1.version, "in_doubt"), (V3.version, "stale"),
        ]  # fmt: skip

    def test_a_stale_send_is_told_as_long_as_nothing_was_accepted_since(
        self, world: World, ledger: Countable
    ) -> None:
        accept(ledger, V1)
        assert ledger.stale() == []
        other = order("2", version(7))
        for event in (V2, other):
            settle(ledger, event)
        assert [(one.entity, one.key, one.version) for one in ledger.stale()] == [
            ("order", "1", V2.version), ("order", "2", other.version),
        ]  # fmt: skip
        assert world.open("metrica").stale() == []
        accept(ledger, V3)
        assert [one.key for one in ledger.stale()] == ["2"]

    def test_every_shape_of_a_version_comes_back(self, ledger: Countable) -> None:
        shapes = [version(2**63, 2**63), version(declared="x"), version(declared=-5), version(None, 0)]
        for number, at in enumerate(shapes):
            accept(ledger, order(f"s{number}", at))
            assert [sent.version for sent in ledger.history("order", f"s{number}")] == [at]

    def test_contacts_have_theirs_those_without_a_version_and_those_known_by_their_e_mail_too(
        self, ledger: Countable
    ) -> None:
        accept(ledger, contact("C1", None))
        accept(ledger, contact("email:a", version(7)))
        assert list(map(told, ledger.history("contact", "C1"))) == [(None, 1, "contacts", "accepted")]
        assert [sent.version for sent in ledger.history("contact", "email:a")] == [version(7)]

    def test_facts_have_theirs_without_a_version(self, ledger: Countable) -> None:
        accept(ledger, fact("f", 5_000), live=False)
        assert list(map(told, ledger.history("event", "f"))) == [(None, 1, "past_events", "accepted")]

    def test_one_of_many_is_found(self, ledger: Countable) -> None:
        many = [order(f"n{number}", version(1)) for number in range(700)]
        ledger.turn([], [Want(event) for event in many])
        ledger.turn([Settlement(event, "accepted") for event in many], [])
        assert [sent.version for sent in ledger.history("order", "n345")] == [version(1)]

    def test_a_failed_settlement_leaves_no_trace(self, ledger: Countable) -> None:
        assert isinstance(ask(ledger, V1), Grant)
        with pytest.raises(ValueError, match="two wants"):
            ledger.turn([Settlement(V1, "released")], [Want(V2), Want(V2)])
        settle(ledger, V1)
        assert len(ledger.history("order", "1")) == 1

    def test_upkeep_removes_nothing_that_is_young(self, ledger: Countable) -> None:
        accept(ledger, V1)
        ledger.upkeep()
        assert len(ledger.history("order", "1")) == 1


class TestPruning:
    def test_what_is_older_is_forgotten_and_from_then_on_denied(
        self, world: World, ledger: Countable
    ) -> None:
        old, young = (order(key, version(None, at)) for key, at in (("o", 5), ("y", 50)))
        other = world.open()
        for event in (old, young):
            accept(ledger, event)
        assert ask(other, V1) == Grant()
        assert ledger.prune(10) == 1
        for each in (ledger, other, world.open()):
            assert ask(each, old) == OLDER
        assert ask(other, order("o", version(None, 11))) == Grant()
        assert ask(other, young) == Done("duplicate")
        assert ask(world.open("metrica"), old) == Grant()
        assert ledger.prune(3) == 0
        assert ask(ledger, order("new", version(None, 5))) == OLDER

    def test_what_is_claimed_stays_until_it_is_settled(self, world: World, ledger: Countable) -> None:
        claimed = order("c", version(None, 6))
        accept(ledger, order("c", version(None, 5)))
        assert ask(ledger, claimed) == Grant(known=True)
        assert world.open().prune(10) == 0
        settle(ledger, claimed)
        assert ask(ledger, claimed) == Done("duplicate")
        assert (ledger.stale_sends, ledger.prune(10)) == (0, 1)
        assert ask(ledger, claimed) == OLDER

    def test_contacts_that_were_erased_or_have_no_version_stay(self, ledger: Countable) -> None:
        accept(ledger, contact("C1", version(None, 6), deleted=True))
        accept(ledger, contact("C2", None))
        assert ledger.prune(10) == 0
        assert isinstance(ask(ledger, contact("C1", None)), Deny)
        assert ask(ledger, contact("C2", None)) == Done("duplicate")

    def test_a_change_without_a_time_is_no_older_than_anything(self, ledger: Countable) -> None:
        timeless = order("1", version(1, timestamp=-1))
        accept(ledger, timeless)
        assert ledger.prune(10) == 0
        assert ask(ledger, order("2", version(1, timestamp=-1))) == Grant()

    def test_facts_are_pruned_by_when_they_were_made(self, ledger: Countable) -> None:
        old, same_second, young = (fact(key, at) for key, at in (("o", 5_900), ("s", 6_400), ("y", 7_000)))
        for one in (old, same_second, young):
            accept(ledger, one)
        assert ledger.prune(6_300) == 1
        assert [ask(ledger, one) for one in (old, same_second, young)] == [OLDER, *[Done("duplicate")] * 2]

    def test_many_are_pruned_and_the_others_left(self, ledger: Countable) -> None:
        many = [order(f"n{number}", version(None, number)) for number in range(1000)]
        ledger.turn([], [Want(event) for event in many])
        ledger.turn([Settlement(event, "accepted") for event in many], [])
        assert ledger.prune(300) == 300
        verdicts = ledger.turn([], [Want(event) for event in many])
        assert verdicts == [OLDER] * 300 + [Done("duplicate")] * 700


NOON = int(datetime(2024, 3, 1, 10, 0, 59, tzinfo=UTC).timestamp())
"""Noon in Kyiv, to the minute."""
DAY = Span(datetime(2024, 3, 1), datetime(2024, 3, 1, 23, 59), ZoneInfo("Europe/Kyiv"))  # noqa: DTZ001 - of a wall


def ask_past(ledger: Ledger, event: Event, at: int = NOON) -> Verdict:
    return ledger.turn([], [Want(event, past=at)])[0]


def accept_past(ledger: Ledger, event: Event, at: int = NOON, *, certain: bool = True) -> None:
    assert isinstance(ask_past(ledger, event, at), Grant)
    settle(ledger, event, live=False, certain=certain)


def remove(ledger: Countable, span: Span = DAY) -> Removed:
    return ledger.remove(span, ledger.removable(span))


class TestRemoval:
    """RULES 11: after `past-events delete` equal versions may be sent again, older ones still not."""

    def test_what_was_deleted_may_be_sent_again_and_what_is_older_may_not(
        self, world: World, ledger: Countable
    ) -> None:
        for at in (V1, V2):
            accept_past(ledger, at)
        accept_past(ledger, fact("f", 5_000))
        assert (ledger.removable(DAY).orders, ledger.removable(DAY).events) == (1, 1)
        assert remove(world.open()) == Removed(2, 0, 0)
        for again in (V2, fact("f", 5_000)):
            assert ask(ledger, V1) == Done("superseded")
            assert ask_past(ledger, again) == Grant()
            settle(ledger, again, live=False)
            assert ask_past(ledger, again) == Done("duplicate")
        assert (ledger.removable(DAY).orders, ledger.removable(DAY).events) == (1, 1)

    def test_a_newer_version_with_the_same_content_goes_too(self, ledger: Countable) -> None:
        accept_past(ledger, order("1", version(1), "same"))
        remove(ledger)
        assert ask_past(ledger, order("1", version(2), "same")) == Grant()

    def test_minutes_count_as_they_were_sent_and_both_ends_are_in(self, ledger: Countable) -> None:
        minute = Span(datetime(2024, 3, 1, 12), datetime(2024, 3, 1, 12), DAY.zone)  # noqa: DTZ001 - of a wall
        for key, at in (("-", NOON - 60), ("first", NOON - 59), ("last", NOON), ("+", NOON + 1)):
            accept_past(ledger, order(key, version(1)), at)
        assert ledger.removable(minute).orders == 2
        assert remove(ledger, minute).heads == 2
        verdicts = [ask_past(ledger, order(key, version(1)), NOON) for key in ("-", "first", "last", "+")]
        assert verdicts == [Done("duplicate"), Grant(), Grant(), Done("duplicate")]

    def test_what_was_last_accepted_live_stays_though_it_was_history_before(self, ledger: Countable) -> None:
        accept_past(ledger, V1)
        accept(ledger, V2)
        accept(ledger, order("live", version(1)))
        accept(ledger, contact("C1", version(1)))
        assert ledger.removable(DAY) == Removable()
        assert remove(ledger) == Removed(0, 0, 0)
        assert ask(ledger, V2) == Done("duplicate")

    def test_what_was_live_before_it_was_history_goes_and_is_still_known(self, ledger: Countable) -> None:
        accept(ledger, V1)
        accept_past(ledger, V2)
        assert remove(ledger).heads == 1
        assert ask_past(ledger, V2) == Grant(known=True)

    def test_an_unchanged_version_leaves_the_time_of_the_one_that_was_sent(self, ledger: Countable) -> None:
        accept_past(ledger, order("1", version(1), "same"))
        newer = order("1", version(2), "same")
        assert ask_past(ledger, newer, NOON + 86_400) == Done("unchanged")
        assert remove(ledger).heads == 1
        assert ask_past(ledger, newer) == Grant()

    def test_a_doubt_is_none_any_more_once_its_time_was_deleted(
        self, world: World, ledger: Countable
    ) -> None:
        """Given up in doubt, or left by a stopped process: what may have been stored is gone for sure."""
        for event in (V1, fact("f")):
            assert ask_past(ledger, event) == Grant()
            settle(ledger, event, "released", certain=False, live=False)
        assert ask_past(ledger, order("2", version(1))) == Grant()
        other_day = order("3", version(1))
        assert ask_past(ledger, other_day, NOON + 86_400) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert heir.removable(DAY).doubtful == 3
        assert remove(heir) == Removed(0, 3, 0)
        for event in (V1, fact("f"), order("2", version(1))):
            assert ask_past(heir, event) == Grant()
        assert ask_past(heir, other_day) == Grant(doubtful=True)

    def test_a_doubt_of_another_time_outlives_the_one_that_is_gone(
        self, world: World, ledger: Countable
    ) -> None:
        assert ask_past(ledger, V1, NOON + 86_400) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert ask_past(heir, V2) == Grant()
        settle(heir, V2, "released", certain=False, live=False)
        assert remove(heir) == Removed(0, 1, 0)
        assert ask_past(heir, V1) == Grant(doubtful=True)
        settle(heir, V1, "released")
        assert ask_past(heir, V2) == Grant()

    def test_what_was_accepted_between_the_look_and_the_mark_stays_and_is_counted(
        self, world: World, ledger: Countable
    ) -> None:
        accept_past(ledger, V1)
        accept_past(ledger, order("2", version(1)))
        other = world.open()
        seen = other.removable(DAY)
        accept_past(ledger, V2)
        accept_past(ledger, order("3", version(1)))
        assert other.remove(DAY, seen) == Removed(1, 0, 2)
        assert ask_past(ledger, V2) == Done("duplicate")
        assert ask_past(ledger, order("2", version(1))) == Grant()

    def test_a_doubt_that_arose_between_the_look_and_the_mark_stays(
        self, world: World, ledger: Countable
    ) -> None:
        other = world.open()
        seen = other.removable(DAY)
        assert ask_past(ledger, V1) == Grant()
        settle(ledger, V1, "released", certain=False, live=False)
        assert other.remove(DAY, seen) == Removed(0, 0, 1)
        assert ask_past(ledger, V1) == Grant(doubtful=True)

    def test_what_is_being_sent_is_told_and_left_alone(self, world: World, ledger: Countable) -> None:
        accept_past(ledger, V1)
        other = world.open()
        assert ask_past(ledger, V2) == Grant()
        assert ask(ledger, order("live", version(1))) == Grant()
        seen = other.removable(DAY)
        assert (seen.orders, seen.flying, seen.doubtful) == (1, 1, 0)
        assert other.remove(DAY, seen) == Removed(0, 0, 1)
        settle(ledger, V2, live=False)
        assert (ledger.stale_sends, ask_past(ledger, V2)) == (0, Done("duplicate"))
        assert remove(other) == Removed(1, 0, 0)
        assert ask_past(ledger, V2) == Grant()

    def test_other_destinations_keep_theirs_and_many_are_marked(
        self, world: World, ledger: Countable
    ) -> None:
        many = [order(f"n{number}", version(1)) for number in range(300)]
        for each in (ledger, world.open("other")):
            each.turn([], [Want(event, past=NOON + number * 60) for number, event in enumerate(many)])
            each.turn([Settlement(event, "accepted", live=False) for event in many], [])
        morning = Span(DAY.since, datetime(2024, 3, 1, 13, 39), DAY.zone)  # noqa: DTZ001 - of a wall
        assert remove(ledger, morning) == Removed(100, 0, 0)
        assert ledger.removable(DAY).orders == 200
        assert world.open("other").removable(DAY).orders == 300
        verdicts = ledger.turn([], [Want(event, past=NOON) for event in many])
        assert verdicts == [Grant()] * 100 + [Done("duplicate")] * 200

    def test_what_an_earlier_version_sent_has_no_time_and_is_counted_apart(self, ledger: Countable) -> None:
        accept(ledger, V1, live=False)
        assert ledger.removable(DAY) == Removable(undated=1)
        assert remove(ledger) == Removed(0, 0, 0)

    def test_a_removed_order_looks_removed(self, ledger: Countable) -> None:
        accept_past(ledger, V1)
        remove(ledger)
        head = ledger.look("order", "1").head
        assert head is not None
        assert (head.state, head.version) == (State.REMOVED, V1.version)


class TestForced:
    """RULES 11: what was accepted last goes again where an operator asks for it."""

    def force(self, ledger: Countable, event: Event) -> Verdict:
        return ledger.turn([], [Want(event, forced=True)])[0]

    def test_the_version_accepted_last_goes_again_and_older_ones_do_not(self, ledger: Countable) -> None:
        accept(ledger, V1)
        accept(ledger, V2)
        assert self.force(ledger, V1) == Done("superseded")
        assert self.force(ledger, V2) == Grant(known=True, forced=True)
        assert ask(ledger, order("1", version(3))) == Busy()

    def test_what_was_never_accepted_goes_without_force(self, ledger: Countable) -> None:
        assert self.force(ledger, V1) == Grant()
        assert self.force(ledger, contact("C1", version(1))) == Grant()

    def test_a_fact_goes_again(self, ledger: Countable) -> None:
        accept(ledger, fact("f"))
        verdict = self.force(ledger, fact("f"))
        assert isinstance(verdict, Grant)
        assert verdict.forced

    def test_given_up_it_is_as_it_was(self, ledger: Countable) -> None:
        accept(ledger, V1)
        before = ledger.look("order", "1")
        assert self.force(ledger, V1) == Grant(known=True, forced=True)
        settle(ledger, V1, "released")
        assert ledger.look("order", "1") == before
        assert ask(ledger, V1) == Done("duplicate")

    def test_accepted_it_is_a_duplicate_again_told_by_its_history_and_nothing_is_unchanged_against_it(
        self, ledger: Countable
    ) -> None:
        accept(ledger, order("1", version(1), "same"))
        forced = order("1", version(1), "same")
        assert self.force(ledger, forced) == Grant(known=True, forced=True)
        ledger.turn([Settlement(forced, "accepted", certain=False, forced=True)], [])
        assert [sent.outcome for sent in ledger.history("order", "1")] == ["accepted", "forced"]
        assert ask(ledger, forced) == Done("duplicate")
        head = ledger.look("order", "1").head
        assert head is not None
        assert (head.state, head.digest, head.live) == (State.ACCEPTED, b"", True)
        assert ask(ledger, order("1", version(2), "same")) == Grant(known=True)

    def test_an_erased_contact_stays_erased(self, ledger: Countable) -> None:
        gone = contact("C1", version(2), deleted=True)
        accept(ledger, gone)
        assert self.force(ledger, gone) == Done("duplicate")

    def test_rehearsed_it_says_the_same_and_changes_nothing(self, world: World, ledger: Countable) -> None:
        accept(ledger, V1)
        before = ledger.look("order", "1")
        assert world.open().rehearse([Want(V1, forced=True)]) == [Grant(known=True, forced=True)]
        assert ledger.look("order", "1") == before


class TestSizes:
    def test_heads_history_and_claims_are_counted(self, world: World, ledger: Countable) -> None:
        many = [order(f"n{number}", version(None, number)) for number in range(20)]
        ledger.turn([], [Want(event) for event in many])
        assert ledger.sizes().claims == 20
        ledger.turn([Settlement(event, "accepted") for event in many[:15]], [])
        assert ledger.sizes().claims == 5
        ledger.turn([Settlement(event, "accepted") for event in many[15:]], [])
        accept(world.open("metrica"), V1)
        comes_to(world, lambda: (ledger.sizes().heads, ledger.sizes().history), (21, 21))
        assert ledger.prune(10) == 10
        comes_to(world, lambda: ledger.sizes().heads, 11)


class TestClients:
    """claims.Settlement.client: new orders are counted for their clients."""

    def add(self, ledger: Countable, client: str, *keys: str) -> list[Count]:
        """Accept new orders of a client; what the ledger tells of it."""
        told: list[Count] = []
        ledger.counted = told.extend
        events = [order(key, version(1)) for key in keys]
        ledger.turn([], list(map(Want, events)))
        ledger.turn([Settlement(event, "accepted", client=client) for event in events], [])
        return told

    def test_they_are_told_with_what_was_added_and_an_example(self, ledger: Countable) -> None:
        assert self.add(ledger, "C1", "1", "2", "3") == [Count(3, 3, "3")]
        assert self.add(ledger, "C1", "4") == [Count(4, 1, "4")]
        assert (ledger.look("contact", "C1").orders, ledger.look("contact", "C2").orders) == (4, 0)

    def test_the_count_outlives_its_owner_is_shared_and_each_destinations_own(
        self, world: World, ledger: Countable
    ) -> None:
        other = world.open()
        self.add(ledger, "C1", "1")
        self.add(other, "C1", "2")
        world.crash(ledger)
        assert self.add(world.open(), "C1", "3") == [Count(3, 1, "3")]
        assert world.open("another").most_orders() == 0

    def test_many_clients_are_counted_in_one_turn(self, ledger: Countable) -> None:
        events = [order(str(n), version(1)) for n in range(1000)]
        ledger.turn([], list(map(Want, events)))
        told: list[Count] = []
        ledger.counted = told.extend
        settled = [Settlement(event, "accepted", client=f"C{n % 700}") for n, event in enumerate(events)]
        ledger.turn(settled, [])
        assert sorted(count.orders for count in told) == [1] * 400 + [2] * 300
        assert ledger.most_orders() == 2

    @pytest.mark.parametrize("client", ["email:a@shop.example", "a\0b", "Клиент 🛒", "'; --", "x" * 5000])
    def test_any_text_is_a_client_of_its_own(self, ledger: Countable, client: str) -> None:
        self.add(ledger, "C1", "1")
        self.add(ledger, client, "2", "3")
        assert [ledger.look("contact", each).orders for each in ("C1", client)] == [1, 2]

    def test_what_is_not_accepted_or_was_settled_before_is_not_counted(self, ledger: Countable) -> None:
        self.add(ledger, "C1", "1")
        again, refused, lost = (order(key, version(1)) for key in "123")
        ledger.turn([], [Want(refused)])
        ledger.turn(
            [
                Settlement(again, "accepted", client="C1"),
                Settlement(refused, "released", client="C1"),
                Settlement(lost, "accepted", client="C1"),
            ],
            [],
        )
        assert ledger.most_orders() == 1

    def test_an_order_that_was_in_doubt_is_counted_once_it_is_accepted(
        self, world: World, ledger: Countable
    ) -> None:
        event = order("1", version(1))
        assert ask(ledger, event) == Grant()
        world.crash(ledger)
        heir = world.open()
        assert ask(heir, event) == Grant(doubtful=True)
        heir.turn([Settlement(event, "accepted", certain=False, client="C1")], [])
        assert heir.look("contact", "C1").orders == 1


def comes_to(world: World, look: Callable[[], object], wanted: object) -> None:
    """A server's statistics come a moment later, and are not exact before they are made anew."""
    limit = time.monotonic() + 30
    while (found := look()) != wanted:
        assert time.monotonic() < limit, found
        time.sleep(0.1)
        world.analyse()


class TestOperator:
    def test_answers_are_read_by_every_owner_oldest_first(self, world: World, ledger: Countable) -> None:
        other = world.open()
        ledger.answer(Answer("orders", 3, "earliest", None, 0))
        other.answer(Answer("", -1, None, "clock", 0))
        assert ledger.answers() == other.answers()
        found = [(one.topic, one.partition, one.start, one.accept) for one in ledger.answers()]
        assert found == [("orders", 3, "earliest", None), ("", -1, None, "clock")]
        assert all(one.at > 0 for one in ledger.answers())
        assert world.open("metrica").answers() == []

    def test_another_clock_asks_until_it_is_accepted_by_whomever(
        self, world: World, ledger: Countable
    ) -> None:
        accept(ledger, V3)
        moved = order("1", version(1, 5_000, clock="new"))
        assert ask(ledger, moved) == Ask("clock")
        world.open().accept_clock("new", 5_000, "moved to another database")
        assert ask(ledger, moved) == Grant(known=True)
        settle(ledger, moved)
        assert ask(ledger, V3) == Done("superseded")
        assert ask(ledger, moved) == Done("duplicate")

    def test_accepting_a_clock_does_not_unsettle_what_is_in_flight(self, ledger: Countable) -> None:
        assert ask(ledger, V2) == Grant()
        ledger.accept_clock("shop", 0, "restored")
        settle(ledger, V2)
        assert ledger.stale_sends == 0
        accept(ledger, V1)
        assert ask(ledger, V1) == Done("duplicate")
        ledger.accept_clock("shop", 0, "restored again")
        assert ask(ledger, V1) == Done("unchanged")

    def test_the_identity_is_that_of_the_store(self, world: World, ledger: Countable) -> None:
        identity = ledger.identity
        world.crash(ledger)
        assert world.open().identity == identity


class TestLook:
    """ports.Archive: what an operator is told of one key."""

    def test_nothing_is_known_of_what_never_came(self, ledger: Countable) -> None:
        assert ledger.look("order", "1") == Sight()

    def test_what_is_on_its_way_and_what_was_accepted(self, world: World, ledger: Countable) -> None:
        at = order("1", version(5, 50, offset=7))
        assert ask(ledger, at) == Grant()
        for each in (ledger, world.open()):
            sight = each.look("order", "1")
            assert (sight.head, sight.living) == (None, True)
            assert sight.claim is not None
            assert sight.claim.head.version == at.version
        ledger.turn([Settlement(at, "accepted", remote_id="77")], [])
        sight = world.open().look("order", "1")
        assert sight.head is not None
        assert (sight.head.version, sight.head.remote_id, sight.head.live) == (at.version, "77", True)
        assert (sight.claim, sight.living) == (None, False)

    def test_the_systems_id_stays_when_later_versions_do_not_tell_it(self, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        ledger.turn([Settlement(V1, "accepted", remote_id="77")], [])
        accept(ledger, V2)
        head = ledger.look("order", "1").head
        assert head is not None
        assert head.remote_id == "77"

    def test_what_a_dead_owner_had_claimed_is_in_doubt(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        world.crash(ledger)
        sight = world.open().look("order", "1")
        assert sight.claim is not None
        assert (sight.head, sight.living) == (None, False)

    def test_looking_changes_nothing(self, world: World, ledger: Countable) -> None:
        assert ask(ledger, V1) == Grant()
        other = world.open()
        other.look("order", "1")
        settle(ledger, V1)
        assert (ask(other, V1), ledger.stale_sends) == (Done("duplicate"), 0)

    def test_contacts_and_facts_are_found_by_their_keys_too(self, ledger: Countable) -> None:
        accept(ledger, contact("email:a", None), aliases=("email:a",))
        accept(ledger, contact("C1", version(1), deleted=True))
        accept(ledger, fact("f"))
        found = [
            ledger.look(*each).head for each in (("contact", "email:a"), ("contact", "C1"), ("event", "f"))
        ]
        assert [head.state for head in found if head] == [State.ACCEPTED, State.ERASED, State.ACCEPTED]
        assert ledger.look("order", "C1") == Sight()


class TestLease:
    def test_what_was_granted_just_now_is_surely_its_owners_for_longer_than_a_request_takes(
        self, ledger: Countable
    ) -> None:
        """RULES 2: it is looked at from another thread, immediately before a write."""
        assert ask(ledger, V1) == Grant()
        with ThreadPoolExecutor(1) as other:
            assert other.submit(ledger.lease_left).result() > 60
