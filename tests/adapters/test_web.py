"""The HTTP of the process, over real sockets."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPResponse
from threading import Event, Thread

import pytest

from connector.adapters import web
from connector.adapters.metrics import meter
from connector.adapters.web_connection import CONNECTIONS, Connection
from connector.adapters.web_page import POLICY
from connector.core.status import LaneStatus
from connector.errors import Fatal
from tests.page.connectors import connector
from tests.support.instance import wait_until


class FakeHealth:
    """A process that says of itself what a test tells it."""

    def __init__(self) -> None:
        self.stuck: list[str] = []
        self.waiting: list[str] = []
        self.gate: Event | None = None
        self.asked = False
        self.lanes = list[LaneStatus]()

    def live(self) -> list[str]:
        return self.stuck

    def ready(self) -> list[str]:
        return self.waiting

    def status(self) -> dict[str, list[LaneStatus]]:
        self.asked = True
        if self.gate:
            self.gate.wait(120)
        return {"lanes": self.lanes}


class Site:
    """A running server and how to ask it."""

    def __init__(self, server: web.WebServer, health: FakeHealth) -> None:
        self.server, self.health = server, health

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer, body


@pytest.fixture
def site() -> Iterator[Site]:
    health = FakeHealth()
    server = web.serve("127.0.0.1", 0, meter().registry, health, fresh=0)
    yield Site(server, health)
    server.close()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_is_ok_while_there_are_no_problems(site: Site, path: str) -> None:
    answer, body = site.ask(path)

    assert (answer.status, body) == (200, "ok\n")


def test_a_probe_fails_with_a_line_for_each_reason(site: Site) -> None:
    site.health.stuck = ["yespo: no progress for 300 s", "metrica: thread ended"]
    answer, body = site.ask("/livez")

    assert (answer.status, body) == (503, "yespo: no progress for 300 s\nmetrica: thread ended\n")
    assert site.ask("/readyz")[0].status == 200


def test_a_probe_answers_in_json_to_those_who_ask_for_it(site: Site) -> None:
    site.health.waiting = ["yespo: no partitions yet"]
    answer, body = site.ask("/readyz", accept="application/json")

    assert answer.status == 503
    assert json.loads(body) == {"ok": False, "problems": ["yespo: no partitions yet"]}


def test_metrics_are_exposed_in_the_format_asked_for(site: Site) -> None:
    plain, text = site.ask("/metrics")
    modern, open_text = site.ask("/metrics", accept="application/openmetrics-text; version=1.0.0")

    assert str(plain.getheader("content-type")).startswith("text/plain; version=")
    assert str(modern.getheader("content-type")).startswith("application/openmetrics-text; version=1.0.0")
    assert "crm_connector_build_info{" in text
    assert open_text.endswith("# EOF\n")


def test_status_tells_health_and_lanes_as_json(site: Site) -> None:
    site.health.waiting = ["yespo: no partitions yet"]
    site.health.lanes = connector("lagging").lanes
    answer, body = site.ask("/status")
    told = json.loads(body)

    assert (answer.status, answer.getheader("content-type")) == (200, "application/json")
    assert (told["live"], told["ready"], told["problems"]) == (True, False, ["yespo: no partitions yet"])
    assert told["health"] == told["lanes"][0]["health"] == "lagging"
    assert told["lanes"] == connector("lagging").lanes


def test_the_page_says_at_one_look_whether_it_is_healthy_and_if_not_why(site: Site) -> None:
    starting = site.ask("/")[1]
    site.health.lanes = connector("healthy").lanes
    healthy = site.ask("/")[1]
    site.health.lanes = connector("paused").lanes
    answer, paused = site.ask("/")

    assert '<span id="headline">Starting</span>' in starting
    assert '<span id="headline">Healthy</span>' in healthy
    assert '<span id="headline">Paused: 1 of 2 destinations</span>' in paused
    assert "The destination refuses its key." in paused
    assert answer.getheader("content-security-policy") == POLICY


@pytest.mark.parametrize("path", ["/", "/metrics", "/livez", "/readyz", "/status"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(site: Site, path: str, method: str) -> None:
    assert site.ask(path, method)[0].status == 405


def test_a_status_that_waits_keeps_no_probe_waiting(site: Site) -> None:
    site.health.gate = Event()
    waiting = Thread(target=site.ask, args=("/status",))
    waiting.start()
    while not site.health.asked:
        time.sleep(0.01)
    answer, _ = site.ask("/livez")
    site.health.gate.set()
    waiting.join()

    assert answer.status == 200


def test_an_unknown_path_is_not_found(site: Site) -> None:
    assert site.ask("/etc/passwd")[0].status == 404


def test_no_header_names_the_software(site: Site) -> None:
    for path in ("/", "/none"):
        assert site.ask(path)[0].getheader("server") is None


def test_a_head_without_end_is_refused(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=60) as endless:
        endless.sendall(b"GET /livez HTTP/1.1\r\nx-long: " + b"a" * 20_000)

        assert endless.recv(64).startswith(b"HTTP/1.1 400 ")


def test_connections_that_do_nothing_keep_no_probe_waiting(site: Site) -> None:
    idle = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(2 * CONNECTIONS)]
    for one in idle[::2]:
        one.sendall(b"GET /livez HTTP/1.1\r\nx-never: end")

    assert [site.ask("/livez")[0].status for _ in range(3)] == [200, 200, 200]
    for one in idle:
        one.close()


def test_more_requests_than_allowed_are_refused_while_they_are_answered(site: Site) -> None:
    site.health.gate, busy = Event(), []

    def refused() -> bool:
        busy.append(socket.create_connection(("127.0.0.1", site.server.port)))
        busy[-1].sendall(b"GET /status HTTP/1.1\r\nhost: x\r\n\r\n")
        return site.ask("/livez")[0].status == 503

    wait_until(refused, 60, lambda: "all were let in")
    assert len(busy) >= CONNECTIONS
    site.health.gate.set()
    for one in busy:
        one.close()
    wait_until(lambda: site.ask("/livez")[0].status == 200, 60, lambda: "none was let in again")


class Hasty(Connection):
    """A connection whose life is short."""

    life, grace = 0.2, 0.2


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /livez HTTP/1.1\r\nx-never: end", b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n",
     b"POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nslowly"],
    ids=["silent", "head", "keep-alive", "body"],
)  # fmt: skip
def test_a_slow_client_is_cut_off(sent: bytes) -> None:
    server = web.serve("127.0.0.1", 0, meter().registry, FakeHealth(), connection=Hasty)
    with closing(server), socket.create_connection(("127.0.0.1", server.port), timeout=60) as slow:
        slow.sendall(sent)
        with suppress(ConnectionResetError):
            while slow.recv(4096):
                pass


def test_an_address_in_use_is_one_line_with_the_remedy(site: Site) -> None:
    port = site.server.port
    with pytest.raises(Fatal) as refused:
        web.serve("127.0.0.1", port, meter().registry, FakeHealth())

    assert str(refused.value) == (
        f"server.port: 127.0.0.1:{port} cannot be had (Address already in use); choose another one"
    )


def test_a_host_that_is_no_address_is_one_line_with_the_remedy() -> None:
    with pytest.raises(
        Fatal, match=r"^server\.host: no\.such\.invalid is not an address \(.*\); correct it$"
    ):
        web.serve("no.such.invalid", 0, meter().registry, FakeHealth())


def test_a_closed_server_listens_no_more() -> None:
    server = web.serve("127.0.0.1", 0, meter().registry, FakeHealth())
    port = server.port
    server.close()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
