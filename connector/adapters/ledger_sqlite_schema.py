"""The ledger file: its tables, step by step, and how it is opened."""

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from connector.errors import Fatal, LedgerDown

APPLICATION: Final = 0x43524D43
"""`PRAGMA application_id` of a ledger: "CRMC"."""

STEPS: Final = (
    """
    CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE destinations (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
        takeovers INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE sources (number INTEGER PRIMARY KEY, clock TEXT NOT NULL, topic TEXT NOT NULL,
        partition INTEGER NOT NULL, UNIQUE (clock, topic, partition)) STRICT;
    CREATE TABLE heads (number INTEGER PRIMARY KEY, spread INTEGER NOT NULL, destination INTEGER NOT NULL,
        entity INTEGER NOT NULL, key TEXT NOT NULL, live INTEGER NOT NULL, head BLOB NOT NULL) STRICT;
    CREATE INDEX heads_by_spread ON heads (spread);
    CREATE TABLE claims (destination INTEGER NOT NULL, owner INTEGER NOT NULL, number INTEGER NOT NULL,
        since_ms INTEGER NOT NULL, open INTEGER NOT NULL, entries BLOB NOT NULL,
        PRIMARY KEY (destination, owner, number)) STRICT, WITHOUT ROWID;
    CREATE TABLE aliases (destination INTEGER NOT NULL, alias BLOB NOT NULL, contact TEXT NOT NULL,
        PRIMARY KEY (destination, alias)) STRICT, WITHOUT ROWID;
    CREATE TABLE rows (destination INTEGER NOT NULL, row TEXT NOT NULL, entity INTEGER NOT NULL,
        key TEXT NOT NULL, PRIMARY KEY (destination, row)) STRICT, WITHOUT ROWID;
    CREATE TABLE answers (number INTEGER PRIMARY KEY, destination INTEGER NOT NULL, topic TEXT NOT NULL,
        partition INTEGER NOT NULL, start TEXT, accept TEXT, at REAL NOT NULL) STRICT;
    CREATE TABLE epochs (destination INTEGER NOT NULL, rank INTEGER NOT NULL, clock TEXT NOT NULL,
        since_ms INTEGER NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (destination, rank)) STRICT, WITHOUT ROWID;
    """,
    """
    ALTER TABLE destinations ADD COLUMN horizon_ms INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE destinations ADD COLUMN heads INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE destinations ADD COLUMN history INTEGER NOT NULL DEFAULT 0;
    UPDATE destinations SET heads = (SELECT count(*) FROM heads WHERE destination = destinations.number);
    CREATE TABLE history (number INTEGER PRIMARY KEY, destination INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        count INTEGER NOT NULL, marks BLOB NOT NULL, entries BLOB NOT NULL) STRICT;
    """,
    "",
    """
    CREATE TABLE days (destination TEXT PRIMARY KEY, day INTEGER NOT NULL, used INTEGER NOT NULL)
        STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE discards (letter TEXT PRIMARY KEY, cause TEXT NOT NULL, reason TEXT NOT NULL,
        at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE clients (destination INTEGER NOT NULL, client TEXT NOT NULL, orders INTEGER NOT NULL,
        PRIMARY KEY (destination, client)) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE products (destination TEXT NOT NULL, digest BLOB NOT NULL,
        PRIMARY KEY (destination, digest)) STRICT, WITHOUT ROWID;
    """,
    """
    CREATE TABLE spreads (spread INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (spread, number))
        STRICT, WITHOUT ROWID;
    INSERT INTO spreads SELECT spread, number FROM heads ORDER BY spread, number;
    INSERT INTO meta SELECT 'merged', ifnull(max(number), 0) FROM heads;
    DROP INDEX heads_by_spread;
    """,
    "",
)
"""Append only: the file's user_version is the number of steps it has had. A step without statements is a
change of what is packed (ledger_rows): an older version would lose it. 3: when past events occurred.
9: row keys with texts are hashes.

A head is found by `spread` (see ledger_sqlite_places) and its key; its row is a log's: with the key as the
tree's own, random keys dirtied a page a record (24-32 µs a record, now 10; 55 at a million heads, now 11).
Whoever deletes heads must leave those with open claims: their holders remember where the row is. And the
last one's number: none is given twice.
`destinations.heads` and `.history` count rows, and entries in blocks: counting them all would take seconds.
"""

_AGAIN: Final = 0.01
"""Seconds until a lock is asked for once more."""
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """What SQLite and the file system say, in the words of errors.py."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        if name.startswith(tuple(_DAMAGED)):
            raise Fatal(f"ledger {path}: not a ledger, or damaged; restore its backup") from error
        if isinstance(error, sqlite3.OperationalError):
            raise LedgerDown(f"ledger {path}: {error}; free the disk or what locks it") from error
        raise
    except msgspec.DecodeError as error:
        raise Fatal(f"ledger {path}: damaged; restore its backup") from error
    except OSError as error:
        raise LedgerDown(f"ledger {path}: {error.strerror}; see its directory and its rights") from error


def migrate(path: Path, wait: float) -> tuple[int, int]:
    """Make the file, or bring it to this version: the version before, and after. Again changes nothing.

    Raises LedgerDown, Fatal.
    """
    with translated(path):
        before = _version(path, wait) if path.exists() else 0
        connect(path, wait).close()
    return before, len(STEPS)


def _version(path: Path, wait: float) -> int:
    db = sqlite3.connect(path, timeout=wait)
    try:
        return _pragma(db, "user_version")
    finally:
        db.close()


def connect(path: Path, wait: float) -> sqlite3.Connection:
    """Open the file, make or migrate it. Raises sqlite3.Error, OSError, Fatal."""
    if not path.parent.is_dir():
        raise Fatal(f"ledger {path}: its directory does not exist; create it")
    db = sqlite3.connect(path, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        _refuse_strangers(db, path)
        _log_ahead(db, wait)
        _tune(db)
        _migrate(db)
    except BaseException:
        db.close()
        raise
    return db


def _refuse_strangers(db: sqlite3.Connection, path: Path) -> None:
    """Before anything is written. Tables first: who makes them meanwhile commits the mark with them."""
    tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    application = _pragma(db, "application_id")
    if tables and application != APPLICATION:
        raise Fatal(f"ledger {path}: a database of another program; name another file")
    version = _pragma(db, "user_version")
    if version > len(STEPS):
        raise Fatal(
            f"ledger {path}: written by a newer crm-connector (version {version}, known {len(STEPS)}); "
            "install that one"
        )


def _log_ahead(db: sqlite3.Connection, wait: float) -> None:
    """WAL, for good. SQLite lets nobody wait for this lock, which all want who open one new file together."""
    deadline = time.monotonic() + wait
    while db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _tune(db: sqlite3.Connection) -> None:
    """A durable commit each turn, a bounded log and cache. A long log: pages go back once for many turns."""
    for setting in (
        "synchronous = FULL", "wal_autocheckpoint = 20000", "journal_size_limit = 134217728",
        "cache_size = -8000", "temp_store = MEMORY",
    ):  # fmt: skip
        db.execute(f"PRAGMA {setting}")


def _migrate(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(_pragma(db, "user_version"), len(STEPS)):
            for statement in filter(str.strip, STEPS[number].split(";")):
                db.execute(statement)
            if number == 0:
                db.execute(f"PRAGMA application_id = {APPLICATION}")
                db.executemany(
                    "INSERT INTO meta VALUES (?, ?)",
                    [("identity", secrets.token_hex(8)), ("hash_key", secrets.token_bytes(32)),
                     ("generation", 0), ("owners", 0)],
                )  # fmt: skip
            db.execute(f"PRAGMA user_version = {number + 1}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
