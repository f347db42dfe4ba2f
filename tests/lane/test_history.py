"""What a lane's history tells, and in what order: no act before the line that must come first."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from connector.core.assignment import Answer
from connector.dialects.yespo import YespoOptions
from connector.recording import Recorder, Unrecorded, recorder
from tests.fakes.history import FakeHistory, Line
from tests.support.stage import NAME, Process, Stage, staged
from tests.support.stage_crm import Fate
from tests.support.stage_reading import CONTACTS, ORDERS, POISON, contact, order


class Told:
    """A stage whose processes share one history."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lines: list[Line] = []

    def start(self, by: str = "one", **settings: Any) -> Process:
        return self.stage.start(history=FakeHistory(self.stage.clock, by, self.lines), **settings)

    def of(self, what: str) -> list[Line]:
        return [line for line in self.lines if line["what"] == what]

    def events(self, what: str, key: str) -> list[Line]:
        """Of one entity, each with the line's own fields."""
        return [line | event for line in self.of(what) for event in line["events"] if event["key"] == key]

    def story(self, key: str) -> list[str]:
        """What was done to one entity, in order."""
        return [
            line["what"] for line in self.lines for event in line.get("events", ()) if event["key"] == key
        ]


@contextmanager
def told(**options: Any) -> Iterator[Told]:
    with staged(**options) as stage:
        yield Told(stage)


def only(found: list[Line]) -> Line:
    (one,) = found
    return one


def test_without_a_history_everything_is_what_it_was() -> None:
    with staged() as stage:
        process = stage.start()
        plain = recorder(None, NAME, stage.clock)
        assert type(plain) is Unrecorded
        assert plain.ledger(process.ledger) is process.ledger
        assert plain.source(process.source) is process.source
        recorded = recorder(FakeHistory(stage.clock, "x"), NAME, stage.clock)
        assert isinstance(recorded, Recorder)


def test_every_way_through_a_recorder_that_does_nothing_is_overridden_by_one_that_records() -> None:
    ways = {name for name in vars(Unrecorded) if not name.startswith("_")}

    assert ways <= vars(Recorder).keys()


def test_an_order_is_received_claimed_sent_answered_settled_closed_and_committed_in_this_order() -> None:
    with told() as here:
        process = here.start()
        here.stage.produce(CONTACTS, contact("c", 1))
        process.until_done()
        del here.lines[:]
        here.stage.produce(ORDERS, order("o", 7, customer="c"))
        process.until_done()

        whats = [line["what"] for line in here.lines]
        assert whats == [
            "received", "claimed", "sent", "replied", "answered", "settled", "closed", "committing",
            "committed",
        ]  # fmt: skip
        assert {line["destination"] for line in here.lines} == {NAME}
        at = {"topic": ORDERS, "partition": 0, "lease": 2}
        event = {"entity": "order", "key": "o", "version": "lsn:7", "offset": 0} | at
        assert here.of("received")[0]["records"] == [at | {"offsets": [0]}]
        assert here.of("claimed")[0]["events"] == [event | {"verdict": "granted"}]
        assert here.of("sent")[0]["events"] == [event | {"attempt": 1}]
        assert here.of("answered")[0]["events"] == [event | {"outcome": "accepted", "attempt": 1}]
        assert here.of("settled")[0]["events"] == [event | {"outcome": "accepted", "attempt": 1}]
        assert here.of("closed")[0]["records"] == [at | {"outcome": "delivered", "offsets": [0]}]
        offsets = [{"topic": ORDERS, "partition": 0, "offset": 1}]
        assert (here.of("committing")[0]["offsets"], here.of("committed")[0]["offsets"]) == (offsets, offsets)
        assert here.of("committed")[0]["landed"] is True


def test_a_line_stands_in_the_history_before_the_act_that_follows_it() -> None:
    with told() as here:
        process = here.start()
        seen: list[str] = []

        def watch(_: object) -> Any:
            seen.append(here.lines[-1]["what"])
            return "ok"

        here.stage.crm.fate = watch
        process.source.on_commit = watch
        here.stage.produce(CONTACTS, contact("c", 1))
        process.until_done()

        assert set(seen) == {"sent", "replied", "committing"}
        assert seen[-1] == "committing"


def test_verdicts_tell_why_nothing_was_sent() -> None:
    with told() as here:
        process = here.start()
        here.stage.produce(ORDERS, order("o", 5), order("o", 5), order("o", 3), order("o", 6, "5"))
        process.until_done()

        verdicts = [event["verdict"] for event in here.events("claimed", "o")]
        assert verdicts == ["needs", "granted", "duplicate", "superseded", "unchanged"]
        outcomes = {o["outcome"]: o["offsets"] for line in here.of("closed") for o in line["records"]}
        assert outcomes == {"delivered": [0], "duplicate": [1], "superseded": [2], "unchanged": [3]}


def test_a_lost_answer_is_replied_by_nobody_answered_in_doubt_and_sent_again_as_doubtful() -> None:
    with told(conflict_seconds=0) as here:
        process = here.start()
        here.stage.produce(CONTACTS, contact("c-o", 1))
        process.until_done()
        fates: Iterator[Fate] = iter(["lost"])
        here.stage.crm.fate = lambda _: next(fates, "ok")
        here.stage.produce(ORDERS, order("o", 2))
        process.until_done()

        first, again = here.events("sent", "o")
        assert (first["attempt"], first.get("doubtful"), first["rule"]) == (1, None, "resend")
        assert (again["attempt"], again["doubtful"], again["rule"]) == (2, True, "resend")
        replies = {line["request"]: line for line in here.of("replied")}
        assert replies[first["request"]]["reason"] == "connection lost"
        assert replies[again["request"]]["status"] == 200
        outcomes = [(event["outcome"], event.get("cause")) for event in here.events("answered", "o")]
        assert outcomes == [("in_doubt", "connection lost"), ("accepted", None)]
        assert only(here.events("settled", "o"))["certain"] is False


def test_a_halved_batch_names_exactly_what_each_request_carries() -> None:
    with told() as here:
        process = here.start(options=YespoOptions(orders_via="past_events"))
        here.stage.produce(CONTACTS, contact("c", 1))
        process.until_done()
        orders = [order(f"o{n}", n + 2, customer="c", mark="marked" * (n == 2)) for n in range(4)]
        here.stage.produce(ORDERS, *orders)
        process.until_done()

        carried = [[e["key"] for e in line["events"]] for line in here.of("sent") if line["rule"] == "hold"]
        assert carried == [["o0", "o1", "o2", "o3"], ["o0", "o1"], ["o2", "o3"], ["o2"], ["o3"]]
        assert [e["outcome"] for e in here.of("answered")[-1]["events"]] == [
            "accepted", "accepted", "refused", "accepted",
        ]  # fmt: skip


def test_a_dead_letter_is_told_with_cause_and_position_before_its_position_is_closed() -> None:
    with told() as here:
        process = here.start()
        here.stage.produce(ORDERS, POISON, order("o", 1, mark="marked"))
        process.until_done()

        letters = [letter for line in here.of("dead_lettered") for letter in line["letters"]]
        place = {"topic": ORDERS, "partition": 0, "lease": 2}
        assert letters == [
            place | {"offset": 0, "cause": "bad_framing"},
            place | {"offset": 1, "cause": "refused"},
        ]
        assert here.story("o")[-1] == "settled"
        assert only(here.events("settled", "o"))["outcome"] == "released"


def test_a_successor_claims_what_a_killed_process_had_sent_as_doubtful() -> None:
    with told() as here:
        first = here.start("first")
        here.stage.produce(CONTACTS, contact("c-o", 1))
        first.until_done()
        here.stage.produce(ORDERS, order("o", 2))
        first.until(lambda: here.events("sent", "o"))
        first.die()
        second = here.start("second")
        second.until_done()

        assert [(e["by"], e.get("doubtful", False)) for e in here.events("sent", "o")] == [
            ("first", False), ("second", True),
        ]  # fmt: skip
        granted = here.events("claimed", "o")[-1]
        assert (granted["by"], granted["verdict"], granted["doubtful"]) == ("second", "granted", True)
        assert granted["since"] <= granted["at"]


def test_a_settle_whose_claim_was_taken_over_is_told_as_stale() -> None:
    with told() as here:
        first = here.start("first")
        here.stage.produce(CONTACTS, contact("c-o", 1))
        first.until_done()
        here.stage.produce(ORDERS, order("o", 2), order("o", 3))
        first.until(lambda: here.events("sent", "o"))
        here.stage.store.living.clear()
        second = here.start("second")
        here.stage.group.lose(first.source)
        second.until_done()
        first.run(5)

        settled = [(e["by"], e["version"], e["stale"]) for e in here.events("settled", "o")]
        assert settled == [("second", "lsn:2", 0), ("second", "lsn:3", 0), ("first", "lsn:2", 1)]


def test_a_turn_that_raised_is_told_as_unsure() -> None:
    with told() as here:
        process = here.start()
        here.stage.produce(CONTACTS, contact("c", 1))
        here.stage.outside.troubles = iter(["after"])
        process.until_done()

        unsure = only(here.of("unsure"))
        assert [event["key"] for event in unsure["wanted"]] == ["c"]
        assert unsure["settled"] == []
        assert here.story("c")[0] == "settled"  # given up, before it is asked again


def test_the_group_moves_are_told_with_where_each_partition_begins() -> None:
    with told() as here:
        first = here.start("first")
        keys = here.stage.broker.keys([ORDERS, CONTACTS])
        here.stage.group.plan = dict.fromkeys(keys, first.source)
        second = here.start("second")
        here.stage.produce(ORDERS, order("o", 1))
        first.until_done()
        here.stage.group.plan |= {(ORDERS, 0): second.source}
        first.turn()
        second.run(2)
        here.stage.group.lose(first.source)
        first.run(1)

        begun = [
            (line["by"], p["topic"], p["start"], p["committed"])
            for line in here.of("assigned")
            for p in line["partitions"]
            if p["topic"] == ORDERS
        ]
        assert begun[0] == ("first", ORDERS, 0, None)
        assert begun[-1] == ("second", ORDERS, 1, 1)
        assert only([line for line in here.of("revoked") if line["by"] == "first"])["partitions"] == [
            {"topic": ORDERS, "partition": 0}
        ]
        assert only(here.of("lost"))["partitions"] == [{"topic": CONTACTS, "partition": 0}]


def test_the_offsets_of_a_hand_over_are_told_before_they_are_committed() -> None:
    with told() as here:
        first = here.start("first")
        here.stage.group.plan = dict.fromkeys(here.stage.broker.keys([ORDERS, CONTACTS]), first.source)
        first.run(1)
        second = here.start("second")
        here.stage.produce(CONTACTS, contact("c", 1))
        first.until(lambda: here.of("sent"))
        keys = here.stage.broker.keys([ORDERS, CONTACTS])
        here.stage.group.plan = dict.fromkeys(keys, second.source)
        first.turn()

        handed = here.of("committing")[-1]
        assert (handed["by"], handed["revoked"]) == ("first", True)
        assert handed["offsets"] == [{"topic": CONTACTS, "partition": 0, "offset": 1}]
        assert here.lines[-2]["what"] == "closed"


def test_no_line_holds_an_email_a_phone_or_a_name_and_replicas_write_the_same_hash() -> None:
    with told() as here:
        first = here.start("first")
        rows = [order(f"o{n}", n, external_customer_id=None, email="ann@shop.example") for n in (1, 2)]
        here.stage.produce(ORDERS, rows[0])
        here.stage.produce(CONTACTS, contact("380501234567", 3, "Ann"))
        first.until_done()
        first.die()
        second = here.start("second")
        here.stage.produce(ORDERS, rows[1])
        here.stage.produce(CONTACTS, contact("380501234567", 4, "Ann"))
        second.until_done()

        text = json.dumps(here.lines)
        assert not [one for one in ("ann", "Ann", "shop.example", "380501234567") if one in text]
        hashed = {
            (line["by"], event["key"])
            for line in here.of("claimed")
            for event in line["events"]
            if event["entity"] == "contact"
        }
        assert {by for by, _ in hashed} == {"first", "second"}
        assert len({key for _, key in hashed}) == 2
        assert all(key.startswith("#") and len(key) == 17 for _, key in hashed)


def test_what_the_operator_answers_is_told_with_where_reading_goes_on() -> None:
    with told() as here:
        process = here.start()
        here.stage.produce(ORDERS, order("o", 1), order("o", 2))
        process.until_done()
        here.stage.broker.create(ORDERS)
        process.until(lambda: process.paused)
        assert only(here.of("assigned")[-1]["partitions"])["start"] is None
        process.ledger.answer(Answer(ORDERS, -1, "earliest", "made anew", 0.0))
        process.until(lambda: not process.paused)

        told_of = only(here.of("sought"))
        assert (told_of["topic"], told_of["partition"], told_of["offset"]) == (ORDERS, 0, 0)
