"""Properties: what passes `check` keeps all documented limits; any replies give one outcome an event."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.claims import Grant
from connector.core.events import Event, Item, Order
from connector.core.model import Kind, Position
from connector.core.talk import Halt, InDoubt, NoAnswer, Outcome, Refused, Request, Response, Retry, Sending
from connector.dialects.yespo import Yespo, YespoOptions
from connector.dialects.yespo_check import STATUSES, order_fault, rare_fault
from connector.dialects.yespo_common import is_common
from connector.dialects.yespo_events import written
from connector.dialects.yespo_locator import LOCATORS
from tests.dialects.yespo_samples import ORDER, PAST, YESPO, contacts, ensured, sendings
from tests.support.script import Reply, play, script, status

# --- Orders -------------------------------------------------------------------------------------

absent = st.sampled_from([None, UNSET])
texts = st.text(max_size=8) | st.sampled_from(["x" * 300, "x" * 301, "Київ 🛒"])
money = st.decimals(allow_nan=True, allow_infinity=True) | st.decimals(0, 10**6, places=2)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=12,
)
zones = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))
dates = st.datetimes(timezones=zones) | st.sampled_from([datetime.max.replace(tzinfo=UTC)])
items = st.builds(
    Item,
    external_item_id=texts,
    name=texts,
    category=texts | absent,
    quantity=st.integers(0, 9) | money,
    cost=money,
    url=texts,
    image_url=texts | absent,
    description=texts | absent,
    extra=absent.filter(lambda v: v is UNSET) | st.dictionaries(st.text(max_size=3), json_values, max_size=2),
)
names = st.sampled_from([*LOCATORS, "Email", "city", "City", "totalCost", "x" * 100, "x" * 101, ""])
orders = st.builds(
    Order,
    texts,
    status=st.sampled_from(sorted(STATUSES)) | texts | absent,
    date=dates | absent,
    total_cost=money | absent,
    currency=texts | absent,
    external_customer_id=texts | absent,
    email=texts | absent,
    phone=st.sampled_from(["380501234567", "48501234567"]) | absent,
    items=st.lists(items, max_size=2).map(tuple) | absent,
    shipping=money | absent,
    additional_info=json_values,
    params=st.dictionaries(names, json_values, max_size=3),
)
likely = st.builds(
    Order,
    st.text("0123456789", min_size=1, max_size=300),
    status=st.sampled_from(sorted(STATUSES)),
    date=st.datetimes(timezones=zones),
    total_cost=st.decimals(0, 10**6, places=2),
    external_customer_id=texts | absent,
    email=st.emails() | absent,
    phone=st.sampled_from(["380501234567", "48501234567"]) | absent,
    shipping=st.decimals(0, 100) | absent,
    additional_info=json_values,
    items=st.lists(
        st.builds(
            Item,
            external_item_id=st.text(min_size=1),
            name=st.text(min_size=1),
            quantity=st.integers(1, 9),
            cost=st.decimals(0, 10**6, places=2),
            url=st.text(min_size=1),
            image_url=st.text(min_size=1),
            category=texts | absent,
            extra=st.dictionaries(st.text(max_size=3), json_values, max_size=2),
        ),
        max_size=2,
    ).map(tuple),
    params=st.dictionaries(
        st.sampled_from(["city", "País", "x" * 100, "Contact_Key"]), json_values, max_size=3
    ),
)
kinds = st.sampled_from([Kind.ORDER_CREATED, Kind.ORDER_UPDATED, Kind.ORDER_DELIVERED, Kind.ORDER_CANCELLED])
grants = st.builds(Grant, known=st.booleans(), status_only=st.booleans())
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
REQUIRED = {"externalItemId", "name", "quantity", "cost", "url", "imageUrl"}


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def first_locator(params: dict[str, Any]) -> Any:
    lower = {name.lower(): value for name, value in params.items()}
    return next((lower[name] for name in LOCATORS if name in lower), params.get("externalCustomerId"))


def assert_within_limits(body: dict[str, Any]) -> None:
    """Each documented limit of an order's event."""
    assert body["eventTypeKey"] in {"orderCreated", "orderUpdated", "orderDelivered", "orderCancelled"}
    assert 0 < len(body["keyValue"]) <= 300
    found = {param["name"]: param["value"] for param in body["params"]}
    assert len({name.lower() for name in found}) == len(body["params"])
    assert all(0 < len(name) <= 100 for name in found)
    assert all(set(param) == {"name", "value"} for param in body["params"])
    assert all(value is not None and depth(value) <= 2 for value in found.values())
    assert 0 < len(found["externalOrderId"]) <= 300
    assert Decimal(found["totalCost"]) >= 0
    assert "E" not in found["totalCost"]
    assert found["status"] in STATUSES
    assert DATE.fullmatch(found["date"])
    assert first_locator(found) == body["keyValue"]
    for item in found.get("items", []):
        assert {name for name, value in item.items() if value not in (None, "")} >= REQUIRED
        assert all(type(item[name]) in {int, float} for name in ("cost", "quantity"))


def exchange(yespo: Yespo, event: Event) -> tuple[list[Outcome], list[Request]]:
    played = play(yespo.converse(yespo.lot(event), [Sending(event)]), script(status(200)))
    return list(played.outcomes), played.requests


@given(order=orders | likely, kind=kinds, grant=grants)
def test_an_order_that_passes_check_is_sent_within_all_documented_limits(
    order: Order, kind: Kind, grant: Grant
) -> None:
    event = Event("order", kind, order.external_order_id, order, b"", b"", None, Position("orders", 0, 1))
    if YESPO.check(event) is not None:
        return
    needed, contact = YESPO.requires(event), ensured(event)
    assert needed is not None
    assert YESPO.check(contact) is None
    assert (needed.alias is None) or needed.alias in YESPO.aliases(contact)
    [outcome], [request] = exchange(YESPO, YESPO.refine(event, grant))
    assert not isinstance(outcome, Refused)
    body = json.loads(request.body or b"")
    assert_within_limits(body)
    located = body["keyValue"].lower()
    assert located in {needed.key.lower(), (needed.alias or "").partition(":")[2]}
    _, [past] = exchange(PAST, event)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d", json.loads(past.body or b"")["events"][0]["occurred"])


# Of signs that are in no reason: a text of any would now and then be a word of it, such as "missing".
strange = st.text("жщ🛒", min_size=1, max_size=8)
private = strange | strange.map("{0}@{0}".format) | st.just("ж" * 301)


@given(order=orders, who=st.tuples(private, private | absent, private | absent))
def test_a_reason_never_quotes_a_value(order: Order, who: tuple[str, Any, Any]) -> None:
    key, customer, email = who
    order = replace(order, external_order_id=key, external_customer_id=customer, email=email)
    event = Event("order", Kind.ORDER_UPDATED, key, order, b"", b"", None, None)
    reason = YESPO.check(event) or ""
    assert not any(value in reason for value in who if value)


@given(order=orders | likely)
def test_an_order_that_looks_common_has_no_fault_but_a_rare_one(order: Order) -> None:
    if is_common(order):
        assert order_fault(order, UTC) == rare_fault(order)


def test_a_whole_order_looks_common() -> None:
    """Else the fast look is of no use."""
    assert is_common(ORDER)


@given(moment=st.datetimes(timezones=zones | st.timezones()))
def test_a_moment_is_written_as_isoformat_writes_it(moment: datetime) -> None:
    assert written(moment) == moment.isoformat()[:19]


# --- Conversations ------------------------------------------------------------------------------

bodies = st.sampled_from(
    [b"", b"{}", b"[", b'{"asyncSessionId":"s"}', b'{"asyncSessionId":"s","failedContacts":["c1"]}',
     b'{"failedContacts":[{"index":0}]}', b'{"status":"FINISHED"}', b'{"status":"ERROR"}',
     b'{"status":"FINISHED","failedContacts":["c0","?"]}', b'{"message":"c1@example.com"}']
)  # fmt: skip
headers = st.sampled_from([{}, {"retry-after": "3"}, {"retry-after": "never"}])
codes = st.sampled_from([200, 204, 302, 400, 401, 404, 409, 413, 422, 429, 500, 503, 504])
replies: st.SearchStrategy[Reply] = st.builds(Response, codes, bodies, headers) | st.builds(
    NoAnswer, made=st.booleans(), reason=st.just("reset")
)
states = st.tuples(st.booleans(), st.integers(0, 1), st.integers(0, 3))


def echo(said: list[Reply]) -> Callable[[Request], Reply]:
    """These replies, then 2xx with an import that finishes."""
    rest = iter(said)
    good = status(200, {"asyncSessionId": "s", "status": "FINISHED"})
    return lambda _: next(rest, good)


def with_states(batch: list[Sending], some: list[tuple[bool, int, int]]) -> list[Sending]:
    return [
        Sending(s.event, doubtful=doubtful, conflicts=conflicts, attempts=attempts)
        for s, (doubtful, conflicts, attempts) in zip(batch, some, strict=True)
    ]


@given(st.data(), st.sampled_from([YESPO, PAST]), st.booleans(), st.lists(replies, max_size=30))
def test_any_replies_give_one_outcome_an_event_and_the_words_of_none(
    data: st.DataObject, yespo: Yespo, orders_first: bool, said: list[Reply]
) -> None:
    count = data.draw(st.integers(1, 9))
    batch = sendings(count) if orders_first else contacts(count)
    batch = with_states(batch, data.draw(st.lists(states, min_size=count, max_size=count)))
    lot = yespo.lot(batch[0].event)
    played = play(yespo.converse(lot, batch), echo(said))
    assert len(played.outcomes) == count
    assert "example" not in repr(played.outcomes)
    assert sum(played.waits) <= 2 * count * 605


def _takes(bad: set[int], sent: list[str]) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        events = json.loads(request.body or b"")["events"]
        ids = [p["value"] for e in events for p in e["params"] if p["name"] == "externalOrderId"]
        if any(f"o{n}" in ids for n in bad):
            return status(400)
        sent.extend(ids)
        return status(200)

    return answer


@given(st.integers(1, 70).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_bisection_isolates_exactly_the_bad_events(case: tuple[int, set[int]]) -> None:
    count, bad = case
    sent: list[str] = []
    played = play(PAST.converse(PAST.lot(sendings(1)[0].event), sendings(count)), _takes(bad, sent))
    assert {n for n, outcome in enumerate(played.outcomes) if isinstance(outcome, Refused)} == bad
    assert sent == [f"o{n}" for n in range(count) if n not in bad]


@given(st.integers(2, 40), st.data())
def test_nothing_is_sent_into_an_outage_and_no_half_that_was_answered_forgets_it(
    count: int, data: st.DataObject
) -> None:
    outage = data.draw(st.sampled_from([status(500), status(429), status(503), status(401)]))
    before = data.draw(st.lists(st.sampled_from([status(400), status(200)]), max_size=12))
    played = play(PAST.converse(PAST.lot(sendings(1)[0].event), sendings(count)), echo([*before, outage]))
    hit = [n for n, o in enumerate(played.outcomes) if isinstance(o, (InDoubt, Retry, Halt))]
    assert hit == list(range(count - len(hit), count))
    if hit:
        assert len(played.requests) == len(before) + 1


def test_the_names_of_destinations_are_their_options() -> None:
    assert Yespo(YespoOptions(name="shop-b")).name == "shop-b"
