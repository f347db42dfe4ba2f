"""What an owner remembers of its ledger file from turn to turn, so that a turn reads little."""

from collections.abc import Collection

from connector.adapters.ledger_sqlite_claims import Claims
from connector.adapters.ledger_sqlite_fit import Fitness
from connector.adapters.ledger_sqlite_store import Store
from connector.adapters.ledger_sqlite_tables import Slot
from connector.core.heads import Epochs
from connector.core.sight import Sight


class Memory:
    """Open claims, fit contacts, epochs. Every method but `doubt` belongs into a transaction."""

    def __init__(self, store: Store) -> None:
        """Nothing is known yet."""
        self.store, self.tables, self.owner = store, store.tables, store.owner
        self.claims = Claims(store.db, store.destination, store.owner, store.tables)
        self.fitness = Fitness(self.tables, self.contacts)
        self.epochs: Epochs = ()
        self.horizon = 0
        self._generation = self._takeovers = -1

    def doubt(self) -> None:
        """A turn failed: forget everything."""
        self._generation = self._takeovers = -1

    def refresh(self) -> None:
        """At the start of a turn: read anew what another process may have changed."""
        generation, takeovers = self.store.marks()
        if takeovers != self._takeovers:
            self.claims.lose()
        if generation != self._generation:
            self.fitness.forget()
            self.epochs, self.horizon = self.tables.epochs(), self.store.horizon()
        self._generation, self._takeovers = generation, takeovers
        self.claims.refresh()
        self.tables.places.refresh()

    def contacts(self, keys: Collection[str]) -> dict[str, Sight]:
        """What is known of these contacts, by key; of those without head, nothing."""
        living, found = self.store.living(), dict[str, Sight]()
        for key, head in self.tables.heads("contact", keys).items():
            claim = self.claims.get(self.tables.slot("contact", key))
            found[key] = Sight(head, claim, claim is not None and living(claim.owner))
        return found

    def bump(self) -> None:
        """What was known of contacts no longer holds, for nobody."""
        self.store.bump()
        self._generation += 1
        self.fitness.forget()

    def drop(self, slot: Slot) -> None:
        """Close a claim, whosever it is."""
        if self.claims.drop(slot):
            self.store.bump_takeovers()
            self._takeovers += 1
