"""Digests tell changed content from unchanged, in every process alike."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.json import Encoder
from msgspec.structs import replace

from connector.core.events import Contact, Item, Order
from connector.core.fingerprint import digests, head_size
from tests.support.mapping import order

ORDER = Order(
    "1", "INITIALIZED", "new", datetime(2025, 1, 2, tzinfo=UTC), total_cost=Decimal("9.50"), currency="UAH",
    items=(Item("7", "Чайник 🫖", quantity=1, cost=Decimal("9.50")),),
)  # fmt: skip


DIGEST = "339de80244eb8958f79f9fd7c228e4c3"
CORE = "d203806ebd2c8dc594ee4d10e9d38dc5"


def test_digests_are_known_for_ever() -> None:
    """A ledger outlives versions of the connector: another digest would send everything again."""
    assert [digest.hex() for digest in digests(ORDER)] == [DIGEST, CORE]


def test_an_orders_json_begins_with_what_a_change_of_status_changes() -> None:
    """The core digest is taken of what follows: a field put before these would leave the core."""
    first = ("external_order_id", "status", "raw_status", "date")
    assert Order.__struct_fields__[: len(first)] == first


TEXT = st.one_of(st.text(max_size=9), st.sampled_from([',"totalCost":', '"', "\\", '\\","totalCost":1']))
ORDERS = st.builds(
    Order,
    TEXT,
    status=st.one_of(st.just(UNSET), st.none(), TEXT),
    date=st.sampled_from([UNSET, None, ORDER.date]),
    total_cost=st.sampled_from([UNSET, None, Decimal("9.50")]),
    email=st.one_of(st.just(UNSET), TEXT),
    params=st.one_of(st.just(UNSET), st.dictionaries(st.sampled_from(["totalCost", "a"]), TEXT, min_size=1)),
)


@given(ORDERS)
def test_where_the_core_begins_is_found_as_by_encoding_what_stands_before(made: Order) -> None:
    content, size = Encoder(order="deterministic").encode(made), head_size(made)
    core = sha256(content[size:] + made.external_order_id.encode())
    whole = sha256(content[size:] + made.external_order_id.encode() + content[:size] + b"}")
    assert digests(made) == (whole.digest()[:16], core.digest()[:16])


def test_digests_do_not_depend_on_the_process() -> None:
    program = (
        "from tests.core.test_fingerprint import ORDER; from connector.core.fingerprint import digests;"
        "print(digests(ORDER)[0].hex())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env={"PYTHONHASHSEED": "1"}
    )
    assert done.stdout.decode().strip() == digests(ORDER)[0].hex()


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, status="DELIVERED"),
        replace(ORDER, raw_status="done"),
        replace(ORDER, date=None),
        replace(ORDER, status=UNSET, raw_status=UNSET, date=UNSET),
    ],
)
def test_status_and_date_change_the_digest_but_not_the_core(other: Order) -> None:
    assert digests(other)[0] != digests(ORDER)[0]
    assert digests(other)[1] == digests(ORDER)[1]


@pytest.mark.parametrize(
    "other",
    [
        replace(ORDER, email=None),
        replace(ORDER, total_cost=Decimal("9.51")),
        replace(ORDER, items=()),
        replace(ORDER, items=None),
        replace(ORDER, params={}),
    ],
)
def test_anything_else_changes_both(other: Order) -> None:
    assert digests(other)[0] != digests(ORDER)[0]
    assert digests(other)[1] != digests(ORDER)[1]


def test_null_is_not_absent() -> None:
    assert digests(Order("1", email=None)) != digests(Order("1"))


def test_the_order_of_nested_keys_does_not_matter() -> None:
    one, other = Order("1", params={"a": {"x": 1, "y": 2}}), Order("1", params={"a": {"y": 2, "x": 1}})
    assert digests(one) == digests(other)


def test_the_same_number_and_the_same_instant_are_the_same_content() -> None:
    """After ALTER TYPE the same total comes with another scale: nothing a CRM should hear of."""
    one = order({"total_cost": Decimal("258.0"), "date": "2025-01-02T03:00:00+02:00"})
    other = order({"total_cost": 258, "date": "2025-01-02T01:00:00Z"})
    assert digests(one) == digests(other)


def test_a_contact_has_no_core() -> None:
    digest, core = digests(Contact("c", fields={"1": 2}))
    assert (len(digest), core) == (16, b"")
