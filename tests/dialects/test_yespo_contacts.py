"""Bulk import of contacts, its status, its failures; erasure."""

import json
from typing import Any

import pytest

from connector.core.events import Contact
from connector.core.model import Kind
from connector.core.talk import (
    Accepted,
    Halt,
    InDoubt,
    NoAnswer,
    Outcome,
    Refused,
    Request,
    Response,
    Retry,
    Sending,
)  # fmt: skip
from connector.dialects.yespo_contacts import LISTED
from connector.dialects.yespo_failed import blamed
from tests.dialects.yespo_samples import YESPO, contact_event, contacts
from tests.support.script import Played, Reply, names, play, script, status

SESSION = status(200, {"asyncSessionId": "s/1", "failedContacts": []})
FINISHED, IMPORTING = status(200, {"status": "FINISHED"}), status(200, {"status": "IMPORTING"})
ERROR = status(200, {"status": "ERROR", "description": "john@example.com"})


def imported(batch: list[Sending], *replies: Reply) -> Played:
    return play(YESPO.converse(YESPO.lot(batch[0].event), batch), script(*replies))


def body(**fields: Any) -> dict[str, Any]:
    played = imported([Sending(contact_event(**fields))], SESSION, FINISHED)
    found: dict[str, Any] = played.body()
    return found


def test_an_import_is_posted_and_asked_for_until_it_is_finished() -> None:
    played = imported(
        contacts(2), SESSION, status(200, {"status": "STARTED"}), IMPORTING, IMPORTING, FINISHED
    )
    assert [(r.method, r.path) for r in played.requests] == [
        ("POST", "/v1/contacts"),
        *[("GET", "/v1/importstatus/s%2F1")] * 4,
    ]
    assert played.waits == pytest.approx([0.2, 0.32, 0.512, 0.8192])
    assert played.outcomes == [Accepted(), Accepted()]


def test_the_list_of_fields_is_exact_null_is_listed_and_left_out_unset_is_not_listed() -> None:
    found = body(
        external_customer_id="c1", email=None, phone="380501234567", first_name="Іван", last_name=None,
        town="Київ", fields={"12": "x", "7": None, "loyalty": {"a": 1}},
    )  # fmt: skip
    assert found == {
        "contacts": [
            {
                "firstName": "Іван",
                "externalCustomerId": "c1",
                "channels": [{"type": "sms", "value": "380501234567"}],
                "address": {"town": "Київ"},
                "fields": [{"id": "12", "value": "x"}, {"id": "loyalty", "value": '{"a":1}'}],
            }
        ],
        "dedupeOn": "externalCustomerId",
        "contactFields": ["email", "externalCustomerId", "firstName", "lastName", "sms", "town"],
        "customFieldsIDs": ["12", "7", "loyalty"],
        "restoreDeleted": False,
    }


def test_ids_of_custom_fields_are_numbers() -> None:
    [sending] = contacts(1, fields={"12": "x"})
    raw = imported([sending], SESSION, FINISHED).requests[0].body or b""
    assert json.loads(raw)["customFieldsIDs"] == [12]


def test_contact_fields_is_never_empty_which_could_mean_all() -> None:
    assert body(external_customer_id="c1")["contactFields"] == ["externalCustomerId"]


@pytest.mark.parametrize(
    ("fields", "dedupe"),
    [
        ({"external_customer_id": "c1", "email": "a@b.c"}, "externalCustomerId"),
        ({"external_customer_id": None, "email": "a@b.c", "phone": "380501234567"}, "email"),
        ({"phone": "380501234567"}, "sms"),
    ],
)
def test_a_contact_without_an_id_is_found_by_email_or_phone_and_its_id_is_not_cleared(
    fields: dict[str, object], dedupe: str
) -> None:
    found = body(**fields)
    assert found["dedupeOn"] == dedupe
    assert ("externalCustomerId" in found["contactFields"]) == (dedupe == "externalCustomerId")


@pytest.mark.parametrize("reply", [status(200), status(200, {}), status(202, {"failedContacts": None})])
def test_an_acceptance_without_a_session_has_nothing_to_wait_for(reply: Response) -> None:
    assert imported(contacts(2), reply).outcomes == [Accepted(), Accepted()]


@pytest.mark.parametrize("text", ["<html>", "[1]", '{"asyncSessionId": [1]}'])
def test_an_answer_that_is_not_of_this_api_stops_the_lane(text: str) -> None:
    [halt] = imported(contacts(1), status(200, text)).outcomes
    assert isinstance(halt, Halt)


@pytest.mark.parametrize(
    "shape",
    [
        ["c1"],
        ["C1@example.com"],
        ["+380500000001"],
        [{"externalCustomerId": "c1", "message": "c0"}],
        [{"email": "c1@example.com"}],
        [{"sms": "380500000001", "reason": "c2"}],
        [{"contact": {"channels": [{"type": "email", "value": "c1@example.com"}]}, "error": 5}],
        [{"contact": "c1"}],
        {"c1": "bad"},
        [["c1", "bad"]],
        {"externalCustomerId": "c1", "error": "c2"},
    ],
)
def test_a_failed_contact_is_told_apart_in_any_shape_that_names_it(shape: object) -> None:
    assert blamed(shape, [s.event.body for s in contacts(3) if isinstance(s.event.body, Contact)]) == {1}
    reply = status(200, {"asyncSessionId": 7, "failedContacts": shape})
    assert imported(contacts(3), reply, FINISHED).outcomes == [Accepted(), LISTED, Accepted()]


@pytest.mark.parametrize("shape", [1, True, "text", [1], [{"index": 1}], [{"message": "c1"}], ["c9"], [None]])
def test_what_cannot_be_told_is_not_guessed_at(shape: object) -> None:
    assert blamed(shape, [s.event.body for s in contacts(3) if isinstance(s.event.body, Contact)]) is None


def test_a_value_that_two_contacts_share_blames_neither() -> None:
    twins = [Contact(external_customer_id=f"c{n}", email="a@b.c") for n in range(2)]
    assert blamed(["a@b.c"], twins) is None
    assert blamed([{"email": "a@b.c", "externalCustomerId": "c1"}], twins) == {1}


class Importer:
    """Imports at once; says `{"index": …}` of contacts it does not take, now or when asked for the status."""

    def __init__(self, bad: set[str], where: str) -> None:
        self.bad, self.where = bad, where
        self.taken: set[str] = set()
        self.last: list[dict[str, int]] = []
        self.errors = False

    def __call__(self, request: Request) -> Response:
        if request.method == "GET":
            if self.errors:
                return ERROR
            return status(200, {"status": "FINISHED", "failedContacts": self.last})
        ids = [c["externalCustomerId"] for c in json.loads(request.body or b"")["contacts"]]
        failed = [{"index": n} for n, name in enumerate(ids) if name in self.bad]
        self.last, self.errors = (
            failed if self.where == "status" else [],
            self.where == "error" and bool(failed),
        )
        if not failed:
            self.taken |= set(ids)
        return status(200, {"asyncSessionId": "s", "failedContacts": failed if self.where == "post" else []})


@pytest.mark.parametrize("where", ["post", "status"])
def test_failures_that_cannot_be_told_apart_are_found_by_halving(where: str) -> None:
    batch, crm = contacts(20), Importer({"c3", "c4", "c19"}, where)
    played = play(YESPO.converse(YESPO.lot(batch[0].event), batch), crm)
    assert [n for n, outcome in enumerate(played.outcomes) if outcome == LISTED] == [3, 4, 19]
    assert names(played.outcomes).count("Accepted") == 17
    assert len(crm.taken) == 17


def test_a_contact_that_the_import_itself_names_as_failed_is_told_apart() -> None:
    late = status(200, {"status": "FINISHED", "failedContacts": ["c1"]})
    early = status(200, {"asyncSessionId": "s", "failedContacts": ["c0"]})
    assert imported(contacts(3), early, late).outcomes == [LISTED, LISTED, Accepted()]


def test_an_import_of_which_nothing_is_left_is_not_waited_for() -> None:
    reply = status(200, {"asyncSessionId": "s", "failedContacts": ["c0", "c1"]})
    assert imported(contacts(2), reply).outcomes == [LISTED, LISTED]


def test_an_import_that_ends_in_error_is_halved_and_a_single_one_retried_before_it_is_refused() -> None:
    """Attempts that an outage has ended do not count."""

    def attempt(errors: int) -> list[Outcome]:
        batch = [Sending(s.event, attempts=9, errors=errors) for s in contacts(4)]
        crm = Importer({"c2"}, "error")
        return list(play(YESPO.converse(YESPO.lot(batch[0].event), batch), crm).outcomes)

    assert attempt(0) == [Accepted(), Accepted(), Retry("import_error"), Retry("unavailable")]
    first, second, third, fourth = attempt(2)
    assert [first, second, fourth] == [Accepted()] * 3
    assert isinstance(third, Refused)
    assert "example" not in third.detail


@pytest.mark.parametrize(
    "reply",
    [IMPORTING, status(404), status(500), status(200, "?"), status(200, {"status": 5}),
     NoAnswer(made=True, reason="reset")],
)  # fmt: skip
def test_an_import_whose_end_is_not_seen_in_time_is_in_doubt(reply: Reply) -> None:
    first = iter([SESSION])
    played = play(YESPO.converse(YESPO.lot(contacts(1)[0].event), contacts(1)), lambda _: next(first, reply))
    assert played.outcomes == [InDoubt("import_unfinished")]
    assert 600 <= sum(played.waits) <= 605
    assert max(played.waits) == 5.0


def test_the_status_is_asked_for_again_when_it_says_so_and_after_lost_answers() -> None:
    busy = status(503, headers={"retry-after": "20"})
    played = imported(contacts(1), SESSION, NoAnswer(made=True, reason="reset"), busy, FINISHED)
    assert played.outcomes == [Accepted()]
    assert played.waits == pytest.approx([0.2, 0.32, 20.0])


def test_refused_credentials_stop_the_waiting_and_leave_a_doubt_about_what_was_accepted() -> None:
    """The import was answered 200: whatever its repetition comes to, it may be in."""
    [halt] = imported(contacts(1), SESSION, status(401)).outcomes
    assert halt == Halt("credentials", "HTTP 401: check api_key", doubtful=True)


def test_of_a_halved_import_only_what_was_accepted_is_in_doubt() -> None:
    error = iter([SESSION, ERROR, SESSION, status(401)])
    halts = imported(contacts(2), *error).outcomes
    assert [isinstance(halt, Halt) and halt.doubtful for halt in halts] == [True, False]


def test_refused_credentials_of_the_import_itself_leave_no_doubt() -> None:
    [halt] = imported(contacts(1), status(401)).outcomes
    assert halt == Halt("credentials", "HTTP 401: check api_key")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"doubtful": True}, Retry("conflict", 61.0)),
        ({"doubtful": True, "conflicts": 1}, Accepted()),
        ({}, Retry("conflict", 61.0)),
    ],
)
def test_a_repeated_import_is_sent_again_past_a_minute_since_only_its_end_counts(
    state: dict[str, Any], expected: Outcome
) -> None:
    batch = [Sending(contacts(1)[0].event, **state)]
    assert imported(batch, status(409)).outcomes == [expected]


def test_an_erasure_is_one_delete_by_the_contacts_id() -> None:
    event = contact_event(Kind.CONTACT_DELETED, external_customer_id="c/1 ю")
    played = play(YESPO.converse(YESPO.lot(event), [Sending(event)]), script(status(200)))
    [request] = played.requests
    assert (request.method, request.path) == (
        "DELETE",
        "/v1/contact?externalCustomerId=c%2F1%20%D1%8E&erase=true",
    )
    assert (YESPO.lot(event).resource, YESPO.lot(event).max_events) == ("erasures", 1)
    assert played.outcomes == [Accepted()]


def test_an_erasure_of_an_unknown_contact_costs_itself_and_any_other_answer_is_the_tables() -> None:
    event = contact_event(Kind.CONTACT_DELETED)
    for reply, expected in ((status(404), "Refused"), (status(405), "Halt"), (status(500), "InDoubt")):
        assert names(play(YESPO.converse(YESPO.lot(event), [Sending(event)]), script(reply)).outcomes) == [
            expected
        ]
