"""A disk that can be filled without harming the machine: a tmpfs in a mount namespace of its own.

An ordinary user may make one where user namespaces are allowed. Processes get there with `prefix`; from
outside it is seen through /proc.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CHUNK = 1 << 16
_SCRIPT = 'mount -t tmpfs -o size="$2" crm-connector "$1" && echo mounted && exec cat'


class NoDiskError(Exception):
    """This machine does not let us mount; the message says why, in one line."""


class SmallDisk:
    """inside: its folder, as processes with `prefix` name it; outside: as all others do."""

    def __init__(self, folder: Path, size: int) -> None:
        """Mount it over a folder, with so many bytes. Raises NoDiskError."""
        mine = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
        command = ["unshare", *mine, "sh", "-c", _SCRIPT, "sh", str(folder), str(size)]
        pipe = subprocess.PIPE
        self._holder = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert self._holder.stdout is not None
        if not self._holder.stdout.readline():
            raise NoDiskError(self._reason())
        pid = self._holder.pid
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        self.prefix = ("nsenter", f"--target={pid}", "--mount", *user)
        self.inside, self.outside = folder, Path(f"/proc/{pid}/root{folder}")

    def fill(self) -> None:
        """Until not another page fits."""
        with (self.outside / "ballast").open("ab", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(_CHUNK))

    def free(self) -> None:
        """As it was before."""
        (self.outside / "ballast").unlink()

    def close(self) -> None:
        """Away with it, once nobody uses it any more."""
        self._holder.communicate()

    def _reason(self) -> str:
        _, said = self._holder.communicate()
        return said.strip().splitlines()[0] if said.strip() else "unshare was refused"


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[SmallDisk]:
    """For the time of a with block. Raises NoDiskError."""
    folder.mkdir()
    disk = SmallDisk(folder, size)
    try:
        yield disk
    finally:
        disk.close()
