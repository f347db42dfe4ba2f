"""Bad days, each with a name: what is done to a world while it works."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from tests.chaos.scenarios import destination, infrastructure, processes
from tests.chaos.world import World


class Scenario(Struct, frozen=True):
    """act: does it for about so many seconds and returns how often; what: that, in words.

    world: three replicas and PostgreSQL; one replica and SQLite; as the first, but on a cluster of Kafka.
    """

    name: str
    seconds: float
    act: Callable[[World, float], int]
    what: str
    world: Literal["shared", "single", "cluster"] = "shared"


SCENARIOS = (
    Scenario("kill9", 45, processes.kill, "one of 3 replicas killed (SIGKILL), and started again"),
    Scenario("freeze", 20, processes.freeze, "a replica stopped past its session, and continued"),
    Scenario("freeze-lease", 40, processes.freeze_past_lease, "stopped past its lease, and continued"),
    Scenario("cut-off", 10, processes.cut_off, "a replica cut off from Kafka past its session"),
    Scenario("rolling", 0, processes.roll, "a replica drained (SIGTERM) and started, each in its turn"),
    Scenario("rolling-static", 0, processes.roll_static, "the same with group.instance.id"),
    Scenario("broker", 6, infrastructure.broker, "Kafka killed, and started again"),
    Scenario("postgres", 6, infrastructure.postgres, "PostgreSQL restarted, crashed, frozen"),
    Scenario("ledger-cut", 10, infrastructure.ledger_cut, "a connection to PostgreSQL cut within an answer"),
    Scenario("registry", 6, infrastructure.registry, "registry down, with a new schema id to read"),
    Scenario("token", 6, destination.token, "API key refused (401), until its file was written anew"),
    Scenario("unavailable", 10, destination.unavailable, "seconds of 503 and 429 for two of three requests"),
    Scenario("slow", 10, destination.slow, "seconds of answers after 1 to 2 s, or never"),
    Scenario("lost-answers", 15, destination.lost, "a connection to the CRM cut in a request or answer"),
    Scenario("partitions", 0, infrastructure.partitions, "partitions added to the live topic"),
    Scenario("disk-full", 8, infrastructure.disk, "the disk of a ledger in SQLite filled, freed", "single"),
    Scenario("brokers", 6, infrastructure.brokers, "each of 3 brokers stopped, killed, frozen", "cluster"),
)
"""In this order, one after another, with traffic all the time."""
