"""What the account keeps besides contacts and orders."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class StoredEvent(Struct, frozen=True):
    """An event in the log; each starts a workflow. source: event | orders | contacts (the request)."""

    id: int
    type_key: str
    key_value: str
    params: Mapping[str, Any]
    contact_id: int
    at: float
    source: str = "event"


class PastEvent(Struct, frozen=True):
    """A past event. occurred: YYYY-MM-DDTHH:mm, in the account's zone."""

    type_key: str
    key_value: str
    params: Mapping[str, Any]
    contact_id: int
    occurred: str


class Ignored(Struct, frozen=True):
    """What was answered with a 2xx and dropped. resource: event | past_events | contacts."""

    resource: str
    type_key: str
    reason: str
    params: Mapping[str, Any]
    at: float


class Trigger(Struct, frozen=True):
    """A workflow started by an event: a message to a customer."""

    event_id: int
    type_key: str
    contact_id: int
    external_order_id: str | None


class Seen(Struct, frozen=True):
    """A request. status: 0 = cut or left without an answer; fault: what was done to it."""

    at: float
    method: str
    path: str
    status: int
    size: int
    fault: str | None = None


class Revenue(Struct, frozen=True):
    """A contact's row of the RFM table: delivered orders only. recent: the newest order's date."""

    orders: int
    total: float
    recent: str
