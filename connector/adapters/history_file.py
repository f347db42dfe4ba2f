"""A history as JSON lines in a file, for trials: it grows with every record.

One write call a line on a descriptor in append mode, so a killed process loses no line that `note` has
returned from, and several processes may append to one file. The disk is not flushed: a machine that loses
power loses lines. A disk that takes none harms nothing but the history: the line is lost, counted and said
once, and the missing number `n` tells the reader.
"""

import os
import secrets
import threading
from pathlib import Path

import msgspec

from connector.errors import ConfigError
from connector.ports import Clock, Log, Meter

REMEDY = "name a file in a directory that can be written, or leave history out"

_encode = msgspec.json.Encoder().encode


class FileHistory:
    """ports.History. Each line begins with n (from 0, one higher each), at (seconds since the epoch),
    by (this start of the process) and what."""

    def __init__(self, path: Path, clock: Clock, meter: Meter, log: Log) -> None:
        """Append to the file, made where absent. Raises ConfigError where it cannot be written."""
        self.by = secrets.token_hex(6)
        self._path, self._clock, self._meter, self._log = path, clock, meter, log
        self._lock = threading.Lock()
        self._count = 0
        self._losing = False
        try:
            self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._torn = _is_torn(self._file)
        except OSError as error:
            raise ConfigError(f"history: {path} cannot be written ({error.strerror}); {REMEDY}") from None
        meter.add("history_lost_lines_total", 0)

    def note(self, what: str, /, **fields: object) -> None:
        """See ports.History."""
        with self._lock:
            head = {"n": self._count, "at": self._clock.now(), "by": self.by, "what": what}
            self._count += 1
            self._write(_encode(head | fields) + b"\n")

    def close(self) -> None:
        """No more lines."""
        os.close(self._file)

    def _write(self, line: bytes) -> None:
        whole = b"\n" + line if self._torn else line
        try:
            written = os.write(self._file, whole)
        except OSError as error:
            self._lose(error.strerror or "?")
            return
        if written < len(whole):
            self._torn = True
            self._lose("it took a part of a line only")
            return
        self._torn = False
        if self._losing:
            self._losing = False
            self._log.info("history goes on", file=str(self._path))

    def _lose(self, reason: str) -> None:
        self._meter.add("history_lost_lines_total", 1)
        if not self._losing:
            self._losing = True
            self._log.warning("history has a gap", file=str(self._path), reason=reason)


def _is_torn(file: int) -> bool:
    """Whether what was written last is a part of a line: its process was killed in the middle."""
    size = os.fstat(file).st_size
    return size > 0 and os.pread(file, 1, size - 1) != b"\n"
