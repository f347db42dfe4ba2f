"""What a PostgreSQL ledger has of past events, and how it marks those that were deleted (RULES 11)."""

from collections.abc import Iterator
from typing import Any, Final

from connector.adapters import ledger_postgres_sql as sql
from connector.adapters.ledger_postgres_arrays import bigs, blobs, smalls, texts
from connector.adapters.ledger_postgres_store import Store
from connector.adapters.ledger_postgres_tables import Tables
from connector.core.model import Entity
from connector.core.removal import Removable, Removal, Removed, Row, Span, survey
from connector.core.turn import NOBODY

_CHUNK: Final = 5000
_PAGE: Final = f"""
    SELECT h.entity, h.key, h.live, h.head, h.owner, h.claim, h.doubts, h.xmin::text::bigint,
        h.owner IS NOT NULL AND EXISTS (SELECT FROM crm_connector.owners o WHERE o.number = h.owner)
    FROM crm_connector.heads h
    WHERE h.destination = %(destination)s AND (h.entity, h.key) > (%(entity)s, %(after)s)
    ORDER BY h.entity, h.key LIMIT {_CHUNK}
"""  # noqa: S608 - a number of ours
_ENTITIES: Final[tuple[Entity, ...]] = ("order", "contact", "event")
_Page = list[tuple[int, Row]]
"""Rows, each with a mark that changes with every write of it. Their keys are as they are stored."""


def removable(store: Store, tables: Tables, span: Span) -> Removable:
    """See ports.Archive."""
    return survey((row for page in _pages(store, tables) for _, row in page), span)


def remove(store: Store, tables: Tables, span: Span, seen: Removable) -> Removed:
    """See ports.Archive."""
    work = Removal(span, seen)
    for page in _pages(store, tables):
        marked = [(mark, old, new) for mark, old in page if (new := work.apply(old)) is not None]
        written = _write(store, tables, [(mark, new) for mark, _, new in marked]) if marked else set()
        for _, old, new in marked:
            if (old.entity, old.key) not in written:
                work.missed(old, new)
    return work.done


def _pages(store: Store, tables: Tables) -> Iterator[_Page]:
    entity, after = -1, ""
    while found := store.run(_PAGE, {"entity": entity, "after": after}).fetchall():
        entity, after = found[-1][:2]
        yield [_row(tables, *columns) for columns in found]


def _row(tables: Tables, entity: int, key: str, *columns: Any) -> tuple[int, Row]:
    *stored, mark, living = columns
    return mark, Row(_ENTITIES[entity], key, *tables.state(*stored), living=living)


def _write(store: Store, tables: Tables, new: _Page) -> set[tuple[Entity, str]]:
    """Which were written: those that nobody holds, or has written since."""
    rows = [row for _, row in new]
    claims = [row.claim for row in rows]
    slots = {
        "entities": smalls(_ENTITIES.index(row.entity) for row in rows),
        "keys": texts(row.key for row in rows),
    }
    parameters = slots | {
        "owner": NOBODY,
        "seen": bigs(mark for mark, _ in new),
        "heads": blobs([tables.pack(row.head) if row.head else None for row in rows]),
        "claims": blobs([tables.pack(claim.head) if claim else None for claim in claims]),
        "doubts": blobs([tables.pack_doubts(claim) if claim else None for claim in claims]),
    }
    with store.transaction():
        written = {(_ENTITIES[entity], key) for _, entity, key in store.run(sql.TAKE, parameters)}
        store.run(sql.SWEEP, slots)
    return written
