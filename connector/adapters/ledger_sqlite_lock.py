"""One process at a time for a piece of work: a lock on a file beside SQLite's, gone with the process."""

import fcntl
import os
from hashlib import sha256
from pathlib import Path

from connector.errors import LedgerDown


class FileLock:
    """Implements ports.archive.Lock. ledger: the ledger's file, in an existing directory."""

    def __init__(self, ledger: Path, name: str) -> None:
        """Not taken yet."""
        self._path = ledger.with_name(f"{ledger.name}-lock-{sha256(name.encode()).hexdigest()[:16]}")
        self._file = -1

    def take(self) -> bool:
        """See ports.archive.Lock."""
        try:
            while self._file < 0:
                file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    os.close(file)
                    return False
                if self._is_there(file):
                    self._file = file
                else:  # its holder has removed it meanwhile: another may lock a new one
                    os.close(file)
        except OSError as error:
            raise LedgerDown(
                f"ledger {self._path}: {error.strerror}; see its directory and its rights"
            ) from error
        return True

    def _is_there(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """See ports.archive.Lock. The file goes first, while nobody else can hold it."""
        if self._file >= 0:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1
