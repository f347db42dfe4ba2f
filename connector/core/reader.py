"""The reader of one writer schema: bytes → raw Avro value, never converted.

Raw means: logical types stripped (libraries raise on Debezium's infinity, take zoneless columns for UTC, and
round); `logical` reads them column by column.
"""

from io import BytesIO
from typing import Any

import fastavro
from fastavro._read_py import schemaless_reader as recursion_safe_reader

from connector.core.avro import Node, Schema, SchemaInvalid, children, plain_names
from connector.core.generated import ALL, Reader, Wanted, generate


def reader(schema: Schema, wanted: Wanted = ALL) -> Reader:
    """Make the reader: a generated one, else a library's, which reads all. Raises SchemaInvalid."""
    read = library_reader(schema)
    return generate(schema, wanted) or read


def library_reader(schema: Schema) -> Reader:
    """A reader by fastavro, for schemas too large to generate one. Raises SchemaInvalid."""
    try:
        parsed = fastavro.parse_schema(_bare(schema.root))
    except Exception as error:  # fastavro has no common base; whatever it is, the schema is at fault
        raise SchemaInvalid(f"not an Avro schema ({type(error).__name__})") from error
    # fastavro's compiled reader recurses on the C stack: some thousand nested values end the process.
    read = recursion_safe_reader if _recursive(schema) else fastavro.schemaless_reader

    def read_at(data: bytes, start: int) -> tuple[Any, int]:
        stream = BytesIO(data)
        stream.seek(start)
        return read(stream, parsed, None), stream.tell()

    return read_at


def _bare(node: Node) -> Node:
    """What is needed to read bytes: no logical types, defaults, aliases or documentation."""
    if isinstance(node, list):
        return [_bare(branch) for branch in node]
    if isinstance(node, str):
        return node
    kept = {key: node[key] for key in ("type", "name", "size", "symbols") if key in node}
    if node["type"] == "record":
        names = plain_names(node)
        kept["fields"] = [{"name": names[f["name"]], "type": _bare(f["type"])} for f in node["fields"]]
    for key in ("items", "values"):
        if key in node:
            kept[key] = _bare(node[key])
    return kept


def _recursive(schema: Schema) -> bool:
    def inside(node: Node, open_names: frozenset[str]) -> bool:
        if isinstance(node, str) and node in open_names:
            return True
        if isinstance(node, dict) and "name" in node:
            open_names |= {node["name"]}
        return any(inside(child, open_names) for child in children(node))

    return inside(schema.root, frozenset())
