"""Why Kafka lets a client not in, as a line with place and remedy; and passwords read anew after a refusal.

librdkafka answers a question with "broker transport failure": the reason goes to its error callback alone.
"""

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin._metadata import ClusterMetadata

from connector.errors import ConfigError

_LOOK: Final = 1.0
"""Seconds of one question, after which it is looked why it has no answer."""
_SERVER: Final = re.compile(r"\w+://([^/]+)/")
_ALERT: Final = re.compile(r"alert [a-z ]*(certificate|unknown ca)")
_MECHANISMS: Final = re.compile(r"supported mechanisms: ([A-Z0-9,-]+)")
_OAUTH_ERROR: Final = re.compile(r'"error": ?"([a-z_]{1,40})"')
_USER, _PASSWORD = "sasl.username", "sasl.password"


def explain(error: KafkaError) -> str | None:
    """One line, without anything that was sent; None: neither TLS nor SASL is to blame."""
    said = error.str()
    found = _SERVER.match(said)
    place, rest = _tls(said) or _sasl(error, said) or ("", "")
    server = found[1] if found else "the broker"
    return f"kafka.properties.{place}: {rest.format(server=server)}" if place else None


def _tls(said: str) -> tuple[str, str] | None:
    if "certificate verify failed" in said:
        remedy = "name the CA that signed it, and connect by the name it was made for"
        return "ssl.ca.location", "the certificate of {server} cannot be verified; " + remedy
    if _ALERT.search(said):
        remedy = "give one that it trusts, and its ssl.key.location"
        return "ssl.certificate.location", "{server} misses a client certificate or refuses it; " + remedy
    if "PLAINTEXT broker listener" in said:
        return "security.protocol", "{server} speaks no TLS there; connect to its port for TLS"
    return None


def _sasl(error: KafkaError, said: str) -> tuple[str, str] | None:
    if error.code() != KafkaError._AUTHENTICATION:  # noqa: SLF001 - the library's public name
        return None
    if offered := _MECHANISMS.search(said):
        return "sasl.mechanism", f"{{server}} takes {offered[1].replace(',', ', ')}; choose one of them"
    if "OAUTHBEARER token" in said:
        why = found[1] if (found := _OAUTH_ERROR.search(said)) else "no answer that holds one"
        remedy = "correct sasl.oauthbearer.client.id, client.secret or token.endpoint.url"
        return "sasl.oauthbearer", f"no token is given ({why}); {remedy}"
    return _PASSWORD, "{server} refuses the credentials; put valid ones in their place"


class Client(Protocol):
    """Any of librdkafka's."""

    def set_sasl_credentials(self, username: str, password: str) -> None:
        """Of the next connection."""

    def list_topics(self, topic: str | None = None, *, timeout: float) -> ClusterMetadata:
        """Raises KafkaException."""

    def poll(self, timeout: float) -> object:
        """Calls back."""


class Access:
    """A client's error callback: knows why nobody answers, and gives its clients the password as it is now.

    why: the line, None: nothing is wrong with TLS or SASL. last: the newest error's name. librdkafka takes a
    new user and password (PLAIN, SCRAM) at its next connection; certificates, keys and a client's secret of
    OAuth need a new client.
    """

    def __init__(self, reread: Callable[[], Mapping[str, object]] | None = None) -> None:
        """reread: the properties anew; raises ConfigError where they cannot be read."""
        self.why: str | None = None
        self.last = ""
        self._reread, self._refused = reread, False
        self._clients: tuple[Client, ...] = ()

    def serve(self, *clients: Client | None) -> None:
        """Those that the password is for."""
        self._clients = tuple(one for one in clients if one is not None)  # an idle one counts as false

    def metadata(self, client: Client, wait: float) -> ClusterMetadata:
        """Of all topics. Raises KafkaException, in about a second where TLS or SASL is refused."""
        deadline = time.monotonic() + wait
        while True:
            try:
                return client.list_topics(timeout=min(_LOOK, wait))
            except KafkaException:
                client.poll(0)  # hears why
                if self.why is not None or time.monotonic() > deadline:
                    raise

    def hear(self, error: KafkaError) -> None:
        """The callback, on the thread that polls."""
        self.why, self.last = explain(error) or self.why, str(error.name())
        self._refused = self._refused or error.code() == KafkaError._AUTHENTICATION  # noqa: SLF001 - as above

    def renew(self) -> None:
        """After a refusal, the password as it is now; not to be called from a callback: librdkafka aborts."""
        if not self._refused or self._reread is None:
            return
        self._refused = False
        with suppress(ConfigError):  # until it can be read, the one before
            given = self._reread()
            if _USER in given and _PASSWORD in given:
                for client in self._clients:
                    client.set_sasl_credentials(str(given[_USER]), str(given[_PASSWORD]))
