"""Orders of one client are counted, and it is said before Metrica takes no more."""

import pytest
from structlog.testing import capture_logs

from connector.core.claims import Settlement, Want
from connector.wiring.clients import Clients
from tests.fakes.ledger import FakeLedger
from tests.fakes.meter import FakeMeter
from tests.support.changes import order, version


class Lane:
    """One process's: a ledger with its count, whose first warning is at 9 orders, the second at 12."""

    def __init__(self, ledger: FakeLedger) -> None:
        self.ledger, self.meter = ledger, FakeMeter()
        Clients("metrica", self.meter, 9, 12).watch(ledger)

    def accept(self, first: int, count: int, client: str = "J3QQ4") -> None:
        events = [order(f"o{n}", version(1)) for n in range(first, first + count)]
        self.ledger.turn([], list(map(Want, events)))
        self.ledger.turn([Settlement(event, "accepted", client=client) for event in events], [])

    @property
    def most(self) -> float | None:
        return self.meter.value("client_orders", destination="metrica")


def test_the_client_with_most_is_shown_from_the_start_and_over_restarts() -> None:
    lane = Lane(FakeLedger())
    assert lane.most == 0
    lane.accept(0, 5)
    lane.accept(5, 2, "C2")
    assert lane.most == 5
    again = Lane(lane.ledger.crash())
    assert again.most == 5
    again.accept(7, 1)
    assert again.most == 6


@pytest.mark.parametrize(
    ("steps", "warned"), [([8, 1, 1, 2, 1], [9, 12]), ([10, 2, 1], [10, 12]), ([13], [13]), ([7], [])]
)
def test_a_client_near_a_limit_is_warned_of_once_over_restarts_and_replicas(
    steps: list[int], warned: list[int]
) -> None:
    first = FakeLedger()
    lanes = [Lane(first), Lane(FakeLedger(first.store, "yespo"))]
    done = 0
    with capture_logs() as logs:
        for number, step in enumerate(steps):
            lanes[number % 2].accept(done, step)
            done += step
        Lane(first.crash()).accept(done, 1)
    assert [(log["log_level"], log["orders"]) for log in logs] == [("warning", n) for n in warned]
    assert "J3QQ4" not in str(logs)


def test_a_ledger_that_is_away_at_the_start_is_an_outage_and_no_mistake() -> None:
    ledger = FakeLedger()
    ledger.down = True
    lane = Lane(ledger)
    ledger.down = False
    lane.accept(0, 3)
    assert lane.most == 3
