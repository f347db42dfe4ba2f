"""The schema registry (Confluent's API, also Apicurio's): writer schemas by id.

Behaves as ports.Schemas. One lane's thread calls it between polls, so an answer is waited for a few seconds
at most; several lanes may share it.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, Final

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from connector.core.avro import SchemaInvalid, inline
from connector.errors import ConfigError, RegistryDown

_NO_SUCH_ID: Final = 40403
_MAX_REFERENCES: Final = 200
KEPT: Final = 1000
"""Schemas kept; more begin anew."""
_UNAUTHORISED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_DEFAULTS: Final = {"timeout": 2.0, "max.retries": 0}


class Registry:
    """A registry by the properties of confluent_kafka's client (url, basic.auth.user.info, ssl.ca.location).

    reread: the properties anew, once the registry has refused the credentials; raises ConfigError.
    absent_for: seconds that an id without schema is not asked for again. Raises ConfigError.
    """

    def __init__(
        self,
        properties: Mapping[str, Any],
        *,
        reread: Callable[[], Mapping[str, Any]] | None = None,
        absent_for: float = 30.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._reread = _client(properties), reread
        self._refused = False
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
        with self._asking():
            try:
                found = self._client.get_latest_version(subject)
            except SchemaRegistryError as error:
                if error.http_status_code == HTTPStatus.NOT_FOUND:
                    return None
                raise
            return int(found.schema_id or 0), self._whole(found.schema)

    def newest(self, topic: str) -> str | None:
        """The newest value schema of a topic, by the default subject names. Raises RegistryDown."""
        found = self.latest(f"{topic}-value")
        return found and found[1]

    def each(self, topic: str) -> Iterator[str]:
        """Its value schemas, newest first, by the default subject names. Raises RegistryDown."""
        subject = f"{topic}-value"
        with self._asking():
            versions = self._versions(subject)
        for version in reversed(versions):
            with self._asking():
                text = self._whole(self._client.get_version(subject, version).schema)
            yield text

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # --- Asking -----------------------------------------------------------------------------------

    def _ask(self, schema_id: int, topic: str) -> str | None:
        if self._absent.get((schema_id, topic), 0.0) > self._monotonic():
            return None
        with self._asking():
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

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """After a refusal with the secrets as their files have them now (promise 6)."""
        if self._refused and self._reread is not None:
            with suppress(ConfigError):
                self._client, old = _client(self._reread()), self._client
                old.close()
        self._refused = False
        with _outages():
            try:
                yield
            except SchemaRegistryError as error:
                self._refused = error.http_status_code in _UNAUTHORISED
                raise

    def _fetch(self, schema_id: int, topic: str) -> str | None:
        try:
            return self._whole(self._client.get_schema(schema_id))
        except SchemaRegistryError as error:
            if error.error_code == _NO_SUCH_ID:
                return None
            if error.http_status_code != HTTPStatus.BAD_REQUEST:
                raise
            return self._bare(schema_id) or self._by_subject(schema_id, topic)

    def _bare(self, schema_id: int) -> str | None:
        """Apicurio 3.0.9 answers 400 for a schema with a default of "{}", but gives its bare text (cdc 3)."""
        try:
            return json.dumps(self._get(f"schemas/ids/{schema_id}/schema"))
        except SchemaRegistryError:
            return None

    def _by_subject(self, schema_id: int, topic: str) -> str:
        for subject in (f"{topic}-value", f"{topic}-key"):
            for version in reversed(self._versions(subject)):
                found = self._client.get_version(subject, version)
                if found.schema_id == schema_id:
                    return self._whole(found.schema)
        raise RegistryDown(
            f"the schema registry answers 400 for id {schema_id}, and no subject of {topic} has it"
        )

    def _versions(self, subject: str) -> list[int]:
        try:
            return self._client.get_versions(subject)
        except SchemaRegistryError:
            return []

    def _answers(self, topic: str, schema_id: int) -> bool:
        """Whether the registry answers, now, for another id of the topic: one read before, or a subject's."""
        paths = [f"schemas/ids/{known}/schema" for known in list(self._of_topic.get(topic, ()))[-1:]]
        subjects = [f"subjects/{topic}-{part}/versions/latest" for part in ("value", "key")]
        return any(self._found(path, schema_id) for path in paths + subjects)

    def _found(self, path: str, schema_id: int) -> bool:
        try:
            answer = self._get(path)
        except SchemaRegistryError as error:
            if error.http_status_code != HTTPStatus.NOT_FOUND:
                raise
            return False
        return not (isinstance(answer, dict) and answer.get("id") == schema_id)

    def _get(self, path: str) -> Any:
        # The client's public methods know no …/schema, and answer from a cache where an answer now counts.
        return self._client._rest_client.get(path)  # noqa: SLF001

    def _forget_expired(self) -> None:
        now = self._monotonic()
        self._absent = {key: until for key, until in self._absent.items() if until > now}

    # --- References -------------------------------------------------------------------------------

    def _whole(self, schema: Schema) -> str:
        text = schema.schema_str
        if not text:
            raise RegistryDown("the schema registry's address answers, but not as a registry does")
        if not schema.references:
            return text
        found: dict[tuple[str, int], str] = {}
        self._collect(schema.references, found)
        try:
            return inline(text, found.values())
        except SchemaInvalid:
            return text  # the decoder says what is wrong with it, and that costs the record

    def _collect(self, references: Iterable[SchemaReference], found: dict[tuple[str, int], str]) -> None:
        for reference in references:
            key = (str(reference.subject), int(reference.version or 0))
            if key in found:
                continue
            if len(found) >= _MAX_REFERENCES:
                raise RegistryDown(f"a schema with more than {_MAX_REFERENCES} references")
            schema = self._client.get_version(*key).schema
            found[key] = schema.schema_str or ""
            self._collect(schema.references or (), found)


def _client(properties: Mapping[str, Any]) -> SchemaRegistryClient:
    try:
        return SchemaRegistryClient({**_DEFAULTS, **properties})
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(f"schema_registry: {_line(error)}") from error


@contextmanager
def _outages() -> Iterator[None]:
    """Turn what the client raises into RegistryDown, without the answer's text (it may quote anything)."""
    try:
        yield
    except RegistryDown:
        raise
    except Exception as error:
        raise RegistryDown(_reason(error)) from error


def _reason(error: Exception) -> str:
    if not isinstance(error, SchemaRegistryError):
        return f"the schema registry does not answer ({type(error).__name__})"
    status = error.http_status_code
    if status in _UNAUTHORISED:
        return f"the schema registry refuses the credentials ({int(status)}): see schema_registry"
    if status == HTTPStatus.NOT_FOUND:
        return "the schema registry's address answers 404 as no registry does: see schema_registry.url"
    return f"the schema registry answers {status}"


def _line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
