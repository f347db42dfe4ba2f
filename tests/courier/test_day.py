"""A day's quota that is spent: the lane pauses until 00:00 GMT, however far that is, and then goes on."""

import asyncio
from email.utils import formatdate

import pytest
from msgspec.structs import replace

from connector.core.day import DAY, day_left
from connector.core.lots import Lot
from connector.core.talk import Batch, Conversation, Request, Response
from connector.wiring.daily import LONGEST
from tests.courier.scripted import FAST, Bench, Scripted
from tests.dialects.metrica_samples import metrica, orders, passed, refused
from tests.support.stage_courier import StageClock

METRICA = metrica()


class Uploading(Scripted):
    """Metrica's own conversations."""

    def _play(self, lot: Lot, batch: Batch) -> Conversation:
        return (yield from METRICA.converse(lot, batch))


@pytest.mark.parametrize("whose", ["quota_requests_by_uid", "quota_requests_by_counter_id"])
@pytest.mark.parametrize("left", [30.0, DAY - 30])
def test_a_spent_quota_pauses_until_midnight_of_gmt_and_costs_nothing(whose: str, left: float) -> None:
    clock = StageClock()
    clock.advance(day_left(clock.now()) + DAY - left)
    bench = Bench(Uploading(), replace(FAST, longest=LONGEST), clock=clock)
    midnight, batch = clock.monotonic() + left, orders(3)

    def answer(_: Request) -> Response:
        if clock.monotonic() >= midnight:
            return passed(len(batch))
        return refused(429, whose, {"date": formatdate(clock.now(), usegmt=True)})

    async def story(bench: Bench) -> None:
        bench.take(batch, lot=METRICA.lot(batch[0].event))
        await asyncio.sleep(left - 1)
        assert bench.meter.value("paused", destination="crm", reason="quota") == 1
        await bench.landed(len(batch))

    bench.http.answer = answer
    bench.run(story)
    assert [at >= midnight for at, _ in bench.http.sent] == [False, True]
    assert clock.monotonic() < midnight + 60
    assert set(bench.outcomes.values()) == {"Accepted"}
    assert bench.meter.value("paused", destination="crm", reason="quota") == 0
