"""A schema registry over HTTP: GET, and what it answers. Redirects are not followed, nothing is tried again.

Of the standard library: Confluent's own client loads three libraries of OAuth, half a second of every start.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

import msgspec
from msgspec import Struct

from connector.errors import ConfigError

T = TypeVar("T")
LARGEST: Final = 1 << 24
"""Bytes of an answer."""
_ACCEPT: Final = (
    "application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json"
)


class RegistryOptions(Struct, frozen=True):
    """Where it is and how it is asked. credentials: headers, read anew for each request; raises ConfigError.

    ca_file: trusted instead of the system's. timeout: seconds without a byte.
    """

    url: str
    credentials: Callable[[], Mapping[str, str]] = dict
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    timeout: float = 2.0


class Refused(Exception):
    """An answer that is no success. code: the registry's own, -1 without one."""

    def __init__(self, status: int, code: int) -> None:
        super().__init__(status, code)
        self.status, self.code = status, code


class _Error(Struct):
    error_code: int = -1


class _Stay(HTTPRedirectHandler):
    """A redirect is an answer like another: credentials are not carried elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        """None: it is not followed."""


class RegistryClient:
    """Raises OSError without an answer, Refused, msgspec.DecodeError for what no registry answers."""

    def __init__(self, options: RegistryOptions) -> None:
        """Nothing is asked. Raises ConfigError: TLS files that cannot be used."""
        self._options = options
        self._opener = build_opener(_Stay, HTTPSHandler(context=_tls(options)))

    def get(self, path: str, kind: type[T]) -> T:
        """What is there, read as `kind`. Raises ConfigError: credentials that cannot be read."""
        headers = {"Accept": _ACCEPT, **self._options.credentials()}
        request = Request(f"{self._options.url}/{path}", headers=headers)  # noqa: S310 - settings: http(s)
        try:
            with self._opener.open(request, timeout=self._options.timeout) as answer:
                return msgspec.json.decode(answer.read(LARGEST), type=kind)
        except HTTPError as error:
            with error:
                raise Refused(error.code, _code(error.read(LARGEST))) from None


def _code(body: bytes) -> int:
    try:
        return msgspec.json.decode(body, type=_Error).error_code
    except msgspec.DecodeError:
        return -1


def _tls(options: RegistryOptions) -> ssl.SSLContext:
    with _named("ca_file", options.ca_file):
        context = ssl.create_default_context(cafile=options.ca_file)
    if options.certificate_file:
        with _named("certificate_file", options.certificate_file):
            context.load_cert_chain(options.certificate_file, options.key_file)
    return context


@contextmanager
def _named(setting: str, path: str | None) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # ssl.SSLError is one
        reason = "not the PEM that is needed" if isinstance(error, ssl.SSLError) else error.strerror
        raise ConfigError(
            f"schema_registry.{setting}: {path} cannot be used ({reason}); correct it"
        ) from None
