"""Whatever a destination answers: no event is lost, doubled or sent twice at once, and an open gate holds."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.core.talk import Accepted, Halt, InDoubt, NoAnswer, Refused, Request, Response, Retry
from tests.courier.scripted import FAST, LIVE, PAST, Bench, Scripted, Step, sending
from tests.fakes.http import FakeHttp

AFTER = st.none() | st.floats(0, 100)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.just(Accepted()),
    st.just(Refused("bad", "no status")),
    st.just(InDoubt("no answer")),
    st.builds(Retry, st.sampled_from(["throttled", "unavailable", "unreachable", "conflict"]), AFTER),
    st.builds(Halt, st.sampled_from(["credentials", "contract"]), st.just("401")),
    st.just(RuntimeError("a bug")),
)
BATCHES = st.lists(st.tuples(st.booleans(), st.lists(st.lists(STEPS, max_size=4), min_size=1, max_size=4)))


class WatchedHttp(FakeHttp):
    """Notes what is written while the gate is open, and beside the probe of a half-open one."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench.http.answer)
        self.bench = bench
        self.probes = 0
        self.violations: list[str] = []

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        state = self.bench.engine.guard.gate.state
        self.probes += state == "half_open"
        if state == "open" or self.probes > 1:
            self.violations.append(f"{state}, {self.probes} probes")
        try:
            return await super().send(request, timeout)
        finally:
            self.probes -= state == "half_open"


@settings(max_examples=150, deadline=None)
@given(
    BATCHES,
    st.integers(0, 2),
    st.integers(1, 4),
    st.none() | st.floats(0, 200),
    st.floats(0, 1),
    st.frozensets(st.sampled_from(("0.0", "0.1", "1.0", "1.2")), max_size=2),
)
def test_every_event_lands_exactly_once_or_is_given_back(
    batches: list[tuple[bool, list[list[Step]]]], polls: int, slots: int, stop: float | None, latency: float,
    poison: frozenset[str],
) -> None:  # fmt: skip
    """For any outcomes, in any number of attempts, whether it is stopped in the middle or not."""
    script, handed = dict[str, list[Step]](), dict[str, str]()
    destination = Scripted(polls=polls)
    destination.poison = poison
    bench = Bench(destination, replace(FAST, in_flight=slots, defects=5))
    http = WatchedHttp(bench)
    http.latency = latency
    bench.use(http)
    back: list[str] = []

    async def story(bench: Bench) -> None:
        for number, (hold, events) in enumerate(batches):
            keys = [f"{number}.{index}" for index in range(len(events))]
            script.update(zip(keys, events, strict=True))
            handed.update(dict.fromkeys(keys, "hold" if hold else "resend"))
            destination.script = script
            bench.take([sending(key) for key in keys], lot=PAST if hold else LIVE)
        engine = bench.engine
        if stop is None:
            await bench.until(lambda: len(engine.landed) == len(handed) or engine.fatal is not None)
        else:
            await asyncio.sleep(stop)
        released, in_doubt = await engine.abandon()
        back.extend(one.event.key for one in released + in_doubt)
        assert not any(one.doubtful for one in released)
        assert engine.done_events == len(handed)

    bench.run(story)
    assert not http.violations
    assert sorted([*bench.outcomes, *back]) == sorted(handed)
    assert all(handed[key] == "hold" for key, outcome in bench.outcomes.items() if outcome == "Held")
    assert back == [] or stop is not None or bench.engine.fatal is not None
