"""How batches fly: what lands, what is tried again and when, what opens the gate, what is held."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import groupby, pairwise

import pytest
from msgspec.structs import replace

from connector.core.lots import Lot
from connector.core.talk import (
    Batch,
    Conversation,
    Halt,
    InDoubt,
    NoAnswer,
    Refused,
    Response,
    Retry,
    Sending,
)
from connector.courier.flight import CourierOptions, Held
from tests.courier.scripted import FAST, LIVE, PAST, Bench, ByReply, Script, Scripted, sending
from tests.fakes.http import ok
from tests.fakes.meter import FakeMeter

OUT = Retry("unavailable")
DOUBT = InDoubt("timed out")
Story = Callable[[Bench], Awaitable[None]]


def land(*batches: list[Sending], lot: Lot = LIVE) -> Story:
    """A story: hand in these batches and wait until all has landed."""

    async def story(bench: Bench) -> None:
        bench.take(*batches, lot=lot)
        await bench.landed(sum(map(len, batches)))

    return story


def scripted(script: Script | None = None, options: CourierOptions = FAST, polls: int = 0) -> Bench:
    """A bench whose destination answers by this script."""
    return Bench(Scripted(script, polls), options)


# --- Attempts --------------------------------------------------------------------------------------


def test_what_is_final_lands_at_once_with_its_attempts() -> None:
    bench = scripted({"b": [Refused("bad", "no status")]}).run(land([sending("a")], [sending("b")]))
    assert bench.outcomes == {"a": "Accepted", "b": "Refused"}
    assert {(one.attempts, one.certain) for one in bench.engine.landed} == {(1, True)}
    assert bench.clock.monotonic() < 0.1


def test_as_many_conversations_fly_at_once_as_are_allowed() -> None:
    bench = scripted().run(land(*[[sending(str(n))] for n in range(20)]))
    assert (bench.http.peak, len(bench.http.sent)) == (4, 20)


def test_a_retry_waits_for_the_backoff_or_for_what_the_destination_asked() -> None:
    """Half of the jitter's span: 0.1 .. 1, 2, 4 seconds; a conflict asks for 61."""
    script = {"a": [Retry("conflict"), Retry("conflict"), Retry("conflict", 61.0)]}
    bench = scripted(script).run(land([sending("a")]))
    starts = [at for at, _ in bench.sent()]
    waits = [round(later - earlier, 1) for earlier, later in pairwise(starts)]
    assert waits == [0.6, 1.1, 61.0]
    assert bench.engine.landed[0].attempts == 4
    assert bench.engine.landed[0].sending.conflicts == 3


def test_conflicts_count_in_a_row() -> None:
    """What came between may be what the next one repeats: it proves nothing about the event."""
    script: Script = {"a": [Retry("conflict"), Retry("import_error"), Retry("conflict")]}
    bench = scripted(script).run(land([sending("a")]))
    assert [batch[0].conflicts for _, batch in bench.destination.batches] == [0, 1, 0, 1]


def test_a_batch_that_waits_for_its_retry_holds_no_slot() -> None:
    """One slot: the second batch passes while the first one waits."""
    bench = scripted({"a": [Retry("conflict", 60.0)]}, replace(FAST, in_flight=1))
    bench.run(land([sending("a")], [sending("b")]))
    assert [key for _, key in bench.sent()] == ["a", "b", "a"]


def test_only_what_failed_is_sent_again_and_what_failed_alike_stays_together() -> None:
    script: Script = {"b": [Retry("conflict", 5.0)], "c": [Refused("bad", "")], "d": [Retry("conflict", 5.0)]}
    bench = scripted(script).run(land([sending(key) for key in "abcd"], lot=PAST))
    assert [keys for _, keys in bench.sent()] == ["a b c d", "b d"]
    assert bench.outcomes == {"a": "Accepted", "b": "Accepted", "c": "Refused", "d": "Accepted"}


def test_a_resend_after_a_doubt_knows_of_it_and_its_success_is_not_certain() -> None:
    """So that the dialect can read a 409 as success, and the ledger clears the digest (RULES 2 and 4)."""
    bench = scripted({"a": [DOUBT, Retry("conflict", 1.0)]}).run(land([sending("a")]))
    assert [batch[0].doubtful for _, batch in bench.destination.batches] == [False, True, True]
    assert not bench.engine.landed[0].certain
    assert bench.sent()[1][0] >= 1.0


def test_a_halt_that_leaves_a_doubt_makes_its_resend_doubtful_and_its_end_uncertain() -> None:
    script: Script = {"a": [Halt("credentials", "401", doubtful=True), Refused("bad", "")]}
    bench = scripted(script).run(land([sending("a")]))
    assert [batch[0].doubtful for _, batch in bench.destination.batches] == [False, True]
    assert not bench.engine.landed[0].certain


def test_ends_in_error_are_counted_and_nothing_else_with_them() -> None:
    script: Script = {"a": [OUT, Retry("import_error"), Retry("conflict"), Retry("import_error")]}
    bench = scripted(script).run(land([sending("a")]))
    assert bench.engine.landed[0].sending.errors == 2


def test_the_waits_of_a_conversation_and_all_its_requests_are_driven() -> None:
    bench = scripted(polls=3).run(land([sending("a")]))
    assert [round(at) for at, _ in bench.sent()] == [0, 1, 2, 3]


def test_the_rate_is_kept_for_every_request_of_every_conversation() -> None:
    """Ten a second, bursts of one: 3 conversations of 2 requests take half a second and their waits."""
    bench = scripted(options=replace(FAST, rate_per_second=10), polls=1)
    bench.run(land(*[[sending(str(n))] for n in range(3)]))
    starts = [at for at, _ in bench.sent()]
    assert all(later - earlier >= 0.099 for earlier, later in pairwise(starts))


# --- The gate --------------------------------------------------------------------------------------


def test_failures_in_a_row_stop_everything_and_one_probe_at_a_time_finds_the_end_of_it() -> None:
    """An outage of a minute: nothing is lost, nothing is refused, and only probes are sent into it."""
    bench = Bench(ByReply())
    up = Response(200)
    bench.http.answer = lambda _: up if bench.clock.monotonic() > 60 else NoAnswer(False, "refused")

    async def story(bench: Bench) -> None:
        bench.take(*[[sending(str(n))] for n in range(12)])
        await bench.until(lambda: bench.engine.guard.gate.state == "open")
        assert bench.meter.value("paused", destination="crm", reason="destination") == 1
        await bench.landed(12)

    bench.run(story)
    probes = [at for at, _ in bench.http.sent if 0.5 < at < 60]
    assert 3 <= len(probes) <= 12
    assert all(later - earlier > 0.5 for earlier, later in pairwise(probes))
    assert bench.meter.value("paused", destination="crm", reason="destination") == 0
    assert set(bench.outcomes.values()) == {"Accepted"}


def test_a_success_between_failures_keeps_the_gate_closed() -> None:
    """Every other event fails, the others pass: an event's own trouble is no outage."""
    script = {str(n): [OUT] for n in range(0, 40, 2)}
    bench = scripted(script, replace(FAST, in_flight=1))
    bench.run(land(*[[sending(str(n))] for n in range(40)]))
    assert bench.meter.value("paused", destination="crm", reason="destination") is None


def test_refused_credentials_stop_at_once_and_the_refused_batch_probes_until_they_are_right() -> None:
    """Up to a minute between probes; what was not sent yet waits."""
    bench = Bench(ByReply())
    bench.http.answer = lambda _: Response(401 if bench.clock.monotonic() < 600 else 200)
    bench.run(land(*[[sending(str(n))] for n in range(8)]))
    at = [at for at, _ in bench.http.sent if 1 < at < 600]
    assert 10 < len(at) < 40
    assert max(later - earlier for earlier, later in pairwise(at)) <= 60.1
    assert set(bench.outcomes.values()) == {"Accepted"}
    first_probe = bench.sent()[4][1]
    assert first_probe in {"0", "1", "2", "3"}


def test_a_quota_pauses_for_as_long_as_it_says() -> None:
    """Retry-After of ten minutes: nothing is sent meanwhile; `paused` says quota."""
    bench = Bench(ByReply(), replace(FAST, in_flight=1))
    replies = iter([Response(429, headers={"retry-after": "600"})])
    bench.http.answer = lambda _: next(replies, Response(200))

    async def story(bench: Bench) -> None:
        bench.take([sending("a")], [sending("b")], [sending("c")])
        await asyncio.sleep(300)
        assert bench.meter.value("paused", destination="crm", reason="quota") == 1
        await bench.landed(3)

    bench.run(story)
    assert [at > 600 for at, _ in bench.http.sent] == [False, True, True, True]


def test_a_retry_after_of_a_year_is_cut_to_the_longest_pause() -> None:
    bench = Bench(ByReply())
    replies = iter([Response(429, headers={"retry-after": "31536000"})])
    bench.http.answer = lambda _: next(replies, Response(200))
    bench.run(land([sending("a")]))
    assert bench.clock.monotonic() == pytest.approx(3600, abs=10)


def test_a_conversation_in_the_middle_waits_for_the_gate_and_probes_first() -> None:
    """The import was accepted; its status is asked for when the destination is back."""
    bench = scripted({"b": [Retry("throttled", 100.0)]}, replace(FAST, in_flight=2), polls=1)

    async def story(bench: Bench) -> None:
        bench.take([sending("a")])
        await asyncio.sleep(0.5)
        bench.destination.polls = 0
        bench.take([sending("b")])
        await asyncio.sleep(50)
        assert bench.engine.guard.gate.state == "open"
        assert len(bench.http.sent) == 2
        await bench.landed(2)

    bench.run(story)
    assert [(round(at), key) for at, key in bench.sent()] == [(0, "a"), (0, "b"), (101, "a"), (101, "b")]


def test_after_an_outage_requests_come_back_few_at_first_and_ever_more_with_each_success() -> None:
    """64 events wait for a destination that comes back after a minute: 1 probe, then 3, 6, 12, 24 at once."""
    bench = Bench(ByReply(), replace(FAST, in_flight=32, waiting=100))
    up = Response(200)
    bench.http.answer = lambda _: up if bench.clock.monotonic() > 60 else NoAnswer(False, "refused")
    bench.http.latency = 1.0

    async def story(bench: Bench) -> None:
        bench.take(*[[sending(str(n))] for n in range(64)])
        await bench.until(lambda: bench.clock.monotonic() > 60)
        await bench.landed(64)

    bench.run(story)
    landed = [at for at, _ in bench.http.sent if at > 60]
    rounds = [len(list(group)) for _, group in groupby(landed, lambda at: round(at - landed[0], 1))]
    assert rounds[:5] == [1, 3, 6, 12, 24]


def test_conversations_in_the_middle_come_back_few_at_first_too() -> None:
    """Eight imports poll when the gate opens: after the probe they go on by and by, not all at once."""
    bench = scripted({"x": [Retry("throttled", 100.0)]}, replace(FAST, in_flight=9), polls=1)

    async def story(bench: Bench) -> None:
        bench.http.latency = 0.5
        bench.take(*[[sending(str(n))] for n in range(8)])
        await asyncio.sleep(0.7)
        bench.destination.polls = 0
        bench.take([sending("x")])
        await bench.landed(9)

    bench.run(story)
    resumed = [at for at, _ in bench.http.sent if at > 90]
    rounds = [len(list(group)) for _, group in groupby(resumed, lambda at: round(at - resumed[0], 1))]
    assert rounds[:2] == [1, 3]
    assert max(rounds) <= 6


def test_failures_after_a_recovery_keep_nobody_in_the_middle_waiting_for_ever() -> None:
    """They are too few to open the gate again, and whoever waits in the middle holds a slot."""
    bench = Bench(ByReply(), replace(FAST, in_flight=9, threshold=9, rate_per_second=4.0))
    spent, up, down = Response(429, headers={"retry-after": "100"}), Response(200), Response(503)
    replies = iter([spent, up, *[down] * 6])
    bench.http.answer = lambda _: next(replies, up)

    async def story(bench: Bench) -> None:
        bench.take(*[[sending(str(n))] for n in range(9)])
        await bench.until(lambda: len(bench.engine.landed) == 9, 300)

    bench.run(story)


def test_half_open_with_nothing_to_send_asks_for_one_conversation() -> None:
    """The lane's room is one: it is told, and hands one in."""
    bench = scripted({"a": [Retry("throttled", 5.0)]})

    async def story(bench: Bench) -> None:
        bench.take([sending("a")])
        await bench.until(lambda: bench.engine.guard.gate.state == "open")
        assert bench.engine.withdraw(lambda _: True) == [replace(sending("a"), attempts=1)]
        news = bench.news
        await bench.until(lambda: bench.engine.guard.wants_probe)
        assert bench.news > news
        bench.take([sending("b")])
        await bench.landed(1)
        assert bench.engine.guard.gate.state == "closed"

    bench.run(story)


# --- Doubt that bears no resend --------------------------------------------------------------------


def test_a_doubt_on_hold_is_final_and_then_one_event_flies_at_a_time_until_one_is_accepted() -> None:
    """RULES 4: one probe is in doubt too, one is refused, the third is accepted; then the rest follows."""
    script: Script = {"a": [DOUBT], "b": [DOUBT], "c": [DOUBT], "d": [Refused("bad", "")]}
    bench = scripted(script, replace(FAST, in_flight=1))
    bench.run(land([sending(k) for k in "ab"], [sending(k) for k in "cdefg"], [sending("h")], lot=PAST))
    assert [keys for _, keys in bench.sent()] == ["a b", "c", "d", "e", "f g", "h"]
    assert bench.outcomes == {
        **dict.fromkeys("abc", "Held"), "d": "Refused", **dict.fromkeys("efgh", "Accepted"),
    }  # fmt: skip
    assert not any(one.certain for one in bench.engine.landed if isinstance(one.outcome, Held))


def test_another_resource_does_not_wait_for_the_trial() -> None:
    bench = scripted({"a": [DOUBT]}, replace(FAST, in_flight=1))

    async def story(bench: Bench) -> None:
        bench.take([sending("a")], [sending("b")], lot=PAST)
        bench.take([sending("c")])
        await bench.landed(3)

    bench.run(story)
    assert [keys for _, keys in bench.sent()] == ["a", "c", "b"]


def test_a_trial_that_has_to_wait_stays_the_trial() -> None:
    bench = scripted({"a": [DOUBT], "b": [Retry("conflict", 30.0)]}, replace(FAST, in_flight=2))
    bench.run(land([sending("a")], lot=PAST))
    bench = scripted({"a": [DOUBT], "b": [Retry("conflict", 30.0)]}, replace(FAST, in_flight=1))
    bench.run(land([sending("a")], [sending("b"), sending("c")], lot=PAST))
    assert [keys for _, keys in bench.sent()] == ["a", "b", "b", "c"]


# --- Bugs ------------------------------------------------------------------------------------------


def test_a_conversation_that_raises_is_tried_again_as_one_in_doubt(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is lost, others go on, and the log names place and kind, but not the text."""
    bench = scripted({"a": [ValueError("buyer@example.com")]}).run(land([sending("a")], [sending("b")]))
    assert bench.outcomes == {"a": "Accepted", "b": "Accepted"}
    assert [one.certain for one in bench.engine.landed] == [True, False]
    assert "raised ValueError at scripted.py:" in caplog.text
    assert "buyer" not in caplog.text


async def _fatal(bench: Bench) -> None:
    bench.take([sending("a")], [sending("b")])
    await bench.until(lambda: bench.engine.fatal is not None)


def test_what_keeps_raising_becomes_fatal_and_is_kept() -> None:
    bench = scripted({"a": [KeyError("x")] * 9})

    async def story(bench: Bench) -> None:
        await _fatal(bench)
        released, in_doubt = await bench.engine.abandon()
        assert (released, [one.event.key for one in in_doubt]) == ([], ["a"])

    bench.run(story)
    assert str(bench.engine.fatal).startswith("a conversation of event raised KeyError at scripted.py")
    assert len(bench.destination.batches) == FAST.defects + 1


@pytest.mark.parametrize("lot", [LIVE, PAST])
@pytest.mark.parametrize("poison", ["0", "3", "6"])
def test_an_event_of_which_no_request_can_be_made_is_found_and_costs_itself(lot: Lot, poison: str) -> None:
    bench = scripted()
    bench.destination.poison = frozenset(poison)
    bench.run(land([sending(str(n)) for n in range(7)], [sending("a")], lot=lot))
    (end,) = (one for one in bench.engine.landed if one.sending.event.key == poison)

    assert bench.outcomes == {key: "Refused" if key == poison else "Accepted" for key in "0123456a"}
    assert isinstance(end.outcome, Refused)
    assert (end.outcome.cause, end.attempts, end.certain) == ("defect", 0, True)
    assert end.outcome.detail.startswith(f"a conversation of {lot.resource} raised KeyError at scripted.py:")
    assert bench.engine.fatal is None


def test_a_bug_after_the_first_byte_of_what_bears_no_resend_is_fatal_at_once() -> None:
    bench = scripted({"a": [KeyError("x")]})

    async def story(bench: Bench) -> None:
        bench.take([sending("a")], lot=PAST)
        await bench.until(lambda: bench.engine.fatal is not None)

    bench.run(story)
    assert len(bench.http.sent) == 1


def test_too_few_outcomes_are_a_bug_too() -> None:
    """Else an event would be forgotten."""

    class Short(ByReply):
        def _play(self, lot: Lot, batch: Batch) -> Conversation:
            outcomes = yield from super()._play(lot, batch)
            return outcomes[1:] if len(self.batches) == 1 else outcomes

    bench = Bench(Short())
    bench.http.answer = ok
    bench.run(land([sending("a"), sending("b")]))
    assert bench.outcomes == {"a": "Accepted", "b": "Accepted"}


def test_a_bug_of_our_own_is_fatal_and_loses_nothing() -> None:
    """A worker that died in silence would be a slot less."""

    class BrokenMeter(FakeMeter):
        def set(self, name: str, value: float, /, **labels: str) -> None:
            raise ZeroDivisionError

    bench = scripted({"a": [Retry("throttled", 5.0)]})
    bench.meter = BrokenMeter()
    bench.use(bench.http)

    async def story(bench: Bench) -> None:
        bench.take([sending("a")])
        await bench.until(lambda: bench.engine.fatal is not None)
        released, in_doubt = await bench.engine.abandon()
        assert ([one.event.key for one in released], in_doubt) == (["a"], [])

    bench.run(story)
    assert "raised ZeroDivisionError at test_engine.py" in str(bench.engine.fatal)


# --- Giving back -----------------------------------------------------------------------------------


def test_abandon_tells_what_was_certainly_not_applied_from_what_may_be() -> None:
    """In flight and doubtful: may be. Waiting for its retry, or not begun: not."""
    script: Script = {"retried": [Retry("conflict", 99.0)], "doubtful": [DOUBT]}
    bench = scripted(script, replace(FAST, in_flight=1))

    async def story(bench: Bench) -> None:
        bench.take(*[[sending(key)] for key in ("done", "retried", "doubtful")])
        await bench.until(lambda: len(bench.http.sent) == 3 and not bench.http.flying)
        bench.http.latency = 20
        bench.take(*[[sending(key)] for key in ("flying", "queued")])
        await asyncio.sleep(0.1)
        released, in_doubt = await bench.engine.abandon()
        assert {one.event.key for one in released} == {"retried", "queued"}
        assert {one.event.key for one in in_doubt} == {"doubtful", "flying"}

    bench.run(story)
    assert bench.outcomes == {"done": "Accepted"}
    assert bench.engine.done_events == 5


def test_after_stop_retrying_first_attempts_fly_and_retries_do_not() -> None:
    bench = scripted({"a": [Retry("conflict", 1.0)], "b": [OUT]})

    async def story(bench: Bench) -> None:
        bench.take([sending("a")])
        await asyncio.sleep(0.5)
        bench.engine.queue.stop_retrying()
        bench.take([sending("b")], [sending("c")])
        await asyncio.sleep(100)
        released, _ = await bench.engine.abandon()
        assert {one.event.key for one in released} == {"a", "b"}

    bench.run(story)
    assert [keys for _, keys in bench.sent()] == ["a", "b", "c"]


def test_withdraw_takes_the_meant_ones_out_of_their_batches_and_the_rest_flies() -> None:
    """A revoked partition: what is in doubt or in flight stays, everything else of it goes back."""
    script: Script = {"a1": [Retry("conflict", 9.0)], "b1": [Retry("conflict", 9.0)], "a2": [DOUBT]}
    bench = scripted(script)

    async def story(bench: Bench) -> None:
        bench.take([sending("a1"), sending("b1")], [sending("a2")])
        await asyncio.sleep(0.5)
        taken = bench.engine.withdraw(lambda one: one.event.key.startswith("a"))
        assert [one.event.key for one in taken] == ["a1"]
        await bench.landed(2)

    bench.run(story)
    assert bench.outcomes == {"b1": "Accepted", "a2": "Accepted"}


def test_withdrawing_the_trial_lets_another_event_try() -> None:
    bench = scripted({"a": [DOUBT], "b": [Retry("conflict", 900.0)]}, replace(FAST, in_flight=1))

    async def story(bench: Bench) -> None:
        bench.take([sending("a")], [sending("b"), sending("c"), sending("d")], lot=PAST)
        await bench.until(lambda: len(bench.http.sent) == 2)
        await asyncio.sleep(1)
        assert [one.event.key for one in bench.engine.withdraw(lambda one: one.event.key == "b")] == ["b"]
        await bench.landed(3)

    bench.run(story)
    assert [keys for _, keys in bench.sent()] == ["a", "b", "c", "d"]


# --- Figures ---------------------------------------------------------------------------------------


def test_figures_are_handed_to_the_meter() -> None:
    bench = scripted({"b": [DOUBT]}).run(land([sending("a", 300)], [sending("b", 500)]))
    meter = bench.meter
    assert meter.value("requests_total", destination="crm", resource="event", status="200") == 2
    assert meter.value("requests_total", destination="crm", resource="event", status="500") == 1
    assert meter.value("retries_total", destination="crm", reason="in_doubt") == 1
    assert meter.values("batch_events", destination="crm", resource="event") == [1, 1, 1]
    assert sorted(meter.values("batch_bytes", destination="crm", resource="event")) == [300, 500, 500]
    seconds = meter.values("request_seconds", destination="crm", resource="event")
    assert seconds == pytest.approx([0.01] * 3)
    assert (bench.engine.done_events, bench.engine.done_bytes) == (2, 800)
