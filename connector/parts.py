"""What a lane is made of."""

from msgspec import Struct

from connector.books import Books
from connector.core.brake import Brake
from connector.core.plan import Plan
from connector.courier import Carrier
from connector.dispatch import Dispatch
from connector.intake import Intake
from connector.outages import Outages
from connector.partitions import Partitions
from connector.ports import Clock, Meter


class Parts(Struct):
    """What a lane is made of: one of each, used by nobody else."""

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
