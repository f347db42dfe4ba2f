"""The sandbox on a real socket: faults that need one, the control endpoints, the page."""

import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest

from connector.sandbox.faults import Fault, Match
from connector.sandbox.options import Options, read_options
from connector.sandbox.server import SandboxServer, serve
from tests.sandbox.calls import ANN, event


@pytest.fixture
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(import_seconds=0, rate_per_second=0) as server:
        yield server


@pytest.fixture
def client(sandbox: SandboxServer) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=sandbox.url, auth=("", "sandbox-key"), timeout=60) as http:
        assert http.post("/v1/contact", json=ANN).status_code == 200
        yield http


def order(number: int) -> dict[str, object]:
    return event(externalOrderId=str(number))


def test_paths_are_served_with_and_without_api(sandbox: SandboxServer, client: httpx2.Client) -> None:
    assert [client.post(f"{base}/v2/event", json=order(1)).status_code for base in ("", "/api")] == [200, 409]
    assert sandbox.crm.answers == {("contact", 200): 1, ("event", 200): 1, ("event", 409): 1}


def test_a_lost_answer_was_applied_and_its_repeat_is_a_409(
    sandbox: SandboxServer, client: httpx2.Client
) -> None:
    sandbox.faults.add({"match": {"path": "/v2/event"}, "times": 1, "do": "lost_answer"})
    with pytest.raises(httpx2.TransportError):
        client.post("/v2/event", json=order(1))
    assert len(sandbox.crm.events) == 1
    assert client.post("/v2/event", json=order(1)).status_code == 409


def test_a_connection_cut_before_was_not_applied(sandbox: SandboxServer, client: httpx2.Client) -> None:
    sandbox.faults.add(Fault(do="cut_before", times=1))
    with pytest.raises(httpx2.TransportError):
        client.post("/v2/event", json=order(1))
    assert sandbox.crm.events == []
    assert client.post("/v2/event", json=order(1)).status_code == 200
    assert [(seen.status, seen.fault) for seen in sandbox.crm.requests[-2:]] == [
        (0, "cut_before"),
        (200, None),
    ]


def test_a_hanging_request_never_ends_and_does_not_hold_up_the_others(
    sandbox: SandboxServer, client: httpx2.Client
) -> None:
    sandbox.faults.add(Fault(do="hang", times=1))
    with pytest.raises(httpx2.TimeoutException):
        client.post("/v2/event", json=order(1), timeout=0.2)
    assert client.post("/v2/event", json=order(2)).status_code == 200
    assert list(sandbox.crm.orders) == ["2"]


def test_a_delay_comes_before_the_answer(sandbox: SandboxServer, client: httpx2.Client) -> None:
    sandbox.faults.add(Fault(do="delay", delay=0.2, times=1))
    begin = time.monotonic()
    assert client.post("/v2/event", json=order(1)).status_code == 200
    assert time.monotonic() - begin >= 0.2


def test_a_status_with_headers_for_so_many_times(client: httpx2.Client) -> None:
    fault = {
        "do": "status",
        "times": 2,
        "status": 503,
        "headers": {"Retry-After": "2"},
        "body": {"message": "busy"},
    }
    assert client.post("/_sandbox/faults", json=fault).status_code == 200
    answers = [client.post("/v2/event", json=order(1)) for _ in range(3)]
    assert [each.status_code for each in answers] == [503, 503, 200]
    assert (answers[0].headers["retry-after"], answers[0].json()) == ("2", {"message": "busy"})


def test_an_error_may_come_after_the_request_was_applied(
    sandbox: SandboxServer, client: httpx2.Client
) -> None:
    sandbox.faults.add(Fault(do="status", status=502, apply=True, times=1))
    assert client.post("/v2/event", json=order(1)).status_code == 502
    assert list(sandbox.crm.orders) == ["1"]


def test_a_poison_order_is_always_refused_and_the_others_are_not(
    sandbox: SandboxServer, client: httpx2.Client
) -> None:
    sandbox.faults.add(Fault(do="status", status=400, body="bad", match=Match(body='"POISON-1"')))
    keys = ["a", "POISON-1", "b", "POISON-1"]
    found = [client.post("/v2/event", json=event(externalOrderId=key)).status_code for key in keys]
    assert found == [200, 400, 200, 400]


def test_faults_by_method_path_time_order_and_chance(sandbox: SandboxServer) -> None:
    faults = sandbox.faults
    faults.add(Fault(do="hang", match=Match(method="GET", path="/v1/importstatus/*"), after=1))
    faults.add(Fault(do="refuse_auth", seconds=5), Fault(do="delay", probability=0.5))

    def pick(method: str, path: str) -> str | None:
        fault = faults.pick(method, path, b"")
        return fault.do if fault else None

    assert [pick("GET", "/v1/importstatus/1") for _ in range(2)] == ["refuse_auth", "hang"]
    assert pick("POST", "/v1/importstatus/1") == "refuse_auth"
    sandbox.clock.advance(5)
    chances = [pick("POST", "/v1/orders") for _ in range(400)]
    assert set(chances) == {None, "delay"}
    assert 150 < chances.count("delay") < 250
    assert [hits for _, hits in faults.hits()] == [1, 2, chances.count("delay")]


def test_refused_credentials_for_a_while(sandbox: SandboxServer, client: httpx2.Client) -> None:
    sandbox.faults.add(Fault(do="refuse_auth", times=1))
    assert [client.get("/v1/account/info").status_code for _ in range(2)] == [401, 200]


def test_state_clock_rate_fail_and_reset_over_http(sandbox: SandboxServer, client: httpx2.Client) -> None:
    client.post("/v2/event", json=order(1))
    state = client.get("/_sandbox/state").json()
    assert state["counts"]["orders"] == 1
    assert state["orders"][0]["params"]["externalOrderId"] == "1"
    assert state["answers"] == {"contact 200": 1, "event 200": 1}
    client.post("/_sandbox/clock", json={"advance": 61})
    assert client.post("/v2/event", json=order(1)).status_code == 200
    client.post("/_sandbox/rate", json={"per_second": 1})
    assert [client.get("/v1/account/info").status_code for _ in range(2)] == [200, 429]
    client.post("/_sandbox/fail", json={"keys": ["9"], "imports": 1})
    assert (sandbox.crm.failing, sandbox.crm.broken_imports) == ({"9"}, 1)
    client.post("/_sandbox/faults", json=[{"do": "hang"}])
    assert len(client.get("/_sandbox/faults").json()) == 1
    client.post("/_sandbox/reset")
    assert client.get("/_sandbox/faults").json() == []
    assert sum(sandbox.crm.counts().values()) == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", b'{"do": "explode"}'),
        ("faults", b'{"do": "hang", "time": 1}'),
        ("faults", b"{"),
        ("clock", b'{"advance": -1}'),
        ("clock", b"{}"),
        ("rate", b"[]"),
    ],
)
def test_a_mistake_at_the_controls_is_a_400_that_says_what_is_wrong(
    client: httpx2.Client, path: str, body: bytes
) -> None:
    answer = client.post(f"/_sandbox/{path}", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_the_page_is_served_at_the_root(client: httpx2.Client) -> None:
    page = client.get("/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=UTF-8")
    assert "/_sandbox/state" in page.text
    assert client.get("/_sandbox/none").status_code == 404


def test_no_request_log_keeps_a_body_or_a_credential(sandbox: SandboxServer, client: httpx2.Client) -> None:
    client.post("/v2/event", json=order(1))
    kept = client.get("/_sandbox/state").json()["requests"]
    assert set(kept[-1]) == {"at", "method", "path", "status", "size", "fault"}


def test_state_read_from_another_thread_is_whole(sandbox: SandboxServer, client: httpx2.Client) -> None:
    done = threading.Event()
    uneven: list[dict[str, int]] = []

    def watch() -> None:
        while not done.is_set():
            counts = sandbox.crm.counts()
            if not counts["orders"] == counts["events"] == counts["triggers"]:
                uneven.append(counts)
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(100):
        client.post("/v2/event", json=order(number))
    done.set()
    watcher.join()
    assert (uneven, len(sandbox.crm.orders)) == ([], 100)


def test_a_large_request_arrives_whole(sandbox: SandboxServer, client: httpx2.Client) -> None:
    events = [{**order(number), "occurred": "2020-01-01"} for number in range(500)]
    assert client.post("/v1/past_events", json={"events": events}).status_code == 200
    assert len(sandbox.crm.past_events) == 500


def test_a_taken_port_is_told_at_once_and_the_state_outlives_the_server() -> None:
    with SandboxServer() as server:
        with pytest.raises(OSError, match="in use"):
            SandboxServer(port=server.port)
        crm = server.crm
    assert crm.counts()["requests"] == 0
    with pytest.raises(ConnectionRefusedError), socket.create_connection((server.host, server.port)):
        pass


def test_stopping_drops_a_hanging_request_quietly(capfd: pytest.CaptureFixture[str]) -> None:
    lost: list[Exception] = []

    def ask(url: str) -> None:
        try:
            httpx2.get(url, timeout=60)
        except httpx2.TransportError as error:
            lost.append(error)

    with SandboxServer() as server:
        server.faults.add(Fault(do="hang"))
        thread = threading.Thread(target=ask, args=[f"{server.url}/v1/account/info"])
        thread.start()
        while not server.crm.requests:
            time.sleep(0.01)
    thread.join(60)
    assert len(lost) == 1
    assert [line for line in capfd.readouterr().err.splitlines() if line[:1] != "%"] == []  # %: librdkafka's


def test_serve_runs_until_stopped() -> None:
    ready: list[SandboxServer] = []
    bound = threading.Event()

    def on_ready(server: SandboxServer) -> None:
        ready.append(server)
        bound.set()

    thread = threading.Thread(target=serve, kwargs={"port": 0, "on_ready": on_ready})
    thread.start()
    assert bound.wait(60)
    assert httpx2.get(ready[0].url, timeout=60).status_code == 200
    ready[0].shut()
    thread.join(60)
    assert not thread.is_alive()


def test_options_are_read_from_texts_and_mistakes_are_told() -> None:
    found = read_options(["delete_range_enabled=true", "api_key=k-1", 'segmented=["orderCreated"]'])
    assert found == Options(delete_range_enabled=True, api_key="k-1", segmented=frozenset({"orderCreated"}))
    for setting, words in (
        ("delete_range=true", "delete_range is no option; did you mean delete_range_"),
        ("rate_per_second", "rate_per_second has no value"),
        ("shared_channel=lost", "Invalid enum value 'lost'"),
        ("rate_per_second=soon", "Expected `int`"),
    ):
        with pytest.raises(ValueError, match=words):
            read_options([setting])
