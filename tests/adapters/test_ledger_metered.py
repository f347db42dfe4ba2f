"""The ledger's figures."""

import pytest

from connector.adapters.ledger_metered import MeteredLedger
from connector.core.claims import Grant, Settlement, Want
from connector.errors import LedgerDown
from tests.fakes.ledger import FakeLedger
from tests.fakes.meter import FakeMeter
from tests.support.changes import order, version


def test_every_turn_is_timed_also_one_that_fails() -> None:
    inner, meter = FakeLedger(), FakeMeter()
    ledger = MeteredLedger(inner, "yespo", meter)

    assert ledger.turn([], [Want(order("1", version(1)))]) == [Grant()]
    inner.down = True
    with pytest.raises(LedgerDown):
        ledger.turn([], [])

    assert len(meter.values("ledger_seconds", operation="turn")) == 2


def test_its_size_is_looked_at_once_a_minute() -> None:
    inner, meter, now = FakeLedger(), FakeMeter(), [100.0]
    ledger = MeteredLedger(inner, "yespo", meter, lambda: now[0])
    first, second = order("1", version(1)), order("2", version(1))
    ledger.turn([], [Want(first), Want(second)])
    ledger.turn([Settlement(first, "accepted")], [])
    ledger.upkeep()

    def told() -> list[float | None]:
        rows = [meter.value("ledger_rows", table=table) for table in ("heads", "history")]
        return [*rows, meter.value("ledger_claims", destination="yespo"), meter.value("ledger_bytes")]

    assert told() == [1, 1, 1, 0]
    ledger.turn([Settlement(second, "accepted")], [])
    now[0] += 59
    ledger.upkeep()
    assert told() == [1, 1, 1, 0]
    now[0] += 1
    ledger.upkeep()
    assert told() == [2, 2, 0, 0]
    inner.down = True
    with pytest.raises(LedgerDown):
        ledger.upkeep()


def test_a_stale_send_is_counted_once() -> None:
    inner, meter = FakeLedger(), FakeMeter()
    ledger = MeteredLedger(inner, "yespo", meter)
    assert meter.value("stale_sends_total", destination="yespo") == 0
    ledger.turn([Settlement(order("never claimed", version(1)), "accepted")], [])
    ledger.turn([], [])

    assert meter.value("stale_sends_total", destination="yespo") == 1
