"""`run` as a process: it serves, works, and ends by a signal with the right code."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connector.core.status import Status
from connector.sandbox.server import SandboxServer
from tests.cli.configs import config
from tests.support.broker import Broker
from tests.support.heeded import heeded
from tests.support.kafka_node import free_ports
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory

Process = subprocess.Popen[str]


AWKWARD = """
import signal, sys
from connector.cli import call

class Dying:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

class Watching:
    def find_spec(self, name, *_):
        if name == "connector.wiring.run":
            Dying()

sys.meta_path.insert(0, Watching())
sys.exit(call(["run", "-c", sys.argv[1]]))
"""
"""A SIGTERM while modules are loaded, at a place where Python drops what is raised."""


@contextmanager
def started(file: Path, *arguments: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "connector", "run", "-c", str(file), *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return str(answer.read().decode())


def wait_until_served(process: Process, port: int, path: str, seconds: float = 240) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return get(port, path)
        except OSError:
            time.sleep(0.1)
    raise AssertionError(
        f"{path} was not served: {process.communicate()[1] if process.poll() is not None else ''}"
    )


def logged(text: str) -> list[Mapping[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.mark.kafka
def test_it_serves_joins_and_drains_on_sigterm(broker: Broker, topic: TopicFactory, tmp_path: Path) -> None:
    orders, contacts, (port,) = topic("orders"), topic("contacts"), free_ports(1)
    with running_registry() as registry, SandboxServer() as crm, heeded(crm.crm):
        file = config(
            tmp_path,
            brokers=broker.bootstrap,
            registry=registry.url,
            crm=crm.url,
            orders=orders,
            contacts=contacts,
            server={"host": "127.0.0.1", "port": port},
            history=f"{tmp_path}/history",
            delivery={"rate_per_second": 500},
        )
        with started(file, "--only", "yespo") as process:
            ready = wait_until_served(process, port, "/readyz")
            live, status, metrics = (
                get(port, "/livez"),
                json.loads(get(port, "/status")),
                get(port, "/metrics"),
            )
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=240)

    assert set(msgspec.convert(status, Status, strict=True)) == set(status)
    assert (ready, live, status["ready"], out) == ("ok\n", "ok\n", True, "")
    assert "crm_connector_build_info{" in metrics
    assert process.returncode == 0
    events = [line["event"] for line in logged(err)]
    assert (*events[:2], events[-1]) == ("capped", "started", "stopped")
    assert "170 is in force" in logged(err)[0]["detail"]
    assert not [line for line in err.splitlines() if line[0] not in "{%"]  # %: librdkafka's own
    told = [line["what"] for line in logged((tmp_path / "history").read_text())]
    assert (told[0], told[1], told[-1]) == ("started", "assigned", "stopped")


def test_a_port_in_use_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = config(tmp_path, server={"host": "127.0.0.1", "port": port})
        with started(file) as process:
            out, err = process.communicate(timeout=240)

    assert (process.returncode, out) == (1, "")
    reason = "cannot be had (Address already in use); choose another one"
    assert [line for line in err.splitlines() if line[0] != "%"] == [
        f"server.port: 127.0.0.1:{port} {reason}"
    ]


def test_a_history_that_cannot_be_written_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with started(config(tmp_path, history=f"{tmp_path}/none/history")) as process:
        out, err = process.communicate(timeout=240)

    assert (process.returncode, out) == (2, "")
    place = f"history: {tmp_path}/none/history cannot be written (No such file or directory)"
    assert [line for line in err.splitlines() if line[0] != "%"] == [
        f"{place}; name a file in a directory that can be written, or leave history out"
    ]


def test_traces_for_a_collector_that_is_asked_otherwise_are_one_line_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="needs the extra otel")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    with started(config(tmp_path, tracing=True)) as process:
        out, err = process.communicate(timeout=240)

    assert (process.returncode, out) == (2, "")
    remedy = "is not spoken here; use http/protobuf, usually at port 4318"
    assert err == f"OTEL_EXPORTER_OTLP_PROTOCOL: grpc {remedy}\n"


def test_an_unknown_destination_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    with started(config(tmp_path), "--only", "metrica") as process:
        out, err = process.communicate(timeout=240)

    assert (process.returncode, out) == (2, "")
    assert err == "metrica: is not a destination of this configuration; choose yespo\n"


def test_a_sigterm_while_it_starts_ends_it(tmp_path: Path) -> None:
    with started(config(tmp_path)) as process:
        time.sleep(0.6)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=240)

    assert process.returncode in {0, -signal.SIGTERM}


def test_a_sigterm_while_it_starts_ends_it_wherever_it_is(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AWKWARD, str(config(tmp_path))],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
