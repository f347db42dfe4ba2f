"""What a message of the dead-letter topic says: the reverse of `dead_letters`."""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from connector.core.letters import Filed, Letter, Omitted
from connector.core.model import Position, Record

_FIRST: Final = "__connect.errors.topic"
"""Where our headers begin; the record's own come before, maybe with the same names."""


def filed(message: Record) -> Filed | None:
    """The letter. None: a tombstone, or what somebody else wrote there."""
    names = [name for name, _ in message.headers]
    if message.value is None or message.key is None or _FIRST not in names:
        return None
    begin = len(names) - 1 - names[::-1].index(_FIRST)
    told = {
        name: _text(value) for name, value in message.headers[begin:] if name != "crm-connector.original-key"
    }
    id_ = _text(message.key)
    parts = _parts(id_)
    if parts is None:
        return None
    record = _record(message, begin, told, parts)
    letter = Letter(
        record,
        parts[2],
        parts[0],
        told.get("crm-connector.cause", ""),
        told.get("__connect.errors.exception.message", ""),
        told.get("__connect.errors.stage", "").lower(),
        told.get("crm-connector.key"),
        _number(told.get("crm-connector.attempts")),
    )
    at = message.position
    return Filed(id_, (at.partition, at.offset), letter, _omitted(told))


def _parts(id_: str) -> list[str] | None:
    """Destination, topic, topic id (which may hold slashes: it is base64), partition, offset."""
    *named, topic_id = id_.split("/", 2)
    parts = [*named, *topic_id.rsplit("/", 2)]
    return parts if len(parts) == 5 and parts[3].isdecimal() and parts[4].isdecimal() else None  # noqa: PLR2004


def _record(message: Record, begin: int, told: Mapping[str, str], parts: list[str]) -> Record:
    at = Position(parts[1], int(parts[3]), int(parts[4]))
    keys = [value for name, value in message.headers[begin:] if name == "crm-connector.original-key"]
    stamp = told.get("crm-connector.timestamp")
    time_ms = message.timestamp_ms if stamp is None else int(stamp)
    value = None if "crm-connector.value" in told else message.value
    return Record(at, time_ms, keys[-1] or b"" if keys else None, value, message.headers[:begin])


def _omitted(told: Mapping[str, str]) -> Omitted | None:
    if told.get("crm-connector.value") != "omitted":
        return None
    return Omitted(_number(told.get("crm-connector.value-size")), told.get("crm-connector.value-sha256", ""))


def whole(one: Filed, record: Record) -> Filed:
    """The letter with its record as it was found at its position."""
    return replace(one, letter=replace(one.letter, record=record), omitted=None)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0
