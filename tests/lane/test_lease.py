"""A request is written only while enough of the lease is left (RULES 2): nothing is sent late."""

from collections.abc import Callable
from math import inf
from typing import Literal

import pytest

from connector.dialects.yespo import YespoOptions
from tests.support.fuse import Fuse
from tests.support.stage import FAST, NAME, Process, Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import ORDERS, order

LEASE = 20.0
Mode = Literal["resend", "hold"]
MODES: tuple[Mode, ...] = ("resend", "hold")


class Stop(Fuse):
    """SIGSTOP at a port's call, once armed; `asleep` is what the world does until SIGCONT."""

    def __init__(self, at: str, asleep: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.at, self.asleep, self.armed = at, asleep, False

    def tick(self, name: str) -> None:
        super().tick(name)
        if self.armed and name == self.at:
            self.armed = False
            self.asleep()


def seeded(stage: Stage, fuse: Fuse | None = None, mode: Mode = "resend") -> Process:
    """A process that owns all partitions, has a lease, and whose orders' contact is known."""
    process = stage.start(fuse, lease=LEASE, options=YespoOptions(name=NAME, in_doubt=mode))
    stage.group.plan = dict.fromkeys(stage.broker.keys([ORDERS]), process.source)
    stage.produce(ORDERS, order("seed", 0, customer="c"))
    process.until_done()
    return process


def heir(stage: Stage, mode: Mode) -> Process:
    """Another replica that is given everything."""
    process = stage.start(lease=LEASE, options=YespoOptions(name=NAME, in_doubt=mode))
    stage.group.plan = dict.fromkeys(stage.broker.keys([ORDERS]), process.source)
    return process


def stale(process: Process) -> int:
    return process.ledger.stale_sends


@pytest.mark.parametrize("mode", MODES)
def test_stopped_between_claim_and_write_past_its_lease_it_does_not_write(mode: Mode) -> None:
    """Another one has taken the claims over by then: only what that one sent reaches the CRM."""
    with staged() as stage:
        fuse = Stop("turned")
        first = seeded(stage, fuse, mode)
        stage.produce(ORDERS, order("o", 1, customer="c"), order("p", 2, customer="c"))
        others: list[Process] = []

        def asleep() -> None:
            stage.clock.advance(LEASE + 1)
            stage.group.lose(first.source)
            others.append(heir(stage, mode))
            others[0].until_done()

        fuse.asleep, fuse.armed = asleep, True
        first.until(lambda: others)
        sent = len(stage.crm.requests)
        first.run(120)
        assert len(stage.crm.requests) == sent
        if mode == "resend":
            assert sorted(stage.crm.applied[-2:]) == [("order", "o", "1"), ("order", "p", "2")]
        else:
            assert set(stage.causes().values()) == {"in_doubt"}
            assert stage.crm.taken("order", "o") == []
        assert stale(first) == stale(others[0]) == 0
        assert first.meter.value("retries_total", destination=NAME, reason="lease") == 2
        assert (first.parts.dispatch.pending, first.courier.state().events) == (0, 0)


@pytest.mark.parametrize("mode", MODES)
def test_stopped_past_its_lease_and_replaced_by_nobody_it_goes_on(mode: Mode) -> None:
    """Its claims are still its own: it asks the ledger again, and sends once."""
    with staged() as stage:
        fuse = Stop("turned")
        process = seeded(stage, fuse, mode)
        stage.produce(ORDERS, order("o", 1, customer="c"))
        fuse.asleep, fuse.armed = (lambda: stage.clock.advance(LEASE + 1)), True
        process.until_done()
        assert stage.crm.taken("order", "o") == ["1"]
        assert (stale(process), stage.causes()) == (0, {})
        assert process.meter.value("retries_total", destination=NAME, reason="lease") == 1


@pytest.mark.parametrize("fate", ["503", "500"])
def test_stopped_while_a_retry_waits_it_does_not_write_either(fate: Fate) -> None:
    """The clock leaps while the courier waits: the retry finds the lease gone, and another one sends it."""
    with staged() as stage:
        first = seeded(stage)
        fates = iter([fate])
        stage.crm.fate = lambda _: next(fates, "ok")
        stage.produce(ORDERS, order("o", 1, customer="c"))
        first.until(lambda: first.courier.state().waiting)
        before = len(stage.crm.requests)
        stage.clock.advance(LEASE + 1)
        stage.time.sleep(0.01)
        assert len(stage.crm.requests) == before
        stage.group.lose(first.source)
        second = heir(stage, "resend")
        for _ in range(400):
            second.turn()
            first.turn()
        assert stage.done
        assert stage.crm.taken("order", "o") == ["1"]
        assert stale(first) == (1 if fate == "500" else 0)


@pytest.mark.parametrize("outage", [0.0, 5.0])
@pytest.mark.parametrize("fate", ["503", "500"])
def test_what_is_given_back_takes_its_doubt_along(fate: Fate, outage: float) -> None:
    """Also through an outage of the ledger, which is asked again and again to settle it and to claim it."""
    with staged() as stage:
        process = seeded(stage)
        fates = iter([fate])
        stage.crm.fate = lambda _: next(fates, "ok")
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until(lambda: process.courier.state().waiting)
        stage.clock.advance(LEASE + 1)
        process.ledger.down = bool(outage)
        process.run(outage)
        process.ledger.down = False
        process.until_done()
        assert stage.crm.taken("order", "o") == ["1"]
        head = stage.head("order", "o")
        assert head is not None
        assert bool(head.digest) == (fate == "503")


def test_the_lease_is_looked_at_before_every_request_of_a_batch() -> None:
    """Half of a refused batch was sent when the lease ended: the other half goes back to be asked for."""
    with staged() as stage:
        process = seeded(stage, mode="resend")
        past = stage.start(
            lease=LEASE, options=YespoOptions(name=NAME, orders_via="past_events"), batch_events=8
        )
        stage.group.plan = dict.fromkeys(stage.broker.keys([ORDERS]), past.source)
        process.drain()
        marked = [order(f"o{n}", n, customer="c", mark="marked" if n == 1 else "") for n in range(1, 9)]
        stage.produce(ORDERS, *marked)
        halves = 0

        def leap(_: object) -> Fate:
            nonlocal halves
            halves += 1
            if halves == 2:
                past.ledger.down = True  # no sign of life until it is back
                stage.clock.advance(LEASE - 1)
            return "ok"

        stage.crm.fate = leap
        past.until(lambda: halves == 2)
        past.run(30)
        assert halves == 2
        past.ledger.down = False
        past.until_done()
        assert sorted(stage.causes().values()) == ["refused"]
        assert [stage.crm.taken("order", f"o{n}") for n in range(2, 9)] == [[str(n)] for n in range(2, 9)]


def test_without_a_lease_to_lose_nothing_is_looked_at() -> None:
    with staged() as stage:
        process = stage.start()
        assert process.ledger.lease_left() == inf
        assert FAST.request_timeout < LEASE
