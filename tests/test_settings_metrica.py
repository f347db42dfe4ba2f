"""Metrica beside Yespo in one configuration: its options, its own limits, how it reads the topics."""

from pathlib import Path

import pytest

from connector.settings import Settings
from connector.wiring.destinations import dialect
from tests.test_settings import MINIMAL, Given, changed, rows

BOTH = changed(
    "destinations/metrica",
    {
        "type": "metrica",
        "counter_id": 7,
        "token": "planted-token",
        "topics": ["crm.public.orders", "crm.public.contacts"],
        "statuses": {"new": "IN_PROGRESS", "готово": {"id": "done", "type": "PAID"}},
        "columns": {"contact": {"client_ids": "ym_ids"}, "order": {"cost": "purchase_price"}},
        "attributes": {"contact": {"shoe_size": {"type": "numeric", "column": "shoe.size"}}},
    },
    MINIMAL,
)


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


@pytest.fixture
def settings(given: Given) -> Settings:
    return given.load(BOTH)


@pytest.mark.parametrize(("path", "value", "line"), rows("metrica"))
def test_a_mistake_is_one_line(given: Given, path: str, value: object, line: str) -> None:
    assert line in given.changed(path, value, BOTH)


def test_each_has_a_group_and_limits_of_its_own(settings: Settings) -> None:
    assert settings.group_of("metrica") == "crm-connector.metrica"
    yespo, metrica = settings.delivery_of("yespo"), settings.delivery_of("metrica")
    assert (yespo.linger_ms, yespo.in_flight) == (200, 32)
    assert (metrica.linger_ms, metrica.in_flight, metrica.batch_events) == (60_000, 2, 10_000)
    assert settings.requests_per_day("metrica") == 5000
    assert settings.requests_per_day("yespo") is None


def test_wishes_are_capped_by_what_the_api_allows(given: Given) -> None:
    wishes = {"in_flight": 50, "rate_per_second": 900, "linger_ms": 5}
    merged = given.load(changed("destinations/metrica/delivery", wishes, BOTH)).delivery_of("metrica")
    assert (merged.in_flight, merged.rate_per_second, merged.linger_ms) == (3, 25, 5)


def test_columns_and_attributes_are_read_for_metrica_alone(settings: Settings) -> None:
    orders, contacts = settings.topics
    assert settings.rules_of("metrica", orders).params == {"cost": "purchase_price"}
    assert settings.rules_of("metrica", contacts).params == {"client_ids": "ym_ids", "shoe_size": "shoe.size"}
    assert settings.rules_of("yespo", contacts).params == {}


def test_to_be_unsubscribed_means_nothing_to_metrica(given: Given) -> None:
    settings = given.load(changed("topics/1/on_delete", "unsubscribe", BOTH))
    assert settings.rules_of("metrica", settings.topics[1]).on_delete == "ignore"
    assert settings.rules_of("yespo", settings.topics[1]).on_delete == "unsubscribe"


def test_the_token_is_shown_as_oauth_and_never_printed(settings: Settings) -> None:
    assert settings.secret_of("metrica").get() == "planted-token"
    assert settings.destinations["metrica"].authorization("t") == "OAuth t"
    assert settings.destinations["yespo"].authorization("t").startswith("Basic ")
    assert "planted-token" not in repr(settings)


def test_every_destination_has_its_dialects(settings: Settings) -> None:
    assert {dialect(settings, name).name for name in settings.destinations} == {"yespo", "metrica"}
