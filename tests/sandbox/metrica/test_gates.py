"""Token, counter, methods, quotas and the form of errors, over HTTP."""

import threading
import time
from collections.abc import Iterator

import httpx2
import pytest

from connector.sandbox.faults import Fault
from connector.sandbox.metrica.options import MetricaOptions
from tests.sandbox.metrica.site import CONTACT, Site, changed, flaw, running

DAY = 86_400


@pytest.fixture
def narrow() -> Iterator[Site]:
    """With 30 requests a second, on a clock that stands still at noon GMT."""
    with running(rate_per_second=30) as site:
        clock = site.server.clock
        clock.stop()
        clock.advance(DAY * 1.5 - clock() % DAY)
        yield site


def asked(
    site: Site, token: str | None, path: str = "last_uploadings", counter: str = "1"
) -> httpx2.Response:
    with httpx2.Client(base_url=site.server.url) as http:
        headers = {} if token is None else {"Authorization": token}
        return http.get(f"/cdp/api/v1/counter/{counter}/{path}", headers=headers)


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        (None, (401, "unauthorized", None)),
        ("Bearer sandbox-token", (401, "unauthorized", None)),
        ("Basic c2FuZGJveC10b2tlbg==", (401, "unauthorized", None)),
        ("OAuth other", (403, "invalid_token", None)),
    ],
)
def test_the_token_travels_as_oauth(site: Site, token: str | None, expected: object) -> None:
    assert flaw(asked(site, token)) == expected
    assert asked(site, "OAuth sandbox-token").status_code == 200


def test_the_tokens_of_yespo_and_metrica_are_their_own() -> None:
    with running(token="t-1") as site:
        site.server.change_key("other-key")
        assert asked(site, "OAuth t-1").status_code == 200
        assert flaw(asked(site, "OAuth other-key"))[0] == 403


@pytest.mark.parametrize("scope", ["metrika:write", "metrika:offline_data", "metrika:read"])
def test_uploads_need_a_scope_that_writes(scope: str) -> None:
    with running(scope=scope) as site:
        assert site.get("last_uploadings").status_code == 200
        found = site.contacts(CONTACT)
        if scope == "metrika:read":
            assert flaw(found) == (403, "access_denied", None)
        else:
            assert found.status_code == 200


def test_a_counter_of_others_is_403_and_an_unknown_one_404() -> None:
    with running(counter_id=77, foreign_counters=frozenset({5})) as site:
        found = [asked(site, "OAuth sandbox-token", counter=counter) for counter in ("77", "5", "6", "x")]
    assert found[0].status_code == 200
    assert flaw(found[1]) == (403, "access_denied", None)
    assert [flaw(each) for each in found[2:]] == [(404, "not_found", "counterId")] * 2


def test_another_path_is_404_another_method_405_another_format_406(site: Site) -> None:
    assert flaw(site.get("data"))[:2] == (404, "not_found")
    assert flaw(site.post("data/contacts", {}))[:2] == (404, "not_found")
    assert site.get("data/contacts/json").status_code == 405
    url = "/cdp/api/v1/counter/1/data/contacts/json?merge_mode=SAVE"
    assert flaw(site.http.post(url, data={"x": "y"}))[:2] == (406, "not_acceptable")
    broken = site.http.post(url, content=b"{", headers={"Content-Type": "application/json"})
    assert flaw(broken) == (400, "invalid_json", None)


def test_30_requests_a_second_of_an_address(narrow: Site) -> None:
    found = [narrow.get("last_uploadings") for _ in range(32)]
    assert [each.status_code for each in found[:30]] == [200] * 30
    assert [flaw(each) for each in found[30:]] == [(429, "quota_requests_by_ip", None)] * 2
    narrow.server.clock.advance(1)
    assert narrow.get("last_uploadings").status_code == 200


def test_the_rate_can_be_set(narrow: Site) -> None:
    narrow.ask("metrica/rate", {"per_second": 1})
    assert [narrow.get("last_uploadings").status_code for _ in range(2)] == [200, 429]


def test_3_requests_in_parallel_of_a_user(site: Site) -> None:
    site.server.faults.add(Fault(do="hang", times=3))
    threads = [threading.Thread(target=hang, args=(site,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    while site.server.faults.hits()[0][1] < 3:
        assert threads[0].is_alive()
        time.sleep(0.01)
    assert flaw(site.get("last_uploadings")) == (429, "quota_parallel_requests", None)
    for thread in threads:
        thread.join()
    while (found := site.get("last_uploadings")).status_code != 200:
        assert flaw(found)[1] == "quota_parallel_requests"
        time.sleep(0.01)


def hang(site: Site) -> None:
    with pytest.raises(httpx2.TimeoutException):
        site.http.get("/cdp/api/v1/counter/1/last_uploadings", timeout=4)


def test_5000_requests_a_day_until_midnight_gmt(narrow: Site) -> None:
    narrow.ask("metrica/rate", {"per_second": 0})
    narrow.ask("metrica/quota", {"spend": 4999})
    assert narrow.get("last_uploadings").status_code == 200
    assert flaw(narrow.get("last_uploadings")) == (429, "quota_requests_by_uid", None)
    assert narrow.get("last_uploadings").headers["date"].endswith("12:00:00 GMT")
    narrow.ask("clock", {"advance": DAY / 2 - 60})
    assert flaw(narrow.get("last_uploadings")) == (429, "quota_requests_by_uid", None)
    narrow.ask("clock", {"advance": 61})
    assert narrow.get("last_uploadings").status_code == 200
    assert narrow.http.get("/_sandbox/metrica/state").json()["quota"]["used"] == 1


def test_every_request_of_the_user_counts_for_the_day_and_one_that_is_refused_does_not(site: Site) -> None:
    site.ask("metrica/quota", {"per_day": 4})  # two of them have prepared the counter
    site.contacts(changed(CONTACT, emails=["A"]))
    assert flaw(asked(site, "OAuth other"))[0] == 403
    assert [site.get("schema/order_statuses").status_code for _ in range(3)] == [200, 429, 429]


def test_a_counter_may_have_a_quota_of_its_own() -> None:
    with running(counter_per_day=1) as site:
        site.get("last_uploadings")
        assert flaw(site.get("last_uploadings")) == (429, "quota_requests_by_counter_id", None)


def test_the_limits_are_the_documented_ones() -> None:
    found = MetricaOptions()
    assert (found.rate_per_second, found.parallel, found.per_day) == (30, 3, 5000)
    assert (found.body_bytes, found.orders_per_client) == (10**9, 100_000)


def test_no_limit_is_0() -> None:
    with running(parallel=0, per_day=0, body_bytes=0, orders_per_client=0) as site:
        site.prepare()
        site.ask("metrica/quota", {"spend": 10_000})
        assert site.contacts(CONTACT).status_code == 200
