"""Promise 6: an outage pauses, says so, costs nothing, and is over by itself."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from connector.core.talk import Request, Response
from connector.dialects.yespo import YespoOptions
from tests.support.stage import FAST, NAME, Process, Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import CONTACTS, ORDERS, POISON, Trouble, contact, order

Switch = Callable[[Stage, Process, bool], None]


def answers(fate: Fate) -> Switch:
    def switch(stage: Stage, process: Process, down: bool) -> None:
        stage.crm.fate = lambda _: fate if down else "ok"

    return switch


def ledger(stage: Stage, process: Process, down: bool) -> None:
    process.ledger.down = down


def broker(stage: Stage, process: Process, down: bool) -> None:
    stage.broker.down = down


def registry(stage: Stage, process: Process, down: bool) -> None:
    stage.outside.registry = down


def dead_letters(stage: Stage, process: Process, down: bool) -> None:
    stage.outside.letters = down


OUTAGES: dict[str, tuple[str, Switch]] = {
    "503": ("destination", answers("503")),
    "connection refused": ("destination", answers("refused")),
    "no answers": ("destination", answers("vanished")),
    "credentials": ("credentials", answers("401")),
    "quota": ("quota", answers("429")),
    "ledger": ("ledger", ledger),
    "broker": ("broker", broker),
    "registry": ("registry", registry),
    "dead letters": ("dead_letters", dead_letters),
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_an_outage_pauses_loses_nothing_and_ends_by_itself(outage: str) -> None:
    reason, switch = OUTAGES[outage]
    with staged(conflict_seconds=0) as stage:
        process = stage.start()
        stage.produce(ORDERS, order("before", 1))
        process.until_done()
        switch(stage, process, True)
        stage.produce(ORDERS, *[order(f"o{n}", 10 + n) for n in range(20)], POISON)
        stage.produce(CONTACTS, contact("c-o1", 50))
        process.run(40)
        assert process.paused == {reason}
        assert stage.committed() == (21 if outage == "dead letters" else 1)
        assert set(stage.letters) <= {((ORDERS, 0), 21)}
        switch(stage, process, False)
        process.until_done()
        assert process.paused == set()
        assert process.outcomes == {"dead_lettered": 1, "delivered": 22}
        assert stage.causes() == {21: "bad_framing"}


@pytest.mark.parametrize("outage", ["ledger", "broker", "registry", "dead letters"])
def test_an_outage_is_told_once_and_tried_ever_more_rarely(outage: str) -> None:
    _, switch = OUTAGES[outage]
    with staged() as stage:
        process = stage.start()
        process.run(2)
        stage.produce(ORDERS, order("o", 1), POISON)
        switch(stage, process, True)
        process.run(60)
        switch(stage, process, False)
        process.run(20)
        assert [(level, event) for level, event, _ in process.log.lines] == [
            ("warning", "paused"),
            ("info", "resumed"),
        ]
        assert stage.done


@pytest.mark.parametrize("turns", range(1, 6))
def test_a_ledger_turn_that_failed_after_it_was_done_is_asked_again(turns: int) -> None:
    with staged() as stage:
        process = stage.start()
        troubles: list[Trouble] = ["none"] * (turns - 1)
        stage.outside.troubles = iter([*troubles, "after"])
        stage.produce(ORDERS, order("o", 1))
        process.until_done()
        assert process.outcomes == {"delivered": 1}
        assert stage.crm.applied == [("contact", "c-o", ""), ("order", "o", "1")]
        assert stage.store.scopes[NAME].claims == {}


def test_what_such_a_turn_had_claimed_is_given_up_with_its_partition() -> None:
    with staged() as stage:
        process = stage.start()
        stage.group.plan = dict.fromkeys(stage.broker.keys([ORDERS, CONTACTS]), process.source)
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until_done()
        stage.outside.troubles = iter(["after"])
        stage.produce(ORDERS, order("o", 2, customer="c"))
        process.until(lambda: stage.store.scopes[NAME].claims)
        stage.group.plan = {}
        process.run(5)
        assert stage.store.scopes[NAME].claims == {}


def test_what_such_a_turn_had_claimed_is_given_up_though_another_turn_fails_over_the_same_key() -> None:
    """Else its own claim would make the key busy for as long as the process lives."""
    with staged(partitions=2) as stage:
        process = stage.start()
        keys = stage.broker.keys([ORDERS, CONTACTS])
        stage.group.plan = dict.fromkeys(keys, process.source)
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until_done()
        stage.outside.troubles = iter(["after", "before"])
        stage.produce(ORDERS, order("o", 2, customer="c"))
        process.until(lambda: stage.store.scopes[NAME].claims)
        stage.group.lose(process.source)
        stage.group.plan = {(ORDERS, 1): process.source}
        stage.produce(ORDERS, order("o", 3, customer="c"), partition=1)
        process.run(5)
        assert stage.crm.taken("order", "o") == ["1", "3"]


def test_the_destination_is_probed_not_hammered() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.fate = lambda _: "503"
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(200)])
        process.run(60)
        assert len(stage.crm.requests) < 60


def test_no_more_is_claimed_than_may_fly_while_one_event_tries_what_bears_no_resend() -> None:
    """What is claimed would be taken for sent after a kill, and end in the dead letters."""
    with staged() as stage:
        process = stage.start(options=YespoOptions(name=NAME, in_doubt="hold"))
        stage.produce(ORDERS, order("seed", 0, customer="c"))
        process.until_done()
        stage.crm.fate = lambda _: "500"
        stage.produce(ORDERS, *[order(f"o{n}", n, customer="c") for n in range(1, 200)])
        for _ in range(200):
            process.run(0.1)
            assert len(process.ledger.claimed()) <= FAST.in_flight + 1


RETRY_AFTER = {
    "seconds": {"retry-after": "600"},
    "date": {"retry-after": "Sun, 06 Nov 1994 08:59:37 GMT", "date": "Sun, 06 Nov 1994 08:49:37 GMT"},
}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", RETRY_AFTER)
def test_a_retry_after_of_ten_minutes_is_kept_and_never_breaks_group_membership(
    form: str, status: int
) -> None:
    """The lane goes on polling, commits what is settled, and takes in what comes; then all of it goes."""
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("seed", 0, customer="c"))
        process.until_done()
        refusals = iter([Response(status, headers=RETRY_AFTER[form])])
        polls, sent = list[float](), list[float]()

        def says(_: Request) -> Response | None:
            sent.append(stage.clock.monotonic())
            return next(refusals, None)

        stage.crm.says = says
        process.source.on_poll = lambda: polls.append(stage.clock.monotonic())
        stage.produce(ORDERS, order("o", 1, customer="c"))
        process.until(lambda: sent)
        stage.produce(ORDERS, order("p", 2, customer="c"))
        process.until_done(700)
        assert sent[1] - sent[0] >= 600
        assert max(b - a for a, b in pairwise(polls)) < 1
        assert process.source in stage.group.members
        assert process.meter.value("rebalances_total", kind="lost") is None
        assert process.outcomes == {"delivered": 3}


def test_while_the_destination_is_down_lag_grows_in_records_and_in_seconds() -> None:
    with staged() as stage:
        process = stage.start()
        stage.crm.fate = lambda _: "503"
        seen: list[tuple[float, float]] = []
        for number in range(4):
            stage.produce(ORDERS, *[order(f"o{number}.{n}", 10 * number + n) for n in range(10)])
            process.run(30)
            where = {"destination": NAME, "topic": ORDERS, "partition": "0"}
            records, seconds = (
                process.meter.value(f"lag_{unit}", **where) for unit in ("records", "seconds")
            )
            seen.append((records or 0, seconds or 0))
        assert process.paused == {"destination"}
        assert [records for records, _ in seen] == [10, 20, 30, 40]
        assert all(later - earlier > 25 for (_, earlier), (_, later) in pairwise(seen))


def test_the_group_is_kept_while_the_destination_is_down() -> None:
    with staged() as stage:
        process = stage.start()
        polls: list[float] = []
        process.source.on_poll = lambda: polls.append(stage.clock.monotonic())
        stage.crm.fate = lambda _: "503"
        stage.produce(ORDERS, *[order(f"o{n}", n) for n in range(200)])
        process.run(600)
        assert max(b - a for a, b in pairwise(polls)) < 1
