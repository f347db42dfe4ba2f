"""What Metrica's pages say that takes a counter or a configuration of its own, a test for each sentence.

One process with a lane for each reads the same two topics, each into a counter of its own: so all of it takes
one run. Changes are written when those before them are uploaded, else the last one alone would be.
"""

import time
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import pytest
import yaml

from connector import wiring
from connector.adapters import metrics
from connector.sandbox.faults import Fault, Match
from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.options import MetricaOptions
from connector.sandbox.server import SandboxServer
from connector.service import Service
from connector.settings import Settings, load
from connector.settings.metrica import MetricaSettings
from connector.wiring import check_metrica, metrica_schema
from tests.support.broker import Broker
from tests.support.metrica_shop import ITEMS, STATUSES, Shop
from tests.support.pipeline import SECONDS, pipeline, working
from tests.support.topics import TopicFactory

MANY = [f"m{number}" for number in range(30)]
UNSENT = "__debezium_unavailable_value"
ATTRIBUTES = {
    "contact": {"shoe_size": {"type": "numeric"}},
    "order": {"tags": {"type": "text", "multivalued": True}},
}
STRICT: dict[str, Any] = {
    "rate_per_second": 0, "unknown_contact": "refused", "unmapped_status": "refused",
    "changed_create_date": "refused", "goals": frozenset({"paid", "visited"}),
}  # fmt: skip
TOGETHER = {"batch_events": len(MANY), "linger_ms": 3000, "rate_per_second": 0}
"""So many orders of the same columns go in one upload, though the machine stands still meanwhile."""
LANES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "update": ({"delivery": TOGETHER}, {}),
    "save": ({"merge_mode": "SAVE"}, {}),
    "append": ({"merge_mode": "APPEND"}, {}),
    "csv": ({"identifiers": "md5", "delimiter_type": "SEMICOLON", "attributes": ATTRIBUTES}, {}),
    "simple": ({"orders_via": "simple_orders"}, {}),
    "small": ({"upload": "csv", "products": "off", "delivery": TOGETHER}, {"body_bytes": 2000}),
    "busy": (
        {"delivery": {"batch_events": 1, "linger_ms": 0, "rate_per_second": 1000, "in_flight": 1000}},
        {"rate_per_second": 30},
    ),
}
"""Options of each destination, and of the counter behind it."""


class Pages:
    """The lanes' counters, and what a shop has written."""

    def __init__(self, shop: Shop, sandboxes: dict[str, SandboxServer]) -> None:
        self.shop, self.sandboxes = shop, sandboxes
        self.counters: dict[str, Counter] = {name: one.counter for name, one in sandboxes.items()}
        self.letters: Tally[tuple[str | None, str]] = Tally()
        self.checked: list[str] = []

    def settings(self) -> Settings:
        self.shop.settings()
        tree = yaml.safe_load(self.shop.line.file.read_text("utf-8"))
        usual = tree["destinations"]["metrica"]
        tree["destinations"] = {
            name: usual | {"url": self.sandboxes[name].url} | options for name, (options, _) in LANES.items()
        }
        self.shop.line.file.write_text(yaml.safe_dump(tree), encoding="utf-8")
        return load(self.shop.line.file, {})

    def work_off(self, service: Service) -> None:
        """Until every lane has settled all that was written."""
        self.shop.line.flush()
        deadline = time.monotonic() + SECONDS
        while any(lane.parts.books.closed < self.shop.line.written for lane in service.lanes.values()):
            assert time.monotonic() < deadline, service.status()
            time.sleep(0.05)

    def order(self, lane: str, number: str = "1") -> dict[str, Any]:
        return dict(self.counters[lane].orders[number].values)

    def client(self, lane: str, number: str = "J3QQ4") -> dict[str, Any]:
        return dict(self.counters[lane].contacts[number].values)

    def flaws(self, lane: str) -> int:
        return sum(upload.flaw is not None for upload in self.counters[lane].uploads)


def contacts(shop: Shop) -> None:
    shop.contact(
        ym_ids="161", ym_users="u1,u2", first_name="Ann", shoe_size="42.5", created="2022-01-01T00:00:00Z"
    )
    shop.contact("nobody", email=None, phone=None)


def first(shop: Shop) -> None:
    whole: dict[str, Any] = {"items": ITEMS, "purchase_price": "4000", "ym_id": "161", "tags": "gift"}
    shop.order("1", goals="paid:200,visited", finished="2022-10-01T00:00:00Z", **whole)
    shop.order("2", status="lost", ym_id="161")
    for number in MANY:
        shop.order(number, "r", ym_id="161")


def second(shop: Shop) -> None:
    shop.contact(op="u", ym_ids="162", ym_users=UNSENT, first_name=UNSENT)
    unsent: dict[str, Any] = dict.fromkeys(("purchase_price", "goals", "finished"), UNSENT)
    shop.order("1", "u", status="success", ym_id="161", date="2023-01-01T00:00:00Z", **unsent)


@pytest.fixture(scope="module")
def pages(broker: Broker, topic: TopicFactory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    with ExitStack() as stack:
        sandboxes = {
            name: stack.enter_context(SandboxServer(metrica=MetricaOptions(**{**STRICT, **own})))
            for name, (_, own) in LANES.items()
        }
        line = stack.enter_context(pipeline(broker, topic, tmp_path_factory.mktemp("pages")))
        more = {"goals": "goals", "finished": "finish_date_time"}
        made = Pages(Shop(line, order=more, contact={"ym_users": "user_ids"}), sandboxes)
        settings, passed = made.settings(), {"api_validation_status": "PASSED", "elements_count": 1}
        for name in LANES:
            metrica_schema.apply(settings, name)
        orders = Match(path="/cdp/*/data/orders/*")
        many = Match(path=orders.path, body=MANY[-1])
        short = Fault(do="status", status=200, body={"uploading": passed}, times=1, match=many)
        sandboxes["update"].faults.add(short)
        service = wiring.build(settings, metrics.meter(), embedded=not line.is_real)
        with working(service):
            for written in (contacts, first, second):
                written(made.shop)
                made.work_off(service)
            sandboxes["append"].faults.add(Fault(do="lost_answer", times=1, match=orders))
            made.shop.order("doubted", "u")
            made.work_off(service)
        made.letters = line.letters()
        chosen = settings.destinations["save"]
        assert isinstance(chosen, MetricaSettings)
        made.checked = [finding.text for finding in check_metrica.check(settings, "save", chosen)]
        yield made


def test_update_changes_only_what_is_sent(pages: Pages) -> None:
    client, order = pages.client("update"), pages.order("update")
    assert (client["name"], client["client_ids"]) == ("Ann", ("162",))
    assert (order["order_status"], order["cost"]) == ("success", Decimal(4000))


def test_save_replaces_the_row_so_what_is_not_sent_becomes_null(pages: Pages) -> None:
    client, order = pages.client("save"), pages.order("save")
    assert client["client_ids"] == ("162",)
    assert not {"name"} & client.keys()
    assert not {"cost"} & order.keys()
    assert order["create_date_time"] == "2022-09-21 09:48:23"


def test_append_adds_to_lists_and_what_is_in_doubt_is_held(pages: Pages) -> None:
    assert pages.client("append")["client_ids"] == ("161", "162")
    assert pages.letters["doubted", "in_doubt"] == 1
    assert pages.counters["append"].orders["doubted"].versions == 1
    assert pages.counters["update"].orders["doubted"].versions == 1


def test_required_fields_go_along_and_the_creation_date_is_the_first_in_every_mode(pages: Pages) -> None:
    """The counters refuse what is missing, or another date."""
    for lane in ("update", "save", "append"):
        assert pages.order(lane)["create_date_time"] == "2022-09-21 09:48:23"
        assert pages.counters[lane].orders["1"].versions == 2
        assert pages.counters[lane].contacts["J3QQ4"].versions == 2


def test_dates_are_in_the_counters_time_zone_and_goals_have_prices(pages: Pages) -> None:
    order, client = pages.order("update"), pages.client("update")
    assert order["goals"] == {"paid": Decimal(200), "visited": None}
    assert order["finish_date_time"] == "2022-10-01 03:00:00"
    assert order["update_date_time"].startswith("2025-06-15 18:06:")
    assert client["create_date_time"] == "2022-01-01 03:00:00"
    assert client["user_ids"] == ("u1", "u2")


def test_who_has_no_identifier_is_found_by_nobody_and_not_sent(pages: Pages) -> None:
    assert pages.letters["nobody", "check"] == len(LANES)
    assert all("nobody" not in counter.contacts for counter in pages.counters.values())


def test_an_order_whose_status_is_in_no_group_is_a_dead_letter(pages: Pages) -> None:
    assert pages.letters["2", "check"] == len(LANES)


@pytest.mark.parametrize("lane", LANES)
def test_statuses_of_the_configuration_are_given_to_the_counter_with_their_types(
    pages: Pages, lane: str
) -> None:
    schema = pages.counters[lane].schema
    assert {name: status.type for name, status in schema.statuses.items()} == STATUSES


def test_attributes_of_contacts_and_orders_are_created_and_travel_as_columns(pages: Pages) -> None:
    attributes = pages.counters["csv"].schema.attributes
    assert [list(attributes[entity]) for entity in ("CONTACT", "ORDER")] == [["shoe_size"], ["tags"]]
    assert pages.client("csv")["shoe_size"] == Decimal("42.5")
    assert pages.order("csv")["tags"] == ("gift",)


def test_a_file_has_its_names_first_its_delimiter_and_identifiers_as_hashes_alone(pages: Pages) -> None:
    uploads = pages.counters["csv"].uploads
    assert {upload.uploading.uploading_format for upload in uploads} == {"CSV"}
    client = pages.client("csv")
    assert client["emails_md5"] == ("3c56ff8fef0f6c65b36b2d25720fe276",)
    assert client["phones_md5"] == ("f09f2c3d48f31e2a802944ade2e5aec5",)
    assert not {"emails", "phones"} & client.keys()


def test_simple_orders_name_their_client_and_have_types_for_statuses(pages: Pages) -> None:
    found = pages.counters["simple"].simple_orders
    assert (found["1"].type, found["1"].versions) == ("PAID", 2)
    assert found["1"].values["client_ids"] == ("161",)
    assert found.keys() == {"1", "doubted", *MANY}


def test_a_file_that_is_too_large_is_parted(pages: Pages) -> None:
    counter = pages.counters["small"]
    assert counter.orders.keys() == {"1", "doubted", *MANY}
    assert counter.answers["data/orders/csv", 400] > 0


def test_an_upload_of_which_not_all_was_counted_is_parted(pages: Pages) -> None:
    """It was not carried out, so what is there came in its parts."""
    ((_, hits),) = pages.sandboxes["update"].faults.hits()
    assert hits == 1
    assert pages.counters["update"].orders.keys() == {"1", "doubted", *MANY}
    orders = [one for one in pages.counters["update"].uploads if one.entity == "order"]
    assert sorted(one.uploading.elements_count for one in orders) == [1, 1, 1, 15, 15]


def test_thirty_requests_a_second_and_three_in_parallel_are_never_exceeded(pages: Pages) -> None:
    counter = pages.counters["busy"]
    assert len(counter.uploads) >= len(MANY)
    assert [status for _, status in counter.answers if status == 429] == []


def test_the_last_upload_is_shown_by_check(pages: Pages) -> None:
    *_, last = pages.checked
    assert last.startswith("destinations.save: the last upload had 1 elements, PASSED, at 20")


@pytest.mark.parametrize("lane", LANES)
def test_nothing_is_ignored_and_each_order_was_counted_once(pages: Pages, lane: str) -> None:
    counter = pages.counters[lane]
    assert counter.ignored == []
    assert pages.flaws(lane) == 0
    assert {one.id for table in counter.stored.values() for one in table.values()} == {
        "J3QQ4", "1", "doubted", *MANY,
    }  # fmt: skip
