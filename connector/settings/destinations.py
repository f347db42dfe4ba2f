"""The destinations' options: a type of its own for each CRM (README, Configuration)."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from msgspec.structs import replace
from pydantic import Field, NonNegativeFloat, SecretStr, StringConstraints, model_validator

from connector.core.rules import TopicRules
from connector.settings.destination import Destination
from connector.settings.metrica import MetricaSettings
from connector.settings.topic import TopicSettings
from connector.settings.types import Model, Secret, TimeZone, WebUrl, exactly_one


class ContactsSettings(Model):
    """Contacts before their orders. `wait_seconds`: with `never`, or while it is in doubt whether its contact
    still has its address, how long an order waits for its contact."""

    ensure: Literal["always", "unknown", "never"] = "unknown"
    wait_seconds: NonNegativeFloat = 60


class LocatorSettings(Model):
    """An event parameter of the account's own, and the contact's field that Yespo compares it with."""

    parameter: Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
    field: Literal["externalCustomerId", "email", "phone"] = "externalCustomerId"


class YespoSettings(Destination):
    """Yespo (eSputnik). `time_zone` is the account user's: dates are sent in it.

    It answers 429 above 200 requests a second; 180 was still seen to meet one, 170 none.
    """

    takes = frozenset({"order", "contact", "event"})
    caps: ClassVar[Mapping[str, float]] = {"rate_per_second": 170}

    type: Literal["yespo"]
    url: WebUrl = "https://yespo.io/api"
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    orders_via: Literal["events", "past_events", "add_orders", "add_orders_then_events"] = "events"
    events_via: Literal["events", "past_events"] = "events"
    time_zone: TimeZone = "Europe/Kyiv"
    in_doubt: Literal["resend", "hold"] = "resend"
    contacts: ContactsSettings = ContactsSettings()
    locator: LocatorSettings | None = None
    cancel_by_key: bool = False

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        exactly_one("api_key", self.api_key, self.api_key_file)
        return self

    def rules(self, topic: TopicSettings) -> TopicRules:
        """A snapshot of custom events is history: it goes where history goes, or nowhere (RULES 7)."""
        if topic.entity != "event" or topic.on_snapshot != "update":
            return topic.rules()
        past = self.events_via == "past_events"
        return replace(topic.rules(), on_snapshot="past_events" if past else "skip")

    def secret(self, place: str) -> Secret:
        """The API key. `place`: of this destination, for errors."""
        return Secret(f"{place}.api_key", self.api_key, self.api_key_file)

    @staticmethod
    def authorization(secret: str) -> str:
        """The header that shows it; the user's name does not matter."""
        return "Basic " + b64encode(f"crm-connector:{secret}".encode()).decode()


DestinationSettings = Annotated[YespoSettings | MetricaSettings, Field(discriminator="type")]
