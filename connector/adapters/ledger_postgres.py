"""The ledger in PostgreSQL: shared by replicas (RULES 2).

A turn is one transaction. It settles its own claims in one statement, of which the server copies each claim
into its head; reads the wanted keys without locking; decides here, as every store does (core/turn); and
writes claims in one statement each for new and for known keys, over nothing that changed since it was read:
what another replica got first is Busy. ledger_postgres_sql.py tells why no two turns wait for each other.
"""

from collections.abc import Callable, Sequence

from connector.adapters import ledger_postgres_removal as removal
from connector.adapters import ledger_postgres_sql as sql
from connector.adapters import ledger_postgres_upkeep as upkeep
from connector.adapters.ledger_postgres_claim import Claiming
from connector.adapters.ledger_postgres_link import Link
from connector.adapters.ledger_postgres_mine import Mine
from connector.adapters.ledger_postgres_quota import PostgresQuotas
from connector.adapters.ledger_postgres_settle import Held, LostClaims, Settling
from connector.adapters.ledger_postgres_store import Store
from connector.adapters.ledger_postgres_tables import EntityKey, Tables
from connector.adapters.ledger_sqlite_fit import Fitness
from connector.core.assignment import Answer
from connector.core.claims import Count, Settlement, Verdict, Want
from connector.core.heads import Epochs
from connector.core.model import Entity
from connector.core.past import Sent, Sizes, Stale
from connector.core.removal import Removable, Removed, Span
from connector.core.sight import Sight
from connector.errors import LedgerDown

_Wants = dict[EntityKey, Want]


class PostgresLedger:
    """Implements ports.Ledger. Used by one thread at a time; `lease_left` by any.

    url: asked at each connection, so that a rotated password is read anew. lease: seconds that claims outlive
    their owner's last sign of life; more than a request's deadline. wait: seconds that a connection, or a
    statement, may take. retention_days: of history rows; 0 = no history.
    stale_sends: settles that found their claim lost, since start (`stale_sends_total`).
    counted: told of the clients whose orders a turn has counted.
    Raises LedgerDown while the database is away, and Fatal where it is none of this version.
    """

    def __init__(
        self, url: Callable[[], str], destination: str, *,
        lease: float = 90.0, wait: float = 5.0, retention_days: int = 30,
    ) -> None:  # fmt: skip
        """Open it; where the server is away, at the first use. Raises Fatal; ConfigError for the URL."""
        keep = upkeep.expiry(retention_days) if retention_days else lambda _: None
        self._link, self._name = Link(url, wait), destination
        self._store = Store(self._link, destination, lease, keep)
        self._tables = Tables(self._store)
        self._fitness = Fitness(self._tables, self._tables.contacts)
        self._mine = Mine(self._store)
        self._quotas: list[PostgresQuotas] = []
        self._generation = -1
        self._epochs: Epochs = ()
        self._horizon = 0
        self._keeps = retention_days > 0
        self.stale_sends = 0
        self.counted: Callable[[Sequence[Count]], None] = lambda _: None
        try:
            self._look()
        except LedgerDown:
            pass  # an outage, told by the first turn
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        with self._store.opened():
            pass

    @property
    def identity(self) -> str:
        """See ports.Ledger."""
        if not self._store.identity:
            self._look()
        return self._store.identity

    def lease_left(self) -> float:
        """See ports.Ledger."""
        return self._store.owner.lease_left()

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Ledger."""
        wants: _Wants = {(want.event.entity, want.event.key): want for want in wanted}
        if len(wants) < len(wanted):
            raise ValueError("two wants of one key in one turn")
        with self._store.opened():
            self._mine.find_ghosts()
            settled = [*self._mine.ghosts, *settled]
            self._store.renew(idle=not self._mine.held)
            self._store.number_sources([want.event for want in wanted])
            try:
                return self._turn(settled, wants, at_once=True)
            except LostClaims:
                return self._turn(settled, wants, at_once=False)

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        """See ports.Ledger."""
        with self._store.opened():
            found = self._tables.keys_of(set(row_keys))
        return [found.get(row) for row in row_keys]

    def answers(self) -> list[Answer]:
        """See ports.Ledger."""
        with self._store.opened():
            found = self._store.connection.execute(sql.ANSWERS, (self._store.destination,)).fetchall()
        return [Answer(*row) for row in found]

    def answer(self, answer: Answer) -> None:
        """See ports.Ledger."""
        row = answer.topic, answer.partition, answer.start, answer.accept
        with self._store.opened():
            self._store.connection.execute(sql.ADD_ANSWER, (self._store.destination, *row))

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        """See ports.Ledger."""
        epoch = {"clock": clock, "since": since_ms, "reason": reason}
        with self._store.opened(), self._store.transaction():
            self._store.bump()
            self._store.run(sql.ADD_EPOCH, epoch)

    def upkeep(self) -> None:
        """See ports.Ledger. The heartbeat does it, on a connection of its own."""

    def look(self, entity: Entity, key: str) -> Sight:
        """See ports.Archive."""
        with self._store.opened():
            seen = self._tables.read([(entity, key)]).get(0)
            orders = upkeep.orders_of(self._store, self._tables, key) if entity == "contact" else 0
            if seen is None:
                return Sight(orders=orders)
            head, claim = self._tables.state(seen.live, seen.head, seen.owner, seen.claim, seen.doubts)
            return Sight(head, claim, seen.living, orders)

    def rehearse(self, wanted: Sequence[Want]) -> list[Verdict]:
        """See ports.Archive: a turn that is taken back."""
        with self._store.opened():
            self._store.renew(idle=True)
            self._store.number_sources([want.event for want in wanted])
            wants: _Wants = {(want.event.entity, want.event.key): want for want in wanted}
            try:
                with self._store.rehearsal():
                    self._refresh()
                    return self._claim(wants, {}, {})
            finally:
                self._forget()

    def prune(self, before_ms: int) -> int:
        """See ports.Archive."""
        with self._store.opened():
            return upkeep.prune(self._store, before_ms)

    def removable(self, span: Span) -> Removable:
        """See ports.Archive."""
        with self._store.opened():
            return removal.removable(self._store, self._tables, span)

    def remove(self, span: Span, seen: Removable) -> Removed:
        """See ports.Archive."""
        with self._store.opened():
            return removal.remove(self._store, self._tables, span, seen)

    def most_orders(self) -> int:
        """See ports.Archive."""
        with self._store.opened():
            return upkeep.most_orders(self._store)

    def sizes(self) -> Sizes:
        """See ports.Archive."""
        with self._store.opened():
            return upkeep.sizes(self._store, len(self._mine.held))

    def history(self, entity: Entity, key: str) -> list[Sent]:
        """See ports.Archive."""
        with self._store.opened():
            return upkeep.history(self._store, self._tables, (entity, key))

    def stale(self) -> list[Stale]:
        """See ports.Archive."""
        with self._store.opened():
            return upkeep.stale(self._store)

    def quotas(self, rate: float) -> PostgresQuotas:
        """The request rate that this destination's replicas share. rate: configured, per second."""
        quotas = PostgresQuotas(self._link, self._name, rate)
        self._quotas.append(quotas)
        return quotas

    def close(self) -> None:
        """See ports.Ledger; and the quotas."""
        for quotas in self._quotas:
            quotas.close()
        self._store.close()

    # --- A turn -----------------------------------------------------------------------------------

    def _turn(self, settled: Sequence[Settlement], wants: _Wants, *, at_once: bool) -> list[Verdict]:
        granted: dict[EntityKey, Held] = {}
        stale = 0
        try:
            with self._store.transaction():
                self._refresh()
                work = Settling(self._store, self._tables, self._mine.held, self._epochs, history=self._keeps)
                if at_once:
                    work.at_once(settled)
                else:
                    stale = work.one_by_one(settled)
                counts = work.count()
                if work.finish():
                    self._forget()
                verdicts = self._claim(wants, granted, work.rows) if wants else []
                if work.rows:
                    self._tables.write_rows(work.rows)
        except BaseException:
            self._forget()
            self._store.forget_sources()
            self._mine.doubt(granted)
            raise
        self.stale_sends += stale
        self._mine.remember(settled, granted)
        if counts:
            self.counted(counts)
        return verdicts

    def _refresh(self) -> None:
        """Read anew what another process may have changed."""
        generation = self._store.header()
        if generation != self._generation:
            self._fitness.forget()
            self._epochs, self._horizon = self._store.epochs(), self._store.horizon()
            self._generation = generation

    def _forget(self) -> None:
        self._generation = -1
        self._fitness.forget()

    def _claim(
        self, wants: _Wants, granted: dict[EntityKey, Held], rows: dict[str, EntityKey]
    ) -> list[Verdict]:
        claiming = Claiming(self._store, self._tables, self._fitness, self._epochs, self._horizon)
        verdicts = claiming.claim(wants, self._mine.held)
        if claiming.unsettles:
            self._forget()
        granted.update(claiming.granted)
        rows.update(claiming.rows)
        return verdicts
