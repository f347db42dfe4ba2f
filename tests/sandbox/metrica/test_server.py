"""Faults, control endpoints, the list of uploads, and the file of what was accepted, over HTTP."""

import re
import threading
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import msgspec
import pytest

from connector.sandbox.metrica.options import MetricaOptions
from connector.sandbox.options import Options, read_options
from connector.sandbox.server import SandboxServer
from tests.chaos.check import reading
from tests.sandbox.calls import ANN
from tests.sandbox.metrica.site import CONTACT, HEADER, ORDER, Site, changed, flaw, running, verdict

ALL = {"match": {"path": "/cdp/*"}, "times": 1}
QUOTAS = ("by_ip", "by_uid", "by_counter_id")


@pytest.mark.parametrize(
    "error_type", [*(f"quota_requests_{each}" for each in QUOTAS), "quota_parallel_requests"]
)
def test_a_429_of_each_type_on_demand(site: Site, error_type: str) -> None:
    site.ask("faults", {**ALL, "do": "status", "status": 429, "error_type": error_type})
    assert flaw(site.contacts(CONTACT)) == (429, error_type, None)
    assert verdict(site.contacts(CONTACT)) == ("PASSED", 1)


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "invalid_parameter"),
        (401, "unauthorized"),
        (403, "access_denied"),
        (404, "not_found"),
        (503, "backend_error"),
        (504, "timeout"),
        (500, "backend_error"),
    ],
)
def test_each_status_of_the_table_on_demand(site: Site, status: int, error_type: str) -> None:
    site.ask("faults", {**ALL, "do": "status", "status": status, "headers": {"Retry-After": "2"}})
    answer = site.contacts(changed(CONTACT, uniq_id="new"))
    assert flaw(answer) == (status, error_type, None)
    assert answer.headers["retry-after"] == "2"
    assert list(site.counter.contacts) == ["J3QQ4"]


def test_a_body_of_ones_own_and_refused_credentials(site: Site) -> None:
    site.ask("faults", {**ALL, "do": "status", "status": 502, "body": "bad gateway"})
    assert site.contacts(CONTACT).text == "bad gateway"
    site.ask("faults", {**ALL, "do": "refuse_auth"})
    assert flaw(site.contacts(CONTACT)) == (401, "unauthorized", None)


@pytest.mark.parametrize("fault", [{"do": "lost_answer"}, {"do": "cut_before"}])
def test_an_answer_is_lost_after_acceptance_or_the_request_before_it(
    site: Site, fault: dict[str, Any]
) -> None:
    site.ask("faults", {**ALL, **fault})
    with pytest.raises(httpx2.TransportError):
        site.contacts(changed(CONTACT, uniq_id="new"))
    assert ("new" in site.counter.contacts) == (fault["do"] == "lost_answer")


def test_an_error_may_come_after_the_upload_was_applied(site: Site) -> None:
    site.ask("faults", {**ALL, "do": "status", "status": 504, "apply": True})
    assert flaw(site.orders(ORDER)) == (504, "timeout", None)
    assert list(site.counter.orders) == ["704"]


def test_a_fault_is_chosen_by_a_part_of_a_large_file_too(site: Site) -> None:
    fault = {"match": {"path": "/cdp/*", "body": "POISON"}, "do": "status", "status": 503}
    site.ask("faults", fault)
    filler = "".join(f"c{number},79995551111\n" for number in range(100_000))
    assert verdict(site.file("contacts/csv", f"uniq_id,phones\n{filler}")) == ("PASSED", 100_000)
    poison = f"uniq_id,phones\n{filler}POISON,79995551111\n{filler}"
    assert flaw(site.file("contacts/csv", poison)) == (503, "backend_error", None)


def test_a_slow_upload_holds_up_nobody(site: Site) -> None:
    site.ask("faults", {**ALL, "do": "delay", "delay": 5})
    slow = threading.Thread(target=site.contacts, args=[changed(CONTACT, uniq_id="slow")])
    slow.start()
    while not site.server.faults.hits()[0][1]:
        assert slow.is_alive()
    assert site.contacts(changed(CONTACT, uniq_id="fast")).status_code == 200
    yespo = httpx2.post(f"{site.server.url}/v1/contact", json=ANN, auth=("", "sandbox-key"))
    assert yespo.status_code == 200
    slow.join()
    assert list(site.counter.contacts) == ["J3QQ4", "fast", "slow"]


def test_faults_of_yespos_paths_are_none_of_metricas(site: Site) -> None:
    site.ask("faults", {"do": "status", "match": {"path": "/v*"}})
    assert site.contacts(CONTACT).status_code == 200


def test_an_upload_with_a_row_that_is_to_fail_fails_whole(site: Site) -> None:
    site.ask("metrica/fail", {"ids": ["bad"]})
    rows = [changed(CONTACT, uniq_id=id_) for id_ in ("good", "bad")]
    assert verdict(site.contacts(*rows)) == ("FAILED", 2)
    text = "uniq_id,phones\ngood,79995551111\nbad,79995551111\n"
    assert verdict(site.file("contacts/csv", text)) == ("FAILED", 2)
    assert list(site.counter.contacts) == ["J3QQ4"]
    assert site.contacts(rows[0]).status_code == 200


def test_the_next_uploads_are_to_fail(site: Site) -> None:
    site.ask("metrica/fail", {"uploads": 2})
    assert [verdict(site.contacts(CONTACT))[0] for _ in range(3)] == ["FAILED", "FAILED", "PASSED"]


def test_the_last_uploadings_are_told_newest_first() -> None:
    with running() as site:
        site.prepare()
        site.server.clock.stop()  # all but the first of one second
        site.server.clock.advance(60)
        ids = [site.contacts(CONTACT).json()["uploading"]["uploading_id"] for _ in range(11)]
        site.contacts(changed(CONTACT, emails=["A"]))
        told = site.get("last_uploadings").json()["uploadings"]
        assert [each["uploading_id"] for each in told] == ids[:0:-1]
        assert len(site.get("last_uploadings", limit="1000").json()["uploadings"]) == 12
        (one,) = site.get("last_uploadings", limit="1", source="API").json()["uploadings"]
        assert one["uploading_id"] == ids[-1]
        assert set(one) == {
            *("uploading_id", "datetime", "api_validation_status", "elements_count", "entity_type"),
            *("uploading_format", "uploading_source"),
        }
        earlier = site.get("last_uploadings", datetime_offset=told[-1]["datetime"]).json()["uploadings"]
        assert len(earlier) == 1  # strictly before


def test_times_are_told_in_the_counters_zone() -> None:
    with running(time_zone="Asia/Tokyo") as site:
        clock = site.server.clock
        clock.stop()
        uploading = site.contacts(CONTACT).json()["uploading"]
    told = datetime.fromtimestamp(clock(), ZoneInfo("Asia/Tokyo"))
    assert uploading["datetime"] == told.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"source": "UI"}, "source"),
    ],
)
def test_last_uploadings_has_1_to_1000_of_the_source_api(
    site: Site, asked: dict[str, str], location: str
) -> None:
    assert flaw(site.get("last_uploadings", **asked)) == (400, "invalid_parameter", location)


def test_the_state_as_json(site: Site) -> None:
    site.orders(ORDER, changed(ORDER, id="705", client_uniq_id="nobody"))
    site.file("simple_orders", "id,create_date_time,phones\n7,12.02.2024,79876543210\n")
    site.contacts({"uniq_id": "x"})
    state = site.http.get("/_sandbox/metrica/state").json()
    assert state["counts"] == {
        "contacts": 1,
        "orders": 1,
        "simple_orders": 1,
        "uploads": 4,
        "ignored": 1,
        "requests": 5,
    }
    assert state["orders"][0]["values"]["products"] == {"pear": 10, "apple": 30}
    assert [each["reason"] for each in state["ignored"]] == ["unknown contact"]
    assert state["uploads"][-1]["flaw"].startswith("contacts[0]: one of")
    assert state["answers"]["data/contacts/json 400"] == 1
    assert set(state["requests"][-1]) == {"at", "method", "path", "status", "size", "fault"}
    assert state["quota"] == {"day": 5000, "used": 5, "under_way": 0}
    assert len(site.http.get("/_sandbox/metrica/state?limit=1").json()["uploads"]) == 1


def test_a_reset_empties_both_or_the_counter_alone(site: Site) -> None:
    site.http.post("/v1/contact", json=ANN, auth=("", "sandbox-key"))
    site.ask("metrica/reset", {})
    assert (len(site.counter.contacts), len(site.server.crm.all_contacts)) == (0, 1)
    site.prepare()
    site.ask("reset", {})
    assert (len(site.counter.contacts), len(site.server.crm.all_contacts)) == (0, 0)


def test_options_of_metrica_are_read_from_texts_and_mistakes_are_told() -> None:
    found = read_options(["metrica.seed=7", 'metrica.goals=["paid"]', "api_key=k-1"])
    assert found == Options(api_key="k-1", metrica=MetricaOptions(seed=7, goals=frozenset({"paid"})))
    for setting, words in (
        ("metrica.sede=7", r"metrica\.sede is no option; did you mean metrica\.seed"),
        ("metrica=7", "metrica is no option"),
        ("metrica.unknown_contact=lost", "Invalid enum value 'lost'"),
        ("metrica.time_zone=Mars/Olympus", "Mars/Olympus is no time zone"),
    ):
        with pytest.raises(ValueError, match=words):
            read_options([setting])


def lines(path: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def test_what_was_accepted_is_in_the_file_with_its_service(tmp_path: Path) -> None:
    path = tmp_path / "accepted"
    settings = MetricaOptions(order_rev="cost")
    with (
        SandboxServer(import_seconds=0, metrica=settings, accepted=path) as server,
        httpx2.Client(base_url=server.url, headers=HEADER) as http,
    ):
        site = Site(server, http)
        site.prepare()
        site.orders(ORDER, changed(ORDER, id="705", client_uniq_id="nobody"))
        site.orders(changed(ORDER, client_type="x"))
        site.ask("faults", {**ALL, "do": "status", "status": 500, "apply": True})
        site.orders(changed(ORDER, cost=7))
        http.post("/v1/contact", json=ANN, auth=("", "sandbox-key"))
    told = [
        (each["service"], each["entity"], each["key"], each["rev"], each["doubtful"]) for each in lines(path)
    ]
    assert told == [
        ("metrica", "contact", "J3QQ4", "Ann P.", False),
        ("metrica", "order", "704", "4000", False),
        ("metrica", "order", "704", "7", True),
        ("yespo", "contact", "C1", "Ann", False),
    ]
    assert [each["n"] for each in lines(path)] == [0, 1, 2, 3]
    judged = reading.accepted(path, "metrica")
    assert [(one.key, one.rev, one.doubtful) for one in judged] == [each[2:] for each in told[:3]]


def test_rows_of_one_id_are_in_the_file_in_the_order_of_their_application(tmp_path: Path) -> None:
    with SandboxServer(accepted=tmp_path / "accepted") as server:
        with httpx2.Client(base_url=server.url, headers=HEADER) as http:
            Site(server, http).contacts(*(changed(CONTACT, name=name) for name in "abcde"))
        assert server.counter.contacts["J3QQ4"].values["name"] == lines(tmp_path / "accepted")[-1]["rev"]
    assert sorted(each["rev"] for each in lines(tmp_path / "accepted")) == list("abcde")


def test_the_page_has_a_section_of_metricas(site: Site) -> None:
    page = site.http.get("/").text
    assert "/_sandbox/metrica/state" in page
    names = re.findall(
        r'^  \["[^"]+", "(\w+)"', page.split("const METRICA")[1].split("];\n")[0], re.MULTILINE
    )
    assert set(names) <= set(site.http.get("/_sandbox/metrica/state").json())
    assert {"ignored", "uploads", "contacts", "orders", "order_statuses"} <= set(names)
