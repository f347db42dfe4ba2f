"""Past events of a span, by the ledger and in the CRM: how many there are, and their deletion (RULES 11)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from connector import wiring
from connector.core.removal import Removable, Removed, Span
from connector.core.talk import NoAnswer, Response
from connector.dialects import yespo_removal
from connector.errors import ConfigError, ConnectorError
from connector.settings import Settings
from connector.settings.destinations import YespoSettings
from connector.wiring.edges import AnyLedger, ledger_there

__all__ = ["Removable", "Removed", "Span", "account", "delete", "survey"]


def account(settings: Settings, chosen: str | None) -> tuple[str, YespoSettings]:
    """The destination whose past events are meant; the only one need not be named. Raises ConfigError."""
    if chosen is not None:
        settings.destination(chosen)
    names = [name for name, one in settings.destinations.items() if isinstance(one, YespoSettings)]
    name = chosen or (names[0] if len(names) == 1 else None)
    found = settings.destinations.get(name or "")
    if name is None or not isinstance(found, YespoSettings):
        raise ConfigError(f"--destination: has to name the account; choose {', '.join(names) or 'a yespo'}")
    return name, found


def survey(settings: Settings, name: str, span: Span) -> Removable:
    """What the ledger has of the span. Raises ConfigError, LedgerDown, Fatal."""
    with _opened(settings, name) as ledger:
        return ledger.removable(span)


def delete(settings: Settings, name: str, span: Span) -> Removed:
    """Delete the span in the CRM, then let the ledger forget it.

    Raises ConfigError, LedgerDown, Fatal; ConnectorError where it was not deleted, or not surely.
    """
    with _opened(settings, name) as ledger:
        seen = ledger.removable(span)
        if seen.flying:
            raise ConnectorError(
                f"{name}: past events of that time are being sent ({seen.flying}); "
                "stop the connector, or wait until they are settled, and run it again"
            )
        trouble = yespo_removal.trouble(asyncio.run(_ask(settings, name, span)))
        if trouble is not None:
            raise ConnectorError(f"destinations.{name}: {trouble}")
        return ledger.remove(span, seen)


async def _ask(settings: Settings, name: str, span: Span) -> Response | NoAnswer:
    http = wiring.http(settings, name)
    try:
        return await http.send(
            yespo_removal.request(span), settings.delivery_of(name).request_timeout_seconds
        )
    finally:
        await http.close()


@contextmanager
def _opened(settings: Settings, name: str) -> Iterator[AnyLedger]:
    ledger = ledger_there(settings, name)
    try:
        yield ledger
    finally:
        ledger.close()
