"""HTTP over pyreqwest (Rust reqwest and hyper): the default client."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PyreqwestError
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import StreamRequest
from pyreqwest.response import Response as RawResponse

from connector.adapters.http_options import Credentials, HttpOptions, tls_context, too_large
from connector.core.talk import NoAnswer, Request, Response

NEVER_CONNECTED = "client error (Connect)"


class PyreqwestHttp:
    """The Http port. `credentials` gives the headers that prove who asks.

    Exceptions: their classes lie about what reached the server (a timeout after the request was read is a
    ConnectTimeoutError). The proof is hyper's own kind of error among the causes: `Connect` covers name, TCP
    and TLS, all before the first byte of a request; what happened after is `SendRequest` or has no kind.
    """

    def __init__(self, options: HttpOptions, credentials: Callable[[], Mapping[str, str]]) -> None:
        self._options = options
        self._credentials = Credentials(credentials)
        self._client = _client(options)

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        """One attempt, whole within `timeout` seconds."""
        built = self._build(request, timeout)
        try:
            async with built as raw:
                self._credentials.judge(raw.status)
                headers = dict(raw.headers.items())
                body = await self._read(raw, headers)
        except PyreqwestError as error:
            return _no_answer(error)
        answer = Response(raw.status, body, headers)
        return answer if len(body) <= self._options.body_limit else too_large(answer)

    async def close(self) -> None:
        """Close idle connections; what is in flight fails."""
        await self._client.close()

    def _build(self, request: Request, timeout: float) -> StreamRequest:
        headers = {**self._credentials.headers(), **request.headers}
        builder = self._client.request(request.method, self._options.url(request.path))
        builder = builder.headers(headers).timeout(timedelta(seconds=timeout))
        if request.body is not None:
            builder = builder.body_bytes(request.body)
        return builder.build_streamed()

    async def _read(self, raw: RawResponse, headers: Mapping[str, str]) -> bytes:
        """The body, or a part of it that is larger than the limit; one call where its length is known."""
        limit, reader = self._options.body_limit, raw.body_reader
        length = None if "transfer-encoding" in headers else headers.get("content-length")
        if length is not None and int(length) <= limit:
            return bytes(await reader.bytes())
        body = bytearray()
        while len(body) <= limit and (chunk := await reader.read_chunk()):
            body += chunk
        return bytes(body)


def _no_answer(error: PyreqwestError) -> NoAnswer:
    causes = (error.details["causes"] or []) if isinstance(error, DetailedPyreqwestError) else []
    messages = [cause["message"] for cause in causes]
    # The first message holds the URL; the last one is the operating system's or hyper's own sentence.
    return NoAnswer(NEVER_CONNECTED not in messages, messages[-1] if len(messages) > 1 else error.message)


def _client(options: HttpOptions) -> Client:
    builder = (
        ClientBuilder()
        .follow_redirects(False)
        .referer(False)
        .no_proxy()
        .gzip(False)
        .brotli(False)
        .zstd(False)
        .deflate(False)
        .user_agent(options.user_agent)
        .connect_timeout(timedelta(seconds=options.connect_timeout))
        .pool_max_idle_per_host(options.connections)
        .pool_idle_timeout(timedelta(seconds=options.idle))
        .danger_accept_invalid_certs(not options.verify)
    )
    if options.proxy:
        builder = builder.proxy(ProxyBuilder.all(options.proxy))
    tls_context(options)  # it names what is wrong with a file, where reqwest may pass it over in silence
    if options.ca_file:
        builder = builder.add_root_certificate_pem(Path(options.ca_file).read_bytes())
    if options.client_file:
        builder = builder.identity_pem(Path(options.client_file).read_bytes())
    return builder.build()
