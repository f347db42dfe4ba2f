"""What trials and tests ask of the sandbox Metrica itself, under /_sandbox/metrica/."""

from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.metrica.service import Metrica

PREFIX = "metrica/"
_NEWEST = 100


class MetricaControl:
    """GET state; POST fail, rate, quota, reset. Faults and the clock are the sandbox's own."""

    def __init__(self, metrica: Metrica) -> None:
        self._metrica = metrica
        self.actions: Mapping[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", f"{PREFIX}state"): self._state,
            ("POST", f"{PREFIX}fail"): self._fail,
            ("POST", f"{PREFIX}rate"): self._limit,
            ("POST", f"{PREFIX}quota"): self._spend,
            ("POST", f"{PREFIX}reset"): lambda _: metrica.reset(),
        }

    def _state(self, fields: dict[str, list[str]]) -> dict[str, Any]:
        """Everything; of each list the newest `limit` (0 = all)."""
        limit = int(fields.get("limit", [str(_NEWEST)])[0])
        counter, quotas = self._metrica.counter, self._metrica.quotas
        with counter.lock:
            schema = counter.schema
            return {
                "now": counter.clock(),
                "counts": counter.counts(),
                "quota": {"day": quotas.per_day, "used": quotas.used, "under_way": quotas.under_way},
                "answers": {f"{name} {status}": count for (name, status), count in counter.answers.items()},
                "contacts": list(counter.stored["contact"].values())[-limit:],
                "orders": list(counter.stored["order"].values())[-limit:],
                "simple_orders": list(counter.stored["simple_order"].values())[-limit:],
                "order_statuses": list(schema.statuses.values()),
                "attributes": {name: list(own.values()) for name, own in schema.attributes.items()},
                "products": dict(list(schema.products.items())[-limit:]),
                "uploads": counter.uploads[-limit:],
                "ignored": counter.ignored[-limit:],
                "requests": list(counter.requests)[-limit:],
            }

    def _fail(self, fields: Any) -> None:
        """{"ids": [...]}: uploads with such a row are FAILED; {"uploads": n}: the next n are."""
        counter = self._metrica.counter
        with counter.lock:
            counter.failing = frozenset(fields.get("ids", counter.failing))
            counter.failing_uploads = int(fields.get("uploads", counter.failing_uploads))

    def _limit(self, fields: Any) -> None:
        """{"per_second": n}; 0 = no limit."""
        self._metrica.quotas.limit(int(fields["per_second"]))

    def _spend(self, fields: Any) -> None:
        """{"spend": n}: as if so many more requests had been made today; {"per_day": n}: another quota."""
        quotas = self._metrica.quotas
        quotas.spend(int(fields.get("spend", 0)))
        quotas.per_day = int(fields.get("per_day", quotas.per_day))
