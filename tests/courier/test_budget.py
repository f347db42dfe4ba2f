"""An event that fails by itself ends after its budget; in an outage nothing does, however long it lasts."""

import asyncio
import random
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from connector.core.lots import Lot
from connector.core.talk import NoAnswer, Refused, Request, Response
from connector.courier.flight import Landed
from tests.courier.scripted import FAST, PAST, Bench, ByReply, sending

BUDGET = 6
OPTIONS = replace(FAST, in_flight=4, budget=BUDGET)
MANY = Lot("contacts", "", 500, "resend")
Answer = Callable[[str], Response | NoAnswer]
OK = Response(200)
FAULTS: dict[str, Response | NoAnswer] = {
    "503": Response(503),
    "no answer": NoAnswer(True, "connection reset"),
    "401": Response(401),
}


def bench(answer: Answer) -> Bench:
    """A destination that answers by what is in the request (the events' keys)."""
    made = Bench(ByReply(), OPTIONS)

    def by_body(request: Request) -> Response | NoAnswer:
        return answer((request.body or b"").decode())

    made.http.answer = by_body
    return made


def failing(word: str, fault: Response | NoAnswer) -> Answer:
    return lambda keys: fault if word in keys.split() else OK


async def traffic(bench: Bench, until: Callable[[], object], every: float = 1.0, lot: Lot = MANY) -> int:
    """Others, one after the other, until it is so; how many there were."""
    number = 0
    while not until():
        assert number < 10_000, "it never came to that"
        number += 1
        bench.take([sending(f"other{number}")], lot=lot)
        await asyncio.sleep(every)
    return number


def ends(bench: Bench) -> dict[str, Landed]:
    return {one.sending.event.key: one for one in bench.engine.landed}


def attempts(bench: Bench, key: str) -> int:
    return sum(keys == key for _, keys in bench.sent())


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_while_others_pass_ends_after_its_budget_and_says_so(fault: str) -> None:
    world = bench(failing("bad", FAULTS[fault]))

    async def story(bench: Bench) -> None:
        bench.take([sending("bad")], lot=MANY)
        others = await traffic(bench, lambda: "bad" in ends(bench))
        await bench.landed(others + 1)

    world.run(story)
    end = ends(world)["bad"]
    assert isinstance(end.outcome, Refused)
    assert end.outcome.cause == "retries_exhausted"
    assert f"{end.attempts} attempts" in end.outcome.detail
    assert end.attempts > BUDGET
    assert end.certain == (fault != "no answer")
    assert ("may have been applied" in end.outcome.detail) == (fault == "no answer")
    assert {name for name, one in world.outcomes.items() if one != "Accepted"} == {"bad"}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_outage_of_a_day_ends_nothing(fault: str) -> None:
    day = 86_400.0
    world = bench(lambda _: OK)
    world.http.answer = lambda _: OK if world.clock.monotonic() > day else FAULTS[fault]

    async def story(bench: Bench) -> None:
        bench.take(*[[sending(f"e{n}")] for n in range(12)], lot=MANY)
        await bench.until(lambda: bench.clock.monotonic() > day)
        await bench.landed(12)

    world.run(story)
    assert set(world.outcomes.values()) == {"Accepted"}


def test_a_destination_that_fails_every_other_request_for_hours_ends_nothing() -> None:
    chance = random.Random(7)
    world = bench(lambda _: OK)
    world.http.answer = lambda _: Response(503) if chance.random() < 0.5 else OK

    async def story(bench: Bench) -> None:
        others = await traffic(bench, lambda: bench.clock.monotonic() > 7200, every=5.0)
        await bench.landed(others)

    world.run(story)
    assert set(world.outcomes.values()) == {"Accepted"}


@pytest.mark.parametrize("fault", FAULTS)
def test_events_that_all_fail_by_themselves_do_not_keep_the_gate_shut_for_the_others(fault: str) -> None:
    """More of them than it takes to open the gate, and each of them a probe that fails."""
    world = bench(lambda keys: FAULTS[fault] if keys.startswith("bad") else OK)

    async def story(bench: Bench) -> None:
        bench.take(*[[sending(f"bad{n}")] for n in range(6)], lot=MANY)
        await bench.until(lambda: bench.engine.guard.gate.state == "open")
        bench.take([sending("good")], lot=MANY)
        await bench.until(lambda: "good" in ends(bench), 120)
        others = await traffic(bench, lambda: all(f"bad{n}" in ends(bench) for n in range(6)))
        await bench.landed(others + 7)

    world.run(story)
    assert {n for n, one in world.outcomes.items() if one == "Refused"} == {f"bad{n}" for n in range(6)}


def test_a_fresh_probe_is_asked_for_where_all_others_have_failed_as_one() -> None:
    """The lane hands in only what there is room for: at half-open there is room beside those that failed."""
    world = bench(failing("bad", Response(503)))

    async def story(bench: Bench) -> None:
        bench.take(*[[sending("bad")]], lot=MANY)
        await bench.until(lambda: bench.engine.guard.gate.state == "open", 100)
        await bench.until(lambda: bench.engine.queue.wants_fresh, 1000)
        assert bench.engine.guard.wants_probe
        bench.take([sending("good")], lot=MANY)
        await bench.landed(1)
        assert bench.engine.guard.gate.state == "closed"

    world.run(story)
    assert world.outcomes == {"good": "Accepted"}


def test_where_nothing_fresh_comes_those_that_failed_go_on_probing() -> None:
    world = bench(lambda _: OK)
    world.http.answer = lambda _: OK if world.clock.monotonic() > 3600 else Response(503)

    async def story(bench: Bench) -> None:
        bench.take([sending("a")], [sending("b")], lot=MANY)
        await bench.landed(2)

    world.run(story)
    assert 3600 < world.clock.monotonic() < 3720


@pytest.mark.parametrize("bad", [0, 3, 7])
def test_one_bad_event_of_a_batch_is_found_by_halving_and_the_others_pass(bad: int) -> None:
    world = bench(failing(f"e{bad}", Response(503)))

    async def story(bench: Bench) -> None:
        bench.take([sending(f"e{n}") for n in range(8)], lot=MANY)
        others = await traffic(bench, lambda: f"e{bad}" in ends(bench))
        await bench.landed(others + 8)

    world.run(story)
    assert {name for name, one in world.outcomes.items() if one != "Accepted"} == {f"e{bad}"}


def test_one_that_is_known_to_fail_by_itself_pauses_nobody() -> None:
    """Not even with a 401, which opens the gate at once when another has it."""
    world = bench(failing("bad", Response(401)))
    states: list[str] = []

    async def story(bench: Bench) -> None:
        bench.take([sending("bad")], lot=MANY)
        await traffic(bench, lambda: any(flight.blame.suspected for flight in bench.engine.queue))
        await bench.until(lambda: bench.engine.guard.gate.state == "closed")

        def ended() -> bool:
            states.append(bench.engine.guard.gate.state)
            return "bad" in ends(bench)

        await traffic(bench, ended, every=0.5)

    world.run(story)
    assert set(states) == {"closed"}


def test_what_others_of_another_resource_meet_is_no_evidence() -> None:
    """Contacts pass, events do not: that is an outage of events."""
    world = bench(failing("bad", Response(503)))

    async def story(bench: Bench) -> None:
        bench.take([sending("bad")], lot=Lot("events", "", 1, "resend"))
        await traffic(bench, lambda: bench.clock.monotonic() > 3600, every=2.0)

    world.run(story)
    assert "bad" not in world.outcomes


def test_a_quota_is_never_an_events_own_fault() -> None:
    world = bench(failing("bad", Response(429)))

    async def story(bench: Bench) -> None:
        bench.take([sending("bad")], lot=MANY)
        await traffic(bench, lambda: bench.clock.monotonic() > 3600, every=2.0)

    world.run(story)
    assert "bad" not in world.outcomes


def test_a_trial_whose_budget_is_spent_lets_another_event_try() -> None:
    """It failed by itself while others passed; then a doubt of their resource makes it the trial."""
    faults = {"bad": FAULTS["503"], "lost": FAULTS["no answer"]}
    world = bench(lambda keys: faults.get(keys, OK))

    async def story(bench: Bench) -> None:
        bench.take([sending("bad")], lot=PAST)
        others = await traffic(bench, lambda: attempts(bench, "bad") == BUDGET, 0.1, PAST)
        bench.take([sending("one more")], [sending("lost")], lot=PAST)
        await bench.until(lambda: attempts(bench, "bad") > BUDGET)
        bench.take([sending("after")], lot=PAST)
        await bench.until(lambda: len(ends(bench)) == others + 4, 1000)

    world.run(story)
    assert attempts(world, "bad") == BUDGET + 1
    assert {name for name, one in world.outcomes.items() if one != "Accepted"} == {"bad", "lost"}
