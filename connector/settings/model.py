"""Every option of the configuration, with its default and its limits (README, Configuration)."""

from base64 import b64encode
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from connector.settings.types import (
    Model,
    Scalar,
    Secret,
    Servers,
    Start,
    Text,
    TopicName,
    WebUrl,
    at_most_one,
)

Port = Annotated[int, Field(ge=0, le=65535)]


class KafkaSettings(Model):
    """The brokers and the group. A destination's group is `<group_id>.<destination name>`."""

    bootstrap_servers: Servers
    group_id: Text = "crm-connector"
    start: Start = "earliest"
    properties: Annotated[dict[str, Scalar], Field(repr=False, default_factory=dict)]


class RegistrySettings(Model):
    """A schema registry with Confluent's API; credentials are user and password, or a bearer token."""

    url: WebUrl
    user: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    token: SecretStr | None = None
    token_file: Path | None = None
    logical_cluster: str = ""
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        at_most_one("password", self.password, self.password_file)
        at_most_one("token", self.token, self.token_file)
        if self.basic.given and self.bearer.given:
            raise ValueError("has both password and token; keep one of them")
        if (self.user is None) is self.basic.given:
            raise ValueError("needs user and password together; add the missing one")
        return self

    def client(self) -> dict[str, Any]:
        """Options of the registry's client. A secret is read anew for each request."""
        files = {
            "ca_file": self.ca_file,
            "certificate_file": self.certificate_file,
            "key_file": self.key_file,
        }
        given = {name: str(path) for name, path in files.items() if path is not None}
        return {"url": self.url, "credentials": self._credentials, **given}

    def _credentials(self) -> dict[str, str]:
        """Headers that prove who asks; Confluent Cloud wants its cluster beside a token."""
        if self.basic.given:
            pair = b64encode(f"{self.user}:{self.basic.get()}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        if self.bearer.given:
            cluster = {"target-sr-cluster": self.logical_cluster} if self.logical_cluster else {}
            return {"authorization": f"Bearer {self.bearer.get()}", **cluster}
        return {}

    @property
    def basic(self) -> Secret:
        """The password that goes with `user`."""
        return Secret("schema_registry.password", self.password, self.password_file)

    @property
    def bearer(self) -> Secret:
        """The bearer token."""
        return Secret("schema_registry.token", self.token, self.token_file, bare=True)


class DeliverySettings(Model):
    """How much is on its way at once, and for how long. `rate_per_second` 0 = unlimited.

    max_attempts: at an event that fails by itself, while others pass; an outage counts for nothing.
    drain_seconds: derived from how long the group waits, if not given.
    """

    batch_events: PositiveInt = 500
    batch_bytes: PositiveInt = 1_048_576
    linger_ms: NonNegativeInt = 200
    in_flight: PositiveInt = 32
    rate_per_second: Annotated[float, Field(ge=0)] = 100
    memory_bytes: Annotated[int, Field(ge=1_048_576)] = 67_108_864
    request_timeout_seconds: PositiveFloat = 60
    max_attempts: PositiveInt = 16
    drain_seconds: PositiveFloat | None = None


class DeliveryOverrides(Model):
    """What a destination wants otherwise than `delivery`."""

    batch_events: PositiveInt | None = None
    batch_bytes: PositiveInt | None = None
    linger_ms: NonNegativeInt | None = None
    in_flight: PositiveInt | None = None
    rate_per_second: Annotated[float, Field(ge=0)] | None = None
    memory_bytes: Annotated[int, Field(ge=1_048_576)] | None = None
    request_timeout_seconds: PositiveFloat | None = None
    max_attempts: PositiveInt | None = None
    drain_seconds: PositiveFloat | None = None


class BrakeSettings(Model):
    """The flood brake: a pause when more than `share` of `window` records are dead letters (1 = never)."""

    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    window: PositiveInt = 200


class DeadLetterSettings(Model):
    """The dead-letter topic; made with the right settings where it is absent and `create` allows."""

    topic: TopicName = "crm-connector.dead-letters"
    create: bool = True
    brake: BrakeSettings = BrakeSettings()


class ServerSettings(Model):
    """Where metrics, probes and status are served. Port 0 = any free one."""

    host: Text = "0.0.0.0"  # noqa: S104 - Prometheus and the kubelet come from outside
    port: Port = 9108


class LogSettings(Model):
    """How and how much is logged, to standard error."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"
