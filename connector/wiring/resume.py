"""The operator's answer to a pause that asks, written where the lanes read it (RULES 3)."""

from connector import wiring
from connector.ports import Answer
from connector.settings import Settings


def answer(
    settings: Settings,
    *,
    destinations: tuple[str, ...],
    topic: str | None,
    partition: int | None,
    start: str | None,
    accept: str | None,
) -> None:
    """Tell these destinations (none named: every one). No topic, no partition: every one.

    Raises LedgerDown; ConfigError for a destination that there is not.
    """
    told = Answer(
        topic=topic or "",
        partition=-1 if partition is None else partition,
        start=start,
        accept=accept,
        at=0.0,
    )
    for name in destinations:
        settings.destination(name)
    for name in destinations or tuple(settings.destinations):
        ledger = wiring.ledger(settings, name)
        try:
            ledger.answer(told)
        finally:
            ledger.close()
