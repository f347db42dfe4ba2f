"""Orders of one client are counted, and said before Metrica takes no more."""

from structlog.testing import capture_logs

from connector.core.claims import Grant
from connector.core.talk import Sending
from connector.wiring.clients import WARNED, CountedClients
from tests.dialects.metrica_samples import metrica, order_event, passed
from tests.fakes.meter import FakeMeter
from tests.support.script import play, script


class Counting:
    """A counter's dialects with the count around them."""

    def __init__(self, warned: int = WARNED) -> None:
        self.meter = FakeMeter()
        self.destination = CountedClients(metrica(), self.meter, warned)

    def send(self, first: int, count: int, *, known: bool = False) -> None:
        events = [order_event(external_order_id=f"o{n}") for n in range(first, first + count)]
        batch = [Sending(self.destination.refine(event, Grant(known=known))) for event in events]
        play(self.destination.converse(self.destination.lot(events[0]), batch), script(passed(count)))

    @property
    def most(self) -> float | None:
        return self.meter.value("client_orders", destination="metrica")


def test_new_orders_of_the_client_with_most_are_shown() -> None:
    counting = Counting()
    counting.send(0, 5)
    assert counting.most == 5
    counting.send(0, 5, known=True)
    assert counting.most == 5, "an update is no new order"


def test_a_client_near_the_limit_is_warned_of_once_and_without_its_data() -> None:
    counting = Counting(warned=9)
    with capture_logs() as logs:
        counting.send(0, 20)
    assert [(log["log_level"], log["orders"]) for log in logs] == [("warning", 9)]
    assert "J3QQ4" not in str(logs)
