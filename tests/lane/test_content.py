"""What becomes of an order by its content: `totals` (RULES 9), and values nested too deep."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.stage import NAME, staged
from tests.support.stage_reading import ORDERS, order

ITEM = {"name": "A device", "url": "https://shop.example/1", "imageUrl": "https://shop.example/1.png"}


def line(cost: str, quantity: int) -> dict[str, Any]:
    return {"externalItemId": f"i{cost}", "cost": cost, "quantity": quantity, **ITEM}


def test_a_discount_is_spread_over_the_cost_of_items_to_the_cent() -> None:
    with staged() as stage:
        process = stage.start(rules={"totals": "distribute"})
        stage.produce(
            ORDERS,
            order("o1", 1, total_cost="100.00", items=[line("60", 1), line("30", 2)]),
            order("o2", 2, total_cost="10.00", items=[line("4", 3)]),
        )
        process.until_done()
        orders = stage.crm.crm.orders
        assert [item["cost"] for item in orders["o1"].items] == [50.0, 25.0]
        assert [(item["cost"], item["quantity"]) for item in orders["o2"].items] == [(3.34, 1), (3.33, 2)]
        assert process.meter.total("totals_mismatches_total", destination=NAME, topic=ORDERS) == 2


def test_where_there_is_nothing_to_spread_over_the_order_is_a_dead_letter() -> None:
    with staged() as stage:
        process = stage.start(rules={"totals": "distribute"})
        stage.produce(ORDERS, order("o1", 1, items=[line("0", 1)]), order("o2", 2))
        process.until_done()
        assert stage.causes() == {0: "totals"}
        assert process.outcomes == {"dead_lettered": 1, "delivered": 1}


@pytest.mark.parametrize(("totals", "delivered"), [("warn", True), ("strict", False), ("off", True)])
def test_otherwise_a_mismatch_is_counted_or_refused_or_nobodys_business(totals: str, delivered: bool) -> None:
    with staged() as stage:
        process = stage.start(rules={"totals": totals})
        stage.produce(ORDERS, order("o", 1, total_cost="258.0", items=[line("990", 1)]))
        process.until_done()
        assert stage.causes() == ({} if delivered else {0: "totals"})
        assert process.meter.total("totals_mismatches_total") == (totals != "off")
        if delivered:
            assert Decimal(str(stage.crm.crm.orders["o"].items_total)) == 990


def test_what_is_nested_too_deep_for_the_crm_is_sent_as_text_and_counted() -> None:
    with staged() as stage:
        process = stage.start(rules={"params": {"rev": "rev", "mark": "mark", "gift": "gift"}})
        stage.produce(ORDERS, order("o", 1, gift={"box": {"size": {"width": 1}}}))
        process.until_done()
        assert stage.crm.crm.orders["o"].params["gift"] == {"box": {"size": '{"width":1}'}}
        assert process.meter.total("deep_values_total", destination=NAME, topic=ORDERS) == 1
