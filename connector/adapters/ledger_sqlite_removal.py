"""What a ledger file has of past events, and how it marks those that were deleted (RULES 11).

Keys with claims come first: whoever claims later sends after the deletion.
"""

from collections.abc import Collection, Iterator
from typing import Final

from connector.adapters.ledger_rows import unpack_head
from connector.adapters.ledger_sqlite_memory import Memory
from connector.adapters.ledger_sqlite_tables import ENTITIES, Slot
from connector.core.removal import Removable, Removal, Removed, Row, Span, survey

_CHUNK: Final = 5000
_PAGE: Final = f"""
    SELECT number, entity, key, live, head FROM heads WHERE destination = ? AND number > ?
    ORDER BY number LIMIT {_CHUNK}
"""  # noqa: S608 - a number of ours
_Numbered = tuple[int | None, Row]
"""A row, and the number of its head's (None: it has none)."""


def removable(memory: Memory, span: Span) -> Removable:
    """See ports.Archive."""
    return survey(_rows(memory), span)


def _rows(memory: Memory) -> Iterator[Row]:
    with memory.store.transaction():
        claimed = [row for _, row in _claimed(memory)]
    yield from claimed
    done, after = {(row.entity, row.key) for row in claimed}, 0
    while page := _page(memory, after):
        yield from (row for _, row in page if (row.entity, row.key) not in done)
        after = page[-1][0]


def remove(memory: Memory, span: Span, seen: Removable, now_ms: int) -> Removed:
    """See ports.Archive."""
    work, store = Removal(span, seen), memory.store
    with store.transaction():
        claimed = list(_claimed(memory))
        for number, row in claimed:
            _apply(memory, work, number, row, now_ms)
        memory.claims.flush()
    done, after = {(row.entity, row.key) for _, row in claimed}, 0
    while after >= 0:
        with store.transaction():
            after = _apply_some(memory, work, after, done)
    return work.done


def _apply(memory: Memory, work: Removal, number: int | None, row: Row, now_ms: int) -> None:
    new, slot = work.apply(row), (row.entity, row.key)
    if new is None:
        return
    if new.head is not None and new.head is not row.head:
        sql = "UPDATE heads SET head = ? WHERE number = ?"
        memory.store.db.execute(sql, (memory.tables.pack(new.head), number))
    if new.claim is not row.claim:
        memory.drop(slot)
        if new.claim is not None:
            memory.claims.leave(slot, new.claim, now_ms)


def _apply_some(memory: Memory, work: Removal, after: int, done: Collection[Slot]) -> int:
    """The number of the last head that was looked at; -1: there are no more."""
    page = _page(memory, after)
    for number, row in page:
        if (row.entity, row.key) not in done:
            _apply(memory, work, number, row, 0)
    return page[-1][0] if page else -1


def _claimed(memory: Memory) -> Iterator[_Numbered]:
    memory.refresh()
    living, claims, tables = memory.store.living(), memory.claims, memory.tables
    slots = [*claims.mine, *claims.others]
    found = tables.find(tables.spreads(slots))
    for slot in slots:
        claim, head = claims.get(slot), found.get(slot)
        if claim is not None:
            row = Row(*slot, tables.unpack(head) if head else None, claim, living(claim.owner))
            yield head.number if head else None, row


def _page(memory: Memory, after: int) -> list[tuple[int, Row]]:
    store, source = memory.store, memory.tables.source
    return [
        (number, Row(ENTITIES[entity], key, unpack_head(blob, source, live=live == 1)))
        for number, entity, key, live, blob in store.db.execute(_PAGE, (store.destination, after)).fetchall()
    ]
