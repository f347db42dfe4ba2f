"""A disk that is full for the processes on it, and for nobody else."""

import subprocess
from pathlib import Path

import pytest

from tests.chaos.small_disk import NoDiskError, small_disk

WRITE = 'head -c 100000 /dev/zero > "$1"'


def test_it_is_full_until_it_is_freed(tmp_path: Path) -> None:
    try:
        with small_disk(tmp_path / "disk", 1 << 20) as disk:
            write = [*disk.prefix, "sh", "-c", WRITE, "sh", str(disk.inside / "file")]
            assert subprocess.run(write, check=False).returncode == 0
            assert (disk.outside / "file").stat().st_size == 100_000
            disk.fill()
            (disk.outside / "file").unlink()
            disk.fill()
            full = subprocess.run(write, check=False, capture_output=True)
            assert full.returncode != 0
            assert b"No space left" in full.stderr
            disk.free()
            assert subprocess.run(write, check=False).returncode == 0
    except NoDiskError as error:
        pytest.skip(f"no disk can be mounted here: {error}")

    assert list((tmp_path / "disk").iterdir()) == []
