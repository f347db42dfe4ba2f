"""What a lane is made of."""

from collections.abc import Callable

from msgspec import Struct

from connector.core.brake import Brake
from connector.core.plan import Plan
from connector.core.status import QuotaStatus
from connector.courier import Carrier
from connector.lane.books import Books
from connector.lane.dispatch import Dispatch
from connector.lane.intake import Intake
from connector.lane.outages import Outages
from connector.lane.partitions import Partitions
from connector.ports import Clock, Meter


class Parts(Struct):
    """What a lane is made of: one of each, used by nobody else.

    tend: called about once a second. quota: what the destination's day has left, None: it counts no days.
    """

    intake: Intake
    plan: Plan
    dispatch: Dispatch
    courier: Carrier
    partitions: Partitions
    books: Books
    brake: Brake
    outages: Outages
    clock: Clock
    meter: Meter
    tend: Callable[[], None] = lambda: None
    quota: Callable[[], QuotaStatus | None] = lambda: None
