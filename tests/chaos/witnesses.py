"""What the checker is told beside the histories: what was written to Kafka, as its own lines have it."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from tests.support.versions import Written


def write_source(written: Iterable[Written], orders: str, file: Path) -> Path:
    """Every record in a line. orders: the topic of the orders, the other one has contacts."""
    with file.open("wb") as lines:
        lines.writelines(msgspec.json.encode(_line(one, orders)) + b"\n" for one in written)
    return file


def _line(one: Written, orders: str) -> dict[str, object]:
    """A contact's rev is its first name; poison is no change of anything."""
    line = {"topic": one.topic, "partition": one.partition, "offset": one.offset, "rev": None}
    if one.rev is None:
        return line
    is_order = one.topic == orders
    named = {"entity": "order" if is_order else "contact", "rev": f"{one.rev}" if is_order else f"n{one.rev}"}
    return line | named | {"key": one.key, "version": one.rev}
