"""What both HTTP clients need to know, and the credentials that both send."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from msgspec import Struct

from connector.core.talk import NoAnswer, Response
from connector.errors import ConfigError

UNAUTHORISED = frozenset({401, 403})


class HttpOptions(Struct, frozen=True):
    """One destination's HTTP client. Times in seconds.

    base_url: request paths are appended to it. connections: how many stay open for reuse. idle: below the 5 s
    after which common servers close a silent connection, so that a request seldom meets the closing.
    proxy: a URL; without it there is none, whatever the environment says. ca_file: trusted besides the
    system's. client_file: PEM with certificate and key. body_limit: bytes of an answer.
    """

    base_url: str
    connections: int = 32
    connect_timeout: float = 10.0
    idle: float = 4.0
    proxy: str | None = None
    ca_file: str | None = None
    client_file: str | None = None
    verify: bool = True
    user_agent: str = "crm-connector"
    body_limit: int = 1 << 20

    def url(self, path: str) -> str:
        """Where a request goes."""
        return self.base_url.rstrip("/") + path


class Credentials:
    """Headers that prove who asks; read again before the first request after a refusal (promise 6)."""

    def __init__(self, read: Callable[[], Mapping[str, str]]) -> None:
        self._read = read
        self._headers = dict(read())
        self._refused = False

    def headers(self) -> dict[str, str]:
        """The headers to send now. While their file cannot be read, those of the last reading."""
        if self._refused:
            self._refused = False
            with suppress(OSError):
                self._headers = dict(self._read())
        return self._headers

    def judge(self, status: int) -> None:
        """Remember a refusal."""
        if status in UNAUTHORISED:
            self._refused = True


def too_large(answer: Response) -> Response | NoAnswer:
    """What an answer past the limit says: a refusal is one by its status alone (RULES 4).

    Other statuses leave the request in doubt, and a success may name failures in the part that was not read.
    """
    clear = 400 <= answer.status < 500 or answer.status == 503  # noqa: PLR2004 - RULES 4 speaks in statuses
    return answer if clear else NoAnswer(True, "the answer is too large")


def tls_context(options: HttpOptions) -> ssl.SSLContext:
    """Trust and identity as the standard library sees them. ConfigError names the setting that is wrong."""
    context = ssl.create_default_context()
    if options.ca_file:
        with _named("ca_file", options.ca_file):
            context.load_verify_locations(options.ca_file)
    if options.client_file:
        with _named("client_file", options.client_file):
            context.load_cert_chain(options.client_file)
    if not options.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _named(setting: str, path: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLError:
        raise ConfigError(f"{setting}: {path} is not the PEM that is needed; see the TLS settings") from None
    except OSError as error:
        raise ConfigError(f"{setting}: cannot read {path} ({error.strerror}); mount or correct it") from None
