"""A lane beside the live one, for a part of what the destination takes."""

from msgspec.structs import replace

from connector.core.quota import Quota
from connector.courier import CourierOptions
from connector.ports import Clock, Log, Meter, Quotas
from connector.recording import Unrecorded
from connector.replay import PartOfQuotas
from connector.settings import Settings
from connector.wiring.assembly import Assembly
from connector.wiring.edges import AnyLedger


class PartAssembly(Assembly):
    """part: of request rate and in_flight, above 0 and up to 1."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        clock: Clock,
        meter: Meter,
        log: Log,
        tape: Unrecorded,
        part: float,
    ) -> None:
        super().__init__(settings, name, clock, meter, log, tape)
        self._part = part

    @property
    def rate(self) -> float:
        """Requests a second that are its own, 0 = unlimited."""
        return self._delivery.rate_per_second * self._part

    def minutes(self, requests: int) -> float | None:
        """How long so many requests take by the quotas alone, None: there are none."""
        daily = self._settings.requests_per_day(self._name)
        each = [1 / self.rate / 60] if self.rate else []
        each += [24 * 60 / daily] if daily else []
        return round(requests * max(each), 1) if each else None

    def courier_options(self) -> CourierOptions:
        """See Assembly."""
        usual = super().courier_options()
        in_flight = max(1, round(usual.in_flight * self._part))
        return replace(usual, in_flight=in_flight, rate_per_second=self.rate)

    def quotas(self, store: AnyLedger) -> Quotas | None:
        """See Assembly: where replicas share a rate, a part of it."""
        whole = super().quotas(store)
        return None if whole is None else PartOfQuotas(whole, Quota(self.rate, self.rate), self._clock)
