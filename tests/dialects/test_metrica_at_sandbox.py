"""Two readings of the same pages, by the dialect and by the sandbox: what `check` passes, Metrica takes."""

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from connector.core.events import Item
from connector.core.talk import Accepted, Refused, Request, Response, Sending
from connector.sandbox.clock import MovableClock
from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.options import MetricaOptions
from connector.sandbox.metrica.request import Request as Asked
from connector.sandbox.metrica.service import Metrica
from connector.sandbox.metrica.spool import Spool
from tests.dialects.metrica_samples import STATUSES, contact_event, metrica, order_event
from tests.support.script import play

NASTY = st.text(st.sampled_from('a,;:"\r\n é€') | st.characters(exclude_categories=["Cs"]), max_size=12)
TEXT = NASTY | st.none() | st.just(UNSET)
EMAIL = st.emails() | st.sampled_from(
    ["Ann@Mail.Example", "почта@mail.example", "no", " a@b.ua ", "a,b@c.ua", ""]
)
PHONE = st.from_regex(r"\A[1-9][0-9]{6,14}\Z") | st.none() | st.just(UNSET)
MONEY = st.decimals(allow_nan=False, allow_infinity=False, places=2) | st.none() | st.just(UNSET)
TIME = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  see timezones
LISTS = {
    "client_ids": st.lists(st.from_regex(r"\A[0-9]{1,20}\Z"), max_size=3) | st.just("1,2") | st.just("GA1.2"),
    "user_ids": st.lists(NASTY, max_size=2),
}
CONTACTS = st.fixed_dictionaries(
    {
        "external_customer_id": st.text(min_size=1, max_size=5),
        "email": EMAIL | st.none() | st.just(UNSET),
        "phone": PHONE,
        "first_name": TEXT,
        "last_name": TEXT,
        "birth_date": st.dates(date(1900, 1, 1)) | st.none() | st.just(UNSET),
        "fields": st.fixed_dictionaries({}, optional=LISTS),
    }
)
ITEMS = st.lists(
    st.builds(
        Item,
        external_item_id=TEXT,
        name=TEXT,
        quantity=st.integers(-1, 9) | st.decimals(-1, 9, places=3) | st.none(),
    ),
    max_size=3,
).map(tuple)
GOALS: list[Any] = [
    "paid:200,visited",
    ["a", "b:1.5"],
    "a:dear",
    ":1",
    "a:b:1",
    "a:NaN",
    "a:1e3",
    "",
    "a,a",
    None,
]
ORDERS = st.fixed_dictionaries(
    {
        "external_order_id": st.text(min_size=1, max_size=5),
        "external_customer_id": TEXT,
        "email": EMAIL | st.none() | st.just(UNSET),
        "phone": PHONE,
        "first_name": TEXT,
        "raw_status": st.sampled_from(["new", "В работе", "success", "annulled", "unknown"]),
        "date": TIME | st.none(),
        "total_cost": MONEY,
        "currency": st.sampled_from(["RUB", "uah", "₴", "", None, UNSET]),
        "items": ITEMS | st.none() | st.just(UNSET),
        "params": st.fixed_dictionaries(
            {},
            optional={
                **LISTS,
                "cost": st.integers() | st.sampled_from(["12.5", "1e3", "dear", "", None, 0.5]),
                "goals": st.sampled_from(
                    ["paid:200,visited", ["a", "b:1.5"], "a:dear", ":1", "a:b:1", "", "a,a"]
                ),
                "finish_date_time": TIME.map(str) | st.sampled_from(["", None, "soon"]),
            },
        ),
    }
)
UPLOADS = st.fixed_dictionaries(
    {
        "upload": st.sampled_from(["json", "csv"]),
        "delimiter": st.sampled_from(["COMMA", "SEMICOLON"]),
        "identifiers": st.sampled_from(["plain", "md5"]),
        "merge_mode": st.sampled_from(["SAVE", "UPDATE", "APPEND"]),
    }
)


class Desk:
    """The sandbox without a network, for the dialect's requests."""

    def __init__(self) -> None:
        self.counter = Counter(
            MetricaOptions(counter_id=7, rate_per_second=0, unmapped_status="refused"), MovableClock()
        )
        self._metrica = Metrica(self.counter)
        mapped = [{"id": each.id, "type": each.type} for each in STATUSES.values()]
        self.counter.schema.map_statuses({"order_statuses": mapped})

    def __call__(self, request: Request) -> Response:
        path, _, query = request.path.partition("?")
        with Spool() as body:
            body.write(request.body or b"")
            headers = [(b"content-type", request.headers["content-type"].encode())]
            asked = Asked(request.method, path, query.encode(), headers, "here", body)
            answer = self._metrica.handle(asked)[1]
        return Response(answer.status, answer.body, {})


def taken(desk: Desk, event: Any, **options: Any) -> bool:
    """Upload what passed `check`, as a lane does: it is taken, but for what no cell of a file can hold."""
    one = metrica(**options)
    if one.check(event) is not None:
        return False
    [outcome] = play(one.converse(one.lot(event), [Sending(event)]), desk).outcomes
    if isinstance(outcome, Refused) and outcome.cause == "unencodable":
        return False
    assert isinstance(outcome, Accepted), (outcome, desk.counter.uploads)
    assert desk.counter.ignored == []
    return True


@settings(max_examples=200)
@given(CONTACTS, UPLOADS, st.booleans())
def test_a_contact_that_is_checked_is_taken(
    contact: dict[str, Any], options: dict[str, Any], snapshot: bool
) -> None:
    taken(Desk(), replace(contact_event(**contact), snapshot=snapshot), **options)


@settings(max_examples=200)
@given(ORDERS, UPLOADS, st.booleans())
def test_an_order_that_is_checked_is_taken_after_its_contact(
    order: dict[str, Any], options: dict[str, Any], snapshot: bool
) -> None:
    desk, one, event = Desk(), metrica(**options), order_event(snapshot=snapshot, **order)
    if one.check(event) is None and (contact := one.ensure(event, shared=False)) is not None:
        assert one.check(contact) is None
        if taken(desk, contact, **options):
            taken(desk, event, **options)


@settings(max_examples=200)
@given(ORDERS, UPLOADS)
def test_a_simple_order_that_is_checked_is_taken(order: dict[str, Any], options: dict[str, Any]) -> None:
    taken(Desk(), order_event(**order), orders_via="simple_orders", **options)
