"""What happens to the replicas themselves."""

import time

from tests.chaos.replicas import REQUEST, SESSION, START, Replica
from tests.chaos.world import World
from tests.support.instance import wait_until

LEASE = REQUEST + 30
"""How long claims outlive their owner in PostgreSQL (connector.wiring.LEASE_SLACK)."""
BUSY = {"do": "delay", "delay": 0.2}
"""Answers take so long that there is always something on its way."""
AT_WORK, STATIC = 0.8, 0.7
"""Shares of the kills. A dynamic member's partitions stand still until its session has passed."""
BURIAL = 6
"""The heartbeat that buries an owner whose lease has passed comes within so many seconds."""


def kill(world: World, seconds: float) -> int:
    """One after another: most at their work, some while they start; back as a static member or not."""
    end, times = time.monotonic() + seconds, 0
    with world.faults(BUSY):
        while time.monotonic() < end:
            time.sleep(world.random.uniform(1.5, 4.0))
            world.replicas.revive()
            replica = _at_work(world) if world.random.random() < AT_WORK else _any(world)
            replica.kill()
            replica.static = world.random.random() < STATIC
            replica.start()
            times += 1
    world.replicas.await_share(world.partitions)
    return times


def _any(world: World) -> Replica:
    return world.random.choice(world.replicas.all)


def _at_work(world: World) -> Replica:
    found: list[Replica] = []

    def some() -> bool:
        found[:] = [replica for replica in world.replicas.all if replica.process.partitions() > 0]
        return bool(found)

    wait_until(some, START, world.trouble)
    return world.random.choice(found)


def freeze(world: World, seconds: float) -> int:
    """Long enough that the group gives its partitions away, not so long that its claims are given up."""
    each = SESSION + 4.0
    times = max(1, round(seconds / each))
    for _ in range(times):
        _freeze(world, each)
    return times


def freeze_past_lease(world: World, seconds: float) -> int:
    """So long that others take over what it had claimed; then it goes on where it stood."""
    _freeze(world, max(seconds, LEASE + BURIAL))
    return 1


def _freeze(world: World, seconds: float) -> None:
    replica = _any(world)
    with world.faults(BUSY):
        world.await_accepted(20)  # it is in the middle of its work
        with replica.frozen():
            time.sleep(seconds)
    world.replicas.await_share(world.partitions)


def cut_off(world: World, seconds: float) -> int:
    """From Kafka alone: nothing is heard of it, while ledger and CRM still hear it. Others take over."""
    doors, each = world.machines.doors, SESSION + 4.0
    times = max(1, round(seconds / each))
    for _ in range(times):
        door = world.random.choice(doors)
        with world.faults(BUSY):
            world.await_accepted(20)
            door.stall()
            time.sleep(each)
        door.reset()
        door.flow()
        world.replicas.await_share(world.partitions)
    return times


def roll(world: World, _: float) -> int:
    """Each drains, ends with 0, and comes back, as a static member now, before the next one goes."""
    for replica in world.replicas.all:
        replica.stop()
        replica.static = True
        replica.start()
        world.replicas.await_share(world.partitions)
    return len(world.replicas.all)


def roll_static(world: World, seconds: float) -> int:
    """As `roll`, of members that are static already: each is given back what it had."""
    if not all(replica.static for replica in world.replicas.all):
        roll(world, seconds)
    return roll(world, seconds)
