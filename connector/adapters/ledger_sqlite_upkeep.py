"""What an operator does to a ledger file, or asks of it: heads pruned on purpose, sizes (RULES 2)."""

from pathlib import Path
from typing import Final

from connector.adapters.ledger_rows import unpack_head
from connector.adapters.ledger_sqlite_memory import Memory
from connector.adapters.ledger_sqlite_tables import ENTITIES
from connector.core.horizon import is_prunable
from connector.core.past import Sizes

_CHUNK: Final = 5000
_PAGE: Final = f"""
    SELECT number, entity, key, head FROM heads WHERE destination = ? AND number > ?
    ORDER BY number LIMIT {_CHUNK}
"""  # noqa: S608 - a number of ours
_LEFT: Final = """
    DELETE FROM spreads WHERE (spread, number) = (SELECT spread, number FROM heads WHERE number = ?)
"""
_GONE: Final = "DELETE FROM heads WHERE number = ? AND number < (SELECT max(number) FROM heads)"
_LAST: Final = "UPDATE heads SET destination = 0, key = '' WHERE number = ?"
"""It becomes nobody's, so that its number is not given again (see Places)."""


def prune(memory: Memory, before_ms: int) -> int:
    """Remove heads whose newest version is older, once the horizon is recorded; how many.

    Erased contacts stay (RULES 5), so does what is claimed: its holder remembers where the row is.
    """
    store = memory.store
    with store.transaction():
        store.db.execute(
            "UPDATE destinations SET horizon_ms = max(horizon_ms, ?) WHERE number = ?",
            (before_ms, store.destination),
        )
        store.bump()
    removed, after = 0, 0
    while after >= 0:
        with store.transaction():
            memory.refresh()
            after, gone = _prune_some(memory, before_ms, after)
        removed += gone
    return removed


def _prune_some(memory: Memory, before_ms: int, after: int) -> tuple[int, int]:
    """The number of the last head that was looked at (-1: there are no more), and how many went."""
    store, claims = memory.store, memory.claims
    page = store.db.execute(_PAGE, (store.destination, after)).fetchall()
    old = [
        (number,)
        for number, entity, key, blob in page
        if (slot := (ENTITIES[entity], key)) not in claims.mine
        and slot not in claims.others
        and is_prunable(unpack_head(blob, store.tables.source), before_ms)
    ]
    for statement in (_LEFT, _GONE, _LAST):
        store.db.executemany(statement, old)
    store.count(heads=-len(old))
    return (page[-1][0] if page else -1), len(old)


def sizes(memory: Memory) -> Sizes:
    """Counted as they were written, so that asking costs nothing; bytes: of the file and its log."""
    store = memory.store
    heads, history = store.db.execute("SELECT sum(heads), sum(history) FROM destinations").fetchone()
    return Sizes(heads, history, len(memory.claims.mine), sum(map(_size, (store.path, _log(store.path)))))


def most_orders(memory: Memory) -> int:
    """Of one client; all of them are looked at."""
    sql = "SELECT ifnull(max(orders), 0) FROM clients WHERE destination = ?"
    return int(memory.store.db.execute(sql, (memory.store.destination,)).fetchone()[0])


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
