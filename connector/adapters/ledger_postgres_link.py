"""Connections to the ledger's database: bounded waits, and every error in the words of errors.py.

Sessions must be the client's own (no transaction pooling between): settings and statements are kept.
"""

import logging
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Self

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from connector.adapters import ledger_postgres_arrays
from connector.errors import ConfigError, Fatal, LedgerDown

logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # what it warns of is our LedgerDown

Row = tuple[Any, ...]
MIGRATE: Final = "run crm-connector ledger migrate -c FILE"
_SETTINGS: Final = """
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
    SET statement_timeout = {ms}; SET lock_timeout = {ms}; SET idle_in_transaction_session_timeout = {ms};
    SET enable_seqscan = off; SET jit = off; SET timezone = 'UTC'; SET search_path = pg_catalog, pg_temp
"""
"""A plan made while the tables were small must not scan them later."""
_GRACE: Final = 1.0
"""The server's own limit comes first: it ends the statement, not the connection."""
_MISSING = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedColumn)
_DAMAGED = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted)


class Connection(psycopg.Connection[Row]):
    """No answer is waited for longer than `limit` seconds: then the connection is closed."""

    limit: float = 5.0
    failure: ClassVar[str] = ""
    """Why the last connection could not be made, for whoever waits for one."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """As psycopg's."""
        try:
            made = super().connect(conninfo, **options)
        except psycopg.Error as error:
            Connection.failure = _line(str(error))
            raise
        Connection.failure = ""
        return made

    def wait(self, gen: Generator[Any, Any, Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """As psycopg's, within the limit."""
        try:
            return super().wait(gen, interval, timeout or self.limit)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - psycopg's own limit has no public name
            self.close()
            raise psycopg.OperationalError("no answer in time") from None


class Link:
    """The pool of one ledger, and the name of its place. `url` is asked at each connection.

    wait: seconds that a connection, and a statement, may take. Raises what the module says.
    """

    def __init__(self, url: Callable[[], str], wait: float) -> None:
        """Nothing is opened yet. Raises ConfigError where it is no address."""
        conninfo_of(url(), wait)
        self._url, self._wait = url, wait
        self._pool = ConnectionPool(
            self._conninfo,
            connection_class=Connection,
            kwargs={"autocommit": True, "prepare_threshold": 0},
            min_size=1,
            max_size=3,
            open=False,
            configure=self._configure,
            check=ConnectionPool.check_connection,
            timeout=wait,
            reconnect_timeout=wait,
            num_workers=1,
            name="ledger",
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection that works, given back at the end."""
        with self.translated():
            self._pool.open()
            with self._pool.connection() as connection:
                try:
                    yield connection
                except psycopg.errors.ReadOnlySqlTransaction:
                    connection.close()  # a server that takes writes may have taken its place
                    raise

    @contextmanager
    def translated(self) -> Iterator[None]:
        """What PostgreSQL and the network say, in the words of errors.py; never a value or a password."""
        try:
            yield
        except psycopg.Error as error:
            raise self._named(error) from None
        except msgspec.DecodeError:
            raise Fatal(f"ledger {self.place}: damaged; restore its backup") from None

    def close(self) -> None:
        """Close every connection."""
        self._pool.close(timeout=self._wait)

    @property
    def place(self) -> str:
        """Server and database, without user and password."""
        try:
            return place_of(self._url())
        except ConfigError:
            return "postgresql"

    def _conninfo(self) -> str:
        try:
            return conninfo_of(self._url(), self._wait)
        except ConfigError as error:
            raise psycopg.OperationalError(str(error)) from None

    def _configure(self, connection: Connection) -> None:
        connection.limit = self._wait + _GRACE
        ledger_postgres_arrays.register(connection.adapters)
        settings = _SETTINGS.format(ms=max(1, int(self._wait * 1000)))
        connection.execute(settings.encode(), prepare=False)

    def _named(self, error: psycopg.Error) -> LedgerDown | Fatal | psycopg.Error:
        place, said = f"ledger {self.place}", _line(error.diag.message_primary or str(error))
        if isinstance(error, PoolTimeout):
            return LedgerDown(
                f"{place}: {self._hidden(Connection.failure) or 'no connection in time'}; "
                f"{_remedy(Connection.failure)}"
            )
        if isinstance(error, _MISSING):
            return Fatal(f"{place}: is not what this version made; {MIGRATE}")
        if isinstance(error, _DAMAGED):
            return Fatal(f"{place}: damaged ({error.sqlstate}); restore its backup")
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return LedgerDown(f"{place}: {said}; grant it to the connector's user")
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError):
            return LedgerDown(f"{place}: {self._hidden(said)}; {_remedy(said)}")
        return error

    def _hidden(self, text: str) -> str:
        try:
            password = conninfo_to_dict(self._url()).get("password")
        except (ConfigError, psycopg.Error):
            return text
        return text.replace(str(password), "***") if password else text


def _remedy(said: str) -> str:
    if "SSL" in said or "certificate" in said:
        return "see sslmode, sslrootcert, sslcert and sslkey in ledger.url"
    if "authentication failed" in said:
        return "put user and password as they are into ledger.url"
    return "see that the server runs, can be reached and takes writes"


def conninfo_of(url: str, wait: float) -> str:
    """What libpq is given: the URL, with a limit, and a server that takes writes where several are named.

    Raises ConfigError, without any of the URL.
    """
    parts = _parts(url)
    defaults = {
        "connect_timeout": str(max(2, int(wait))), "target_session_attrs": "read-write",
        "application_name": "crm-connector", "tcp_user_timeout": str(int(wait * 1000)),
    }  # fmt: skip
    return make_conninfo(**(defaults | parts | {"client_encoding": "UTF8"}))


def place_of(url: str) -> str:
    """Server and database of a URL, without user and password. Raises ConfigError."""
    parts = _parts(url)
    return f"{parts.get('host') or 'local'}:{parts.get('port') or 5432}/{parts.get('dbname') or ''}"


def _parts(url: str) -> dict[str, Any]:
    try:
        return conninfo_to_dict(url)
    except psycopg.Error:
        raise ConfigError(
            "ledger.url: is not a PostgreSQL address; write postgresql://user@host:5432/database "
            "(a special character in user or password as %XX)"
        ) from None


def _line(text: str) -> str:
    return " ".join(text.split()).rstrip(".;")
