"""How one counter of Yandex Metrica is to be served."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

StatusType = Literal["IN_PROGRESS", "PAID", "CANCELLED", "SPAM", "OTHER"]
MAX_BYTES: Final = 1_000_000_000
"""A file may have so many bytes."""
MAX_ROWS: Final = 100_000
"""Events of an upload at most, ours: what `delivery.batch_events` can reach."""


class Status(Struct, frozen=True):
    """What a CRM's status is in Metrica. id: as the counter's schema has it."""

    id: str
    type: StatusType
    humanized: str = ""


class MetricaOptions(Struct, frozen=True):
    """See README, Yandex Metrica.

    statuses: the CRM's own word → status. time_zone: the counter's, an IANA name. upload: None = live changes
    as JSON, snapshots as CSV. contact_attributes, order_attributes: names of custom attributes, which travel
    by CSV alone. topic_zones: of zoneless columns, by topic. ensure, wait_seconds: as Yespo's. max_bytes: of
    a file.
    """

    counter_id: int
    name: str = "metrica"
    statuses: Mapping[str, Status] = {}
    time_zone: str = "UTC"
    identifiers: Literal["plain", "md5"] = "plain"
    merge_mode: Literal["SAVE", "UPDATE", "APPEND"] = "UPDATE"
    upload: Literal["json", "csv"] | None = None
    delimiter: Literal["COMMA", "SEMICOLON"] = "COMMA"
    orders_via: Literal["orders", "simple_orders"] = "orders"
    products: Literal["auto", "off"] = "auto"
    contact_attributes: tuple[str, ...] = ()
    order_attributes: tuple[str, ...] = ()
    topic_zones: Mapping[str, str] = {}
    ensure: Literal["unknown", "never"] = "unknown"
    wait_seconds: float = 60.0
    max_bytes: int = MAX_BYTES

    @property
    def in_doubt(self) -> Literal["resend", "hold"]:
        """SAVE and UPDATE may be repeated, APPEND may not (RULES 4)."""
        return "hold" if self.merge_mode == "APPEND" else "resend"
