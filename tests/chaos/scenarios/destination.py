"""What happens to the CRM, and on the way to it."""

import time

from tests.chaos.world import World
from tests.support.proxy import Cut, How
from tests.support.proxy_wire import Way

WAYS: tuple[Way, ...] = ("down", "down", "up")
HOWS: tuple[How, ...] = ("close", "reset")


def token(world: World, seconds: float) -> int:
    """The key is changed at the CRM first; the replicas read it anew, without a restart."""
    world.sandbox.change_key("another-key")
    world.replicas.await_pause("credentials")
    time.sleep(seconds)
    world.key_file.write_text("another-key", encoding="utf-8")
    return 1


def unavailable(world: World, seconds: float) -> int:
    """A gate opens at each replica, probes, and closes."""
    sick = {"do": "status", "status": 503, "probability": 0.5}
    spent = {"do": "status", "status": 429, "probability": 0.3, "headers": {"Retry-After": "1"}}
    with world.faults(sick, spent):
        time.sleep(seconds)
    return round(seconds)


def slow(world: World, seconds: float) -> int:
    """Hung requests are never carried out, so what times out is in doubt and was not applied."""
    never, late = {"do": "hang", "probability": 0.05}, {"do": "delay", "delay": 1.0, "probability": 0.5}
    with world.faults(never, late, {"do": "delay", "delay": 2.0}):
        time.sleep(seconds)
    return round(seconds)


def lost(world: World, seconds: float) -> int:
    """At any byte: of a request, which may or may not have been understood, or of its answer."""
    before, end = world.crm.cuts, time.monotonic() + seconds
    kinds = [Cut(way, range(4000), 1000, how) for way in WAYS for how in HOWS]
    while time.monotonic() < end:
        world.crm.cut(world.random.choice(kinds))
        time.sleep(0.5)
    world.crm.heal()
    return world.crm.cuts - before
