"""What the counter keeps: rows, uploads, and what was accepted and is of no use."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct


class Stored(Struct, frozen=True):
    """A contact or an order, merged from its rows.

    values: what was sent; filled: what the service put in itself; type: of an order's status, None = not
    mapped; versions: how many rows were applied.
    """

    id: str
    values: Mapping[str, Any]
    filled: Mapping[str, str] = {}
    type: str | None = None
    versions: int = 1


class Uploading(Struct, frozen=True):
    """An upload, as the service tells of it. datetime: YYYY-MM-DD HH:MM:SS in the counter's time zone."""

    uploading_id: str
    datetime: str
    api_validation_status: Literal["PASSED", "FAILED"]
    elements_count: int
    entity_type: Literal["SYSTEM"] = "SYSTEM"
    uploading_format: Literal["JSON", "CSV"] = "JSON"
    uploading_source: Literal["API"] = "API"


class Upload(Struct, frozen=True):
    """An upload, as the sandbox tells of it. flaw: why it FAILED; refused: with a 400."""

    at: float
    entity: str
    mode: str
    uploading: Uploading
    flaw: str | None = None
    refused: bool = False


class Ignored(Struct, frozen=True):
    """What was accepted and is of no use, or not as it was sent."""

    entity: str
    id: str
    reason: str
    at: float
