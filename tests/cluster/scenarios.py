"""What happens to pods."""

import time
from collections.abc import Callable
from typing import Any

from tests.chaos.scenarios import Scenario
from tests.chaos.scenarios.processes import BUSY
from tests.chaos.world import World
from tests.cluster.release import FORCED, LOOK, Release
from tests.support.instance import wait_until

SCALING = 240.0
"""Seconds within which KEDA and the HorizontalPodAutoscaler, which looks every 15 s, have done their part."""


def roll(world: World, _: float) -> int:
    """`kubectl rollout restart`: each drains and is replaced, in its turn."""
    with world.faults(BUSY):
        world.await_accepted(20)
        _release(world).roll()
    world.replicas.await_share(world.partitions)
    return len(world.replicas)


def drain(world: World, _: float) -> int:
    """A pod deleted in order; it comes back, with its volume."""
    with world.faults(BUSY):
        world.await_accepted(20)
        _release(world).delete(_any(world))
    world.replicas.await_share(world.partitions)
    return 1


def force(world: World, seconds: float) -> int:
    """Pods deleted without their grace, one after another."""
    return _repeat(world, seconds, lambda: _release(world).delete(_any(world), *FORCED))


def kill(world: World, seconds: float) -> int:
    """SIGKILL to a pod's process, which is started again within the pod."""
    return _repeat(world, seconds, lambda: _release(world).kill(_any(world)))


def _repeat(world: World, seconds: float, act: Callable[[], None]) -> int:
    end, times = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        with world.faults(BUSY):
            world.await_accepted(20)
            act()
            time.sleep(world.random.uniform(1.0, 4.0))
        times += 1
    world.replicas.await_share(world.partitions)
    return times


def scale(world: World, _: float) -> int:
    """The CRM slows down, so that lag grows: pods are added up to the most; and removed when it is gone."""
    with world.faults({"do": "delay", "delay": 0.5}):
        _await_pods(world, 3)
    _await_pods(world, 1)
    world.replicas.await_share(world.partitions)
    return 2


def _await_pods(world: World, count: int) -> None:
    wait_until(lambda: len(_release(world).pods()) == count, SCALING, world.trouble, every=LOOK)


def _any(world: World) -> dict[str, Any]:
    return _release(world).one(world.random)


def _release(world: World) -> Release:
    assert isinstance(world.replicas, Release)
    return world.replicas


DEPLOYMENT = (
    Scenario("rollout", 0, roll, "3 pods rolled (kubectl rollout restart)"),
    Scenario("pod-kill", 20, force, "a pod deleted (--force --grace-period=0)"),
    Scenario("process-kill", 20, kill, "a pod's process killed (SIGKILL)"),
    Scenario("rollout-again", 0, roll, "rolled once more, with what was left in doubt"),
)
STATEFUL = (
    Scenario("sqlite-delete", 0, drain, "the one pod with SQLite deleted, back with its volume"),
    Scenario("sqlite-kill", 10, kill, "its process killed (SIGKILL)"),
    Scenario("sqlite-force", 5, force, "deleted (--force --grace-period=0)"),
)
SCALED = (Scenario("keda", 0, scale, "lag: scaled by KEDA from 1 pod to 3, and back"),)
