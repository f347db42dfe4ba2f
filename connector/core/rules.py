"""How one topic is read: the part of the configuration that decode and map need, as a plain value."""

from typing import Literal

from msgspec import Struct

from connector.core.model import Entity

OnDelete = Literal["ignore", "cancel", "unsubscribe", "erase", "dead-letter"]
OnSnapshot = Literal["update", "create", "past_events", "skip"]
Envelope = Literal["auto", "debezium", "flat", "plain"]
ReplicaIdentity = Literal["default", "full"]


class TopicRules(Struct, frozen=True):
    """One entry of `topics` (README, Configuration).

    fields: target name (camelCase, `items.<name>` for item fields) → column path ("a.b" goes into records
    and JSON). values: target → source value → target value. defaults: used where the source has no value
    (absent, null and unavailable are told apart: a default replaces absent and null, never unavailable).
    params: extra event parameter → column path. null_defaults: columns whose default value means null
    (Debezium turns NULL into the default). phone_region: two letters, of phones without a country's code.
    replica_identity: full = what a deleted row had may be believed.
    """

    name: str
    entity: Entity
    envelope: Envelope = "auto"
    fields: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    defaults: dict[str, str | int | float | bool] = {}
    params: dict[str, str] = {}
    version: str | None = None
    time_zone: str = "UTC"
    phone_region: str | None = None
    totals: Literal["warn", "strict", "distribute", "off"] = "warn"
    on_delete: OnDelete = "ignore"
    replica_identity: ReplicaIdentity = "default"
    on_snapshot: OnSnapshot = "update"
    items_as: Literal["array", "string"] = "array"
    null_defaults: tuple[str, ...] = ()
