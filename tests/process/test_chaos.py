"""`make chaos` itself: a short run of it is clean, and it finds what is not as it should be."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from confluent_kafka import Producer

from tests.chaos.figures import figures
from tests.chaos.judging import histories_of, judge_world
from tests.chaos.machines import machines, missing
from tests.chaos.scenarios.destination import lost
from tests.chaos.state import differences
from tests.chaos.world import World
from tests.chaos.worlds import shared_world
from tests.support.instance import wait_until
from tests.support.required import KAFKA


def chaos(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.chaos", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def test_what_is_missing_is_one_line_with_the_remedy_and_exit_code_2(tmp_path: Path) -> None:
    done = chaos(PATH=str(tmp_path))

    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("make chaos: needs Java, Maven")
    assert "apt-get install default-jre-headless maven postgresql" in line


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    done = chaos("--only", "kill9,flood")

    assert done.returncode == 2
    assert "no such scenario: flood" in done.stderr
    assert "kill9" in done.stderr


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where a run puts its files: PostgreSQL, which is nobody's root, has to get there."""
    with TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def processes_of(folder: Path) -> list[str]:
    """Command lines that name the folder."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return [line for line in found if str(folder) in line]


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("keep", [False, True])
def test_a_run_that_is_stopped_leaves_nothing_unless_asked(folder: Path, *, keep: bool) -> None:
    if lacking := missing():
        KAFKA.without(lacking)
    command = [sys.executable, "-m", "tests.chaos", "--only", "slow", "--seconds", "60"]  # one long sleep
    command += ["--keep"] if keep else []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)}
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "shared: 3 at work\n"
        assert len(processes_of(folder)) > 3
        run.terminate()
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)  # who is impatient changes nothing
        rest = run.stdout.read()

    assert run.returncode == 130
    assert processes_of(folder) == []
    left = list(folder.iterdir())
    assert len(left) == keep
    assert rest.splitlines() == [f"histories and logs: {each}" for each in left]


def has_repeated(world: World) -> bool:
    """Whether the CRM has taken an order's version again, because its answer was lost."""
    taken = [(event.params["externalOrderId"], event.params["rev"]) for event in world.sandbox.crm.events]
    return len(set(taken)) < len(taken)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world of one replica in which answers were lost, at its end."""
    if lacking := missing():
        KAFKA.without(lacking)
    folder = tmp_path_factory.mktemp("chaos")
    with machines(doors=1) as around, shared_world(around, folder / "world", seed=1) as world:
        world.begin()
        wait_until(lambda: lost(world, 2.0) > 0 and has_repeated(world), 120, world.trouble)
        world.await_recovery()
        world.finish()
        yield world


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.timeout(600)
class TestEnded:
    def test_everything_is_as_the_source_has_it(self, ended: World) -> None:
        assert differences(ended) == []

    def test_the_checker_finds_every_promise_kept(self, ended: World) -> None:
        histories, _ = histories_of(ended)
        verdict = judge_world(ended, histories, running=False)

        assert verdict.clean, verdict.findings.tallies
        assert verdict.findings.count("duplicate", "in doubt") > 0
        assert verdict.figures["records"] == len(ended.shop.written)

    def test_the_figures_come_from_the_histories(self, ended: World) -> None:
        histories, torn = histories_of(ended)
        found = figures(histories, 0.0, float("inf"))

        assert found.records == len(ended.shop.written)
        assert found.doubtful > 0
        assert found.stale == torn == 0

    def test_a_newer_order_at_the_source_is_a_difference(self, ended: World) -> None:
        key, revs = next(iter(ended.shop.orders.items()))
        revs.append(1_000_000)
        try:
            assert differences(ended) == [f"order {key}: the CRM has {revs[-2]}, the source 1000000"]
        finally:
            revs.pop()

    def test_an_order_that_nobody_wrote_is_a_difference(self, ended: World) -> None:
        key, revs = ended.shop.orders.popitem()
        try:
            assert differences(ended) == [f"order {key}: nobody wrote it"]
        finally:
            ended.shop.orders[key] = revs

    def test_another_contact_at_the_source_is_a_difference(self, ended: World) -> None:
        ended.shop.contacts["new"] = 7
        try:
            assert differences(ended) == ["contact new: the CRM has None, the source n7"]
        finally:
            del ended.shop.contacts["new"]

    def test_poison_without_a_dead_letter_is_a_difference(self, ended: World) -> None:
        ended.shop.poison.append((3, 1_000_000))
        try:
            (line,) = differences(ended)
        finally:
            ended.shop.poison.pop()
        assert line == f"{(ended.orders, 3, 1_000_000)}: cannot be read, and has no dead letter"

    def test_a_dead_letter_of_a_record_that_can_be_read_is_a_difference(self, ended: World) -> None:
        producer = Producer({"bootstrap.servers": ended.bootstrap})
        key = f"yespo/{ended.orders}/i/d/2/1000000".encode()
        producer.produce(ended.letters, b"", key=key)
        assert producer.flush(30) == 0
        try:
            (line,) = differences(ended)
        finally:
            producer.produce(ended.letters, None, key=key)
            assert producer.flush(30) == 0
        assert line == f"{(ended.orders, 2, 1_000_000)}: in the dead letters, though it can be read"
