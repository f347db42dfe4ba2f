"""The table and the tree in errors.py, walked: each fault does what they say; `paused` has no other word."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, get_args

import pytest

from connector import errors
from connector.core.breaker import Reason, evidence
from connector.core.events import Event, Order
from connector.core.model import Kind
from connector.core.talk import NoAnswer, Response, Sending
from connector.dialects.yespo_answers import judge
from connector.lane.advice import GATES
from connector.lane.partitions import QUESTIONS
from tests.support.stage import Process, Stage, staged
from tests.support.stage_ports import REASONS
from tests.support.stage_reading import ORDERS, POISON, order

DRAWN = errors.__doc__ or ""
ROWS = [[cell.strip() for cell in line.split("|")] for line in DRAWN.splitlines() if line.count("|") == 3][1:]
TABLE = {fault: (answers.split(", "), action, reason) for fault, answers, action, reason in ROWS}
TREE = dict(re.findall(r"── (\w+Down) +paused\{(\w+)\}", DRAWN))
ASKS = set(re.findall(r"paused\{(\w+)\}", DRAWN)) - set(TREE.values())
SENDING = Sending(Event("order", Kind.ORDER_UPDATED, "o", Order("o"), b"", b"", None, None))


def fault_of(status: int) -> str:
    """The row of an answer: a status by itself goes before its class."""
    for word in (str(status), f"{status // 100}xx"):
        for fault, (answers, *_) in TABLE.items():
            if word in answers:
                return fault
    raise AssertionError(f"{status} is in no row")


def reason_of(answer: Response | NoAnswer) -> str:
    verdict = judge(answer, [SENDING])
    failure = evidence(verdict if isinstance(verdict, list) else [verdict])
    return failure.reason if failure else "-"


def test_the_table_has_the_five_faults() -> None:
    assert list(TABLE) == ["destination", "credential", "quota", "contract", "record"]


@pytest.mark.parametrize("status", sorted({*map(int, HTTPStatus), 499, 520, 599} - set(range(300))))
def test_each_answer_is_the_fault_of_its_row(status: int) -> None:
    assert reason_of(Response(status)) == TABLE[fault_of(status)][2]


@pytest.mark.parametrize("made", [True, False])
def test_no_answer_is_the_destinations_fault(made: bool) -> None:
    assert "none" in TABLE["destination"][0]
    assert reason_of(NoAnswer(made, "gone")) == TABLE["destination"][2]


@pytest.mark.parametrize("fault", TABLE)
def test_each_fault_does_what_its_row_says(fault: str) -> None:
    """Its pause, and nothing in the dead letters; or its dead letter, and no pause; then all goes on."""
    answers, action, reason = TABLE[fault]
    word = answers[0]
    status = int(word.replace("xx", "02"))
    with staged(conflict_seconds=0) as stage:
        process = stage.start()
        stage.produce(ORDERS, order("seed", 0, customer="c"))
        process.until_done()
        stage.crm.says = lambda request: Response(status) if b'"bad"' in (request.body or b"") else None
        stage.produce(ORDERS, order("bad", 1, customer="c"))
        process.run(20)
        assert process.paused == ({reason} if action.startswith("pause") else set())
        assert set(stage.letters) == ({((ORDERS, 0), 1)} if action.startswith("dead letter") else set())
        stage.crm.says = lambda _: None
        stage.produce(ORDERS, order("o", 2, customer="c"))
        process.until_done()
        assert process.paused == set()
        assert stage.crm.taken("order", "o") == ["2"]


def down(name: str) -> Callable[[Stage, Process, bool], Any]:
    return {
        "BrokerDown": lambda stage, process, on: setattr(stage.broker, "down", on),
        "LedgerDown": lambda stage, process, on: setattr(process.ledger, "down", on),
        "RegistryDown": lambda stage, process, on: setattr(stage.outside, "registry", on),
        "DeadLettersDown": lambda stage, process, on: setattr(stage.outside, "letters", on),
    }[name]


@pytest.mark.parametrize("name", TREE)
def test_each_outage_pauses_by_its_name_and_ends_by_itself(name: str) -> None:
    with staged() as stage:
        process = stage.start()
        process.run(1)
        switch = down(name)
        switch(stage, process, True)
        stage.produce(ORDERS, order("o", 1), POISON)
        process.run(10)
        assert process.paused == {TREE[name]} == {getattr(errors, name).reason}
        switch(stage, process, False)
        process.until_done()
        assert process.paused == set()


def test_a_record_that_meets_a_defect_of_ours_costs_itself() -> None:
    """The stage's decoder raises for what is no JSON. No restart would get past such a record."""
    with staged() as stage:
        process = stage.start()
        stage.produce(ORDERS, order("o", 1), b"no JSON", order("o", 2))
        process.until_done()
        letter = stage.letters[(ORDERS, 0), 1]

        assert process.outcomes == {"delivered": 2, "dead_lettered": 1}
        assert letter.cause == "defect"
        assert re.fullmatch(r"DecodeError at stage_reading\.py:\d+; please report it", letter.detail)


def test_every_word_of_paused_is_drawn_and_no_other_is() -> None:
    outages = {cls.__name__: cls.reason for cls in errors.Outage.__subclasses__()}
    assert outages == TREE
    assert {reason for *_, reason in TABLE.values()} - {"-"} == set(get_args(Reason)) == set(GATES)
    assert {*QUESTIONS, "flood"} == ASKS
    assert {*TREE.values(), *get_args(Reason), *ASKS} == set(REASONS)
