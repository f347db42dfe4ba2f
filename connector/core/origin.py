"""Where a change comes from, as its envelope, its row's metadata or its headers tell."""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from connector.core.model import CREATE, DELETE, READ, Op, Origin
from connector.core.wire import Headers

NOWHERE: Final = Origin()
NEW_KEY: Final = "__debezium.newkey"
"""Header of the delete of a primary-key change: the key that the row has now, as JSON."""
_LONGEST: Final = 249
"""Characters of a topic's name, which begins with `source.name`."""
_OPS: Final = {op.value: op for op in Op}
SOURCE: Final = {
    "name": ("__name", "__source_name"),
    "table": ("__table", "__source_table"),
    "lsn": ("__lsn", "__source_lsn"),
    "ts_ms": ("__source_ts_ms",),
    "snapshot": ("__snapshot", "__source_snapshot"),
}
"""What the flattening calls a field of `source`: as it was asked for, `lsn` or `source.lsn`."""
IN_HEADERS: Final = frozenset(("__op", "__deleted", *(name for names in SOURCE.values() for name in names)))


def flat_origin(op: Op, meta: Mapping[str, Any], headers: Headers) -> Origin:
    """Where a flattened row comes from: columns first, then headers (`add.fields`, `add.headers`)."""
    source: dict[str, Any] = {}
    for name, spellings in SOURCE.items():
        for spelling in spellings:
            found = meta.get(spelling)
            if found is None and spelling in headers:
                found = text(headers, spelling)
            if found is not None:
                source[name] = found
                break
    return origin_of(op, source, headers)


def text(headers: Headers, name: str) -> str | None:
    """A header's text, None without it or where it is no text."""
    raw = headers.get(name)
    return raw.decode("utf-8", "replace") if raw is not None else None


def origin_of(op: Op, source: Mapping[str, Any], headers: Headers) -> Origin:
    """Where a change comes from, by Debezium's `source`."""
    return Origin(
        _clock(source.get("name")),
        _word(source.get("table")),
        _number(source.get("lsn")),
        _number(source.get("ts_ms")),
        op is READ or source.get("snapshot") not in (None, "", "false", False),
        _moved(op, headers),
    )


def op_of(word: object) -> Op | None:
    """What Debezium's `op` means; None: nothing that happened to a row."""
    return _OPS.get(word) if isinstance(word, str) else None


def _clock(value: object) -> str | None:
    name = _word(value)
    return name if name is not None and len(name) <= _LONGEST and "\0" not in name else None


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,19}", value):
        return None
    number = int(value)
    return number if -(2**63) <= number < 2**63 else None


def _moved(op: Op, headers: Headers) -> Literal["to", "from"] | None:
    """The halves of a primary-key change (cdc 24)."""
    if op is DELETE:
        return "to" if NEW_KEY in headers else None
    return "from" if op is CREATE and "__debezium.oldkey" in headers else None
