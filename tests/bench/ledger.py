"""What a record costs in the ledger, claim and settle: `python -m tests.bench.ledger [FILE WITH AN URL]`.

CPU microseconds of this process a record, without and with history, by turns, so that a drift of the machine
hits both; turns of 500, each settling what the turn before it claimed, as a lane does. The URL is that of a
PostgreSQL made for this, whose own CPU is not in the figures.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from connector.adapters.ledger_postgres import PostgresLedger
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.core.claims import Grant, Settlement, Want
from connector.core.events import Event
from connector.ports import Ledger
from tests.bench.records import Ids, order_id
from tests.support.changes import order, version

TURN, RECORDS, DAYS = 500, 100_000, (0, 30)
KINDS: tuple[Ids, ...] = ("sequential", "uuid")


def events(ids: Ids, lsn: int) -> list[Event]:
    """A change of each order, made before the clock runs."""
    return [order(order_id(n, ids), version(lsn, lsn, offset=n), f"{n} {lsn}") for n in range(RECORDS)]


class Timed:
    """A ledger at work, and what its turns cost."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.seconds: list[float] = []
        self._settled: list[Settlement] = []

    def turn(self, changes: list[Event]) -> None:
        """Claim these, settle those of the last turn."""
        before = time.thread_time()
        verdicts = self.ledger.turn(self._settled, [Want(event) for event in changes])
        self.seconds.append(time.thread_time() - before)
        assert all(isinstance(one, Grant) for one in verdicts)
        self._settled = [Settlement(event, "accepted") for event in changes]

    def taken(self) -> float:
        """Median microseconds a record since the last call; then all is settled."""
        self.turn([])
        found, self.seconds = statistics.median(self.seconds[:-1]) / TURN * 1e6, []
        return found


def measure(make: Callable[[int, Path], Ledger], ids: Ids, folder: Path) -> str:
    """New keys, then a change of each."""
    ledgers = [Timed(make(days, folder / f"{days}.db")) for days in DAYS]
    told = []
    for lsn, name in ((1, "new"), (2, "changed")):
        changes = events(ids, lsn)
        for start in range(0, RECORDS, TURN):
            for one in ledgers:
                one.turn(changes[start : start + TURN])
        told.append(f"{name} " + " → ".join(f"{one.taken():.1f}" for one in ledgers))
    for one in ledgers:
        one.ledger.close()
    return ", ".join(told)


def main() -> None:
    """Print a line for each store and kind of key."""
    stores: dict[str, Callable[[int, Path], Ledger]] = {
        "sqlite": lambda days, path: SqliteLedger(path, "yespo", retention_days=days)
    }
    if len(sys.argv) > 1:
        url = Path(sys.argv[1]).read_text(encoding="utf-8").strip()
        stores["postgres"] = lambda days, path: PostgresLedger(
            lambda: url, f"{path}", retention_days=days, wait=60
        )
    for name, make in stores.items():
        for ids in KINDS:
            with tempfile.TemporaryDirectory() as folder:
                print(f"{name:9} {ids:11}{measure(make, ids, Path(folder))}", flush=True)


if __name__ == "__main__":
    main()
