"""The Http port over real sockets: both clients say the same of what a server does (RULES 4)."""

import asyncio
import gc
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from connector.adapters.http_answer import Answering
from connector.adapters.http_httpx2 import Httpx2Http
from connector.adapters.http_options import HttpOptions
from connector.adapters.http_wire import WireHttp
from connector.core.talk import NoAnswer, Request, Response
from connector.errors import ConfigError
from connector.ports import Http
from tests.support.rawserver import Connection, RawServer, answer, serve, settled
from tests.support.tls import Certificates, make_certificates

POST = Request("POST", "/v2/event", "event", b'{"a":1}', {"content-type": "application/json"})
MakeHttp = Callable[..., Http]

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The loop that the courier runs on."""
    return "asyncio", {"use_uvloop": True}


def _make(kind: type[WireHttp | Httpx2Http]) -> MakeHttp:
    def build(url: str, credentials: Callable[[], Mapping[str, str]] = dict, **options: object) -> Http:
        return kind(HttpOptions(url, **options), credentials)  # type: ignore[arg-type]

    return build


@pytest.fixture(params=[WireHttp, Httpx2Http], ids=["wire", "httpx2"])
def make(request: pytest.FixtureRequest) -> MakeHttp:
    """Makes a client of a base URL."""
    return _make(request.param)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One authority for all TLS tests."""
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def unanswered() -> Iterator[str]:
    """A base URL whose port takes no connection in: its backlog is full."""
    sockets = [socket.socket() for _ in range(4)]
    try:
        sockets[0].bind(("127.0.0.1", 0))
        sockets[0].listen(0)
        for client in sockets[1:]:
            client.setblocking(False)
            client.connect_ex(sockets[0].getsockname())
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    finally:
        for each in sockets:
            each.close()


@pytest.fixture
def refusing() -> Iterator[str]:
    """A base URL that nobody listens at, and nobody else will: its port is taken."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


async def ask(http: Http, request: Request = POST, timeout: float = 30.0) -> Response | NoAnswer:
    """One attempt and the end of the client."""
    try:
        return await http.send(request, timeout)
    finally:
        await http.close()


def replies(*data: bytes) -> Callable[[RawServer, Connection], Awaitable[None]]:
    """Read one request, then write these bytes and close."""

    async def behave(server: RawServer, connection: Connection) -> None:
        await server.request(connection)
        for part in data:
            await connection.write(part)

    return behave


async def keep_alive(server: RawServer, connection: Connection) -> None:
    """Answer every request of a connection."""
    while True:
        await server.request(connection)
        await connection.write(answer(body=b"ok"))


async def test_a_request_arrives_as_it_was_made_and_its_answer_comes_back_whole(make: MakeHttp) -> None:
    """Path after the base URL, own headers before the credentials' ones, header names in lower case."""
    async with serve(replies(answer("201 Created", "да".encode(), "X-Trace-ID: 7"))) as server:
        reply = await ask(make(server.url + "/api/", lambda: {"authorization": "Basic OnNlY3JldA=="}))
    assert isinstance(reply, Response)
    assert (reply.status, reply.body, reply.headers["x-trace-id"]) == (201, "да".encode(), "7")
    [seen] = server.requests
    assert (seen.method, seen.target, seen.body) == ("POST", "/api/v2/event", b'{"a":1}')
    assert seen.headers["authorization"] == "Basic OnNlY3JldA=="
    assert seen.headers["content-type"] == "application/json"


async def test_a_request_without_body_has_none(make: MakeHttp) -> None:
    async with serve(replies(answer())) as server:
        reply = await ask(make(server.url), Request("GET", "/v1/importstatus/7", "import"))
    assert reply == Response(200, b"", reply.headers if isinstance(reply, Response) else {})
    assert (server.requests[0].method, server.requests[0].body) == ("GET", b"")


@pytest.mark.parametrize("status", [204, 302, 307, 400, 401, 404, 409, 413, 429, 500, 502, 503, 504])
async def test_every_status_is_an_answer_and_no_redirect_is_followed(make: MakeHttp, status: int) -> None:
    """A POST answered 302 comes back as 302, and the server had one request."""
    async with serve(
        replies(answer(f"{status} Some", b"", "Location: /elsewhere", "Retry-After: 3"))
    ) as server:
        reply = await ask(make(server.url))
    assert isinstance(reply, Response)
    assert (reply.status, reply.headers["retry-after"]) == (status, "3")
    assert len(server.requests) == 1


async def test_a_chunked_answer_is_put_together(make: MakeHttp) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with serve(replies(head, b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n")) as server:
        reply = await ask(make(server.url))
    assert isinstance(reply, Response)
    assert reply.body == b"abcde"


async def test_an_interim_answer_is_passed_over(make: MakeHttp) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    async with serve(replies(interim + answer("202 Accepted", b"ok"))) as server:
        reply = await ask(make(server.url))
    assert isinstance(reply, Response)
    assert (reply.status, reply.body) == (202, b"ok")


async def test_an_answer_without_a_length_ends_with_its_connection(make: MakeHttp) -> None:
    async with serve(replies(b"HTTP/1.1 200 OK\r\n\r\n", b"abc", b"de")) as server:
        reply = await ask(make(server.url))
    assert isinstance(reply, Response)
    assert reply.body == b"abcde"


# --- provably never made ---------------------------------------------------------------------------


async def test_a_refused_connection_was_never_made(make: MakeHttp, refusing: str) -> None:
    reply = await ask(make(refusing))
    assert isinstance(reply, NoAnswer)
    assert not reply.made


async def test_a_name_that_does_not_resolve_was_never_connected_to(make: MakeHttp) -> None:
    reply = await ask(make("http://crm.invalid"), timeout=5)
    assert isinstance(reply, NoAnswer)
    assert not reply.made


async def test_a_connection_that_is_not_taken_in_time_was_never_made(make: MakeHttp, unanswered: str) -> None:
    """The connect timeout passes before the request's own."""
    reply = await ask(make(unanswered, connect_timeout=0.05), timeout=3)
    assert isinstance(reply, NoAnswer)
    assert not reply.made


async def test_a_certificate_that_is_not_trusted_stops_the_request_before_it_is_written(
    make: MakeHttp, certificates: Certificates
) -> None:
    async with serve(keep_alive, certificates.server_context()) as server:
        reply = await ask(make(server.url))
    assert isinstance(reply, NoAnswer)
    assert not reply.made
    assert not server.requests


# --- in doubt --------------------------------------------------------------------------------------


async def closes(server: RawServer, connection: Connection) -> None:
    """Take the connection and let it go."""


async def reads_and_closes(server: RawServer, connection: Connection) -> None:
    """The request was received, and nothing is said."""
    await server.request(connection)


async def reads_and_resets(server: RawServer, connection: Connection) -> None:
    """As above, with RST."""
    await server.request(connection)
    connection.reset()


async def hangs(server: RawServer, connection: Connection) -> None:
    """The request was received; the answer takes for ever."""
    await server.request(connection)
    await asyncio.sleep(60)


async def trickles(server: RawServer, connection: Connection) -> None:
    """A byte at a time: no single read is slow, the whole is."""
    await server.request(connection)
    await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        await connection.write(b"x")
        await asyncio.sleep(0.01)


async def hangs_in_the_body(server: RawServer, connection: Connection) -> None:
    """Head and half a body, then silence."""
    await server.request(connection)
    await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
    await asyncio.sleep(60)


async def never_ends_its_head(server: RawServer, connection: Connection) -> None:
    """Header after header."""
    await server.request(connection)
    await connection.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        await connection.write(b"X-More: " + b"x" * 1000 + b"\r\n")


UNENDING = hangs, trickles, hangs_in_the_body


@pytest.mark.parametrize(
    "behave",
    [
        never_ends_its_head,
        closes,
        reads_and_closes,
        reads_and_resets,
        *UNENDING,
        pytest.param(replies(b"HTTP/1.1 200 OK\r\nConte"), id="half a head"),
        pytest.param(replies(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), id="half a body"),
        pytest.param(
            replies(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            id="half the chunks",
        ),
        pytest.param(replies(b"HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nabc"), id="half of a 500"),
        pytest.param(replies(b"garbage\r\n\r\n"), id="garbage"),
        pytest.param(replies(b"\x16\x03\x01\x02\x00\x01"), id="another protocol"),
    ],
)
async def test_whatever_happens_after_the_connection_leaves_the_request_in_doubt(
    make: MakeHttp, behave: Callable[[RawServer, Connection], Awaitable[None]]
) -> None:
    """Whether the server applied it cannot be told, and the wait ends in time."""
    begun = time.monotonic()
    async with serve(behave) as server:
        reply = await ask(make(server.url), timeout=1 if behave in UNENDING else 60)
    assert isinstance(reply, NoAnswer)
    assert reply.made
    assert time.monotonic() - begun < 30
    assert server.connections == 1


async def test_a_reason_holds_nothing_of_the_request(make: MakeHttp, refusing: str) -> None:
    """Paths and bodies have personal data in them."""
    request = Request("DELETE", "/v1/contact?externalCustomerId=secret-7", "contact", b"secret-8")
    async with serve(replies(b"secret-9\r\n\r\n")) as server:
        broken = await ask(make(server.url), request)
    refused = await ask(make(refusing), request)
    for reply in (broken, refused):
        assert isinstance(reply, NoAnswer)
        assert reply.reason
        assert "secret" not in reply.reason


@pytest.mark.parametrize("length", ["Content-Length: 10000000", "Transfer-Encoding: chunked"])
async def test_a_success_larger_than_the_limit_is_no_answer(make: MakeHttp, length: str) -> None:
    """What failed may stand in the part that was not read."""
    chunk = b"x" * 65536
    data = [chunk] * 160 if "chunked" not in length else [b"10000\r\n" + chunk + b"\r\n"] * 160
    async with serve(replies(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode(), *data)) as server:
        reply = await ask(make(server.url))
    assert reply == NoAnswer(True, "the answer is too large")


async def test_an_answer_of_two_lengths_is_not_trusted(make: MakeHttp) -> None:
    """Who reads the shorter one takes the rest for another answer."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    async with serve(replies(head, *[chunk] * 160)) as server:
        reply = await ask(make(server.url))
    assert isinstance(reply, NoAnswer)
    assert reply.made


@pytest.mark.parametrize("status", [400, 429, 503])
async def test_a_refusal_is_one_by_its_status_although_its_body_is_too_large(
    make: MakeHttp, status: int
) -> None:
    """RULES 4: no 4xx and no 503 is in doubt."""
    head = f"HTTP/1.1 {status} No\r\nRetry-After: 9\r\nContent-Length: 10000000\r\n\r\n".encode()
    async with serve(replies(head + b"x" * 2_000_000)) as server:
        reply = await ask(make(server.url))
    assert isinstance(reply, Response)
    assert (reply.status, reply.headers["retry-after"]) == (status, "9")


# --- connections -----------------------------------------------------------------------------------


async def test_connections_are_used_again(make: MakeHttp) -> None:
    async with serve(keep_alive) as server:
        http = make(server.url)
        for _ in range(5):
            assert isinstance(await http.send(POST, 30), Response)
        await http.close()
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_a_connection_that_the_server_closed_meanwhile_costs_nothing(make: MakeHttp) -> None:
    """The classic race, in its common form: the closing arrived before the next request."""
    async with serve(replies(answer(body=b"ok"))) as server:
        http = make(server.url)
        for _ in range(5):
            assert isinstance(await http.send(POST, 30), Response)
            await server.silence()
        await http.close()
    assert (server.connections, len(server.requests)) == (5, 5)


async def test_a_connection_closed_after_the_next_request_was_read_leaves_it_in_doubt(make: MakeHttp) -> None:
    """The race in its bad form: no client may send the request again by itself."""

    async def once(server: RawServer, connection: Connection) -> None:
        await server.request(connection)
        await connection.write(answer(body=b"ok"))
        await server.request(connection)

    async with serve(once) as server:
        http = make(server.url)
        first, second = await http.send(POST, 30), await http.send(POST, 30)
        await http.close()
    assert isinstance(first, Response)
    assert isinstance(second, NoAnswer)
    assert second.made
    assert (server.connections, len(server.requests)) == (1, 2)


async def says_close(server: RawServer, connection: Connection) -> None:
    """This answer is the last one, but the connection stays open."""
    await server.request(connection)
    await connection.write(answer("200 OK", b"ok", "Connection: close"))


async def says_more(server: RawServer, connection: Connection) -> None:
    """What follows the answer is nobody's: taken for the next one's, it would be an answer too early."""
    await server.request(connection)
    await connection.write(answer("200 OK", b"ok") + answer("500 Oops"))


async def says_more_later(server: RawServer, connection: Connection) -> None:
    """The same, while nobody asks."""
    await server.request(connection)
    await connection.write(answer("200 OK", b"ok"))
    await asyncio.sleep(0.01)
    await connection.write(answer("500 Oops"))


@pytest.mark.parametrize(
    ("kind", "talks"),
    [(Httpx2Http, says_close), (WireHttp, says_close), (WireHttp, says_more), (WireHttp, says_more_later)],
)  # httpx2 takes what follows for the next answer
async def test_a_connection_with_more_to_come_than_its_answer_is_not_used_again(
    kind: type[WireHttp | Httpx2Http], talks: Callable[[RawServer, Connection], Awaitable[None]]
) -> None:
    make, said = _make(kind), asyncio.Event()

    async def stays(server: RawServer, connection: Connection) -> None:
        await talks(server, connection)
        said.set()
        await asyncio.sleep(60)

    async with serve(stays) as server:
        http = make(server.url)
        for _ in range(2):
            reply = await http.send(POST, 30)
            assert isinstance(reply, Response)
            assert (reply.status, reply.body) == (200, b"ok")
            await said.wait()
            said.clear()
            await settled()
        await http.close()
    assert server.connections == 2


async def test_a_cancelled_request_leaves_no_connection_behind(make: MakeHttp) -> None:
    """Its answer would be taken for the next one's."""
    asked, cancelled = asyncio.Event(), asyncio.Event()

    async def late(server: RawServer, connection: Connection) -> None:
        for number in range(2):
            await server.request(connection)
            if connection.number == 1:
                asked.set()
                await cancelled.wait()
            await connection.write(answer(body=b"%d" % (connection.number * 10 + number)))

    async with serve(late) as server:
        http = make(server.url)
        first = asyncio.ensure_future(http.send(POST, 30))
        await asked.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        cancelled.set()
        reply = await http.send(POST, 30)
        await http.close()
    assert isinstance(reply, Response)
    assert reply.body == b"20"


async def test_a_line_break_in_a_path_never_reaches_the_server(make: MakeHttp) -> None:
    request = Request("GET", "/v1/contact?x=1\r\nx-evil: 1", "contact")
    async with serve(keep_alive) as server:
        with suppress(Exception):
            await ask(make(server.url), request)
    assert not any("x-evil" in seen.headers for seen in server.requests)


async def test_an_idle_connection_is_given_up_before_the_server_does(make: MakeHttp) -> None:
    async with serve(keep_alive) as server:
        http = make(server.url, idle=0.05)
        await http.send(POST, 30)
        await asyncio.sleep(0.2)
        await http.send(POST, 30)
        await http.close()
    assert server.connections == 2


@pytest.mark.parametrize("secure", [False, True])
async def test_a_connection_that_has_ended_leaves_no_garbage(
    certificates: Certificates, secure: bool
) -> None:
    """Nothing that a search for cycles would have to find: over TLS 60 KB each."""
    context = certificates.server_context() if secure else None
    closing = replies(answer("200 OK", b"", "connection: close"))
    gc.collect()
    gc.disable()
    try:
        async with serve(closing, context) as server:
            http = _make(WireHttp)(server.url, verify=False)
            for _ in range(5):
                assert isinstance(await http.send(POST, 30), Response)
            await http.close()
            for _ in range(1000):
                if not _connections():
                    break
                await asyncio.sleep(0.01)
            assert not _connections()
    finally:
        gc.enable()


def _connections() -> int:
    return sum(isinstance(one, Answering) for one in gc.get_objects())


async def test_many_requests_fly_at_once(make: MakeHttp) -> None:
    """As many as are sent: the courier bounds them, not the client."""
    arrived = asyncio.Barrier(20)

    async def together(server: RawServer, connection: Connection) -> None:
        await server.request(connection)
        await arrived.wait()
        await connection.write(answer())

    async with serve(together) as server:
        http = make(server.url, connections=2)
        replies = await asyncio.gather(*(http.send(POST, 30) for _ in range(20)))
        await http.close()
    assert all(isinstance(reply, Response) for reply in replies)


# --- proxies, credentials, TLS ---------------------------------------------------------------------


async def test_the_environment_names_no_proxy(make: MakeHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY is meant for others."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with serve(keep_alive) as server:
        assert isinstance(await ask(make(server.url)), Response)


async def test_a_configured_proxy_is_used() -> None:
    async with serve(keep_alive) as proxy:
        assert isinstance(await ask(_make(Httpx2Http)("http://crm.invalid/api", proxy=proxy.url)), Response)
    assert proxy.requests[0].target == "http://crm.invalid/api/v2/event"


async def test_credentials_are_read_again_after_a_refusal_and_not_before(make: MakeHttp) -> None:
    """So a rotated key is picked up by the next probe, without a restart."""
    keys = iter(["old", "new", "never read"])

    async def guard(server: RawServer, connection: Connection) -> None:
        while True:
            request = await server.request(connection)
            known = request.headers["authorization"] == "new"
            await connection.write(answer("200 OK" if known else "401 Unauthorized"))

    async with serve(guard) as server:
        http = make(server.url, lambda: {"authorization": next(keys)})
        statuses = [
            reply.status for _ in range(4) if isinstance(reply := await http.send(POST, 30), Response)
        ]
        await http.close()
    assert statuses == [401, 200, 200, 200]


async def test_while_the_credentials_cannot_be_read_the_last_ones_are_sent(make: MakeHttp) -> None:
    """A secret that is just being replaced is no reason to stop."""
    readings = iter([{"authorization": "old"}])

    def read() -> Mapping[str, str]:
        try:
            return next(readings)
        except StopIteration:
            raise FileNotFoundError from None

    async def refuse(server: RawServer, connection: Connection) -> None:
        while True:
            await server.request(connection)
            await connection.write(answer("401 Unauthorized"))

    async with serve(refuse) as server:
        http = make(server.url, read)
        await http.send(POST, 30)
        await http.send(POST, 30)
        await http.close()
    assert [request.headers["authorization"] for request in server.requests] == ["old", "old"]


async def test_an_authority_of_ones_own_is_trusted(make: MakeHttp, certificates: Certificates) -> None:
    async with serve(keep_alive, certificates.server_context()) as server:
        assert isinstance(await ask(make(server.url, ca_file=str(certificates.authority))), Response)


async def test_verification_can_be_switched_off(make: MakeHttp, certificates: Certificates) -> None:
    async with serve(keep_alive, certificates.server_context()) as server:
        assert isinstance(await ask(make(server.url, verify=False)), Response)


async def test_a_client_certificate_is_shown(make: MakeHttp, certificates: Certificates) -> None:
    async with serve(keep_alive, certificates.server_context(ask_client=True)) as server:
        with_it = await ask(
            make(server.url, ca_file=str(certificates.authority), client_file=str(certificates.client))
        )
        without = await ask(make(server.url, ca_file=str(certificates.authority)), timeout=2)
    assert isinstance(with_it, Response)
    assert isinstance(without, NoAnswer)


@pytest.mark.parametrize("setting", ["ca_file", "client_file"])
def test_a_missing_or_broken_tls_file_is_named(make: MakeHttp, setting: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=setting):
        make("https://crm.example", **{setting: str(tmp_path / "none.pem")})
    broken = tmp_path / "broken.pem"
    broken.write_text("not a certificate")
    with pytest.raises(ConfigError, match=setting):
        make("https://crm.example", **{setting: str(broken)})
