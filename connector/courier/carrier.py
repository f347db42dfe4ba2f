"""The courier as a lane needs it, so that a test can step one on its own thread."""

from collections.abc import Callable, Sequence
from typing import Protocol

from connector.core.lots import Lot
from connector.core.talk import Sending
from connector.courier.flight import CourierState, Landed


class Carrier(Protocol):
    """`thread.Courier`'s methods for the lane's thread; see there."""

    def submit(self, lots: Sequence[tuple[Lot, list[Sending]]]) -> None:
        """Fly these batches."""

    def harvest(self) -> list[Landed]:
        """What has landed since the last call; never blocks. Raises Fatal once."""

    def wait(self, timeout: float, enough: int = 1) -> None:
        """Block until so much has landed, or (enough=1) more may be handed in, or the seconds have passed."""

    @property
    def room(self) -> int:
        """How many more batches it takes now."""

    @property
    def ahead(self) -> int:
        """The same, with those that would wait a moment for a slot."""

    @property
    def flying(self) -> int:
        """Conversations that are under way or about to be."""

    def stop_retrying(self) -> None:
        """What flies goes on; what fails is not tried again."""

    def withdraw(self, where: Callable[[Sending], bool]) -> list[Sending]:
        """Give back what does not fly, is not in doubt and is meant by `where`."""

    def abandon(self) -> list[Sending]:
        """End all flights; what certainly was not applied."""

    def state(self) -> CourierState:
        """For observers."""
