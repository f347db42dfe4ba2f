"""A replay on a real Kafka, killed, interrupted, resumed; what CRM, ledger and brokers say of it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.ledger_sqlite import SqliteLedger
from connector.cli import call
from connector.sandbox.server import SandboxServer
from connector.settings import load
from connector.wiring.replays import Job, plan, replace, save
from tests.support.backfill import PARTITIONS, Backfill
from tests.support.broker import Broker
from tests.support.instance import open_claims, wait_until
from tests.support.local_kafka import LocalKafka
from tests.support.registry import running_registry
from tests.support.topics import TopicFactory

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

README = Path(__file__).parent.parent.parent / "README.md"
GOLDEN = Path(__file__).parent.parent / "data" / "cli"
QUESTION = "Send again what was accepted, messages to customers included? [y/N]: "
BUSY = "another process is at work on it; wait for its end, or stop it first"


@pytest.fixture
def world(
    broker: Broker, topic: TopicFactory, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Backfill]:
    topics = topic("orders", partitions=PARTITIONS), topic("contacts")
    options: dict[str, Any] = getattr(request, "param", {})
    with running_registry() as registry, SandboxServer(rate_per_second=0, **options) as sandbox:
        made = Backfill(tmp_path, broker, topics, registry, sandbox)
        try:
            yield made
        finally:
            made.close()


def test_killed_twice_and_interrupted_it_resumes_and_sends_nothing_twice(world: Backfill) -> None:
    """20,000 records by time, of which 16,000 are meant; the live group's offsets stay where they are."""
    world.write(20_000)
    world.commit(7)
    live = world.live()
    process = world.replay(
        "--topic",
        world.topic,
        "--from",
        "2025-01-01T00:00:00Z",
        "--to",
        "2025-01-01T04:26:40Z",
        "--share",
        "0.5",
    )
    name = ""
    for number, count in ((signal.SIGKILL, 3000), (signal.SIGKILL, 6000), (signal.SIGINT, 9000)):
        wait_until(lambda count=count: len(world.sent) >= count, 180, lambda: f"{len(world.sent)}")  # type: ignore[misc]
        if number is signal.SIGINT:
            process.send_signal(signal.SIGSTOP)  # else it might end meanwhile
            assert world.refused(name) == (1, f"replay {name}: {BUSY}\n")
            process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        name = name or re.findall(r"replay ([0-9a-f-]+):", err)[0]
        assert process.returncode == (1 if number is signal.SIGINT else -signal.SIGKILL), err
        if number is signal.SIGINT:
            assert f"--resume {name}" in err
            assert json.loads(out)["finished"] is False
        (listed,) = world.known
        assert (listed["id"], listed["finished"]) == (name, False)
        process = world.replay("--resume", name, "--share", "1")
    out, err = process.communicate(timeout=240)
    summary = json.loads(out)

    assert process.returncode == 0, err
    assert world.sent == {f"o{one}": 1 for one in range(16_000)}
    assert (summary["finished"], summary["records"], summary["gaps"]) == (True, 16_000, 0)
    assert summary["outcomes"].keys() <= {"delivered", "duplicate"}
    assert sum(summary["outcomes"].values()) == len(world.sent)
    assert world.live() == live
    assert open_claims(world.ledger) == set()
    assert [(one["finished"], one["share"]) for one in world.known] == [(True, 1.0)]


def test_one_whose_last_commit_is_not_answered_is_not_taken_for_done(
    own_kafka: LocalKafka, tmp_path: Path
) -> None:
    """It ends though its lane hangs, and says how far it is and how to go on."""
    broker = Broker(own_kafka.bootstrap, "local")
    made = TopicFactory(broker)
    topics = made("orders", partitions=PARTITIONS), made("contacts")
    with running_registry() as registry, SandboxServer(rate_per_second=0) as sandbox:
        world = Backfill(tmp_path, broker, topics, registry, sandbox)
        try:
            world.write(20_000)
            process = world.replay("--topic", world.topic, "--from", "beginning")
            wait_until(lambda: len(world.sent) >= 1000, 60, lambda: f"{len(world.sent)}")
            own_kafka.pause()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=120)
        finally:
            world.close()

    assert process.returncode == 1
    assert json.loads(out)["finished"] is False
    assert re.search(r"\nnot finished; go on: .* --resume [0-9a-f-]+\n$", err), err


def test_one_of_which_the_brokers_forgot_a_part_is_not_resumed_without_it(
    world: Backfill, capsys: pytest.CaptureFixture[str]
) -> None:
    """They forget each partition's commit by itself, as old as it is."""
    world.write(40)
    settings = load(world.file, {})
    found = plan(settings, Job("yespo", world.topic, "beginning", "end", 0, ""), ())
    left = {place: mark for place, mark in found.marks.items() if place[1] < PARTITIONS - 1}
    save(settings, replace(found, marks=left))

    assert call(["replay", "-c", str(world.file), "--resume", found.id]) == 2
    assert capsys.readouterr().err == (
        "--resume: the brokers have forgotten how far it was in 1 of its partitions; begin a new replay\n"
    )
    assert world.sent == {}


def test_what_was_replayed_once_is_not_sent_again(world: Backfill) -> None:
    world.write(400)
    first = world.done("--topic", world.topic, "--from", "beginning")
    world.write(100, first=400)
    again = world.done("--topic", world.topic, "--from", "beginning")

    assert (first["outcomes"], again["outcomes"]) == (
        {"delivered": 400},
        {"delivered": 100, "duplicate": 400},
    )
    assert set(world.sent.values()) == {1}
    assert set(world.live().values()) == {-1001}


def test_a_key_a_column_and_a_partition_narrow_it(world: Backfill) -> None:
    world.write(80)
    of = ["--topic", world.topic, "--from", "beginning"]

    assert world.done(*of, "--key", "o5", "--key", "o6")["outcomes"] == {"delivered": 2, "filtered": 78}
    assert world.sent == {"o5": 1, "o6": 1}
    narrow = world.done(*of, "--where", "external_customer_id=c3", "--partition", "3")
    assert narrow["outcomes"] == {"delivered": 1, "filtered": 19}
    assert world.sent == {"o5": 1, "o6": 1, "o3": 1}
    last = world.done(*of, "--partition", "0", "--from", "15", "--to", "17")
    assert (last["outcomes"], last["offsets"]) == ({"delivered": 2}, 2)


def test_via_past_events_they_go_as_history(world: Backfill) -> None:
    world.write(40)
    summary = world.done("--topic", world.topic, "--from", "beginning", "--via", "past_events")

    assert summary["outcomes"] == {"delivered": 40}
    assert world.sandbox.crm.counts()["events"] == 0
    assert world.sandbox.crm.counts()["past_events"] == 40


@pytest.mark.parametrize("world", [{"conflict_seconds": 0}], indirect=True)
def test_forced_what_was_accepted_goes_again_once_somebody_said_so(world: Backfill) -> None:
    world.write(30)
    of = ["--topic", world.topic, "--from", "beginning"]
    world.done(*of)
    refused = world.replay(*of, "--mode", "force")
    out, err = refused.communicate(timeout=240)
    assert (refused.returncode, out) == (2, "")
    assert err == "replay --mode force: asks before it sends again, and has no terminal; add --yes\n"
    assert set(world.sent.values()) == {1}

    code, out, err = world.asked("n", *of, "--mode", "force")
    assert (code, out) == (1, "")
    assert err.endswith(f"{QUESTION}nothing was sent\n")
    assert set(world.sent.values()) == {1}

    assert world.done(*of, "--mode", "force", "--dry-run")["outcomes"] == {"delivered": 30}
    code, out, err = world.asked("y", *of, "--mode", "force")
    assert (code, out.count("30 delivered")) == (0, 1), err
    assert set(world.sent.values()) == {2}
    assert world.done(*of, "--mode", "force", "--yes")["outcomes"] == {"delivered": 30}
    assert set(world.sent.values()) == {3}
    assert world.done(*of)["outcomes"] == {"duplicate": 30}
    ledger = SqliteLedger(world.ledger, "yespo")
    assert [sent.outcome for sent in ledger.history("order", "o7")] == ["accepted", "forced", "forced"]
    ledger.close()


def test_a_dry_run_tells_beforehand_what_comes_of_it_and_leaves_no_trace(world: Backfill) -> None:
    world.write(200)
    of = ["--topic", world.topic, "--from", "beginning"]
    world.done(*of, "--to", "10", "--partition", "0")
    requests, letters = world.sandbox.crm.counts()["requests"], set(world.topics())
    told = world.done(*of, "--dry-run")

    assert told["outcomes"] == {"duplicate": 10, "delivered": 190}
    assert told["dry_run"] is True
    assert told["minutes"] is None
    assert world.sandbox.crm.counts()["requests"] == requests
    assert len(world.known) == 1
    assert set(world.topics()) == letters
    before = world.sandbox.crm.counts()["requests"]
    assert world.done(*of)["outcomes"] == told["outcomes"]
    assert world.sandbox.crm.counts()["requests"] - before >= sum(told["requests"].values())


def test_offsets_that_expired_and_those_without_a_record_are_told(world: Backfill) -> None:
    """Four of ten have expired; a transaction has left its marker, and an aborted one its records too."""
    world.write(40)
    world.expire(4)
    for ends_well in (True, False):
        world.transact(40 + ends_well, ends_well=ends_well)
    # A transaction has ended before its marker is written.
    wait_until(lambda: world.ends()[world.topic, 0] == 14, 60, lambda: str(world.ends()))
    of = ["--topic", world.topic, "--from", "0", "--partition", "0"]
    summary = world.done(*of)

    assert (summary["outcomes"], summary["expired"], summary["gaps"]) == ({"delivered": 7}, 4, 3)
    text = world.told(*of)
    assert "3 offsets have no record: compacted away, or markers of transactions\n" in text
    assert "4 offsets are not kept any more: they had expired\n" in text


def test_what_an_operator_sees_is_as_kept(world: Backfill) -> None:
    world.write(40)
    of = ["--topic", world.topic, "--from", "2025-01-01T00:00:10Z"]
    text = world.told(*of, "--dry-run", "--where", "external_customer_id=c17")
    text += world.told(*of, "--where", "status=IN_PROGRESS") + world.told(*of) + world.told("list")

    assert text == (GOLDEN / "replay.txt").read_text(encoding="utf-8")


def test_the_how_to_of_the_readme_backfills_a_year(world: Backfill) -> None:
    """Its commands as they stand there, but for the names of file and topic."""
    world.write(60)
    text = README.read_text(encoding="utf-8").partition("### Backfill a year of orders")[2]
    script = text.partition("```bash\n")[2].partition("```")[0]
    script = script.replace("connector.yaml", str(world.file)).replace("crm.public.orders", world.topic)
    script = script.replace("crm-connector", f"{sys.executable} -m connector")
    out = subprocess.check_output(["sh", "-ec", script], text=True, stderr=subprocess.PIPE)

    assert out.count("60 records in") == 2
    assert out.count("60 delivered") == 2
    assert out.rstrip().endswith("60 offsets, via past_events  finished")
    assert world.sandbox.crm.counts()["past_events"] == 60
