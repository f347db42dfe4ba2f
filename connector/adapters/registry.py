"""The schema registry (Confluent's API, also Apicurio's): writer schemas by id.

Behaves as ports.Schemas. One lane's thread calls it between polls, so an answer is waited for a few seconds
at most; several lanes may share it.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import quote

import msgspec
from msgspec import Struct

from connector.adapters.registry_client import Refused, RegistryClient, RegistryOptions
from connector.core.avro import SchemaInvalid, inline
from connector.errors import ConfigError, RegistryDown

_NO_SUCH_ID: Final = 40403
_MAX_REFERENCES: Final = 200
KEPT: Final = 1000
"""Schemas kept; more begin anew."""
_UNAUTHORISED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Reference(Struct):
    """A schema that another one names."""

    subject: str
    version: int


class Stored(Struct):
    """A schema as a registry tells it; its id only where it was asked for by subject."""

    schema: str = ""
    references: list[Reference] | None = None
    id: int = 0


class Registry:
    """A registry. absent_for: seconds that an id without schema is not asked for again."""

    def __init__(
        self,
        options: RegistryOptions,
        *,
        absent_for: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is asked. Raises ConfigError: TLS files that cannot be used."""
        self._client = RegistryClient(options)
        self._absent_for, self._monotonic = absent_for, monotonic
        self._lock = threading.Lock()
        self._texts: dict[int, str] = {}
        self._absent: dict[tuple[int, str], float] = {}
        self._of_topic: dict[str, dict[int, None]] = {}

    def writer(self, schema_id: int, topic: str) -> str | None:
        """As ports.Schemas.writer. A schema never changes, so one that is known needs no registry."""
        text = self._texts.get(schema_id)
        if text is None:
            with self._lock:
                text = self._texts.get(schema_id) or self._ask(schema_id, topic)
        if text is not None:
            self._of_topic.setdefault(topic, {})[schema_id] = None
        return text

    def latest(self, subject: str) -> tuple[int, str] | None:
        """The newest (id, schema) of a subject, None without one; for checks. Raises RegistryDown."""
        with _outages():
            try:
                found = self._version(subject, "latest")
            except Refused as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    return None
                raise
            return found.id, self._whole(found)

    def newest(self, topic: str) -> str | None:
        """The newest value schema of a topic, by the default subject names. Raises RegistryDown."""
        found = self.latest(f"{topic}-value")
        return found and found[1]

    def each(self, topic: str) -> Iterator[str]:
        """Its value schemas, newest first, by the default subject names. Raises RegistryDown."""
        subject = f"{topic}-value"
        with _outages():
            versions = self._versions(subject)
        for version in reversed(versions):
            with _outages():
                text = self._whole(self._version(subject, version))
            yield text

    # --- Asking -----------------------------------------------------------------------------------

    def _ask(self, schema_id: int, topic: str) -> str | None:
        if self._absent.get((schema_id, topic), 0.0) > self._monotonic():
            return None
        with _outages():
            text = self._fetch(schema_id, topic)
            if text is not None:
                self._keep(schema_id, text)
            elif self._answers(topic, schema_id):
                self._forget_expired()
                self._absent[schema_id, topic] = self._monotonic() + self._absent_for
            else:
                # An empty or wrong registry answers 404 for everything: no record is to blame (RULES 9).
                raise RegistryDown(f"the schema registry knows neither id {schema_id} nor another of {topic}")
            return text

    def _keep(self, schema_id: int, text: str) -> None:
        """The decoder keeps what it made of it, so a text is seldom asked for twice."""
        if len(self._texts) >= KEPT:
            self._texts, self._of_topic = {}, {}
        self._texts[schema_id] = text

    def _fetch(self, schema_id: int, topic: str) -> str | None:
        try:
            return self._whole(self._client.get(f"schemas/ids/{schema_id}", Stored))
        except Refused as error:
            if error.code == _NO_SUCH_ID:
                return None
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            return self._bare(schema_id) or self._by_subject(schema_id, topic)

    def _bare(self, schema_id: int) -> str | None:
        """Apicurio 3.0.9 answers 400 for a schema with a default of "{}", but gives its bare text (cdc 3)."""
        try:
            return bytes(self._client.get(f"schemas/ids/{schema_id}/schema", msgspec.Raw)).decode()
        except Refused:
            return None

    def _by_subject(self, schema_id: int, topic: str) -> str:
        for subject in (f"{topic}-value", f"{topic}-key"):
            for version in reversed(self._versions(subject)):
                found = self._version(subject, version)
                if found.id == schema_id:
                    return self._whole(found)
        raise RegistryDown(
            f"the schema registry answers 400 for id {schema_id}, and no subject of {topic} has it"
        )

    def _versions(self, subject: str) -> list[int]:
        try:
            return self._client.get(f"subjects/{quote(subject, safe='')}/versions", list[int])
        except Refused:
            return []

    def _version(self, subject: str, version: int | str) -> Stored:
        return self._client.get(f"subjects/{quote(subject, safe='')}/versions/{version}", Stored)

    def _answers(self, topic: str, schema_id: int) -> bool:
        """Whether the registry answers, now, for another id of the topic: one read before, or a subject's."""
        paths = [f"schemas/ids/{known}/schema" for known in list(self._of_topic.get(topic, ()))[-1:]]
        subjects = [f"subjects/{topic}-{part}/versions/latest" for part in ("value", "key")]
        return any(self._found(path, schema_id) for path in paths + subjects)

    def _found(self, path: str, schema_id: int) -> bool:
        try:
            answer: object = self._client.get(path, Any)
        except Refused as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return False
        return not (isinstance(answer, dict) and answer.get("id") == schema_id)

    def _forget_expired(self) -> None:
        now = self._monotonic()
        self._absent = {key: until for key, until in self._absent.items() if until > now}

    # --- References -------------------------------------------------------------------------------

    def _whole(self, found: Stored) -> str:
        text = found.schema
        if not text:
            raise RegistryDown("the schema registry's address answers, but not as a registry does")
        if not found.references:
            return text
        named: dict[tuple[str, int], str] = {}
        self._collect(found.references, named)
        try:
            return inline(text, named.values())
        except SchemaInvalid:
            return text  # the decoder says what is wrong with it, and that costs the record

    def _collect(self, references: Iterable[Reference], named: dict[tuple[str, int], str]) -> None:
        for reference in references:
            key = (reference.subject, reference.version)
            if key in named:
                continue
            if len(named) >= _MAX_REFERENCES:
                raise RegistryDown(f"a schema with more than {_MAX_REFERENCES} references")
            found = self._version(*key)
            named[key] = found.schema
            self._collect(found.references or (), named)


@contextmanager
def _outages() -> Iterator[None]:
    """Turn what the client raises into RegistryDown, without the answer's text (it may quote anything)."""
    try:
        yield
    except RegistryDown:
        raise
    except ConfigError as error:
        raise RegistryDown(str(error)) from error
    except Exception as error:
        raise RegistryDown(_reason(error)) from error


def _tls(error: Exception) -> str | None:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "the schema registry's certificate cannot be verified: see schema_registry.ca_file"
    if isinstance(cause, ssl.SSLError):
        what = "misses a client certificate or refuses it, or speaks no TLS there"
        return f"the schema registry {what}: see schema_registry.url, certificate_file"
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, msgspec.DecodeError):
        return "the schema registry's address answers, but not as a registry does: see schema_registry.url"
    if not isinstance(error, Refused):
        return _tls(error) or f"the schema registry does not answer ({type(error).__name__})"
    status = error.status
    if status in _UNAUTHORISED:
        return f"the schema registry refuses the credentials ({status}): see schema_registry"
    if status == HTTPStatus.NOT_FOUND:
        return "the schema registry's address answers 404 as no registry does: see schema_registry.url"
    return f"the schema registry answers {status}"
