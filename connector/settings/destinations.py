"""The destinations' options: a type of its own for each CRM (DESIGN, Configuration)."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, PositiveInt, SecretStr, StringConstraints, model_validator

from connector.settings.model import DeliveryOverrides
from connector.settings.types import Model, Secret, TimeZone, TopicName, WebUrl, exactly_one


class ContactsSettings(Model):
    """Contacts before their orders. `wait_seconds`: with `never`, how long an order waits for its contact."""

    ensure: Literal["always", "unknown", "never"] = "unknown"
    wait_seconds: NonNegativeFloat = 60


class LocatorSettings(Model):
    """An event parameter of the account's own, and the contact's field that Yespo compares it with."""

    parameter: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    field: Literal["externalCustomerId", "email", "phone"] = "externalCustomerId"


class YespoSettings(Model):
    """Yespo (eSputnik). `time_zone` is the account user's: dates are sent in it."""

    type: Literal["yespo"]
    url: WebUrl = "https://yespo.io/api"
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    topics: tuple[TopicName, ...] | None = None
    orders_via: Literal["events", "past_events", "add_orders", "add_orders_then_events"] = "events"
    events_via: Literal["events", "past_events"] = "events"
    time_zone: TimeZone = "Europe/Kyiv"
    in_doubt: Literal["resend", "hold"] = "resend"
    contacts: ContactsSettings = ContactsSettings()
    locator: LocatorSettings | None = None
    cancel_by_key: bool = False
    delivery: DeliveryOverrides = DeliveryOverrides()

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        exactly_one("api_key", self.api_key, self.api_key_file)
        return self

    def secret(self, place: str) -> Secret:
        """The API key. `place`: of this destination, for errors."""
        return Secret(f"{place}.api_key", self.api_key, self.api_key_file)


class MetricaSettings(Model):
    """Yandex Metrica's CRM data."""

    type: Literal["metrica"]
    url: WebUrl = "https://api-metrika.yandex.net"
    counter_id: PositiveInt
    token: SecretStr | None = None
    token_file: Path | None = None
    topics: tuple[TopicName, ...] | None = None
    statuses: dict[str, Literal["IN_PROGRESS", "PAID", "CANCELLED", "SPAM", "OTHER"]] = Field(
        default_factory=dict
    )
    delivery: DeliveryOverrides = DeliveryOverrides()

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        exactly_one("token", self.token, self.token_file)
        return self

    def secret(self, place: str) -> Secret:
        """The OAuth token. `place`: of this destination, for errors."""
        return Secret(f"{place}.token", self.token, self.token_file)


DestinationSettings = Annotated[YespoSettings | MetricaSettings, Field(discriminator="type")]
