"""Yandex Metrica's options (CRM data)."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from msgspec.structs import replace
from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveInt, SecretStr, model_validator

from connector.core.rules import TopicRules
from connector.settings.destination import Destination
from connector.settings.topic import TopicSettings
from connector.settings.types import Model, Secret, Text, TimeZone, WebUrl, exactly_one

StatusType = Literal["IN_PROGRESS", "PAID", "CANCELLED", "SPAM", "OTHER"]
AttributeType = Literal["numeric", "date", "datetime", "email", "text"]
_ID: Final = re.compile(r"[A-Za-z0-9_:-]{1,255}")
OWN: Final = frozenset(
    {
        "uniq_id", "name", "birth_date", "create_date_time", "update_date_time", "client_ids", "user_ids",
        "emails", "phones", "emails_md5", "phones_md5", "id", "client_uniq_id", "client_type", "order_status",
        "finish_date_time", "revenue", "cost", "currency", "goals", "products", "company_uniq_id",
        "user_comment", "attribute_values",
    }
)  # fmt: skip
"""Names that no attribute may have."""


class StatusSettings(Model):
    """A CRM's status. `id`: its own word, unless that has other signs than an id may have."""

    type: StatusType
    id: Text | None = None
    humanized: Text | None = None
    goal_action_ids: tuple[Text, ...] = ()


class AttributeSettings(Model):
    """A custom attribute. `column`: of the topics, by default of the attribute's name."""

    type: AttributeType
    column: Text | None = None
    humanized: Text | None = None
    multivalued: bool = False


class AttributesSettings(Model):
    """Custom attributes by name."""

    contact: dict[str, AttributeSettings] = Field(default_factory=dict)
    order: dict[str, AttributeSettings] = Field(default_factory=dict)


class ContactColumns(Model):
    """Columns of contacts for fields of Metrica that no event has."""

    client_ids: Text | None = None
    user_ids: Text | None = None
    create_date_time: Text | None = None


class OrderColumns(Model):
    """Columns of orders; those of the client are for the contact that is made from an order."""

    cost: Text | None = None
    finish_date_time: Text | None = None
    goals: Text | None = None
    client_ids: Text | None = None
    user_ids: Text | None = None


class ColumnsSettings(Model):
    """Metrica's field → column, by entity."""

    contact: ContactColumns = ContactColumns()
    order: OrderColumns = OrderColumns()


class ClientsSettings(Model):
    """Contacts before their orders. `wait_seconds`: how long an order waits for one that cannot be made."""

    ensure: Literal["unknown", "never"] = "unknown"
    wait_seconds: NonNegativeFloat = 60


def _status(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


Status = Annotated[
    StatusSettings, BeforeValidator(_status, json_schema_input_type=StatusType | StatusSettings)
]


class MetricaSettings(Destination):
    """Yandex Metrica's CRM data. `time_zone` is the counter's; `upload`: by default live changes go as JSON,
    snapshots and replays as CSV."""

    takes = frozenset({"order", "contact"})
    caps: ClassVar[Mapping[str, float]] = {"rate_per_second": 25, "in_flight": 3}
    usual: ClassVar[Mapping[str, float]] = {
        "batch_events": 10_000, "batch_bytes": 16_777_216, "linger_ms": 60_000, "in_flight": 2,
        "rate_per_second": 10,
    }  # fmt: skip

    type: Literal["metrica"]
    url: WebUrl = "https://api-metrika.yandex.net"
    counter_id: PositiveInt
    token: SecretStr | None = None
    token_file: Path | None = None
    statuses: dict[str, Status] = Field(default_factory=dict)
    time_zone: TimeZone = "Europe/Moscow"
    identifiers: Literal["plain", "md5"] = "plain"
    merge_mode: Literal["SAVE", "UPDATE", "APPEND"] = "UPDATE"
    upload: Literal["json", "csv"] | None = None
    delimiter_type: Literal["COMMA", "SEMICOLON"] = "COMMA"
    orders_via: Literal["orders", "simple_orders"] = "orders"
    products: Literal["auto", "off"] = "auto"
    columns: ColumnsSettings = ColumnsSettings()
    attributes: AttributesSettings = AttributesSettings()
    contacts: ClientsSettings = ClientsSettings()
    requests_per_day: PositiveInt = 5000

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        exactly_one("token", self.token, self.token_file)
        return self

    def rules(self, topic: TopicSettings) -> TopicRules:
        """With its own columns; to be unsubscribed from messages means nothing to Metrica."""
        rules = topic.rules()
        on_delete = "ignore" if rules.on_delete == "unsubscribe" else rules.on_delete
        return replace(rules, params=self.params(topic.entity), on_delete=on_delete)

    def secret(self, place: str) -> Secret:
        """The OAuth token. `place`: of this destination, for errors."""
        return Secret(f"{place}.token", self.token, self.token_file, bare=True)

    @staticmethod
    def authorization(secret: str) -> str:
        """The header that shows it."""
        return f"OAuth {secret}"

    def params(self, entity: str) -> dict[str, str]:
        """Parameter → column, of all that Metrica has and no event has."""
        if entity not in ("contact", "order"):
            return {}
        columns = self.columns.contact if entity == "contact" else self.columns.order
        named = columns.model_dump(exclude_none=True)
        return named | {name: one.column or name for name, one in self.attributes_of(entity).items()}

    def attributes_of(self, entity: str) -> Mapping[str, AttributeSettings]:
        """The custom attributes of an entity."""
        return self.attributes.contact if entity == "contact" else self.attributes.order

    def problems(self, place: str) -> list[str]:
        """What is wrong with names, a line each."""
        return [*self._statuses(f"{place}.statuses"), *self._attributes(f"{place}.attributes")]

    def _statuses(self, place: str) -> list[str]:
        lines = []
        types: dict[str, str] = {}
        for word, status in self.statuses.items():
            id_ = status.id or word
            if not _ID.fullmatch(id_):
                remedy = f"write {{id: …, type: {status.type}}}"
                lines.append(f"{place}.{word}: {_SIGNS}; {remedy}")
            elif types.setdefault(id_, status.type) != status.type:
                lines.append(f"{place}.{word}: the id {id_} has another type already; give it one of its own")
        return lines

    def _attributes(self, place: str) -> list[str]:
        lines = []
        for entity in ("contact", "order"):
            for name in self.attributes_of(entity):
                if name in OWN:
                    lines.append(f"{place}.{entity}.{name}: is a field of Metrica's own; choose another name")
                elif not _ID.fullmatch(name):
                    lines.append(f"{place}.{entity}.{name}: {_SIGNS}; choose another name")
        return lines


_SIGNS: Final = "an id has letters of a-z, digits, _, - and : only, at most 255"
