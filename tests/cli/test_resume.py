"""`resume` writes the operator's answer where the lanes read it."""

from pathlib import Path

import pytest

from connector.adapters.ledger_sqlite import SqliteLedger
from connector.cli import call
from connector.ports import Answer
from tests.cli.configs import config


def answers(folder: Path, destination: str = "yespo") -> list[Answer]:
    ledger = SqliteLedger(folder / "ledger.db", destination)
    try:
        return ledger.answers()
    finally:
        ledger.close()


@pytest.mark.parametrize("start", ["earliest", "latest", "2025-01-31T00:00:00Z", "1024"])
def test_an_answer_for_a_partition_is_in_the_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], start: str
) -> None:
    file = config(tmp_path)
    place = ["--topic", "orders", "--partition", "3"]
    code = call(["resume", "-c", str(file), *place, "--from", start, "--accept", "restored from a backup"])
    (answer,) = answers(tmp_path)

    assert (code, capsys.readouterr().out) == (0, "answered for yespo: orders partition 3\n")
    assert (answer.topic, answer.partition) == ("orders", 3)
    assert (answer.start, answer.accept) == (start, "restored from a backup")
    assert answer.at > 1_700_000_000


def test_without_a_topic_the_answer_is_for_every_partition_of_every_destination(tmp_path: Path) -> None:
    destinations = {name: {"type": "yespo", "api_key": "x"} for name in ("one", "two")}
    file = config(tmp_path, destinations=destinations)
    code = call(["resume", "-c", str(file), "--accept", "seen"])

    assert code == 0
    for name in ("one", "two"):
        (answer,) = answers(tmp_path, name)
        assert (answer.topic, answer.partition, answer.start, answer.accept) == ("", -1, None, "seen")


def test_an_answer_can_be_for_one_destination(tmp_path: Path) -> None:
    destinations = {name: {"type": "yespo", "api_key": "x"} for name in ("one", "two")}
    file = config(tmp_path, destinations=destinations)
    code = call(["resume", "-c", str(file), "--accept", "seen", "--destination", "two"])

    assert code == 0
    assert (len(answers(tmp_path, "one")), len(answers(tmp_path, "two"))) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ([], ["resume: says nothing; add --from X, or --accept REASON, or both"]),
        (["--accept", " "], ["resume: says nothing; add --from X, or --accept REASON, or both"]),
        (
            ["--from", "monday"],
            [
                (
                    "--from: is not a time; write a time with its zone, such as 2025-01-31T00:00:00Z, "
                    "or earliest, or latest, or an offset"
                )
            ],
        ),
        (
            ["--from", "5", "--topic", "ordres", "--partition", "0"],
            ["--topic: ordres is not in the configuration; choose orders, contacts"],
        ),
        (
            ["--from", "5", "--topic", "orders"],
            ["--from: an offset is of one partition; add --topic T --partition P"],
        ),
        (["--accept", "x", "--partition", "1"], ["--partition: is of no topic; add --topic T"]),
        (
            ["--accept", "x", "--topic", "orders", "--partition", f"{1 << 63}"],
            ["--partition: there is no 9223372036854775808; name one of the topic's"],
        ),
        (
            ["--accept", "x", "--destination", "yespo", "--destination", "metrica"],
            ["metrica: is not a destination of this configuration; choose yespo"],
        ),
    ],
)
def test_an_answer_that_says_nothing_clear_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], lines: list[str]
) -> None:
    code = call(["resume", "-c", str(config(tmp_path)), *arguments])

    assert (code, capsys.readouterr().err.splitlines()) == (2, lines)
    assert answers(tmp_path) == []
