"""Whatever a column holds, map answers; and digests are equal exactly where contents are."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.core.change import Value
from connector.core.events import Contact, Event, Item, Order
from connector.core.mapping import Mapper
from connector.core.model import Missing, Op, Reject, Skip
from connector.core.targets import targets
from tests.support.mapping import change, event, record, rules

Values = st.SearchStrategy[Any]

words = st.sampled_from(["", "[]", "[{}]", "null", "NaN", "1e5", "-1", "2025-02-30", "\ud83d"])
texts = st.text() | words
scalars: Values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**400), 10**400), st.floats(), texts,
    st.binary(),
    st.decimals(), st.sampled_from([Decimal("1E+999999"), Decimal("1E-999999"), Decimal("sNaN")]), st.dates(),
    st.datetimes(), st.datetimes(timezones=st.timezones()), st.times(), st.timedeltas(),
    st.sampled_from(Missing),
)  # fmt: skip
values: Values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
item_rows: Values = st.dictionaries(st.sampled_from([*targets(Item), "image_url", "other"]), values)
zones = st.sampled_from(["UTC", "Europe/Kyiv", "America/New_York", "Pacific/Apia"])
ops = st.sampled_from(Op)


def row_of(body: type[Order | Contact]) -> Values:
    """A row with any values in any fields."""
    keys = dict.fromkeys(("externalOrderId", "externalCustomerId", "rev"), values)
    items = st.lists(item_rows, max_size=2) | values
    some = st.dictionaries(st.sampled_from([*targets(body), "extra"]), values, max_size=6)
    return st.builds(dict[str, Any].__or__, some, st.fixed_dictionaries(keys | {"items": items}))


@given(row_of(Order), ops, zones, st.sampled_from([None, "rev"]), st.sampled_from(["ignore", "cancel"]))
def test_an_order_never_raises(
    row: dict[str, Value], op: Op, zone: str, version: str | None, gone: Any
) -> None:
    settings = rules(
        time_zone=zone, version=version, on_delete=gone, params={"a": "rev", "b": "items.x"},
        fields={"items.color": "other.a", "items.name": "name.x"}, values={"status": {"a": "b"}},
        defaults={"currency": "UAH", "items.quantity": 1}, null_defaults=("rev",),
    )  # fmt: skip
    result = Mapper(settings).map(change(row, op, key={"externalOrderId": row["rev"]}), record(), "tid")
    assert isinstance(result, Event | Reject | Skip)
    if isinstance(result, Event):
        core = 0 if op is Op.DELETE else 16  # a delete has nothing but that it is one
        assert (len(result.digest), len(result.core_digest)) == (16, core)


@given(row_of(Contact), ops, zones, st.sampled_from(["erase", "unsubscribe"]))
def test_a_contact_never_raises(row: dict[str, Value], op: Op, zone: str, gone: Any) -> None:
    settings = rules("contact", time_zone=zone, on_delete=gone, params={"1": "rev"})
    result = Mapper(settings).map(change(row, op), record(), "tid")
    assert isinstance(result, Event | Reject)


few = st.sampled_from([None, "a", "b", Missing.UNAVAILABLE])
sums = st.sampled_from([None, 1, "1.0", Decimal("1.00"), Decimal("1.001"), 2.5, Missing.UNAVAILABLE])
times = st.sampled_from(
    [None, "2025-01-02", "2025-01-02T00:00:00Z", "2025-01-02T02:00:00+02:00", "2025-01-03"]
)
small: Values = st.fixed_dictionaries(
    {
        "externalOrderId": st.just("1"), "status": few, "date": times, "totalCost": sums, "email": few,
        "city": few,
        "items": st.lists(st.fixed_dictionaries({"name": few, "cost": sums}), max_size=2),
    }
)  # fmt: skip


@given(small, small, st.sets(st.sampled_from(["status", "date", "totalCost", "email", "items"]), max_size=2))
def test_digests_are_equal_where_contents_are_and_nowhere_else(one: Any, new: Any, changed: set[str]) -> None:
    other = one | {name: new[name] for name in changed}
    settings = rules(params={"city": "city"})
    first, second = event(change(one), settings), event(change(other), settings)
    assert (first.digest == second.digest) == (first.body == second.body)
    cores = [
        {name: getattr(each.body, name) for name in Order.__struct_fields__ if name not in CHANGING}
        for each in (first, second)
    ]
    assert (first.core_digest == second.core_digest) == (cores[0] == cores[1])


CHANGING = {"status", "raw_status", "date"}
