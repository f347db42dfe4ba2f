"""Custom events are facts, not states (RULES 7): accepted or not, by a key that no other fact has."""

from typing import Final

from msgspec import UNSET
from msgspec.json import Encoder

from connector.core.change import Change
from connector.core.events import Fact
from connector.core.model import Record

_compact: Final = Encoder(order="deterministic").encode


def fact_key(fact: Fact, change: Change, record: Record, clock: str, topic_id: str) -> str | None:
    """The mapped id; else clock, table, primary key and lsn; else topic id, partition and offset.

    None: the id was mapped, and the row has none. Raises UnicodeEncodeError.
    """
    if fact.event_id is not UNSET:
        return fact.event_id
    lsn, row = change.origin.lsn, row_key(change, record, clock)
    if row is not None and lsn is not None:
        return f"{row}/{lsn}"
    at = record.position
    return f"{topic_id or at.topic}/{at.partition}/{at.offset}"


def row_key(change: Change, record: Record, clock: str) -> str | None:
    """Clock, table and primary key (RULES 8); None: the table has none. Raises UnicodeEncodeError.

    Where the source does not name its clock, the topic stands for the table: a flattened topic's tombstone
    tells neither, and must name the same row as the records before it.
    """
    if change.key is None:
        return None
    table = change.origin.table if change.origin.clock else None
    return f"{clock}/{table or record.position.topic}/{_compact(change.key).decode()}"
