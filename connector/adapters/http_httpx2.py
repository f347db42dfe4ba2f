"""HTTP over httpx2: through a proxy, and the plain form that `http_wire` is tested against."""

import asyncio
from collections.abc import Callable, Mapping

import httpx2

from connector.adapters.http_options import Credentials, HttpOptions, tls_context, too_large
from connector.core.talk import NoAnswer, Request, Response

NEVER_CONNECTED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


class Httpx2Http:
    """The Http port. `credentials` gives the headers that prove who asks.

    Here exceptions are honest: httpcore raises ConnectError and ConnectTimeout for name, TCP and TLS only,
    before the first byte of a request.
    """

    def __init__(self, options: HttpOptions, credentials: Callable[[], Mapping[str, str]]) -> None:
        self._options = options
        self._credentials = Credentials(credentials)
        self._client = _client(options)

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        """One attempt, whole within `timeout` seconds."""
        headers = {**self._credentials.headers(), **request.headers}
        url = self._options.url(request.path)
        try:
            async with (
                asyncio.timeout(timeout),
                self._client.stream(request.method, url, content=request.body, headers=headers) as raw,
            ):
                self._credentials.judge(raw.status_code)
                body = await self._read(raw)
        except (httpx2.TransportError, TimeoutError) as error:
            return NoAnswer(not isinstance(error, NEVER_CONNECTED), _reason(error))
        answer = Response(raw.status_code, body, dict(raw.headers.items()))
        return answer if len(body) <= self._options.body_limit else too_large(answer)

    async def close(self) -> None:
        """Close idle connections; what is in flight fails."""
        await self._client.aclose()

    async def _read(self, raw: httpx2.Response) -> bytes:
        """The body, or a part of it that is larger than the limit."""
        body = bytearray()
        async for chunk in raw.aiter_raw():
            body += chunk
            if len(body) > self._options.body_limit:
                break
        return bytes(body)


def _reason(error: Exception) -> str:
    """The kind of error: its text may quote the answer."""
    return "operation timed out" if isinstance(error, TimeoutError) else type(error).__name__


def _client(options: HttpOptions) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        verify=tls_context(options),
        headers={"user-agent": options.user_agent, "accept-encoding": "identity"},
        proxy=options.proxy,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx2.Timeout(None, connect=options.connect_timeout),
        limits=httpx2.Limits(
            max_connections=None,
            max_keepalive_connections=options.connections,
            keepalive_expiry=options.idle,
        ),
    )
