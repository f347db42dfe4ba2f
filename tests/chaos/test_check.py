"""The checker: clean histories are clean, and each kind of broken promise is found and called by its name."""

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.chaos.check import reading
from tests.chaos.check.findings import Kind
from tests.chaos.check.verdict import Verdict, judge
from tests.chaos.scene import LEASE, Scene
from tests.chaos.tale import Bug, Tale

seeds = st.integers(0, 1 << 32)
COMPANIONS: dict[Bug, set[Kind]] = {
    "overwritten": {"duplicate"},
    "commit": {"lost", "reorder", "overwritten"},
}
"""What the same break may bring about besides: a version that comes again is accepted twice, too."""


def judged(tale: Tale) -> Verdict:
    return judge(reading.told(tale.lines), tale.source, tale.accepted)


@settings(max_examples=100)
@given(seed=seeds)
def test_replicas_that_keep_every_promise_are_found_clean(seed: int) -> None:
    verdict = judged(Tale(seed))
    found = {kind: verdict.findings.example(kind) for kind in verdict.findings.kinds}

    assert not found
    assert verdict.clean


@pytest.mark.parametrize("bug", ["lost", "duplicate", "reorder", "overwritten", "ghost", "commit"])
@settings(max_examples=40)
@given(seed=seeds)
def test_one_broken_promise_among_many_kept_is_found_and_named(bug: Bug, seed: int) -> None:
    tale = Tale(seed, bug)
    assume(tale.broken)
    verdict = judged(tale)

    assert bug in verdict.findings.kinds
    assert verdict.findings.kinds <= {bug} | COMPANIONS.get(bug, set())
    assert verdict.findings.example(bug)
    assert not verdict.clean


def test_what_is_excused_is_counted_in_columns_of_its_own() -> None:
    excused: Counter[tuple[str, str | None]] = Counter()
    for seed in range(60):
        for kind, tally in judged(Tale(seed)).findings.tallies.items():
            excused.update({(kind, excuse): count for excuse, count in tally.counts.items()})

    assert excused["duplicate", "in doubt"] > 0
    assert excused["duplicate", "stale"] > 0
    assert excused["overwritten", "stale"] > 0


# --- Duplicates -----------------------------------------------------------------------------------


def test_a_lost_answer_that_is_resent_with_a_mark_is_in_doubt() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.doubt("a", 1, applied=True)
    scene.fly("a", 1, doubtful=True)
    scene.settle("a", 1)

    assert scene.found() == {("duplicate", "in doubt"): 1}


def test_a_lost_answer_that_is_resent_without_a_mark_is_a_duplicate() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.doubt("a", 1, applied=True)
    scene.fly("a", 1)

    assert scene.found() == {("duplicate", None): 1}
    assert scene.verdict().findings.example("duplicate") == (
        "order o rev 1 sent 2 times, accepted 2 times: in doubt, and sent again by a without a mark"
    )


def test_where_the_rule_is_to_hold_a_resend_is_a_duplicate() -> None:
    scene = Scene(rule="hold")
    scene.claim("a", 1)
    scene.doubt("a", 1, applied=True)
    scene.fly("a", 1, doubtful=True)

    assert scene.found() == {("duplicate", None): 1}


def test_what_a_dead_process_had_sent_may_be_resent_with_a_mark_once_its_lease_is_over() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.send("a", 1)
    scene.accept(1)
    scene.wait(LEASE)
    scene.deliver("b", 1, doubtful=True)

    assert scene.found() == {("duplicate", "in doubt"): 1}


def test_what_a_living_process_has_under_way_is_nobody_elses() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.send("a", 1)
    scene.accept(1)
    scene.deliver("b", 1, doubtful=True)

    assert scene.found() == {("duplicate", None): 1}
    assert "under way by a, and sent again by b" in scene.verdict().findings.example("duplicate")


def test_without_a_lease_a_claim_lasts_as_long_as_its_process_tells_of_itself() -> None:
    scene = Scene()
    scene.claim("a", 1, lease=None)
    scene.send("a", 1)
    scene.accept(1)
    scene.deliver("b", 1, doubtful=True)
    assert scene.found() == {("duplicate", "in doubt"): 1}

    scene.note("a", "received")
    assert scene.found() == {("duplicate", None): 1}


def test_what_a_process_left_at_its_end_is_anybodys_at_once() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.send("a", 1)
    scene.accept(1)
    scene.note("a", "ended")
    scene.deliver("b", 1, doubtful=True)

    assert scene.found() == {("duplicate", "in doubt"): 1}


@pytest.mark.parametrize("by", ["a", "b"])
def test_what_is_settled_is_never_sent_again_by_anybody(by: str) -> None:
    scene = Scene()
    scene.deliver("a", 1)
    scene.wait()
    scene.claim(by, 1, doubtful=True)
    scene.doubt(by, 1, applied=False, doubtful=True)

    assert scene.found() == {("duplicate", None): 1}
    assert "accepted 1 times: known as accepted by a" in scene.verdict().findings.example("duplicate")


def test_what_was_accepted_and_not_settled_by_a_process_that_died_is_in_doubt() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.fly("a", 1)
    scene.wait()
    scene.deliver("b", 1, doubtful=True)

    assert scene.found() == {("duplicate", "in doubt"): 1}


def test_what_was_refused_may_be_sent_again_without_a_mark() -> None:
    scene = Scene()
    scene.claim("a", 1)
    for status in (429, 503, 409):
        request = scene.send("a", 1)
        scene.reply("a", request, status)
        scene.answer("a", 1, "retry")
    scene.fly("a", 1)
    scene.settle("a", 1)

    assert scene.found() == {}


def test_what_was_never_connected_may_be_sent_again_without_a_mark_by_another() -> None:
    scene = Scene()
    scene.claim("a", 1)
    request = scene.send("a", 1)
    scene.reply("a", request, None)
    scene.answer("a", 1, "retry")
    scene.settle("a", 1, "released")
    scene.deliver("b", 1)

    assert scene.found() == {}


def test_a_refusal_that_the_crm_had_applied_is_a_duplicate_all_the_same() -> None:
    scene = Scene()
    scene.claim("a", 1)
    request = scene.send("a", 1)
    scene.accept(1)
    scene.reply("a", request, 503)
    scene.answer("a", 1, "retry")
    scene.fly("a", 1)

    assert scene.found() == {("duplicate", None): 1}
    assert scene.verdict().findings.example("duplicate").endswith("nobody was in doubt of it")


def test_an_import_that_ended_in_error_was_not_applied_and_leaves_no_doubt() -> None:
    """So who is granted it next needs no mark, until an answer is lost."""
    scene = Scene()
    scene.claim("a", 1)
    scene.reply("a", scene.send("a", 1), 200)
    scene.answer("a", 1, "retry")
    scene.settle("a", 1, "released")
    scene.claim("b", 1)
    scene.doubt("b", 1, applied=True)
    scene.fly("b", 1, doubtful=True)
    scene.settle("b", 1)

    assert scene.found() == {("duplicate", "in doubt"): 1}


def test_an_import_that_was_applied_though_it_ended_in_error_is_a_duplicate_all_the_same() -> None:
    scene = Scene()
    scene.claim("a", 1)
    request = scene.send("a", 1)
    scene.accept(1)
    scene.reply("a", request, 200)
    scene.answer("a", 1, "retry")
    scene.settle("a", 1, "released")
    scene.deliver("b", 1)

    assert scene.found() == {("duplicate", None): 1}


def test_a_conversation_may_repeat_what_it_was_not_told_the_end_of() -> None:
    """An import that is halved to find whom it failed for."""
    scene = Scene()
    scene.claim("a", 1)
    for _ in range(2):
        request = scene.send("a", 1)
        scene.accept(1)
        scene.reply("a", request, 200)
    scene.answer("a", 1, "accepted")
    scene.settle("a", 1)

    assert scene.found() == {("duplicate", "in doubt"): 1}


def test_a_send_after_its_claim_was_taken_over_is_stale() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.wait()
    scene.deliver("b", 1, doubtful=True)
    scene.fly("a", 1)
    scene.settle("a", 1)

    assert scene.found() == {("duplicate", "stale"): 1}


def test_a_claim_that_was_not_taken_over_excuses_nothing() -> None:
    scene = Scene()
    scene.deliver("b", 1)
    scene.wait()
    scene.claim("a", 1)
    scene.fly("a", 1)

    assert scene.found() == {("duplicate", None): 1}


def test_a_settle_that_came_too_late_is_no_knowledge() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.wait()
    scene.claim("b", 1, doubtful=True)
    scene.send("b", 1, doubtful=True)
    scene.fly("a", 1)
    scene.settle("a", 1)
    scene.wait()
    scene.deliver("c", 1, doubtful=True)

    assert scene.found() == {("duplicate", "in doubt"): 1}


# --- Order ----------------------------------------------------------------------------------------


def test_an_older_version_after_a_newer_one_is_a_reorder_and_what_the_crm_is_left_with() -> None:
    scene = Scene()
    scene.deliver("a", 2)
    scene.deliver("a", 1)

    assert scene.found() == {("reorder", None): 1, ("overwritten", None): 1}
    assert scene.verdict().findings.example("overwritten") == (
        "order o rev 1 at 1000.900, after 2, and the CRM was left with it"
    )


def test_a_reorder_that_a_newer_version_mended_is_one_all_the_same() -> None:
    scene = Scene(3)
    for rev in (2, 1, 3):
        scene.deliver("a", rev)

    assert scene.found() == {("reorder", None): 1}


def test_versions_may_be_left_out() -> None:
    scene = Scene(3)
    for rev in (1, 3):
        scene.deliver("a", rev)

    assert scene.found() == {}


def test_an_older_version_of_a_stopped_process_is_stale() -> None:
    scene = Scene(3)
    scene.claim("a", 1)
    scene.send("a", 1)
    scene.wait()
    for rev in (2, 3):
        scene.deliver("b", rev)
    scene.accept(1)

    assert scene.found() == {("reorder", "stale"): 1, ("overwritten", "stale"): 1}


def test_a_request_that_is_applied_after_its_sender_gave_it_up_is_stale() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.doubt("a", 1, applied=False)
    scene.fly("a", 1, doubtful=True)
    scene.settle("a", 1)
    scene.deliver("a", 2)
    scene.accept(1)

    assert scene.found() == {("duplicate", "in doubt"): 1, ("overwritten", "stale"): 1}


def test_what_was_received_well_and_not_waited_for_is_given_up() -> None:
    """An import whose end may not be asked for (a 401): what is applied of it later comes too late."""
    scene = Scene()
    scene.claim("a", 1)
    scene.reply("a", scene.send("a", 1), 200)
    scene.answer("a", 1, "halt")
    scene.fly("a", 1, doubtful=True)
    scene.settle("a", 1)
    scene.deliver("a", 2)
    scene.accept(1)

    assert scene.found() == {("duplicate", "in doubt"): 1, ("overwritten", "stale"): 1}


def test_an_older_version_after_one_that_is_held_in_doubt_is_in_doubt_itself() -> None:
    scene = Scene(rule="hold")
    scene.claim("a", 2)
    scene.doubt("a", 2, applied=True)
    scene.settle("a", 2, "released")
    scene.deliver("a", 1)

    assert scene.found() == {("reorder", "in doubt"): 1, ("overwritten", "in doubt"): 1}


@pytest.mark.parametrize(("seed", "bug"), [(695, "duplicate"), (2697, None), (88828, None)])
def test_what_happens_at_nearly_one_time_is_put_in_order_by_who_knew_of_it(
    seed: int, bug: Bug | None
) -> None:
    """A stopped process's request arrives in the instant in which another is answered and goes on."""
    assert judged(Tale(seed, bug)).findings.kinds <= {bug}


def test_two_versions_of_one_entity_under_way_are_no_excuse() -> None:
    scene = Scene()
    scene.claim("a", 1)
    scene.send("a", 1)
    scene.claim("a", 2)
    scene.fly("a", 2)
    scene.accept(1)

    assert scene.found() == {("reorder", None): 1, ("overwritten", None): 1}


# --- Ghosts ---------------------------------------------------------------------------------------


def test_what_the_source_never_had_is_a_ghost() -> None:
    scene = Scene()
    scene.accept(99)
    scene.accept(1, key="other")

    assert scene.found() == {("ghost", None): 2}
    assert scene.verdict().findings.example("ghost") == "order o rev 99 at 1000.100: the source never had it"


def test_what_nobody_sent_or_not_yet_or_not_so_often_is_a_ghost() -> None:
    scene = Scene(3)
    scene.accept(1)
    scene.deliver("a", 1)
    scene.deliver("a", 2)
    scene.accept(2)
    scene.accept(3)

    assert scene.found()["ghost", None] == 3
    assert scene.verdict().findings.example("ghost").endswith("nobody sent it")


@pytest.mark.parametrize(
    ("told", "accepted", "ghosts"),
    [
        ("c1", "c1", 0),
        ("c1", "c2", 1),
        ("#00ff", "email:ann@shop.example", 0),
        ("c1", "email:x@y.example", 1),
    ],
)
def test_a_contact_made_for_an_order_is_none_of_the_sources(told: str, accepted: str, ghosts: int) -> None:
    scene = Scene()
    event = {"entity": "contact", "key": told}
    scene.note("a", "sent", request=0, resource="contacts", rule="resend", events=[event])
    scene.accept(None, key=accepted, entity="contact")

    assert scene.found() == ({("ghost", None): ghosts} if ghosts else {})


# --- Commits and losses ---------------------------------------------------------------------------


def committed(scene: Scene, offset: int) -> Scene:
    scene.assign("a", 0)
    scene.receive("a", 0, 1)
    scene.deliver("a", 1)
    scene.commit("a", offset)
    return scene


def test_a_commit_of_what_is_settled_is_in_order() -> None:
    assert committed(Scene(), 1).found() == {}


def test_a_commit_past_what_is_open_names_process_partition_and_offset() -> None:
    scene = committed(Scene(), 2)

    assert scene.found() == {("commit", None): 1, ("lost", None): 1}
    assert scene.verdict().findings.example("commit") == "a commits 2 of orders[0], and 1 is open"


def test_a_commit_past_what_was_never_received_is_found() -> None:
    scene = Scene()
    scene.assign("a", 0)
    scene.receive("a", 1)
    scene.deliver("a", 2)
    scene.commit("a", 2)

    assert scene.found() == {("commit", None): 1}
    assert scene.verdict().findings.example("commit") == "a commits 2 of orders[0], and 0 is never received"


def test_settled_by_an_earlier_assignment_frees_nothing_in_this_one() -> None:
    scene = Scene()
    scene.assign("a", 0, lease=2)
    scene.receive("a", 0, lease=2)
    scene.deliver("a", 1)
    scene.commit("a", 1)

    assert scene.found() == {("commit", None): 1}


@pytest.mark.parametrize("what", ["lost", "revoked"])
def test_a_commit_of_what_is_given_away_is_found(what: str) -> None:
    scene = committed(Scene(), 1)
    scene.note("a", what, partitions=[{"topic": "orders", "partition": 0}])
    scene.commit("a", 1)

    assert scene.found() == {("commit", None): 1}
    assert scene.verdict().findings.example("commit").endswith("which is another's by then")


def test_a_hand_over_is_committed_while_it_is_revoked() -> None:
    scene = committed(Scene(), 1)
    scene.note("a", "revoked", partitions=[{"topic": "orders", "partition": 0}])
    scene.deliver("a", 2)
    scene.commit("a", 2, revoked=True)
    scene.assign("b", 2)

    assert scene.found() == {}


def test_an_assignment_that_begins_past_the_last_commit_skips_what_lies_between() -> None:
    scene = committed(Scene(3), 1)
    scene.assign("b", 2)

    assert scene.found() == {("commit", None): 1}
    assert scene.verdict().findings.example("commit") == (
        "b begins at 2, and orders[0]@1 was never committed"
    )


def test_a_partition_that_asks_is_committed_only_after_the_answer() -> None:
    scene = Scene()
    scene.assign("a", None)
    scene.commit("a", 1)
    assert scene.found() == {("commit", None): 1, ("lost", None): 1}

    answered = Scene()
    answered.assign("a", None)
    answered.note("a", "sought", topic="orders", partition=0, offset=1)
    answered.receive("a", 1)
    answered.deliver("a", 2)
    answered.commit("a", 2)
    assert answered.found() == {}


def recreated() -> Scene:
    """Version 1 of a topic; version 2 of another one of the same name, at the same position."""
    scene = Scene()
    first, second = scene.source
    scene.source = [replace(first, topic_id="old"), replace(second, offset=0, topic_id="new")]
    scene.note("a", "assigned", partitions=[place("old", 1, 0)])
    scene.receive("a", 0)
    scene.deliver("a", 1)
    scene.commit("a", 1)
    scene.note("a", "revoked", partitions=[{"topic": "orders", "partition": 0}])
    scene.note("a", "assigned", partitions=[place("new", 2, None)])
    scene.note("a", "sought", topic="orders", partition=0, offset=0)
    scene.receive("a", 0, lease=2)
    return scene


def place(topic_id: str, lease: int, start: int | None) -> dict[str, object]:
    return {"topic": "orders", "topic_id": topic_id, "partition": 0, "lease": lease, "start": start}


def test_a_topic_that_was_recreated_is_another_topic() -> None:
    scene = recreated()
    scene.commit("a", 1)
    assert scene.found() == {("commit", None): 1, ("lost", None): 1}
    assert scene.verdict().findings.example("commit") == "a commits 1 of orders new[0], and 0 is open"
    assert recreated().found(running=False) == {("lost", None): 1}

    settled = recreated()
    letter = {"topic": "orders", "partition": 0, "offset": 0, "lease": 2, "cause": "refused"}
    settled.note("a", "dead_lettered", letters=[letter])
    settled.commit("a", 1)
    assert settled.found(running=False) == {}


def test_a_source_that_does_not_tell_which_topic_it_means_cannot_be_judged() -> None:
    scene = recreated()
    scene.source = scene.source[:1]
    scene.source = [replace(one, topic_id=None) for one in scene.source]

    with pytest.raises(reading.Unreadable, match="orders was re-created; tell the topic_id of each record"):
        scene.found()


def test_what_is_not_committed_is_lost_unless_the_trial_still_runs() -> None:
    scene = committed(Scene(), 1)

    assert scene.found(running=True) == {}
    assert scene.found(running=False) == {("lost", None): 1}
    found = scene.verdict(running=False).findings
    assert found.example("lost") == "orders[0]@1 is not committed"


def folded(*, settles: bool, stands_for: int, version: int) -> Scene:
    """Of two changes that wait, one is closed with the other: without a word of the ledger about it."""
    scene = Scene()
    scene.assign("a", 0)
    scene.receive("a", 0, 1)
    scene.claim("a", version)
    scene.fly("a", version)
    if settles:
        scene.settle("a", version)
    place = {"topic": "orders", "partition": 0, "lease": 1}
    scene.note("a", "closed", records=[place | {"offsets": [stands_for - 1], "outcome": "superseded"}])
    scene.commit("a", stands_for)
    return scene


def test_what_the_last_of_several_changes_stood_for_is_settled_with_it() -> None:
    assert folded(settles=True, stands_for=1, version=2).found() == {}


def test_what_was_left_out_for_a_newer_version_is_open_until_that_is_settled() -> None:
    scene = folded(settles=False, stands_for=1, version=2)

    assert scene.found() == {("commit", None): 1}
    assert scene.verdict().findings.example("commit") == "a commits 1 of orders[0], and 0 is open"


def test_an_older_version_stands_for_no_newer_one() -> None:
    scene = folded(settles=True, stands_for=2, version=1)

    assert scene.found() == {("commit", None): 1, ("lost", None): 1}


@pytest.mark.parametrize("by", ["dead letter", "filter", "nothing"])
def test_what_is_no_change_has_to_be_dead_lettered_or_filtered(by: str) -> None:
    scene = Scene(0)
    scene.source.append(reading.Written("orders", 0, 0))
    place = {"topic": "orders", "partition": 0, "lease": 1}
    scene.assign("a", 0)
    scene.receive("a", 0)
    if by == "dead letter":
        scene.note("a", "dead_lettered", letters=[place | {"offset": 0, "cause": "bad_framing"}])
    outcome = "filtered" if by == "filter" else "dead_lettered"
    scene.note("a", "closed", records=[place | {"offsets": [0], "outcome": outcome}])
    scene.commit("a", 1)

    assert scene.found() == ({("commit", None): 1, ("lost", None): 1} if by == "nothing" else {})


def test_what_is_counted_as_accepted_and_never_came_is_lost_though_a_newer_one_came() -> None:
    scene = Scene()
    scene.assign("a", 0)
    scene.receive("a", 0, 1)
    scene.claim("a", 1)
    scene.settle("a", 1)
    scene.deliver("a", 2)
    scene.commit("a", 2)

    assert scene.found() == {("lost", None): 1}
    assert scene.verdict().findings.example("lost") == (
        "orders[0]@0, rev 1 of o, is counted as accepted by a, and never came"
    )


def test_a_dead_letter_that_the_topic_does_not_hold_is_none() -> None:
    scene = Scene(1)
    place = {"topic": "orders", "partition": 0, "lease": 1}
    scene.assign("a", 0)
    scene.receive("a", 0)
    scene.note("a", "dead_lettered", letters=[place | {"offset": 0, "cause": "refused"}])
    scene.commit("a", 1)
    histories = reading.told(scene.lines)

    held = [reading.Place("orders", 0, 0)]
    assert judge(histories, scene.source, [], letters=held).clean
    verdict = judge(histories, scene.source, [], letters=[])
    assert verdict.findings.kinds == {"lost"}


# --- Clocks ---------------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_does_not_reorder_a_process() -> None:
    scene = Scene()
    scene.deliver("a", 1)
    scene.now -= 500
    scene.deliver("a", 2)
    scene.accepted[-1] = reading.Accepted(scene.accepted[0].at + 1, "order", "o", 2)

    assert scene.found() == {}


def test_an_acceptance_may_seem_to_come_a_little_before_its_send() -> None:
    scene = Scene()
    scene.deliver("a", 1)
    sent = scene.lines[1]["at"]
    scene.accepted[0] = reading.Accepted(sent - 0.004, "order", "o", 1)
    assert scene.found() == {}

    scene.accepted[0] = reading.Accepted(sent - 0.1, "order", "o", 1)
    assert scene.found() == {("ghost", None): 1}
