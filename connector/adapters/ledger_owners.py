"""Who holds a claim in a ledger file (RULES 2): an owner lives as long as it holds the lock of its file.

The lock (flock) goes with the process, however it ends, so a restart waits for nothing. Owner numbers are
never given twice. Making and asking both happen inside a write transaction of the ledger, one at a time.
"""

import fcntl
import os
from pathlib import Path


class Owner:
    """This owner's lock, held until `close`."""

    def __init__(self, ledger: Path, number: int) -> None:
        """Take it. Raises OSError (the directory cannot be written)."""
        self.number = number
        self._ledger = ledger
        self._path = _file(ledger, number)
        self._lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def close(self) -> None:
        """Let go. The file goes too: an owner without one is dead."""
        self._path.unlink(missing_ok=True)
        os.close(self._lock)


def is_living(ledger: Path, number: int) -> bool:
    """Does a process hold this owner's lock? Raises OSError where that cannot be told."""
    try:
        lock = os.open(_file(ledger, number), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def bury(ledger: Path) -> None:
    """Remove the files that dead owners left. Raises OSError."""
    for path in ledger.parent.glob(f"{ledger.name}-owner-*"):
        number = path.name.rpartition("-")[2]
        if number.isdecimal() and not is_living(ledger, int(number)):
            path.unlink(missing_ok=True)


def _file(ledger: Path, number: int) -> Path:
    return ledger.with_name(f"{ledger.name}-owner-{number}")
