"""A request's body: in memory while it is small, beyond that in a temporary file."""

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Self

_IN_MEMORY = 2**20
_CHUNK = 2**18


class Spool:
    """Bytes that are written once and read as often as needed. Not thread-safe; a context manager."""

    def __init__(self, limit: int = 0) -> None:
        """limit: what goes beyond is counted and dropped; 0 = none."""
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  closed by __exit__
        self._limit = limit
        self.size = 0

    @property
    def is_whole(self) -> bool:
        """Whether nothing was dropped."""
        return not self._limit or self.size <= self._limit

    def write(self, part: bytes) -> None:
        """Append."""
        self.size += len(part)
        if self.is_whole:
            self._file.write(part)

    def __contains__(self, part: bytes) -> bool:
        """Whether these bytes are somewhere in it."""
        self._file.seek(0)
        tail = b""
        while chunk := self._file.read(_CHUNK):
            if part in tail + chunk:
                return True
            tail = (tail + chunk)[-len(part) :] if part else b""
        return not part

    def whole(self) -> bytes:
        """All of it."""
        self._file.seek(0)
        return self._file.read()

    def lines(self) -> Iterator[bytes]:
        """From the beginning, each with its end."""
        self._file.seek(0)
        return iter(self._file.readline, b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
