"""The gate opens on evidence, is probed by one, and closes by itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.breaker import Failure, Gate, Reason, evidence
from connector.core.talk import Accepted, Halt, InDoubt, Outcome, Refused, Retry

DOWN = Failure("destination")


def opened(reason: Reason = "destination", now: float = 0.0, wait: float = 10.0) -> Gate:
    """A gate that the first failure opened."""
    return Gate().failure(Failure(reason), now, wait, threshold=1)


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not() -> None:
    """Threshold three: two, a success, two more leave it closed; the third in a row opens."""
    gate = Gate()
    for _ in range(2):
        gate = gate.failure(DOWN, 0, 1, threshold=3)
    gate = gate.success()
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
    assert gate.success() == gate
    assert gate.success(probe=True) == Gate()


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
