"""Synthetic Avro messages: a schema as JSON, a value as a library writes it, Confluent's frame."""

import io
from typing import Any

import fastavro

Schema = dict[str, Any] | list[Any] | str


def record(name: str, /, **fields: Any) -> dict[str, Any]:
    """A record schema of these fields."""
    made = [{"name": field, "type": kind} for field, kind in fields.items()]
    return {"type": "record", "name": name, "fields": made}


def body(schema: Schema, value: Any) -> bytes:
    """The bare bytes of a value; logical types as their Avro type."""
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(_without_logical(schema)), value)
    return stream.getvalue()


def framed(schema_id: int, data: bytes) -> bytes:
    """Confluent's wire format."""
    return b"\0" + schema_id.to_bytes(4, "big") + data


def long(number: int) -> bytes:
    """A number as Avro's zig-zag varint."""
    rest, out = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*out, rest])


def _without_logical(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_logical(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {k: _without_logical(v) for k, v in schema.items() if k not in ("logicalType", "default")}
