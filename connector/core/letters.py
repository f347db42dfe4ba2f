"""A record that cost itself (RULES 10)."""

from msgspec import Struct

from connector.core.model import Record


class Letter(Struct, frozen=True):
    """A dead letter (RULES 10). stage: decode | map | check | deliver."""

    record: Record
    topic_id: str
    destination: str
    cause: str
    detail: str
    stage: str
    key: str | None = None
    attempts: int = 0
