"""The HTTP of the process, over real sockets."""

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from threading import Event, Thread

import pytest

from connector.adapters import web
from connector.adapters.metrics import meter
from connector.adapters.web_page import POLICY
from connector.core.status import LaneStatus
from connector.errors import Fatal
from tests.page.connectors import connector


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
            self.gate.wait(30)
        return {"lanes": self.lanes}


class Site:
    """A running server and how to ask it."""

    def __init__(self, server: web.WebServer, health: FakeHealth) -> None:
        self.server, self.health = server, health

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.server.port, timeout=10)
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
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as endless:
        endless.sendall(b"GET /livez HTTP/1.1\r\nx-long: " + b"a" * 20_000)

        assert endless.recv(64).startswith(b"HTTP/1.1 400 ")


def test_more_connections_than_allowed_are_refused_and_freed_again(site: Site) -> None:
    idle = [socket.create_connection(("127.0.0.1", site.server.port)) for _ in range(web.CONNECTIONS)]
    for one in idle:
        one.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        one.recv(64)
    refused = site.ask("/livez")[0].status
    for one in idle:
        one.close()

    assert refused == 503
    assert any(site.ask("/livez")[0].status == 200 for _ in range(50))


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
