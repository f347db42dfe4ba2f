"""What happens to what stands around the connector: Kafka, the ledger's database, the registry."""

import time

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from tests.chaos.world import World
from tests.support.proxy import Cut, How

HOWS: tuple[How, ...] = ("close", "reset")
ADDED = 2


def broker(world: World, seconds: float) -> int:
    """Twice: with everything unwritten lost, and back on the same port with the same data."""
    for _ in range(2):
        world.machines.kafka.kill()
        time.sleep(seconds / 2)
        world.machines.kafka.start()
        world.await_recovery()
    return 2


def brokers(world: World, seconds: float) -> int:
    """Each in its turn: its partitions, and the group, have another leader each time."""
    assert world.cluster is not None
    for node in world.cluster.nodes:
        for end in (node.stop, node.kill):
            end()
            time.sleep(seconds / 2)
            node.start()
            world.cluster.await_whole()
        node.pause()
        time.sleep(seconds)
        node.resume()
        world.cluster.await_whole()
        world.await_recovery()
    return 3 * len(world.cluster.nodes)


def postgres(world: World, seconds: float) -> int:
    """A restart in order, a crash that stays down for a while, and a server that says nothing."""
    server = world.machines.postgres
    server.stop("fast")
    server.start()
    world.await_accepted(20)
    server.stop("immediate")
    world.replicas.await_pause("ledger")
    time.sleep(seconds / 2)
    server.start()
    world.await_accepted(20)
    server.freeze()
    try:
        time.sleep(seconds)
    finally:
        server.thaw()
    return 3


def ledger_cut(world: World, seconds: float) -> int:
    """Also behind a COMMIT and before its answer: nobody can know whether it happened."""
    assert world.ledger is not None
    before, end = world.ledger.cuts, time.monotonic() + seconds
    kinds = [Cut("down", range(20_000), 1000, how) for how in HOWS]
    while time.monotonic() < end:
        world.ledger.cut(world.random.choice(kinds))
        time.sleep(0.5)
    world.ledger.heal()
    return world.ledger.cuts - before


def registry(world: World, seconds: float) -> int:
    """The new schema is registered while the registry is down: its records wait, and are not poison."""
    world.schemas.refuse()
    world.shop.evolve()
    world.replicas.await_pause("registry")
    time.sleep(seconds)
    world.schemas.accept()
    return 1


def partitions(world: World, _: float) -> int:
    """Keys move to other partitions, and so to other replicas, while their older versions still wait."""
    world.order_partitions += ADDED
    admin = AdminClient({"bootstrap.servers": world.bootstrap, "log_level": 0})
    done = admin.create_partitions([NewPartitions(world.orders, world.order_partitions)])
    done[world.orders].result(30)
    world.replicas.await_share(world.partitions)
    return ADDED


def disk(world: World, seconds: float) -> int:
    """Twice: nothing is sent while nothing can be remembered."""
    assert world.disk is not None
    for _ in range(2):
        world.disk.fill()
        world.replicas.await_pause("ledger")
        time.sleep(seconds / 2)
        world.disk.free()
        world.await_recovery()
    return 2
