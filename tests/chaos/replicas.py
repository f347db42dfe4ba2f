"""Several processes of the connector, each to be killed, frozen and restarted alone."""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.support.instance import Instance, wait_until
from tests.support.kafka_node import free_ports

Settings = Mapping[str, object]
"""A configuration, as its YAML has it."""
DRAIN = 8
"""Seconds that a replica may take to drain."""
REQUEST = 4
"""Seconds that a request may take; claims outlive their owner by this and half a minute (RULES 2)."""
SESSION = 6
"""Seconds after which the group gives a silent member's partitions away."""
START = 120.0
"""Seconds within which replicas are at work: a limit for a busy machine, not what it takes."""


class Replica:
    """One process and its configuration file, which is written anew with every start."""

    def __init__(
        self, name: str, folder: Path, settings: Settings, kafka: str, prefix: Sequence[str] = ()
    ) -> None:
        """Not started. settings: of all alike. kafka: where this one finds it. prefix: see Instance."""
        (port,) = free_ports(1)
        self.name, self.static = name, False
        self._settings, self._kafka, self._port = settings, kafka, port
        self.history = folder / f"{name}.history"
        self.process = Instance(folder / f"{name}.yaml", port, prefix)

    def start(self) -> None:
        """Returns at once."""
        settings = json.loads(json.dumps(self._settings))
        settings["server"] = {"host": "127.0.0.1", "port": self._port}
        settings["kafka"]["bootstrap_servers"] = self._kafka
        settings["history"] = str(self.history)
        if self.static:
            settings["kafka"]["properties"]["group.instance.id"] = self.name
        self.process.config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self.process.start()

    def kill(self) -> None:
        """SIGKILL."""
        code = self.process.end(signal.SIGKILL)
        assert code == -signal.SIGKILL, self.process.trouble()

    def stop(self) -> None:
        """SIGTERM; it has to drain in time and to end well."""
        asked = time.monotonic()
        code = self.process.end(signal.SIGTERM, DRAIN + 10)
        assert code == 0, f"{self.name} ended with {code}: {self.process.trouble()}"
        assert time.monotonic() - asked < DRAIN + 4, f"{self.name} took too long to drain"

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP, and SIGCONT at the end."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def paused(self) -> set[str]:
        """The reasons for which it is paused; none while it does not serve."""
        try:
            status = json.loads(self.process.get("/status"))
        except OSError:
            return set()
        return {reason for lane in status.get("lanes", ()) for reason in lane["paused"]}

    def last_words(self) -> str:
        """What its log says of its end."""
        lines = self.process.output.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in reversed(lines) if "lane failed" in line), "".join(lines[-1:]))


class Replicas:
    """All of them, under a supervisor. ended: what it found to have ended by itself, and started again."""

    def __init__(self, replicas: Sequence[Replica]) -> None:
        """None is started."""
        self.all, self.ended = replicas, list[str]()

    def __len__(self) -> int:
        return len(self.all)

    def start(self) -> None:
        """All at once."""
        for replica in self.all:
            replica.start()

    def revive(self) -> None:
        """Start again what has ended by itself, as an orchestrator does."""
        for replica in self.all:
            if (code := replica.process.code) is not None:
                self.ended.append(f"{replica.name} ended with {code}: {replica.last_words()}")
                replica.start()

    def await_share(self, partitions: int) -> None:
        """Until they have so many partitions together, and each has some."""

        def shared() -> bool:
            self.revive()
            held = [replica.process.partitions() for replica in self.all]
            return sum(held) == partitions and (min(held) > 0 or len(held) > partitions)

        wait_until(shared, START, self.trouble)

    def await_pause(self, reason: str, seconds: float = 30.0) -> None:
        """Until one of them says that it is paused for this reason: the outage has reached it."""
        wait_until(lambda: any(reason in replica.paused() for replica in self.all), seconds, self.trouble)

    def stop(self) -> None:
        """All of them, in order; each has to end well."""
        for replica in self.all:
            replica.stop()

    def close(self) -> None:
        """End them, whatever they do."""
        for replica in self.all:
            replica.process.close()

    def trouble(self) -> str:
        """All that can be said of them when something does not happen."""
        return "\n".join(f"{replica.name}: {replica.process.trouble()}" for replica in self.all)
