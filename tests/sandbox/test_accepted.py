"""What was accepted: told once for each acceptance, in its order, and for nothing else."""

from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from connector.sandbox.accepted import Accepted
from connector.sandbox.server import SandboxServer
from tests.sandbox.calls import NOON, Account, event


class Telling(Account):
    """An account that keeps what it tells."""

    def __init__(self, **options: Any) -> None:
        super().__init__(ann=options.pop("ann", False), **options)
        self.told: list[Accepted] = []
        self.crm.on_accepted = self.told.append

    def revs(self) -> list[tuple[str, str, str | None]]:
        return [(one.entity, one.key, one.rev) for one in self.told]


def bulk(*contacts: dict[str, Any]) -> dict[str, Any]:
    return {"contacts": list(contacts), "dedupeOn": "externalCustomerId"}


def test_each_event_of_an_order_is_told_with_its_rev() -> None:
    account = Telling(ann=True)
    account.send(event(externalOrderId="o1", rev="7"))
    account.send(event("orderUpdated", externalOrderId="o1", rev=8))
    account.send(event("orderUpdated", externalOrderId="o2"))

    assert account.told[0] == Accepted(NOON, "order", "o1", "7", "event")
    assert account.revs() == [("order", "o1", "7"), ("order", "o1", "8"), ("order", "o2", None)]


def test_what_is_refused_or_ignored_is_not_told() -> None:
    account = Telling()
    account.send(event(externalOrderId="o1", rev="7"))
    account.send(event(externalOrderId="o1", rev="7", totalCost=...))
    account.send({})

    assert len(account.crm.ignored) == 2
    assert account.told == []


def test_every_past_event_of_a_request_is_told() -> None:
    account = Telling(ann=True)
    events = [event(externalOrderId=key, rev=key) | {"occurred": "2020-05-14T10:11"} for key in "ab"]
    assert account.post("/v1/past_events", {"events": events}).status == 200

    assert account.revs() == [("order", "a", "a"), ("order", "b", "b")]
    assert {one.resource for one in account.told} == {"past_events"}


def test_a_contact_is_told_when_its_import_is_applied_with_its_first_name_as_rev() -> None:
    account = Telling(import_seconds=2)
    phone = {"channels": [{"type": "sms", "value": "380501234567"}]}
    account.post("/v1/contacts", bulk({"externalCustomerId": "c1", "firstName": "n7"}, phone))
    assert account.told == []
    account.clock.advance(5)
    account.crm.counts()

    assert account.revs() == [("contact", "c1", "n7"), ("contact", "phone:380501234567", None)]
    assert account.told[0].at == NOON + 2


def test_an_update_that_leaves_the_first_name_out_does_not_repeat_it() -> None:
    account = Telling()
    account.post("/v1/contacts", bulk({"externalCustomerId": "c1", "firstName": "n7"}))
    account.post("/v1/contacts", bulk({"externalCustomerId": "c1", "lastName": "x"}))

    assert account.revs() == [("contact", "c1", "n7"), ("contact", "c1", None)]


def test_an_import_that_fails_and_a_contact_that_is_refused_are_not_told() -> None:
    account = Telling()
    account.crm.broken_imports = 1
    account.post("/v1/contacts", bulk({"externalCustomerId": "c1"}))
    account.crm.failing = {"c2"}
    account.post("/v1/contacts", bulk({"externalCustomerId": "c2"}, {"externalCustomerId": "c3"}))

    assert account.revs() == [("contact", "c3", None)]


def test_an_erased_contact_is_told_once() -> None:
    account = Telling()
    account.post("/v1/contacts", bulk({"externalCustomerId": "c1"}))
    for _ in range(2):
        account.call("DELETE", "/v1/contact", query=b"externalCustomerId=c1&erase=true")

    assert account.revs() == [("contact", "c1", None), ("contact", "c1", "erased")]


def test_an_unsubscribed_contact_is_told_by_its_own_key() -> None:
    account = Telling(ann=True)
    account.post("/v1/emails/unsubscribed/add", {"emails": ["ann@mail.example", "bob@mail.example"]})

    assert account.revs() == [
        ("contact", "C1", "unsubscribed"),
        ("contact", "email:bob@mail.example", "unsubscribed"),
    ]


@pytest.mark.parametrize(
    ("fault", "doubtful"),
    [
        ({"do": "lost_answer"}, True),
        ({"do": "status", "status": 500, "apply": True}, True),
        ({"do": "status", "status": 202, "apply": True}, False),
        ({"do": "delay", "delay": 0.01}, False),
    ],
)
def test_the_file_tells_whether_the_sandbox_itself_said_so(
    tmp_path: Path, fault: dict[str, Any], doubtful: bool
) -> None:
    path = tmp_path / "accepted"
    with SandboxServer(import_seconds=0, accepted=path) as server:
        server.faults.add({"match": {"path": "/v1/contacts"}, "times": 1} | fault)
        with httpx2.Client(base_url=server.url, auth=("", "sandbox-key")) as http:
            for key in ("c1", "c2"):
                try:
                    http.post("/v1/contacts", json=bulk({"externalCustomerId": key}))
                except httpx2.TransportError:
                    assert fault["do"] == "lost_answer"

    lines = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    assert [(line["n"], line["key"], line["doubtful"]) for line in lines] == [
        (0, "c1", doubtful),
        (1, "c2", False),
    ]


def test_an_import_whose_time_has_come_when_the_sandbox_stops_is_in_the_file(tmp_path: Path) -> None:
    with SandboxServer(import_seconds=100, accepted=tmp_path / "accepted") as server:
        with httpx2.Client(base_url=server.url, auth=("", "sandbox-key")) as http:
            http.post("/v1/contacts", json=bulk({"externalCustomerId": "c1"}))
        server.clock.advance(200)

    (line,) = (tmp_path / "accepted").read_bytes().splitlines()
    assert msgspec.json.decode(line)["key"] == "c1"


def test_a_file_that_cannot_be_written_is_an_error_of_the_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SandboxServer(accepted=tmp_path / "none" / "accepted")
