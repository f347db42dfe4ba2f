"""The proxy that loses answers: it passes what it should, and ends a wire at the very byte it was told."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.proxy import Cut, Proxy
from tests.support.waiting import wait_for

ASK, ANSWER = b"ask\n", b"0123456789\n"


class Server(socketserver.ThreadingTCPServer):
    """Answers each line, and keeps what it was sent: `heard` by connection, `gone` when one has ended."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[bytes] = []
        self.gone = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        mine = len(self.server.heard)
        self.server.heard.append(b"")
        with suppress(OSError):
            while data := self.request.recv(1 << 16):
                self.server.heard[mine] += data
                self.request.sendall(ANSWER * data.count(b"\n"))
        self.server.gone += 1


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", server.port) as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", proxy.port), timeout=10)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def read(client: socket.socket, size: int) -> bytes:
    """So many bytes, or what there is until the end."""
    found = b""
    while len(found) < size and (data := client.recv(size - len(found))):
        found += data
    return found


def ask(client: socket.socket, size: int = len(ANSWER)) -> bytes:
    client.sendall(ASK)
    return read(client, size)


def test_bytes_pass_both_ways_and_an_end_passes_too(proxy: Proxy, server: Server) -> None:
    lines = 40_000
    with connect(proxy) as client:
        sender = threading.Thread(target=client.sendall, args=(ASK * lines,))
        sender.start()
        assert read(client, len(ANSWER) * lines) == ANSWER * lines
        sender.join()
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""

    assert server.heard == [ASK * lines]
    assert (proxy.connections, proxy.cuts) == (1, 0)


def test_a_cut_behind_the_request_loses_the_answer(proxy: Proxy, server: Server) -> None:
    proxy.cut(Cut("down"))
    with connect(proxy) as client:
        assert ask(client) == b""

    assert server.heard == [ASK]
    assert proxy.cuts == 1


@pytest.mark.parametrize("after", [1, 7, len(ANSWER) - 1])
def test_a_cut_answer_arrives_up_to_the_very_byte(proxy: Proxy, after: int) -> None:
    proxy.cut(Cut("down", after))
    with connect(proxy) as client:
        assert ask(client) == ANSWER[:after]


@pytest.mark.parametrize("after", [0, 1, len(ASK) - 1])
def test_a_cut_request_arrives_up_to_the_very_byte(proxy: Proxy, server: Server, after: int) -> None:
    proxy.cut(Cut("up", after))
    with connect(proxy) as client:
        assert ask(client) == b""
    wait_for(lambda: server.gone == 1)

    assert server.heard == [ASK[:after]]


def test_bytes_count_from_when_the_cut_is_set(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == ANSWER
        proxy.cut(Cut("down", len(ANSWER) + 2))
        assert ask(client) == ANSWER
        assert ask(client) == ANSWER[:2]


def test_as_many_wires_are_cut_as_asked_then_all_is_well(proxy: Proxy) -> None:
    proxy.cut(Cut("down", range(1, 5), times=3))
    for _ in range(3):
        with connect(proxy) as client:
            assert 1 <= len(ask(client)) < 5
    with connect(proxy) as client:
        assert ask(client) == ANSWER

    assert proxy.cuts == 3


def test_a_reset_is_one_to_both_sides(proxy: Proxy, server: Server) -> None:
    proxy.cut(Cut("down", how="reset"))
    with connect(proxy) as client, pytest.raises(ConnectionResetError):
        ask(client)
    wait_for(lambda: server.gone == 1)


def test_a_stall_holds_bytes_back_until_they_flow_again(proxy: Proxy, server: Server) -> None:
    proxy.stall()
    with connect(proxy) as client:
        client.sendall(ASK)
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert b"".join(server.heard) == b""
        proxy.flow()
        client.settimeout(10)
        assert read(client, len(ANSWER)) == ANSWER


def test_what_a_stall_held_back_is_lost_with_its_connection(proxy: Proxy, server: Server) -> None:
    with connect(proxy) as client:
        assert ask(client) == ANSWER
        proxy.stall()
        client.sendall(ASK)
        proxy.reset()
        proxy.flow()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    wait_for(lambda: server.gone == 1)

    assert server.heard == [ASK]


def test_refused_is_what_a_client_hears_until_it_accepts_again(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert ask(client) == ANSWER
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        proxy.heal()
    with connect(proxy) as client:
        assert ask(client) == ANSWER


def test_a_connection_to_a_server_that_is_away_ends(server: Server) -> None:
    with socket.socket() as away:
        away.bind(("127.0.0.1", 0))  # and never listens
        proxy = Proxy(*away.getsockname())
        # It may be reset before `connect` has returned.
        with proxy, pytest.raises(ConnectionResetError), connect(proxy) as client:
            client.recv(1)
