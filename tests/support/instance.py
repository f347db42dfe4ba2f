"""The connector as a process, and its ledger's open claims as they lie on the disk."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from connector.adapters.ledger_owners import is_living
from connector.adapters.ledger_rows import unpack_entries
from connector.adapters.ledger_sqlite_tables import ENTITIES
from tests.support.private import hear

CONFIG = """
kafka:
  bootstrap_servers: {bootstrap}
  group_id: {group}
  properties: {{session.timeout.ms: 6000, heartbeat.interval.ms: 1000{more}}}
schema_registry: {{url: {registry}}}
topics:
  - {{name: {orders}, entity: order, version: rev, params: {{rev: rev}}}}
  - {{name: {contacts}, entity: contact, version: rev}}
destinations:
  yespo: {{type: yespo, url: "{crm}", api_key: sandbox-key}}
ledger: {{url: "sqlite://{ledger}"}}
dead_letters: {{topic: {letters}}}
delivery: {{rate_per_second: 0, linger_ms: 50, drain_seconds: {drain}}}
server: {{host: 127.0.0.1, port: {port}}}
log: {{level: info}}
"""


class Instance:
    """`crm-connector run -c FILE`, started as often as it is ended. Its output goes to a file beside it."""

    def __init__(self, config: Path, port: int, prefix: Sequence[str] = ()) -> None:
        """prefix: a command that becomes the connector, such as nsenter with its options."""
        self.config, self.port, self._prefix = config, port, prefix
        self.output = config.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """What is run."""
        return [*self._prefix, sys.executable, "-m", "connector", "run", "-c", str(self.config)]

    def start(self) -> None:
        """Returns at once."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(self.command, stdout=output, stderr=output)

    @property
    def running(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """With what the process that was started last has ended; None: it has not."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    def end(self, number: signal.Signals, seconds: float = 60.0) -> int:
        """Send a signal, wait for the end; the exit code. Raises TimeoutExpired."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        return self._process.wait(seconds)

    def get(self, path: str) -> str:
        """What it serves. Raises OSError while it does not."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            text = str(answer.read(), "utf-8")
        hear(path, text)
        return text

    def metric(self, line: str) -> float:
        """A figure of /metrics, by its name and labels as they stand there; 0 without it."""
        found = [each for each in self.get("/metrics").splitlines() if each.startswith(f"{line} ")]
        return float(found[0].rpartition(" ")[2]) if found else 0.0

    def partitions(self) -> int:
        """How many it has been given; 0 while it does not serve."""
        try:
            status = json.loads(self.get("/status"))
        except OSError:
            return 0
        return sum(len(lane["partitions"]) for lane in status.get("lanes", ()))

    def trouble(self) -> str:
        """All that can be said of it when something does not happen."""
        try:
            status = self.get("/status")
        except OSError as error:
            status = str(error)
        return f"running: {self.running}; {status}; {self.output.read_text()[-2000:]}"

    def close(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(30)
        if self.output.exists():
            hear(self.output.name, self.output.read_bytes())


def open_claims(ledger: Path) -> set[str]:
    """Keys of the orders that are claimed. Looks at a copy: the ledger's own files are not touched."""
    with TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            if (file := Path(f"{ledger}{suffix}")).exists():
                shutil.copy(file, Path(folder) / f"copy{suffix}")
        db = sqlite3.connect(Path(folder) / "copy")
        try:
            made = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'claims'").fetchone()
            return {key for _, entity, key in _claims(db) if entity == "order"} if made else set()
        finally:
            db.close()


def claims(ledger: Path) -> list[tuple[int, str, str]]:
    """Owner, entity and key of each open claim, while processes are at work on the ledger."""
    db = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    try:
        return _claims(db)
    finally:
        db.close()


def claims_of_the_dead(ledger: Path) -> list[tuple[str, str]]:
    """Entity and key of the claims whose owners have died, while another process goes on with the ledger."""
    return [(entity, key) for owner, entity, key in claims(ledger) if not is_living(ledger, owner)]


def _claims(db: sqlite3.Connection) -> list[tuple[int, str, str]]:
    return [
        (owner, ENTITIES[entry.entity], entry.key)
        for owner, left, entries in db.execute("SELECT owner, open, entries FROM claims")
        for at, entry in enumerate(unpack_entries(entries))
        if left >> at & 1
    ]


def heads(ledger: Path) -> set[str]:
    """Keys of the orders that the ledger holds as accepted."""
    db = sqlite3.connect(ledger)
    try:
        return {key for (key,) in db.execute("SELECT key FROM heads WHERE entity = 0")}
    finally:
        db.close()


def wait_until(
    condition: Callable[[], bool], seconds: float, trouble: Callable[[], str], *, every: float = 0.02
) -> None:
    """Raises AssertionError if it does not come true in time. every: seconds between two looks."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(trouble())
        time.sleep(every)
