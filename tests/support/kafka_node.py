"""A single Kafka node's settings, and how to tell that it serves; for a process and a container alike."""

import os
import random
import socket
import time
from collections.abc import Callable
from itertools import islice

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.kafka_jars import KafkaUnavailableError

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
_START_SECONDS = 180.0
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw"))
_PORTS = range(10_001 + _WORKER, 16_000, 9)
"""Below those that the kernel gives to sockets which ask for any, and to the clients' ends of connections.
Each of up to eight workers has its own, and so has who leads them: none knows what the others have given."""
_GIVEN: set[int] = set()


def free_ports(count: int) -> list[int]:
    """As many different TCP ports of loopback, free at the moment of asking.

    Nobody else is given them while who asked has not bound them yet, or has let go of them for a restart.
    """
    # Not the tests' own dice: they are thrown alike in each worker.
    drawn = random.SystemRandom().sample([port for port in _PORTS if port not in _GIVEN], 100 + count)
    ports = list(islice(filter(_is_free, drawn), count))
    _GIVEN.update(ports)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as tried:
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def kafka_settings(advertised: str, listen: str, controller: str) -> dict[str, str]:
    """Broker properties of a single node; the addresses are host:port."""
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{listen},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A killed node is let in again once its old session has ended: nine seconds by default.
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
        # Lets a test see a dead member leave without waiting six seconds.
        "group.min.session.timeout.ms": "1000",
        # Lets a test see what compaction leaves without waiting fifteen seconds.
        "log.cleaner.backoff.ms": "200",
        # Captured records keep their timestamps: neither too old to be kept nor too new to be taken.
        "log.retention.ms": "-1",
        "log.message.timestamp.after.max.ms": str(2**63 - 1),
    }


def wait_until_serving(bootstrap: str, alive: Callable[[], bool] = lambda: True) -> None:
    """Wait until the node answers, 180 s at most. Raises KafkaUnavailableError, at once if not `alive`."""
    deadline = time.monotonic() + _START_SECONDS
    while not _serves(bootstrap):
        if not alive() or time.monotonic() > deadline:
            raise KafkaUnavailableError("Kafka did not start")
        time.sleep(0.1)


def _serves(bootstrap: str) -> bool:
    host, _, port = bootstrap.partition(":")
    try:
        # First the port alone: librdkafka reports each refused connection on stderr.
        socket.create_connection((host, int(port)), timeout=1).close()
        return bool(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=5).brokers)
    except (OSError, KafkaException):
        return False
