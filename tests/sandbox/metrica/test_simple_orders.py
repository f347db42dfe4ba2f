"""Simple orders: the method for teams without contacts, over HTTP."""

import pytest

from tests.sandbox.metrica.site import ORDER, Site, verdict

HEADER = (
    "id,create_date_time,client_uniq_id,client_ids,emails,phones,order_status,revenue,cost,goals,currency"
)
EXAMPLE = f"""{HEADER}
s_ord1,10.01.2024 11:56,s_user1,,"mail@example.com,mail2@example.com",,PAID,200,150,"paid:200,branch_1",
s_ord2,20.01.2024 11:59,,12345,mail3@example.com,,,200,150,,EUR
,12.02.2024,,34456,,79876543210,SPAM,,,bad_lead,
"""


def test_the_documents_example_of_simple_orders_is_taken(site: Site) -> None:
    assert verdict(site.file("simple_orders", EXAMPLE, mode="SAVE")) == ("PASSED", 3)
    orders = site.counter.simple_orders
    assert {id_: order.type for id_, order in orders.items()} == {
        "s_ord1": "PAID",
        "s_ord2": "PAID",
        "#3": "SPAM",
    }
    assert orders["s_ord1"].values["emails"] == ("mail@example.com", "mail2@example.com")
    assert orders["s_ord2"].values["currency"] == "EUR"


def test_a_simple_order_without_an_id_may_be_there_twice(site: Site) -> None:
    for text in ("id,create_date_time,phones\n,12.02.2024,79876543210\n7,12.02.2024,79876543210\n",) * 2:
        site.file("simple_orders", text)
    assert sorted(site.counter.simple_orders) == ["#1", "#3", "7"]


@pytest.mark.parametrize("row", ["7,,79876543210", "7,12.02.2024,"])
def test_a_simple_order_needs_its_creation_and_an_identifier(site: Site, row: str) -> None:
    assert verdict(site.file("simple_orders", f"id,create_date_time,phones\n{row}\n")) == ("FAILED", 1)


def test_an_order_of_the_same_id_is_another(site: Site) -> None:
    site.orders(ORDER)
    site.file("simple_orders", "id,create_date_time,phones\n704,12.02.2024,79876543210\n")
    assert site.counter.orders["704"].versions == site.counter.simple_orders["704"].versions == 1
