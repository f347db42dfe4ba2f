"""Three replicas through crashes, stops, rebalances and outages, a seed each: every promise holds."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.simulation.batch import How, over
from tests.simulation.report import failure
from tests.simulation.run import run
from tests.simulation.scenario import Scenario, draw

FRESH, PARTS = 300, 6
FILE = Path(__file__).parent.parent / "data" / "simulation_seeds.txt"
ONCE = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


@pytest.fixture
def base(request: pytest.FixtureRequest) -> int:
    """The first of this run's fresh seeds, by the number that pytest's first lines tell."""
    return int(request.config.getoption("randomly_seed")) % 10**9


def simulate(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def expect_clean(seeds: range, how: How) -> None:
    tally = over(seeds, how)
    if tally.failed is not None:
        flags = " --sqlite" * how.sqlite + " --checked" * how.checked
        again = f"make simulate ARGS='--seed {tally.failed}{flags}'"
        pytest.fail("\n".join(failure(tally.failed, how, again)))


@pytest.mark.parametrize("part", range(PARTS))
def test_fresh_seeds_keep_every_promise(base: int, part: int) -> None:
    size = FRESH // PARTS
    expect_clean(range(base + part * size, base + (part + 1) * size), How())


def test_with_the_real_sqlite_ledger_they_keep_them_too(base: int) -> None:
    expect_clean(range(base, base + 40), How(sqlite=True))


def test_the_checker_of_trials_finds_them_clean_by_their_histories(base: int) -> None:
    expect_clean(range(base, base + 40), How(checked=True))


@pytest.mark.parametrize("checked", [False, True])
@pytest.mark.parametrize("line", ONCE)
def test_what_failed_once_does_not_fail_again(line: str, *, checked: bool) -> None:
    scenario = draw(int(line)) if line.isdecimal() else msgspec.json.decode(line, type=Scenario)
    outcome = run(scenario, checked=checked)
    assert not outcome.wrong, "\n".join([*outcome.wrong, *outcome.history.lines()])


def test_a_seed_tells_the_same_story_each_time() -> None:
    for seed in range(10):
        first, second = (run(draw(seed)).history.lines() for _ in range(2))
        assert first == second


def test_seeds_reach_what_is_rare() -> None:
    reached = over(range(120), How()).reached
    expected = {
        "grant?", "accepted?", "released?", "busy", "needs", "duplicate", "superseded", "unchanged",
        "dead letter", "sent, stale", "applied, late", "revoked", "lost", "session over", "stopped",
        "killed at http", "killed at turn", "killed at poll", "killed at commit", "left",
    }  # fmt: skip
    assert expected <= reached.keys()


def test_many_seeds_are_run_on_all_cores_and_told_about() -> None:
    done = simulate("--seeds", "60", "--base", "0", "--jobs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 seeds from 0: " in done.stdout
    assert " seeds/s on 2 cores" in done.stdout
    assert done.stdout.endswith("clean\n")


def test_a_seed_that_fails_is_told_with_a_small_history_and_the_exit_code_is_1() -> None:
    done = simulate("--seeds", "60", "--base", "0", "--mutant", "version guard", "--dialect", "hold")
    assert done.returncode == 1, done.stdout + done.stderr
    flags = re.escape('--mutant "version guard" --dialect "hold"')
    again = re.search(rf"^again: make simulate ARGS='--seed (\d+) {flags}'$", done.stdout, re.MULTILINE)
    assert again is not None
    assert f"seed {again[1]} fails: " in done.stdout
    assert "to replicas 1, records " in done.stdout
    assert "faults 0, requests with a fate 0: " in done.stdout
    assert "judge  WRONG" in done.stdout
