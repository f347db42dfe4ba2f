"""A real PostgreSQL for tests: one that is given, or Debian's own binaries started as an unprivileged user.

Each worker of a run has a server of its own, so a test may kill it; databases are made for each test.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from functools import cache
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from connector.adapters.ledger_postgres import PostgresLedger
from tests.support.kafka_node import free_ports
from tests.support.tls import Certificates

GIVEN = "CRM_CONNECTOR_TEST_POSTGRES"
_START_SECONDS = 120
_SETTINGS = (
    "fsync=off", "max_connections=60", "shared_buffers=32MB", "autovacuum_naptime=5s",
    "unix_socket_directories=", "listen_addresses=127.0.0.1", "log_min_messages=fatal",
)  # fmt: skip
# Its input ends with the tests, however they end: then the server ($0 -> its data $1) goes too. Its data go
# when it has ended: of a process that is waited for by nobody, an empty command line is left.
_WATCH = """cat >/dev/null
server=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$server" 2>/dev/null &&
    while grep -q . "/proc/$server/cmdline" 2>/dev/null; do sleep 0.02; done
rm -rf "$1"
"""


class NoPostgresError(Exception):
    """There is none, and why."""


class LocalPostgres:
    """A server on loopback with a port and data of its own, which survive stop, kill and restart."""

    def __init__(self) -> None:
        """Make its data; nothing runs yet. Raises NoPostgresError."""
        self._bin = _binaries()
        self._user = _unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="crm-connector-postgres-"))
        self._data = self._folder / "data"
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        (self.port,) = free_ports(1)
        self.url = f"postgresql://ledger:kept%20secret@127.0.0.1:{self.port}/postgres"
        command = ["sh", "-c", _WATCH, "watch", str(self._folder)]
        self._watch = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        self._more: tuple[str, ...] = ()
        try:
            self._init()
        except BaseException:
            self.close()
            raise

    def _init(self) -> None:
        password = self._folder / "password"
        password.write_text("kept secret")
        if self._user is not None:
            shutil.chown(password, self._user)
        self._run("initdb", "-D", str(self._data), "-U", "ledger", f"--pwfile={password}", "-A",
                  "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")  # fmt: skip

    def demand_tls(self, certificates: Certificates) -> None:
        """From its next start on, TLS alone, and a client's certificate beside the password."""
        for path in certificates[:2]:
            mine = Path(shutil.copy(path, self._folder))
            mine.chmod(0o600)
            if self._user is not None:
                shutil.chown(mine, self._user)
        rule = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
        (self._data / "pg_hba.conf").write_text(rule, encoding="utf-8")
        server = self._folder / certificates.server.name
        authority = self._folder / certificates.authority.name
        files = {"ssl_cert_file": server, "ssl_key_file": server, "ssl_ca_file": authority}
        self._more = ("ssl=on", *(f"{name}={path}" for name, path in files.items()))

    def start(self) -> None:
        """Start and wait until it serves. Raises NoPostgresError."""
        settings = (*_SETTINGS, *self._more, f"port={self.port}")
        options = " ".join(f"-c {setting}" for setting in settings)
        log = str(self._folder / "log")
        self._run(
            "pg_ctl",
            "start",
            "-D",
            str(self._data),
            "-w",
            "-t",
            str(_START_SECONDS),
            "-l",
            log,
            "-o",
            options,
        )

    def stop(self, mode: str = "immediate") -> None:
        """`immediate` is a crash: no session is ended in order, the next start recovers."""
        self._run("pg_ctl", "stop", "-D", str(self._data), "-m", mode, "-w")

    def freeze(self) -> None:
        """Stop every process of it where it stands: connections stay open and say nothing."""
        for process in self._processes():
            os.kill(process, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for process in self._processes():
            os.kill(process, signal.SIGCONT)

    def close(self) -> None:
        """End it and remove its data."""
        if self._watch.stdin is not None:
            self._watch.stdin.close()
        self._watch.wait(timeout=60)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _processes(self) -> list[int]:
        postmaster = (self._data / "postmaster.pid").read_text().splitlines()[0]
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        return [int(postmaster), *map(int, children)]

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            user=self._user,
            cwd=self._folder,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            log = self._folder / "log"
            raise NoPostgresError(f"{program}: {done.stdout or (log.read_text() if log.exists() else '')}")


class Database:
    """A database of one test's own. `url` is the connector's; `psql` runs a statement beside it."""

    def __init__(self, server: str) -> None:
        """Make it, empty."""
        self._server, self._name = server, f"test_{uuid.uuid4().hex}"
        self._do(sql.SQL("CREATE DATABASE {}"))
        parts = conninfo_to_dict(server)
        user, password = parts.get("user", ""), str(parts.get("password", "")).replace(" ", "%20")
        self.url = (
            f"postgresql://{user}:{password}@{parts.get('host')}:{parts.get('port') or 5432}/{self._name}"
        )

    def psql(self, statement: str) -> list[tuple[object, ...]]:
        """What a statement gives."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def drop(self) -> None:
        """Away with it, whoever is connected."""
        self._do(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"))

    def _do(self, statement: sql.SQL) -> None:
        with psycopg.connect(make_conninfo(self._server), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(self._name)))


def given() -> str | None:
    """The server that this run was given."""
    return os.environ.get(GIVEN) or None


@cache
def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    if there := shutil.which("initdb"):
        return Path(there).parent
    raise NoPostgresError(f"no initdb; install postgresql, or name a server in {GIVEN}")


def _unprivileged() -> str | None:
    """PostgreSQL does not run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgresError("runs as root, and there is no unprivileged user")


def silence(ledger: PostgresLedger) -> None:
    """No sign of life any more, as of a process that was killed or stopped."""
    ledger._store.owner._stop.set()  # noqa: SLF001 - a kill leaves no method to call
    thread = ledger._store.owner._thread  # noqa: SLF001
    assert thread is not None
    thread.join()
