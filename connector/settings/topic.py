"""How one topic is read."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from connector.core.rules import Envelope, OnDelete, OnSnapshot, ReplicaIdentity, TopicRules
from connector.settings.types import Model, Scalar, Text, TimeZone, TopicName, Words


class TopicSettings(Model):
    """One entry of `topics`."""

    name: TopicName
    entity: Literal["order", "contact", "event"]
    envelope: Envelope = "auto"
    schema_file: Path | None = None
    fields: dict[str, Text] = Field(default_factory=dict)
    values: dict[str, Words] = Field(default_factory=dict)
    defaults: dict[str, Scalar] = Field(default_factory=dict)
    params: dict[str, Text] = Field(default_factory=dict)
    version: Text = "auto"
    time_zone: TimeZone = "UTC"
    phone_region: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")] | None = None
    totals: Literal["warn", "strict", "distribute", "off"] = "warn"
    event_type: Text | None = None
    on_delete: OnDelete = "ignore"
    replica_identity: ReplicaIdentity = "default"
    on_snapshot: OnSnapshot = "update"
    items_as: Literal["array", "string"] = "array"
    null_defaults: tuple[Text, ...] = ()

    def rules(self) -> TopicRules:
        """The same as decode and map need it."""
        given = {name: getattr(self, name) for name in TopicRules.__struct_fields__}
        given["version"] = None if self.version == "auto" else self.version
        if self.entity == "event" and self.event_type is not None:  # whatever columns there are
            given["fields"] = {**self.fields, "eventType": ""}
            given["defaults"] = {**self.defaults, "eventType": self.event_type}
        return TopicRules(**given)
