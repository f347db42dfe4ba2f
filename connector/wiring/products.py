"""Products that Metrica was told of: kept in the ledger, so that a restart spends no quota on them."""

from collections import deque
from collections.abc import Collection
from contextlib import closing, suppress

from connector.adapters.ledger_products import PostgresProducts, SqliteProducts
from connector.dialects.metrica_products import MOST
from connector.errors import LedgerDown
from connector.ports import Catalogue
from connector.settings import Settings
from connector.settings.metrica import MetricaSettings
from connector.wiring.edges import postgres


def catalogue(settings: Settings, destination: str) -> Catalogue:
    """What is kept of one destination. Raises ConfigError, LedgerDown, Fatal."""
    if settings.ledger.is_postgres:
        return PostgresProducts(postgres(settings), destination)
    return SqliteProducts(settings.ledger.sqlite_path, destination)


class Shelf:
    """One lane's: what is known at its start, and what it has to write down. Without an answer of the ledger
    it goes on all the same: to be told of a product twice changes nothing."""

    def __init__(self, settings: Settings, destination: str) -> None:
        """Nothing is read."""
        self._settings, self._name = settings, destination
        self._new: deque[bytes] = deque()

    def known(self) -> set[bytes]:
        """Products that the destination was told of; none where none are uploaded."""
        chosen = self._settings.destination(self._name)
        if isinstance(chosen, MetricaSettings) and chosen.products == "auto":
            with suppress(LedgerDown), closing(catalogue(self._settings, self._name)) as kept:
                return kept.known(MOST)
        return set()

    def note(self, digests: Collection[bytes]) -> None:
        """Write these down soon. On the courier's thread."""
        self._new.extend(digests)

    def tend(self) -> None:
        """Write them down. Called about once a second by the lane, and at its end."""
        new = [self._new.popleft() for _ in range(len(self._new))]
        if not new:
            return
        try:
            with closing(catalogue(self._settings, self._name)) as kept:
                kept.add(new)
        except LedgerDown:
            self._new.extend(new)
