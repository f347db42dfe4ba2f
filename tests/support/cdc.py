"""Captured CDC traffic, read into values: records, their true rows, the schemas of their ids.

What the files are and where they come from: tests/data/README.md.
"""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

Variant: TypeAlias = Literal["env_pa", "flat_pa", "flat_min", "env_json", "wire_8byte"]
DecodedVariant: TypeAlias = Literal["env_pa", "flat_pa", "flat_min"]
Position: TypeAlias = tuple[str, int, int]
"""Topic, partition, offset."""
Row: TypeAlias = dict[str, Any]
"""Column → value; a number with a fraction is a Decimal, as written in the capture."""

_DATA = Path(__file__).parent.parent / "data" / "cdc"


@dataclass(frozen=True, slots=True)
class CapturedRecord:
    """One Kafka record as it landed; the schema ids are those of the framing, where it has any."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    timestamp_type: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    key_schema_id: int | None
    value_schema_id: int | None

    @property
    def position(self) -> Position:
        """Where the record lies in Kafka."""
        return self.topic, self.partition, self.offset


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """What PostgreSQL held for one record, and what the record cannot tell of it.

    `op` is c, u, d, r, t or "tombstone"; `row` is the deleted row for d, None for t and tombstone.
    """

    position: Position
    table: str
    op: str
    row: Row | None
    unavailable_columns: frozenset[str]
    null_became_default: frozenset[str]
    phantom_columns: frozenset[str]
    duplicate: bool
    incremental: bool


@dataclass(frozen=True, slots=True)
class CapturedSchema:
    """A registered schema; `http_status` is what the registry answered to a request by id."""

    schema_id: int
    schema_str: str
    subjects: list[tuple[str, int]]
    http_status: int


@dataclass(frozen=True, slots=True)
class FinalRow:
    """One row of a table when the workload had ended."""

    table: str
    row: Row


@cache
def records(variant: Variant) -> tuple[CapturedRecord, ...]:
    """Table records of a variant, in offset order within each partition."""
    return tuple(_record(line) for line in _lines(variant))


@cache
def meta_records(variant: Variant) -> tuple[CapturedRecord, ...]:
    """Records of the side topics of a variant: transaction, heartbeat, signal."""
    return tuple(_record(line) for line in _lines(f"{variant}.meta"))


@cache
def expected(variant: DecodedVariant) -> dict[Position, ExpectedRow]:
    """The true row of each table record, by its position; logical messages (`….message`) have none."""
    rows = (_expected(line) for line in _lines(f"{variant}.expected"))
    return {row.position: row for row in rows}


@cache
def schemas() -> dict[int, CapturedSchema]:
    """All schemas of the registry, by the id that Confluent's framing carries."""
    return {line["id"]: _schema(line) for line in _lines("schemas")}


@cache
def native_schemas() -> dict[int, str]:
    """Schemas by the global id that the framing of `wire_8byte` carries."""
    return {line["globalId"]: json.dumps(line["schema"]) for line in _lines("schemas_native")}


@cache
def final_state() -> tuple[FinalRow, ...]:
    """All tables as they were at the end."""
    return tuple(FinalRow(line["table"], line["row"]) for line in _lines("final_state"))


def columns() -> Iterator[Row]:
    """Of each column: table, column, type, pk, notnull, default."""
    return _lines("columns")


def oracle() -> Iterator[Row]:
    """The audit log in commit order: seq, txid, at, phase, tbl, op, old_row, new_row, replident."""
    return _lines("oracle")


def _lines(name: str) -> Iterator[dict[str, Any]]:
    with gzip.open(_DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line, parse_float=Decimal)


def _record(line: dict[str, Any]) -> CapturedRecord:
    return CapturedRecord(
        topic=line["topic"],
        partition=line["partition"],
        offset=line["offset"],
        timestamp_ms=line["timestamp"],
        timestamp_type=line["timestamp_type"],
        key=_bytes(line["key_b64"]),
        value=_bytes(line["value_b64"]),
        headers=[(name, base64.b64decode(value)) for name, value in line["headers"]],
        key_schema_id=line["key_schema_id"],
        value_schema_id=line["value_schema_id"],
    )


def _expected(line: dict[str, Any]) -> ExpectedRow:
    return ExpectedRow(
        position=(line["topic"], line["partition"], line["offset"]),
        table=line["table"],
        op=line["op"],
        row=line["row"],
        unavailable_columns=frozenset(line.get("unavailable_columns", ())),
        null_became_default=frozenset(line.get("null_became_default", ())),
        phantom_columns=frozenset(line.get("phantom_columns", ())),
        duplicate=line.get("duplicate", False),
        incremental=line.get("incremental", False),
    )


def _schema(line: dict[str, Any]) -> CapturedSchema:
    subjects = [(subject, version) for subject, version in line["subjects"]]
    return CapturedSchema(line["id"], line["schema_str"], subjects, line["http_status_by_id"])


def _bytes(encoded: str | None) -> bytes | None:
    return None if encoded is None else base64.b64decode(encoded)
