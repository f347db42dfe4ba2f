"""What of the counter and of the service can be set."""

from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct


class MetricaOptions(Struct, frozen=True, kw_only=True):
    """The counter's settings and the service's limits; the defaults are the documented ones.

    Where the documents can be read both ways, or say nothing, there is an option for each reading.

    rate_per_second, parallel, per_day, counter_per_day, body_bytes, orders_per_client: 0 = no limit.
    scope: of the token; metrika:read opens for GET alone. foreign_counters: of somebody else (403; all others
    are not found). time_zone: the counter's. goals: identifiers of its JavaScript goals, which may stand for
    a status. seed: of the order in which rows of one id in one upload are applied; None = another each time.
    invalid_row: what a row with a flaw makes of its upload: a 400 where it is JSON and FAILED where it is
    CSV, or the same for both.
    unknown_contact: an order without an uploaded contact is accepted and of no use, kept all the same, or
    has a flaw. unmapped_status: an order's status outside the mapping is kept and of no use, or is a flaw.
    undeclared: a field or column that is no attribute makes the upload incorrect, or is passed over.
    changed_create_date: another creation date than the first is passed over, or is a flaw.
    before_1970: a date of birth before 1970 is a flaw ("does not support dates before 1970"), or is kept.
    empty_cell: an empty cell of a CSV row was not sent, or is null.
    product_ids: in a list of products any text, or letters, digits, _, - and : as for statuses (the documents
    have a pattern; which one is not known for sure).
    statuses_posted: statuses are merged with those that are mapped, or replace them.
    contact_rev, order_rev: the field that tells a version from all others, for the file of what was accepted.
    """

    counter_id: int = 1
    token: str = "sandbox-token"  # noqa: S105  of a sandbox
    scope: Literal["metrika:write", "metrika:offline_data", "metrika:read"] = "metrika:write"
    foreign_counters: frozenset[int] = frozenset()
    time_zone: str = "Europe/Moscow"
    goals: frozenset[str] = frozenset()
    rate_per_second: int = 30
    parallel: int = 3
    per_day: int = 5000
    counter_per_day: int = 0
    body_bytes: int = 10**9
    orders_per_client: int = 100_000
    seed: int | None = None
    invalid_row: Literal["by_format", "400", "FAILED"] = "by_format"
    unknown_contact: Literal["ignored", "kept", "refused"] = "ignored"
    unmapped_status: Literal["kept", "refused"] = "kept"
    undeclared: Literal["refused", "ignored"] = "refused"
    changed_create_date: Literal["kept", "refused"] = "kept"
    before_1970: Literal["refused", "kept"] = "refused"
    empty_cell: Literal["unsent", "null"] = "unsent"
    product_ids: Literal["any", "identifiers"] = "any"
    statuses_posted: Literal["merged", "replaced"] = "merged"
    contact_rev: str = "name"
    order_rev: str = "rev"

    def __post_init__(self) -> None:
        """Raises ValueError for a time zone that there is not."""
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{self.time_zone} is no time zone") from None
