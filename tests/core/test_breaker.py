"""The gate opens on evidence, is probed by one, and closes by itself."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.breaker import Failure, Gate, Reason, evidence
from connector.core.talk import Accepted, Halt, InDoubt, Outcome, Refused, Retry

DOWN = Failure("destination")
SLOTS = 32


def opened(reason: Reason = "destination", now: float = 0.0, wait: float = 10.0) -> Gate:
    """A gate that the first failure opened."""
    return Gate().failure(Failure(reason), now, wait, threshold=1)


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    """Threshold three: two, a success, two more leave it closed; the third in a row opens."""
    gate = Gate()
    for _ in range(2):
        gate = gate.failure(DOWN, 0, 1, threshold=3)
    gate = gate.success(SLOTS)
    assert gate == Gate()
    for _ in range(2):
        gate = gate.failure(DOWN, 5, 1, threshold=3)
    assert gate.state == "closed"
    gate = gate.failure(DOWN, 7, 1, threshold=3)
    assert (gate.state, gate.reason, gate.since, gate.until) == ("open", "destination", 7, 8)


@pytest.mark.parametrize(
    "failure",
    [Failure("quota"), Failure("credentials"), Failure("contract"), Failure("destination", after=3.0)],
)
def test_what_needs_no_further_proof_opens_at_once(failure: Failure) -> None:
    """A 429, refused credentials, a broken contract, and a Retry-After of an unavailable one."""
    gate = Gate().failure(failure, 1, 4, threshold=100)
    assert (gate.state, gate.reason, gate.until) == ("open", failure.reason, 5)


def test_only_the_probe_closes_it() -> None:
    """The success of a request that was sent before the trouble proves nothing."""
    gate = opened().probing()
    assert gate.success(SLOTS) == gate
    assert gate.success(SLOTS, probe=True).state == "closed"


def test_a_failed_probe_opens_it_again_keeps_since_and_counts_the_trip() -> None:
    """`since` is the beginning of the outage; the trips are what its waits grow with."""
    gate = opened("credentials", now=3).probing().failure(DOWN, 20, 8, threshold=5, probe=True)
    assert gate == Gate("open", "destination", since=3, until=28, failures=2, trips=2)


def test_a_straggler_names_a_graver_reason_or_a_longer_wait_and_nothing_else() -> None:
    """Requests that were in flight when the gate opened neither shorten the wait nor count as trips."""
    gate = opened(wait=10)
    assert gate.failure(DOWN, 2, 60, threshold=1) == gate
    assert gate.failure(Failure("credentials"), 2, 60, threshold=1).reason == "credentials"
    assert gate.failure(Failure("quota", after=30), 2, 0, threshold=1).until == 32
    assert opened("credentials").failure(DOWN, 2, 60, threshold=1).reason == "credentials"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([Accepted(), Refused("x", "y"), Retry("conflict", 60)], None),
        ([Accepted(), InDoubt("timeout")], DOWN),
        ([Retry("unreachable")], DOWN),
        ([Retry("unavailable", 7)], Failure("destination", 7)),
        ([Retry("unavailable"), Retry("throttled", 5), Retry("throttled", 9)], Failure("quota", 9)),
        ([Retry("throttled"), Halt("contract", "404")], Failure("contract")),
        ([Halt("contract", "404"), Halt("credentials", "401"), Accepted()], Failure("credentials")),
    ],
)
def test_the_gravest_outcome_is_the_evidence(outcomes: list[Outcome], expected: Failure | None) -> None:
    """An event's own fault says nothing against the destination."""
    assert evidence(outcomes) == expected


def test_after_a_recovery_little_flies_and_twice_as_much_each_round_until_all_slots_are_in_use() -> None:
    """A round: all that may fly at once flies and succeeds."""
    gate, rounds = opened().probing().success(SLOTS, probe=True), list[float]()
    while gate.limit < inf:
        rounds.append(gate.limit)
        for _ in range(int(gate.limit)):
            gate = gate.success(SLOTS)
    assert rounds == [2, 4, 8, 16]
    assert gate == Gate()


def test_a_failure_while_it_recovers_halves_what_may_fly_and_several_in_a_row_open_it_for_longer() -> None:
    """Trips count until all slots were in use: what fails under load is left alone ever longer."""
    gate = opened().probing().success(SLOTS, probe=True)
    for _ in range(8):
        gate = gate.success(SLOTS)
    assert gate.limit == 10
    gate = gate.failure(DOWN, 9, 1, threshold=3)
    assert (gate.state, gate.limit) == ("closed", 5)
    gate = gate.failure(DOWN, 9, 1, threshold=3).failure(DOWN, 9, 1, threshold=3)
    assert (gate.state, gate.trips, gate.limit) == ("open", 2, inf)


def test_a_gate_that_never_opened_limits_nothing() -> None:
    """Slow start is for recoveries."""
    assert Gate().failure(DOWN, 0, 1, threshold=9).success(SLOTS) == Gate()
    assert opened().probing().success(1, probe=True) == Gate()


@given(st.lists(st.sampled_from(["success", "failure"]), max_size=60), st.integers(1, 40))
def test_what_may_fly_while_it_recovers_is_never_nothing_and_never_grows_faster_than_successes(
    story: list[str], slots: int
) -> None:
    """Whatever happens: at least one may fly, and each success adds one at most."""
    gate = opened().probing().success(slots, probe=True)
    for step in story:
        before = gate.limit
        gate = gate.success(slots) if step == "success" else gate.failure(DOWN, 0, 1, threshold=99)
        assert gate.limit >= 1
        assert gate.limit <= before + 1 or gate.limit == inf
        assert gate.limit == inf or gate.limit < slots


REASONS: st.SearchStrategy[Reason] = st.sampled_from(["destination", "quota", "contract", "credentials"])


@given(
    st.lists(st.tuples(REASONS, st.none() | st.floats(0, 99), st.booleans(), st.floats(0, 9)), max_size=30)
)
def test_an_open_gate_is_never_closed_by_failures_nor_its_wait_shortened_by_stragglers(
    failures: list[tuple[Reason, float | None, bool, float]],
) -> None:
    """Whatever fails in whatever order; every wait begins in the present."""
    gate, now = opened(), 0.0
    for reason, after, probe, step in failures:
        now += step
        later = gate.failure(Failure(reason, after), now, 5.0, threshold=3, probe=probe)
        assert later.state != "closed"
        assert later.until == now + 5 if probe else later.until >= gate.until
        gate = later
