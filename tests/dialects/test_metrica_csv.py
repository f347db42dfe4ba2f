"""CSV: the file, how it is announced, lists in cells, custom attributes, simple orders, its size."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connector.core.events import Item
from connector.core.talk import Accepted, Refused, Sending
from tests.dialects.metrica_samples import contact_event, metrica, order_event, orders, passed, table
from tests.support.script import Played, play, script

CSV = metrica(upload="csv")


def uploaded(events: list[Any], **options: Any) -> Played:
    one = metrica(**{"upload": "csv", **options})
    sendings = [Sending(event) for event in events]
    return play(one.converse(one.lot(events[0]), sendings), script(passed(len(events))))


def test_the_first_row_has_the_names_and_the_mapping_names_each_column() -> None:
    played = uploaded([order_event()])
    [request] = played.requests
    parts = urlsplit(request.path)
    asked = parse_qs(parts.query)
    [found] = table(request)
    assert parts.path == "/cdp/api/v1/counter/7/data/orders/csv"
    assert asked["merge_mode"] == ["UPDATE"]
    assert asked["delimiter_type"] == ["COMMA"]
    assert asked["columns_mapping"] == [",".join(f'"{name}":"{name}"' for name in found)]
    assert found == {
        "id": "704", "client_uniq_id": "J3QQ4", "client_type": "CONTACT", "order_status": "new",
        "create_date_time": "2022-09-21 09:48:23", "update_date_time": "2022-10-15 10:48:34",
        "revenue": "5000", "currency": "RUB", "cost": "4000.00", "products": "pear:10,apple:30",
    }  # fmt: skip


@pytest.mark.parametrize(("delimiter", "sign"), [("COMMA", ","), ("SEMICOLON", ";")])
def test_a_list_is_one_quoted_cell_and_odd_texts_survive(delimiter: str, sign: str) -> None:
    event = contact_event(fields={"client_ids": "1,2"}, last_name='П;"ет,ров\nII')
    [request] = uploaded([event], delimiter=delimiter).requests
    [found] = table(request, sign)
    assert found["client_ids"] == "1,2"
    assert b'"1,2"' in (request.body or b"")
    assert found["name"] == 'Иван П;"ет,ров\nII'


@pytest.mark.parametrize(("delimiter", "sign"), [("COMMA", ","), ("SEMICOLON", ";")])
def test_a_bare_carriage_return_ends_no_row(delimiter: str, sign: str) -> None:
    [request] = uploaded([contact_event(last_name="Пет\rров")], delimiter=delimiter).requests
    [found] = table(request, sign)
    assert found["name"] == "Иван Пет\rров"


def test_custom_attributes_travel_by_csv_alone() -> None:
    one = metrica(contact_attributes=("shoe_size", "tags"), upload="json")
    event = contact_event(fields={"shoe_size": 42.5, "tags": ["vip", "b2b"]})
    played = play(one.converse(one.lot(event), [Sending(event)]), script(passed(1)))
    [found] = table(played.requests[0])
    assert (found["shoe_size"], found["tags"]) == ("42.5", "vip,b2b")


def test_a_backfill_goes_by_csv_and_live_changes_by_json_unless_it_is_said() -> None:
    by_default = metrica(upload=None)
    assert by_default.lot(order_event(snapshot=True)).group.startswith("csv")
    assert by_default.lot(order_event()).group == ""
    assert CSV.lot(order_event()).group.startswith("csv")
    assert metrica().lot(order_event(snapshot=True)).group == ""


def test_what_clears_a_field_goes_as_json_since_an_empty_cell_tells_nothing() -> None:
    assert CSV.lot(contact_event(phone=None)).group == ""
    with_attributes = metrica(upload="csv", contact_attributes=("shoe_size",))
    assert with_attributes.lot(contact_event(phone=None)).group.startswith("csv")


def test_goals_go_into_a_cell_with_their_prices() -> None:
    [found] = table(uploaded([order_event(params={"goals": ["paid:200", "visited"]})]).requests[0])
    assert found["goals"] == "paid:200,visited"


def test_rows_of_other_columns_never_share_a_file() -> None:
    whole, partial = order_event(), order_event(external_order_id="705", params={"goals": "a"})
    assert CSV.lot(whole) != CSV.lot(partial)
    mixed = [Sending(whole), Sending(partial)]
    played = play(CSV.converse(CSV.lot(whole), mixed), script(passed(1), passed(1)))
    assert played.outcomes == [Accepted(), Accepted()]
    assert [[found["id"] for found in table(request)] for request in played.requests] == [["704"], ["705"]]


def test_a_product_that_no_cell_can_hold_costs_its_order_alone() -> None:
    odd = order_event(external_order_id="odd", items=(Item(external_item_id="a,b", quantity=1),))
    batch = [Sending(odd), *orders(1)]
    played = play(CSV.converse(CSV.lot(odd), batch), script(passed(1)))
    assert isinstance(played.outcomes[0], Refused)
    assert played.outcomes[1] == Accepted()


def test_a_file_is_parted_below_its_limit_and_a_row_above_it_costs_itself() -> None:
    one = metrica(upload="csv", max_bytes=1500)
    batch = orders(16)
    played = play(one.converse(one.lot(batch[0].event), batch), lambda request: passed(len(table(request))))
    assert played.outcomes == [Accepted()] * 16
    assert all(len(request.body or b"") <= 1500 for request in played.requests)
    assert len(played.requests) > 1
    tight = metrica(upload="csv", max_bytes=10)
    assert play(tight.converse(tight.lot(batch[0].event), batch[:1]), script()).outcomes[0] != Accepted()


def test_simple_orders_name_their_client_themselves_and_have_types_for_statuses() -> None:
    event = order_event(params={"client_ids": "161", "user_ids": "u1"}, raw_status="success")
    one = metrica(orders_via="simple_orders")
    assert one.check(event) is None
    played = play(one.converse(one.lot(event), [Sending(event)]), script(passed(1)))
    [found] = table(played.requests[0])
    assert urlsplit(played.requests[0].path).path.endswith("/data/simple_orders")
    assert found == {
        "id": "704", "emails": "mail@yandex.ru", "client_ids": "161", "order_status": "PAID",
        "create_date_time": "2022-09-21 09:48:23", "revenue": "5000", "currency": "RUB",
    }  # fmt: skip
    nobody = order_event(email=None)
    assert "ClientID" in (one.check(nobody) or "")
