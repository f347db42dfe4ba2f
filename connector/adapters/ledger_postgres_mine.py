"""This owner's claims in PostgreSQL, as far as its process knows them."""

from collections.abc import Sequence

from connector.adapters.ledger_postgres_settle import Held
from connector.adapters.ledger_postgres_store import Store
from connector.adapters.ledger_postgres_tables import EntityKey
from connector.core.claims import Settlement


class Mine:
    """held: claims that were granted and not settled. ghosts: releases that the next turn has to settle.

    A turn whose commit got no answer may have been committed: what it claimed was never sent.
    """

    def __init__(self, store: Store) -> None:
        """Nothing is held."""
        self._store = store
        self.held: dict[EntityKey, Held] = {}
        self.ghosts: list[Settlement] = []
        self._unsure: tuple[str, dict[EntityKey, Held]] | None = None

    def doubt(self, granted: dict[EntityKey, Held]) -> None:
        """The running turn raised."""
        if self._store.xid is not None:
            self._unsure = self._store.xid, granted

    def find_ghosts(self) -> None:
        """Ask what became of a turn in doubt."""
        if self._unsure is None:
            return
        xid, granted = self._unsure
        if self._store.happened(xid):
            self.held.update(granted)
            self.ghosts += [Settlement(held.event, "released") for held in granted.values()]
        self._unsure = None

    def remember(self, settled: Sequence[Settlement], granted: dict[EntityKey, Held]) -> None:
        """The running turn is committed."""
        self.ghosts.clear()
        for one in settled:
            held = self.held.get((one.event.entity, one.event.key))
            if held is not None and held.event.version == one.event.version:
                del self.held[one.event.entity, one.event.key]
        self.held.update(granted)
