"""What trials and tests ask of the sandbox itself, under /_sandbox/."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from connector.sandbox.answers import HTML, Answer, Refusal, as_json
from connector.sandbox.clock import MovableClock
from connector.sandbox.faults import Faults
from connector.sandbox.metrica.control import MetricaControl
from connector.sandbox.page import PAGE
from connector.sandbox.yespo import Yespo

PREFIX = "/_sandbox/"
_NEWEST = 100


class Control:
    """GET state, faults; POST faults, fail, clock, rate, reset; DELETE faults; and the page at /.

    Those of Metrica are below metrica/.
    """

    def __init__(self, yespo: Yespo, metrica: MetricaControl, faults: Faults, clock: MovableClock) -> None:
        self._yespo = yespo
        self._crm = yespo.crm
        self._faults = faults
        self._clock = clock
        self._actions: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "state"): self._state,
            ("GET", "faults"): self._list_faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "fail"): self._fail,
            ("POST", "clock"): self._move,
            ("POST", "rate"): self._limit,
            ("POST", "reset"): self._reset,
            **metrica.actions,
        }

    def handle(self, method: str, path: str, query: bytes, body: bytes) -> Answer:
        """Answer; a mistake is a 400 that says what is wrong."""
        if path == "/":
            return Answer(200, PAGE, HTML)
        action = self._actions.get((method, path.removeprefix(PREFIX)))
        if action is None:
            return Refusal(404, "No such control", as_json=True).answer()
        try:
            fields = msgspec.json.decode(body) if body else parse_qs(query.decode())
            found = action(fields)
            return as_json({} if found is None else found)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return Refusal(400, f"{type(error).__name__}: {error}", as_json=True).answer()

    def _state(self, fields: dict[str, list[str]]) -> dict[str, Any]:
        """Everything; of each list the newest `limit` (0 = all)."""
        limit = int(fields.get("limit", [str(_NEWEST)])[0])
        crm = self._crm
        with crm.lock:
            contacts = {contact.id: contact for contact in crm.all_contacts[-limit:]}
            return {
                "now": crm.clock(),
                "counts": crm.counts(),
                "answers": {f"{name} {status}": count for (name, status), count in crm.answers.items()},
                "contacts": list(contacts.values()),
                "orders": list(crm.orders.values())[-limit:],
                "revenue": crm.revenue(),
                "events": crm.events[-limit:],
                "past_events": crm.past_events[-limit:],
                "ignored": crm.ignored[-limit:],
                "triggers": crm.triggers[-limit:],
                "requests": crm.requests[-limit:],
            }

    def _list_faults(self, _: Any) -> list[dict[str, Any]]:
        return [{"fault": fault, "hits": hits} for fault, hits in self._faults.hits()]

    def _add_faults(self, fields: Any) -> None:
        """A fault, or a list of them."""
        self._faults.add(*(fields if isinstance(fields, list) else [fields]))

    def _clear_faults(self, _: Any) -> None:
        self._faults.clear()

    def _fail(self, fields: Any) -> None:
        """{"keys": [...]}: externalCustomerId and externalOrderId that bulk calls report as failed;
        {"imports": n}: the next n imports end in ERROR."""
        with self._crm.lock:
            self._crm.failing = set(fields.get("keys", self._crm.failing))
            self._crm.broken_imports = int(fields.get("imports", self._crm.broken_imports))

    def _move(self, fields: Any) -> None:
        """{"advance": seconds}."""
        self._clock.advance(float(fields["advance"]))

    def _limit(self, fields: Any) -> None:
        """{"per_second": n}; 0 = no limit."""
        self._yespo.rate.limit(int(fields["per_second"]))

    def _reset(self, _: Any) -> None:
        """An empty account, an empty counter, no faults; the clock stays where it was moved to."""
        self._faults.clear()
        self._yespo.reset()
        self._actions["POST", "metrica/reset"]({})
