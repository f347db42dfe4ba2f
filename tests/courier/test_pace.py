"""How fast requests are written: by the configured rate, alone or with other replicas; less after a 429."""

import asyncio
from itertools import pairwise

from msgspec.structs import replace

from connector.core.quota import SPAN, VOID
from connector.core.talk import NoAnswer, Request, Response
from tests.courier.scripted import FAST, Bench, ByReply, Scripted, sending
from tests.fakes.clock import FakeClock
from tests.fakes.quotas import FakeBucket, FakeQuotas
from tests.support.virtual import run_virtual

RATE = 40.0
PACED = replace(FAST, rate_per_second=RATE, in_flight=8)


def refusing(*moments: float) -> tuple[Bench, list[float]]:
    """A bench whose destination answers 429 to the first request at or after each of these times."""
    bench, left = Bench(ByReply(), PACED), list(moments)

    def answer(_: Request) -> Response | NoAnswer:
        if left and bench.clock.monotonic() >= left[0]:
            del left[0]
            return Response(429)
        return Response(200)

    bench.http.answer = answer
    return bench, left


def rate(bench: Bench, begin: float, end: float) -> float:
    """Requests per second between these times."""
    return sum(begin <= at < end for at, _ in bench.http.sent) / (end - begin)


async def feed(bench: Bench, until: float) -> None:
    """Hand in more than there is a rate for."""
    number = 0
    while bench.clock.monotonic() < until:
        while len(bench.engine.queue.ready) + len(bench.engine.active) < PACED.in_flight:
            number += 1
            bench.take([sending(f"{id(bench)}.{number}")])
        await asyncio.sleep(0.01)


def test_a_429_halves_the_rate_and_success_raises_it_evenly_up_to_the_configured_one() -> None:
    bench, _ = refusing(10.0)
    bench.run(lambda bench: feed(bench, 60.0))
    assert rate(bench, 2, 9) > 0.95 * RATE
    assert rate(bench, 14, 18) < 0.7 * RATE
    assert rate(bench, 20, 24) < rate(bench, 28, 32) < rate(bench, 48, 58)
    assert rate(bench, 48, 58) > 0.95 * RATE
    gauge = bench.meter.value("rate_limit_requests_per_second", destination="crm")
    assert gauge == RATE


def test_the_rate_in_force_is_shown() -> None:
    bench, left = refusing(5.0)
    limits: list[float] = []

    async def story(bench: Bench) -> None:
        feeding = asyncio.ensure_future(feed(bench, 12.0))
        await bench.until(lambda: not left)
        limits.append(bench.meter.value("rate_limit_requests_per_second", destination="crm") or 0)
        await feeding

    bench.run(story)
    assert limits == [RATE / 2]


class Replicas:
    """Two engines with one bucket on one clock."""

    def __init__(self, latency: float = 0.002) -> None:
        self.clock = FakeClock(0.0)
        bucket = FakeBucket(RATE, self.clock.monotonic)
        self.quotas = [FakeQuotas(bucket, latency) for _ in range(2)]
        self.benches = [Bench(Scripted(), PACED, clock=self.clock, quotas=q) for q in self.quotas]

    def run(self, seconds: float, *who: int) -> None:
        """Let these feed on it."""
        run_virtual(self.clock, self._feed(seconds, who or (0, 1)))

    async def _feed(self, seconds: float, who: tuple[int, ...]) -> None:
        for bench in self.benches:
            bench.engine.open()
        until = self.clock.monotonic() + seconds
        await asyncio.gather(*(feed(self.benches[one], until) for one in who))
        for bench in self.benches:
            await bench.engine.abandon()

    @property
    def sent(self) -> list[float]:
        return sorted(at for bench in self.benches for at, _ in bench.http.sent)


def assert_bounded(sent: list[float]) -> None:
    """In any span: the burst, the rate, and what may be used VOID late."""
    burst = max(1.0, RATE * SPAN) + RATE * VOID + 1
    for first, start in enumerate(sent):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + RATE * (sent[last] - start) + 1e-6


def test_replicas_together_keep_the_rate_and_use_it_up() -> None:
    """And take it in chunks, not a token at a time; each gets its share."""
    replicas = Replicas()
    replicas.run(20)
    assert_bounded(replicas.sent)
    assert len(replicas.sent) > 0.95 * RATE * 20
    shares = [len(bench.http.sent) for bench in replicas.benches]
    assert min(shares) > 0.35 * sum(shares)
    assert sum(len(quotas.asked) for quotas in replicas.quotas) < len(replicas.sent) / 2


def test_one_that_is_alone_has_the_whole_rate() -> None:
    replicas = Replicas()
    replicas.run(10, 0)
    assert len(replicas.sent) > 0.95 * RATE * 10


def test_one_with_little_to_send_takes_little_from_the_others() -> None:
    """Five requests a second, each at its time; the other has nearly all the rest."""
    replicas = Replicas()
    busy, calm = replicas.benches

    async def trickle() -> None:
        for number in range(50):
            calm.take([sending(f"calm {number}")])
            await asyncio.sleep(0.2)

    async def story() -> None:
        for bench in replicas.benches:
            bench.engine.open()
        await asyncio.gather(feed(busy, 10.0), trickle())
        for bench in replicas.benches:
            await bench.engine.abandon()

    run_virtual(replicas.clock, story())
    assert_bounded(replicas.sent)
    assert len(calm.http.sent) == 50
    assert len(busy.http.sent) > 0.9 * (RATE - 5) * 10


def test_a_slow_bucket_slows_but_stops_nothing() -> None:
    """An answer takes half a second: tokens are asked for in advance."""
    replicas = Replicas(latency=0.5)
    replicas.run(20)
    assert len(replicas.sent) > 20


def test_a_429_of_one_replica_slows_the_others_down_too() -> None:
    replicas = Replicas()
    refusals = iter([Response(429)])
    busy, calm = replicas.benches
    busy.destination = calm.destination = ByReply()
    for bench in replicas.benches:
        bench.use(bench.http)
        bench.http.answer = lambda _: Response(200)
    busy.http.answer = lambda _: next(refusals, Response(200))
    replicas.run(6)
    assert len([at for at in replicas.sent if 2 < at < 5]) < 0.75 * RATE * 3


def test_nothing_is_sent_while_the_bucket_does_not_answer_and_all_is_once_it_does() -> None:
    replicas = Replicas()
    quotas, bench = replicas.quotas[0], replicas.benches[0]

    async def story() -> None:
        bench.engine.open()
        quotas.down = True
        bench.take(*[[sending(str(n))] for n in range(20)])
        await asyncio.sleep(60)
        assert bench.http.sent == []
        assert bench.engine.guard.gate.state == "closed"
        quotas.down = False
        await bench.landed(20)
        await bench.engine.abandon()

    run_virtual(replicas.clock, story())
    assert 60 <= bench.http.sent[0][0] <= 65


def test_an_abandoned_engine_asks_for_no_more() -> None:
    replicas = Replicas()
    quotas, bench = replicas.quotas[0], replicas.benches[0]

    async def story() -> None:
        bench.engine.open()
        quotas.down = True
        bench.take([sending("a")])
        await asyncio.sleep(1)
        released, in_doubt = await bench.engine.abandon()
        assert (len(released), in_doubt) == (1, [])
        quotas.down = False
        await asyncio.sleep(30)

    run_virtual(replicas.clock, story())
    assert quotas.asked == []


def test_the_own_rate_is_kept_request_by_request() -> None:
    bench = Bench(Scripted(), PACED)
    bench.run(lambda bench: feed(bench, 5.0))
    times = [at for at, _ in bench.http.sent]
    assert all(later - earlier >= 1 / RATE - 1e-6 for earlier, later in pairwise(times[2:]))
