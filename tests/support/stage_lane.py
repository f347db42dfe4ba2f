"""A lane from its ports, wired as connector.wiring does."""

from collections.abc import Mapping

from msgspec import Struct

from connector.core.brake import Brake
from connector.core.budget import share
from connector.core.plan import Plan
from connector.courier import Carrier
from connector.lane.dispatch import Dispatch, Own
from connector.lane.intake import Intake, Reading
from connector.lane.lane import Lane
from connector.lane.outages import Outages
from connector.lane.partitions import Partitions
from connector.lane.parts import Parts
from connector.ports import Clock, DeadLetters, Destination, Ledger, Log, Meter
from connector.recording import Unrecorded


class Around(Struct):
    """What a lane touches."""

    destination: Destination
    courier: Carrier
    ledger: Ledger
    letters: DeadLetters
    read: Mapping[str, Reading]
    clock: Clock
    meter: Meter
    log: Log


class LaneSettings(Struct):
    """How it works. brake: window and share. partitions: a test may put a wrong class here."""

    memory_bytes: int = 64 << 20
    drain_seconds: float = 5.0
    batch_events: int = 50
    batch_bytes: int = 1 << 20
    linger: float = 0.05
    brake: tuple[int, float] = (1000, 1.0)
    start: str = "earliest"
    partitions: type[Partitions] = Partitions


def assemble(name: str, around: Around, settings: LaneSettings, tape: Unrecorded) -> Lane:
    """A lane without a source. tape: its way to a history."""
    clock, meter, ledger = around.clock, around.meter, around.ledger
    partitions = settings.partitions(name, ledger, clock, meter, settings.start)
    brake = Brake(*settings.brake)
    books = tape.books(name, partitions, brake, clock, meter)
    plan = Plan(batch_events=settings.batch_events, batch_bytes=settings.batch_bytes, linger=settings.linger)

    def key_of(row: str) -> str | None:
        return plan.key_of(row) or ledger.keys_of([row])[0]

    own = Own(plan, books, partitions, clock)
    parts = Parts(
        intake=Intake(around.read, around.destination, key_of, meter),
        plan=plan,
        dispatch=Dispatch(around.destination, around.courier, ledger, around.letters, own),
        courier=around.courier,
        partitions=partitions,
        books=books,
        brake=brake,
        outages=Outages(name, clock, meter, around.log),
        clock=clock,
        meter=meter,
    )
    return Lane(name, parts, budget=share(settings.memory_bytes), drain_seconds=settings.drain_seconds)
