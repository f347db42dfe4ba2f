"""`python -m tests.chaos.check`: its files, its table, its exit codes."""

import subprocess
import sys
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console

from tests.chaos.check.__main__ import main
from tests.chaos.tale import Bug, Tale

KINDS = ("lost", "duplicate", "reorder", "overwritten", "ghost", "commit")


class Files:
    """A tale in the files of a trial: a history for each of two replicas."""

    def __init__(self, folder: Path, seed: int = 1, bug: Bug | None = None) -> None:
        self.tale = Tale(seed, bug)
        assert bug is None or self.tale.broken
        self.source, self.accepted = folder / "source", folder / "accepted"
        self.histories = [folder / "one.history", folder / "two.history"]
        self.write()

    def write(self) -> None:
        tale = self.tale
        self.source.write_bytes(b"".join(map(_line, tale.source)))
        self.accepted.write_bytes(b"".join(map(_line, tale.accepted)))
        for number, path in enumerate(self.histories):
            own = [line for line in tale.lines if int(line["by"][1:]) % 2 == number]
            path.write_bytes(b"".join(map(_line, own)))

    def arguments(self, *more: str) -> list[str]:
        files = ["--source", str(self.source), "--accepted", str(self.accepted)]
        return [*map(str, self.histories), *files, *more]

    def check(self, *more: str) -> tuple[int, str]:
        """Exit code and output."""
        out = StringIO()
        code = main(self.arguments(*more), Console(file=out, width=160))
        return code, out.getvalue()


def _line(one: object) -> bytes:
    return msgspec.json.encode(one) + b"\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def rows(out: str) -> dict[str, list[str]]:
    """Of the table: found, in doubt, stale, and the words of the example."""
    found = [line.split() for line in out.splitlines()]
    return {words[0]: words[1:] for words in found if words and words[0] in KINDS}


def test_a_clean_trial_ends_with_a_table_and_exit_code_0(files: Files) -> None:
    code, out = files.check()

    assert code == 0
    assert [row[0] for row in rows(out).values()] == ["0"] * len(KINDS)
    assert f"{len(files.tale.source)} records" in out
    assert out.splitlines()[-1] == "✓ every promise was kept"


def test_excused_findings_have_columns_and_an_example_of_their_own(files: Files) -> None:
    _, out = files.check()

    found, in_doubt, _, *example = rows(out)["duplicate"]
    assert (found, int(in_doubt) > 0) == ("0", True)
    assert example[0] == "order"


@pytest.mark.parametrize("bug", KINDS)
def test_a_broken_promise_is_a_row_with_its_first_example_and_exit_code_1(tmp_path: Path, bug: Bug) -> None:
    code, out = Files(tmp_path, 5, bug).check()

    assert code == 1
    found, _, _, *example = rows(out)[bug]
    assert int(found) > 0
    assert example
    assert out.splitlines()[-1] == "✗ the promises were not kept"


def test_lines_torn_by_a_kill_are_told_and_harm_nothing(files: Files) -> None:
    first = files.histories[0]
    lines = first.read_bytes().splitlines(keepends=True)
    starts = [at for at, line in enumerate(lines) if b'"started"' in line]
    lines.insert(starts[1], b'{"n":77,"at":17000\n')
    first.write_bytes(b"".join(lines) + b'{"n":7')
    code, out = files.check()

    assert code == 0
    assert "2 torn lines" in out


def test_a_line_that_is_missing_proves_nothing(files: Files) -> None:
    first = files.histories[0]
    lines = first.read_bytes().splitlines(keepends=True)
    noted = next(at for at, line in enumerate(lines) if b'"replied"' in line)
    first.write_bytes(b"".join(lines[:noted] + lines[noted + 1 :]))
    code, out = files.check()

    assert code == 1
    assert "✗ 1 lines are missing from the histories: nothing is proven" in out


def test_a_history_that_is_missing_leaves_records_unsettled(files: Files) -> None:
    files.histories.pop()
    code, out = files.check()

    assert code == 1
    assert int(rows(out)["ghost"][0]) > 0


def test_while_a_trial_runs_what_is_not_committed_is_not_lost(files: Files) -> None:
    files.tale.source.append(replace(files.tale.source[0], offset=10_000))
    files.write()

    assert files.check()[0] == 1
    assert files.check("--running")[0] == 0


def test_of_several_destinations_one_is_chosen(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    more = [line | {"by": f"{line['by']}00", "destination": "other"} for line in files.tale.lines]
    files.tale.lines += more
    files.write()

    assert files.check()[0] == 2
    assert capsys.readouterr().err == "--destination: choose one of other, yespo\n"
    assert files.check("--destination", "nobody")[0] == 2
    assert files.check("--destination", "yespo")[0] == 0


def test_a_position_that_the_source_has_not_is_no_verdict(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    files.tale.source.pop(0)
    files.write()

    assert files.check() == (2, "")
    assert capsys.readouterr().err.startswith("source: has no ")


@pytest.mark.parametrize("what", ["source", "accepted", "histories"])
def test_a_file_that_cannot_be_read_is_one_line_and_exit_code_2(
    files: Files, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    path: Path = files.histories[0] if what == "histories" else getattr(files, what)
    path.write_bytes(path.read_bytes() + b'{"key": 5}\n')
    assert files.check() == (2, "")
    assert capsys.readouterr().err.startswith(f"{path}:")

    path.unlink()
    assert files.check() == (2, "")
    assert capsys.readouterr().err == f"{path}: No such file or directory\n"


def test_a_history_that_is_given_twice_is_refused(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    files.histories.append(files.histories[0])

    assert files.check() == (2, "")
    assert "are given twice" in capsys.readouterr().err


def test_the_module_is_the_program(files: Files) -> None:
    command = [sys.executable, "-m", "tests.chaos.check"]
    done = subprocess.run([*command, *files.arguments()], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "✓ every promise was kept" in done.stdout

    misused = subprocess.run(command, check=False, capture_output=True, text=True)
    assert misused.returncode == 2


def test_of_two_services_the_acceptances_of_the_one_that_is_asked_for_count(files: Files) -> None:
    files.tale.accepted = [
        one for each in files.tale.accepted for one in (each, replace(each, service="metrica"))
    ]
    files.write()
    assert files.check()[0] == 1
    assert files.check("--service", "yespo")[0] == files.check("--service", "metrica")[0] == 0
