"""Where the ledger is: an SQLite file, or PostgreSQL, whose address may hold a password."""

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import parse_qs, unquote

from pydantic import Field, SecretStr, model_validator

from connector.errors import ConfigError
from connector.settings.types import LedgerUrl, Model, Secret, postgres_parts

_SECRETS = ("password", "sslpassword")


class LedgerSettings(Model):
    """Where it is remembered what each destination has accepted.

    retention_days: of history, 0 = none is kept; heads never expire by themselves.
    """

    url: Annotated[LedgerUrl, Field(repr=False)] = "sqlite:///var/lib/crm-connector/ledger.db"
    url_file: Path | None = None
    retention_days: Annotated[int, Field(ge=0, le=36_500)] = 30

    @model_validator(mode="after")
    def _one_url(self) -> Self:
        if self.url_file is not None and "url" in self.model_fields_set:
            raise ValueError("has both url and url_file; keep one of them")
        return self

    @property
    def is_postgres(self) -> bool:
        """Whether replicas share it; the address of an SQLite file is no secret."""
        return self.url_file is not None or self.url.startswith("postgres")

    def postgres_url(self) -> str:
        """The address, read anew from its file. Raises ConfigError, without any of it."""
        url = Secret("ledger.url", SecretStr(self.url), self.url_file).get()
        if not url.startswith(("postgresql://", "postgres://")):
            raise ConfigError(
                f"ledger.url_file: {self.url_file} holds no PostgreSQL address; "
                "write postgresql://user:password@host:5432/database there"
            )
        try:
            postgres_parts(url)
        except ValueError as error:
            raise ConfigError(f"ledger.url_file: {self.url_file} {error}") from None
        return url

    def passwords(self) -> list[str]:
        """The passwords in the address, as it is written and as it is meant. Raises ConfigError."""
        user, options = postgres_parts(self.postgres_url())
        query, written = parse_qs(options), user.partition(":")[2]
        found = [written, unquote(written), *(one for name in _SECRETS for one in query.get(name, []))]
        return [password for password in found if password]

    @property
    def sqlite_path(self) -> Path:
        """The file of an SQLite ledger: `sqlite:///absolute/path` or `sqlite:relative/path`."""
        return Path(self.url.removeprefix("sqlite:").removeprefix("//"))
