"""Three Apache Kafka nodes that are one cluster: what is written is on all of them, and leaders move."""

import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.local_kafka import LocalKafka

NODES = 3
_SHARED = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    # Half a minute and five by default: a leader that hangs is followed, and one that is back leads, soon.
    "replica.lag.time.max.ms": "5000",
    "leader.imbalance.check.interval.seconds": "5",
}
_WHOLE_SECONDS = 120.0


class KafkaCluster:
    """Each node can be stopped, killed, paused and started alone. `bootstrap`: the addresses of all."""

    def __init__(self) -> None:
        """Choose ports and folders; nothing runs yet. Raises KafkaUnavailableError."""
        self.nodes = [LocalKafka(more=_SHARED) for _ in range(NODES)]
        self.bootstrap = ",".join(node.bootstrap for node in self.nodes)
        numbered = list(enumerate(self.nodes, 1))
        voters = ",".join(f"{number}@{node.controller}" for number, node in numbered)
        for number, node in numbered:
            node.settings |= {"node.id": str(number), "controller.quorum.voters": voters}

    def start(self) -> None:
        """Start all, and wait until they serve. Raises KafkaUnavailableError."""
        for node in self.nodes:
            node.launch()  # alone none of them serves
        for node in self.nodes:
            node.await_ready()
        self.await_whole()

    def await_whole(self) -> None:
        """Until every node has all that is written. Raises KafkaUnavailableError."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        deadline = time.monotonic() + _WHOLE_SECONDS
        while not _is_whole(admin):
            if time.monotonic() > deadline:
                raise KafkaUnavailableError("the nodes of the cluster do not come together")
            time.sleep(0.5)

    def close(self) -> None:
        """End them and remove their data."""
        for node in self.nodes:
            node.close()


def _is_whole(admin: AdminClient) -> bool:
    try:
        told = admin.list_topics(timeout=5)
    except KafkaException:
        return False
    partitions = [one for topic in told.topics.values() for one in topic.partitions.values()]
    return len(told.brokers) == NODES and all(len(one.isrs) == NODES for one in partitions)
