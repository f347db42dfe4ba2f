"""Metrica from a user's configuration, through Kafka, into the sandbox: what its documents say, sentence by
sentence, as far as it is seen at the counter."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connector import wiring
from connector.adapters import metrics
from connector.adapters.ledger_daily import SqliteDaily
from connector.adapters.ledger_sqlite import SqliteLedger
from connector.lane.lane import Lane
from connector.sandbox.faults import Fault, Match
from connector.sandbox.metrica.options import MetricaOptions
from tests.support.broker import Broker
from tests.support.metrica_shop import ITEMS, STATUSES, Shop
from tests.support.pipeline import SECONDS, Pipeline, pipeline, working
from tests.support.topics import TopicFactory

Make = Callable[..., AbstractContextManager[Pipeline]]


@pytest.fixture
def make(broker: Broker, topic: TopicFactory, tmp_path: Path) -> Make:
    def made(**metrica: Any) -> AbstractContextManager[Pipeline]:
        options = MetricaOptions(**{"rate_per_second": 0, "unknown_contact": "refused", **metrica})
        return pipeline(broker, topic, tmp_path, metrica=options)

    return made


@pytest.fixture
def shop(make: Make) -> Iterator[Shop]:
    """A shop whose orders have to have a contact that was uploaded before."""
    with make() as line:
        yield Shop(line)
        assert line.counter.ignored == [], "promise 7: silently ignored"


# --- Contacts


def test_a_contact_is_found_by_what_binds_it_to_visits(shop: Shop) -> None:
    shop.contact(ym_ids="161,162", first_name="Иван", birth_date="1990-01-31", created="2022-01-01T00:00:00Z")
    assert shop.run() == {"delivered": 1}
    client = shop.client()
    client.pop("update_date_time")
    assert client == {
        "uniq_id": "J3QQ4", "name": "Иван", "birth_date": "1990-01-31", "client_ids": ("161", "162"),
        "create_date_time": "2022-01-01 03:00:00", "emails": ("mail@yandex.ru",), "phones": ("79995551111",),
    }  # fmt: skip


def test_identifiers_may_be_sent_as_hashes_alone(shop: Shop) -> None:
    shop.contact()
    shop.order("1")
    assert shop.run(identifiers="md5") == {"delivered": 2}
    assert shop.client()["emails_md5"] == ("3c56ff8fef0f6c65b36b2d25720fe276",)
    assert shop.client()["phones_md5"] == ("f09f2c3d48f31e2a802944ade2e5aec5",)
    assert not {"emails", "phones"} & shop.client().keys()


def test_what_the_source_clears_is_cleared_and_what_it_does_not_tell_stays(shop: Shop) -> None:
    shop.contact(ym_ids="161", first_name="Ann")
    assert shop.run() == {"delivered": 1}
    shop.contact(op="u", first_name=None, ym_ids="__debezium_unavailable_value")
    assert shop.run() == {"delivered": 1}
    assert "name" not in shop.client()
    assert shop.client()["client_ids"] == ("161",)


# --- Orders, their contact first


def test_an_order_has_its_revenue_cost_currency_and_products(shop: Shop) -> None:
    shop.order("704", purchase_price="4000", items=ITEMS)
    assert shop.run() == {"delivered": 1}
    order = shop.kept("704")
    order.pop("update_date_time")
    assert order == {
        "id": "704", "client_uniq_id": "J3QQ4", "client_type": "CONTACT", "order_status": "new",
        "create_date_time": "2022-09-21 09:48:23", "revenue": Decimal(5000), "cost": Decimal(4000),
        "currency": "RUB", "products": {"pear": Decimal(10)},
    }  # fmt: skip
    assert shop.counter.schema.products == {"pear": "Pear"}


def test_an_unknown_contact_is_uploaded_from_the_orders_fields_first_and_once(shop: Shop) -> None:
    for number in range(20):
        shop.order(str(number), ym_id="161")
    shop.order("guest", external_customer_id=None)
    assert shop.run() == {"delivered": 21}
    assert shop.client()["client_ids"] == ("161",)
    assert len(shop.counter.contacts) == 2
    assert shop.uploads() == ["contact", "order"]


def test_an_order_whose_contact_cannot_be_made_waits_for_it(shop: Shop) -> None:
    shop.order("1", email=None)
    shop.contact()
    assert shop.run() == {"delivered": 2}
    shop.order("2", email=None, external_customer_id="nobody")
    assert shop.run(contacts={"wait_seconds": 1}) == {"dead_lettered": 1}
    assert shop.line.letters() == {("2", "unknown_contact"): 1}


def test_teams_without_contacts_send_simple_orders(shop: Shop) -> None:
    shop.order("1", status="success", ym_id="161")
    assert shop.run(orders_via="simple_orders") == {"delivered": 1}
    found = shop.counter.simple_orders["1"]
    assert found.type == "PAID"
    assert found.values["client_ids"] == ("161",)
    assert shop.counter.contacts == {}


# --- Statuses


def test_the_crms_statuses_are_of_metricas_types(make: Make) -> None:
    with make(unmapped_status="refused") as line:
        shop = Shop(line)
        for word in STATUSES:
            shop.order(word, status=word)
        assert shop.run() == {"delivered": 4}
        assert {order.id: order.type for order in shop.counter.orders.values()} == STATUSES


def test_a_status_that_is_not_mapped_is_a_dead_letter(shop: Shop) -> None:
    shop.order("1", status="lost")
    shop.order("2")
    assert shop.run() == {"dead_lettered": 1, "delivered": 1}
    assert shop.line.letters() == {("1", "check"): 1}


# --- Upserts


def test_the_creation_date_is_never_sent_otherwise(make: Make) -> None:
    with make(changed_create_date="refused") as line:
        shop = Shop(line)
        shop.order("1")
        assert shop.run() == {"delivered": 1}
        shop.order("1", "u", status="success", date="2023-01-01T00:00:00Z")
        assert shop.run() == {"delivered": 1}
        assert shop.kept("1")["create_date_time"] == "2022-09-21 09:48:23"
        assert shop.kept("1")["order_status"] == "success"


def test_of_changes_that_wait_the_last_is_uploaded_and_the_others_are_superseded_by_it(shop: Shop) -> None:
    for word in ("new", "success", "new", "annulled"):
        shop.order("1", "u", status=word)
    assert shop.run() == {"delivered": 1, "superseded": 3}
    assert shop.kept("1")["order_status"] == "annulled"
    assert shop.counter.orders["1"].versions == 1


def test_where_the_last_one_is_refused_the_one_before_it_is_uploaded(shop: Shop) -> None:
    shop.order("1", "u", status="success")
    shop.order("1", "u", status="new", currency="RU1")
    assert shop.run() == {"dead_lettered": 1, "delivered": 1}
    assert shop.kept("1")["order_status"] == "success"


def test_a_deleted_order_is_cancelled(shop: Shop) -> None:
    shop.order("1")
    assert shop.run(on_delete="cancel") == {"delivered": 1}
    shop.order("1", "d")
    assert shop.run(on_delete="cancel") == {"delivered": 1}
    assert shop.kept("1")["order_status"] == "annulled"
    assert shop.kept("1")["revenue"] == Decimal(5000)


def test_a_product_list_that_is_refused_keeps_no_order_back(shop: Shop) -> None:
    products = Match(path="/cdp/*/schema/products")
    shop.line.sandbox.faults.add(Fault(do="status", status=400, match=products))
    shop.order("1", items=ITEMS)
    shop.order("2", items=ITEMS)
    assert shop.run() == {"delivered": 2}
    assert shop.kept("1")["products"] == {"pear": Decimal(10)}
    assert shop.counter.schema.products == {}


def test_a_product_that_was_uploaded_is_not_uploaded_again_by_a_restart(shop: Shop) -> None:
    fig = ITEMS.replace("pear", "fig")
    for number, items in enumerate((ITEMS, ITEMS, fig)):
        shop.order(str(number), items=items)
        assert shop.run() == {"delivered": 1}
    assert shop.counter.answers["schema/products", 200] == 2
    assert shop.counter.schema.products.keys() == {"pear", "fig"}


def test_a_replay_sends_nothing(shop: Shop) -> None:
    shop.contact()
    for number in range(5):
        shop.order(str(number))
    assert shop.run() == {"delivered": 6}
    uploads = len(shop.counter.uploads)
    assert shop.run(replay=True) == {"duplicate": 6}
    assert len(shop.counter.uploads) == uploads


def test_the_orders_of_a_client_are_counted_once_each_over_restarts(shop: Shop) -> None:
    shop.order("1")
    shop.order("2")
    assert shop.run() == {"delivered": 2}
    shop.order("1", "u", status="success")
    shop.order("3")
    shop.order("4", external_customer_id="other")
    assert shop.run() == {"delivered": 3}
    assert shop.run(replay=True) == {"duplicate": 4, "superseded": 1}
    ledger = SqliteLedger(shop.line.folder / "ledger.db", "metrica")
    assert [ledger.look("contact", client).orders for client in ("J3QQ4", "other")] == [3, 1]
    assert shop.counter.orders_of == {"J3QQ4": 3, "other": 1}
    ledger.close()


# --- CSV


@pytest.mark.parametrize("delimiter", ["COMMA", "SEMICOLON"])
def test_a_snapshot_goes_by_csv_and_changes_by_json(shop: Shop, delimiter: str) -> None:
    whole: dict[str, Any] = {"items": ITEMS, "purchase_price": "1", "ym_id": "161"}
    shop.contact(op="r", ym_ids="161,162", first_name='Ann "A", B; C', birth_date="1990-01-31")
    assert shop.run(delimiter_type=delimiter) == {"delivered": 1}
    # An order that is read before its contact has one made for it, by JSON.
    shop.order("1", "r", **whole)
    assert shop.run(delimiter_type=delimiter) == {"delivered": 1}
    assert shop.formats() == {"CSV"}
    assert shop.client()["name"] == 'Ann "A", B; C'
    assert shop.client()["client_ids"] == ("161", "162")
    assert shop.kept("1")["products"] == {"pear": Decimal(10)}
    shop.order("1", "u", status="success", **whole)
    assert shop.run() == {"delivered": 1}
    assert shop.formats() == {"CSV", "JSON"}


def test_custom_attributes_travel_by_csv(shop: Shop) -> None:
    size = {"name": "shoe_size", "type_name": "numeric", "multivalued": False, "humanized": "Size"}
    shop.counter.schema.declare("CONTACT", {"attributes": [size]})
    tags = {"name": "tags", "type_name": "text", "multivalued": True, "humanized": "Tags"}
    shop.counter.schema.declare("ORDER", {"attributes": [tags]})
    shop.contact(shoe_size="42.5")
    shop.order("1", tags="gift")
    attributes = {
        "contact": {"shoe_size": {"type": "numeric"}},
        "order": {"tags": {"type": "text", "multivalued": True}},
    }
    assert shop.run(upload="json", attributes=attributes) == {"delivered": 2}
    assert shop.client()["shoe_size"] == Decimal("42.5")
    assert shop.kept("1")["tags"] == ("gift",)
    assert shop.formats() == {"CSV"}


# --- Verdicts and errors


def test_one_bad_row_costs_itself_and_the_upload_goes_on(shop: Shop) -> None:
    shop.counter.failing = frozenset({"7"})
    for number in range(16):
        shop.order(str(number))
    assert shop.run() == {"dead_lettered": 1, "delivered": 15}
    assert shop.line.letters() == {("7", "refused"): 1}


@pytest.mark.parametrize(
    "fault",
    [
        {"do": "status", "status": 429, "error_type": "quota_requests_by_ip"},
        {"do": "status", "status": 429, "error_type": "quota_parallel_requests"},
        {"do": "status", "status": 503},
        {"do": "status", "status": 504},
        {"do": "refuse_auth"},
        {"do": "lost_answer"},
        {"do": "cut_before"},
    ],
    ids=lambda fault: fault.get("error_type") or str(fault.get("status", fault["do"])),
)
def test_what_passes_by_itself_loses_nothing_and_buries_nothing(shop: Shop, fault: dict[str, Any]) -> None:
    shop.line.sandbox.faults.add(Fault(times=1, **fault))
    shop.contact()
    shop.order("1")
    assert shop.run() == {"delivered": 2}
    assert shop.kept("1")["client_uniq_id"] == "J3QQ4"


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "credentials"), (403, "credentials"), (404, "contract")]
)
def test_what_somebody_has_to_mend_stops_the_lane_and_costs_nothing(
    shop: Shop, status: int, reason: str
) -> None:
    shop.line.sandbox.faults.add(Fault(do="status", status=status, match=Match(path="/cdp/*")))
    shop.order("1")
    shop.line.flush()
    until_paused(shop, reason)
    assert shop.line.letters() == {}
    assert shop.counter.uploads == []
    shop.line.sandbox.faults.clear()
    assert shop.run() == {"delivered": 1}


# --- The day's quota

ONE_BY_ONE: dict[str, Any] = {
    "products": "off",
    "delivery": {"batch_events": 1, "linger_ms": 0, "rate_per_second": 0},
}


def until_paused(shop: Shop, reason: str, **options: Any) -> dict[str, Any]:
    """Work until the lane has read something and is paused for this; what an operator sees of it then."""
    service = wiring.build(
        shop.settings(**options), metrics.meter(), "metrica", embedded=not shop.line.is_real
    )
    lane = service.lanes["metrica"]
    with working(service):
        until(
            lambda: reason in lane.view["paused"] and any(row["oldest_at"] for row in lane.view["partitions"])
        )
        assert lane.parts.courier.state().paused == reason
        return dict(lane.view)


def test_a_days_quota_is_kept_over_restarts_and_pauses_until_it_is_over(shop: Shop) -> None:
    """Two requests: the contact's and the first order's."""
    shop.order("1")
    assert shop.run(requests_per_day=2, **ONE_BY_ONE) == {"delivered": 1}
    shop.order("2")
    shop.line.flush()
    views = [until_paused(shop, "quota", requests_per_day=2, **ONE_BY_ONE) for _ in range(2)]
    assert shop.counter.answers.total() == 2
    assert [sum(row["lag_records"] for row in view["partitions"]) for view in views] == [1, 1]
    assert [view["state"] for view in views] == ["paused", "paused"]
    ages = [row["lag_seconds"] for view in views for row in view["partitions"] if row["lag_records"]]
    assert 0 < ages[0] < ages[1], "it keeps counting"
    assert shop.run(requests_per_day=3, **ONE_BY_ONE) == {"delivered": 1}


@pytest.mark.parametrize("whose", ["per_day", "counter_per_day"])
def test_what_metrica_calls_spent_is_believed(make: Make, whose: str) -> None:
    """Somebody else uses the same token, or the same counter."""
    with make(**{whose: 1}) as line:
        shop = Shop(line)
        shop.order("1")
        line.flush()
        until_paused(shop, "quota", **ONE_BY_ONE)
        daily = SqliteDaily(line.folder / "ledger.db", "metrica")
        assert daily.take(5000) == -1
        daily.close()
        assert line.letters() == {}


def test_a_batch_waits_longer_where_the_days_rest_is_short(shop: Shop) -> None:
    SqliteDaily(shop.line.folder / "ledger.db", "metrica").spend(4995)
    service = wiring.build(shop.settings(), metrics.meter(), "metrica", embedded=not shop.line.is_real)
    plan = service.lanes["metrica"].parts.plan
    assert plan.linger > 0.05
    with working(service):
        pass


# --- A replay


@pytest.mark.kafka
def test_a_range_of_a_topic_is_replayed_by_csv_and_the_live_lane_finds_it_done(shop: Shop) -> None:
    for number in range(20):
        shop.order(str(number), items=ITEMS, purchase_price="1", ym_id="161", tags="t")
    shop.line.flush()
    shop.settings()
    replay = [sys.executable, "-m", "connector", "replay", "-c", str(shop.line.file), "--json"]
    of = ["--destination", "metrica", "--topic", shop.orders.topic, "--from", "5", "--to", "15"]
    told = json.loads(subprocess.check_output([*replay, *of], timeout=SECONDS))
    assert told["outcomes"] == {"delivered": 10}
    assert shop.formats() == {"CSV"}
    assert shop.uploads() == ["contact", "order"]
    assert shop.counter.orders.keys() == {str(number) for number in range(5, 15)}
    assert shop.kept("5")["products"] == {"pear": Decimal(10)}
    daily = SqliteDaily(shop.line.folder / "ledger.db", "metrica")
    assert daily.used() == shop.counter.answers.total() == 3
    daily.close()
    assert shop.run() == {"delivered": 10, "duplicate": 10}
    assert {order.versions for order in shop.counter.orders.values()} == {1}


# --- Both lanes


@contextmanager
def beside_yespo(shop: Shop) -> Iterator[Lane]:
    """Both lanes at work in one process, once Yespo has all there is: the other one."""
    shop.contact()
    for number in range(50):
        shop.order(str(number), status="INITIALIZED")
    statuses = {"INITIALIZED": {"id": "new", "type": "IN_PROGRESS"}}
    settings = shop.settings(statuses=statuses, **ONE_BY_ONE)
    service = wiring.build(settings, metrics.meter(), embedded=not shop.line.is_real)
    yespo = service.lanes["yespo"].parts.books
    shop.line.flush()
    with working(service):
        until(lambda: yespo.closed == shop.line.written)
        assert len(shop.line.crm.orders) == 50
        yield service.lanes["metrica"]


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_slow_metrica_never_delays_yespo(shop: Shop) -> None:
    """Two requests at a time, each of two seconds, would take a minute."""
    shop.line.sandbox.faults.add(Fault(do="delay", delay=2, match=Match(path="/cdp/*")))
    with beside_yespo(shop) as metrica:
        assert metrica.parts.books.closed < shop.line.written


def test_an_exhausted_metrica_never_delays_yespo(shop: Shop) -> None:
    SqliteDaily(shop.line.folder / "ledger.db", "metrica").spend(5000)
    with beside_yespo(shop) as metrica:
        until(lambda: metrica.parts.courier.state().paused == "quota")
        assert metrica.parts.books.closed == 0
    assert shop.counter.answers.total() == 0
    assert shop.line.letters() == {}
