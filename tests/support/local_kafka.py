"""One Apache Kafka node (KRaft, broker and controller in one process) as a child of the tests."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from tests.support.kafka_jars import KafkaUnavailableError, kafka_jars
from tests.support.kafka_node import CLUSTER_ID, free_ports, kafka_settings, wait_until_serving

_FORMAT_SECONDS = 180.0
_STOP_SECONDS = 20.0
# Its input ends with the tests, however they end: then Kafka ($0) and its folder ($1) go too.
_WATCH = 'cat >/dev/null; kill -9 "$0"; rm -rf "$1"'
# Started for seconds: a serial collector and the first compiler alone are up soonest and smallest.
_JVM = ("java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LISTS = frozenset({"listeners", "advertised.listeners", "listener.security.protocol.map"})
_LOGGING = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


class LocalKafka:
    """A node on loopback with a port and data of its own, which survive stop, kill and restart.

    `bootstrap` is its address, and `controller` that for its peers, from before the first start. close()
    removes the data.
    """

    def __init__(
        self,
        doors: Mapping[int, int] = MappingProxyType({}),
        more: Mapping[str, str] = MappingProxyType({}),
        jvm: Sequence[str] = (),
        host: str = "127.0.0.1",
    ) -> None:
        """Choose ports and a folder; nothing runs yet. Raises KafkaUnavailableError.

        doors: more ports to listen on, each with the port that its clients are told, such as a proxy's; host:
        the address that they are told with it.
        more: settings, of which lists are added to those there are. jvm: options of Java.
        """
        self._jvm = tuple(jvm)
        self._jars = kafka_jars()
        self._folder = Path(tempfile.mkdtemp(prefix="crm-connector-kafka-"))
        self._log = self._folder / "kafka.log"
        self._config = self._folder / "server.properties"
        self._process: subprocess.Popen[bytes] | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        port, controller_port = free_ports(2)
        self.bootstrap, self.controller = f"127.0.0.1:{port}", f"127.0.0.1:{controller_port}"
        settings = self.settings = kafka_settings(self.bootstrap, self.bootstrap, self.controller)
        settings["log.dirs"] = str(self._folder / "data")
        for number, (listen, told) in enumerate(doors.items()):
            settings["listeners"] += f",DOOR{number}://127.0.0.1:{listen}"
            settings["advertised.listeners"] += f",DOOR{number}://{host}:{told}"
            settings["listener.security.protocol.map"] += f",DOOR{number}:PLAINTEXT"
        for key, value in more.items():
            settings[key] = f"{settings[key]},{value}" if key in _LISTS else value

    def start(self) -> None:
        """Start and wait until it serves requests. Raises KafkaUnavailableError with its last lines."""
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start, by the settings as they are now. Raises KafkaUnavailableError."""
        self._config.write_text("".join(f"{key}={value}\n" for key, value in self.settings.items()))
        if not (self._folder / "data").exists():
            self._format()
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal stops the tests first, Kafka after them.
            self._process = subprocess.Popen(
                self._java("kafka.Kafka", str(self._config)),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        command = ["sh", "-c", _WATCH, str(self._process.pid), str(self._folder)]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def await_ready(self) -> None:
        """Wait until it serves requests. Raises KafkaUnavailableError with its last lines."""
        try:
            wait_until_serving(self.bootstrap, alive=lambda: self._running().poll() is None)
        except KafkaUnavailableError as error:
            self.kill()
            raise KafkaUnavailableError(f"{error}: {self._last_lines()}") from error

    def stop(self) -> None:
        """Stop in order (SIGTERM); the data stay."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop without warning (SIGKILL), as a lost machine does; the data stay."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop if running, then start again on the same port with the same data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): connections stay open, nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def log_file(self, topic: str, partition: int = 0) -> Path:
        """The bytes of a partition's first records."""
        return self._folder / "data" / f"{topic}-{partition}" / f"{0:020}.log"

    def close(self) -> None:
        """End it and remove its data; may be called twice."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _format(self) -> None:
        command = self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(self._config))
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FORMAT_SECONDS, check=False)
        if done.returncode != 0:
            raise KafkaUnavailableError(f"Kafka's storage could not be formatted: {done.stderr.strip()}")

    def _java(self, main: str, *arguments: str) -> list[str]:
        return [*_JVM, *self._jvm, *_LOGGING, "-cp", f"{self._jars}/*", main, *arguments]

    def _last_lines(self) -> str:
        return " | ".join(self._log.read_text(errors="replace").splitlines()[-5:])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("this Kafka was not started")
        return self._process

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        watch, self._watch = self._watch, None
        if process is None:
            return
        process.send_signal(how)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_SECONDS)
        if watch is not None:
            _dismiss(watch)


def _dismiss(watch: subprocess.Popen[bytes]) -> None:
    # Killed with its `cat`, and before its input closes: it must not act now.
    os.killpg(watch.pid, signal.SIGKILL)
    watch.wait(_STOP_SECONDS)
    if watch.stdin is not None:
        watch.stdin.close()
