"""Which broker the tests run on: the first that can be had, in a fixed order.

A given address (KAFKA_BOOTSTRAP_SERVERS); Docker; Java and Maven; else librdkafka's own mock cluster.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal, TypeAlias

from confluent_kafka import Producer
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from tests.support.kafka_jars import KAFKA_VERSION, KafkaUnavailableError
from tests.support.kafka_node import CLUSTER_ID, free_ports, kafka_settings, wait_until_serving
from tests.support.local_kafka import LocalKafka

Kind: TypeAlias = Literal["given", "docker", "local", "embedded"]
EMBEDDED_PARTITIONS = 4
"""Partitions of every topic of the embedded broker, which can't be told another number."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where to connect, what answers there, and, if it is the embedded one, why no real one does."""

    bootstrap: str
    kind: Kind
    why_embedded: str = ""

    @property
    def is_real(self) -> bool:
        """Whether an Apache Kafka answers: groups, offsets and topics as in production."""
        return self.kind != "embedded"


def find_broker(cleanup: ExitStack) -> Broker:
    """Start or find the first broker that can be had; `cleanup` ends what was started."""
    refusals = []
    for kind, start in _WAYS.items():
        try:
            return Broker(start(cleanup), kind)
        except KafkaUnavailableError as error:
            refusals.append(f"{kind}: {error}")
    return Broker(_embedded(cleanup), "embedded", "; ".join(refusals))


def _given(_: ExitStack) -> str:
    if bootstrap := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return bootstrap
    raise KafkaUnavailableError("KAFKA_BOOTSTRAP_SERVERS is not set")


def _docker(cleanup: ExitStack) -> str:
    try:
        host = DockerClient().host()
        return _container(cleanup, host)
    except DockerException as error:
        raise KafkaUnavailableError(f"no Docker engine answers ({type(error).__name__})") from error


def _container(cleanup: ExitStack, host: str) -> str:
    (port,) = free_ports(1)
    advertised = f"{host}:{port}"
    container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}").with_bind_ports(9092, port)
    for name, value in kafka_settings(advertised, "0.0.0.0:9092", "localhost:9093").items():
        container.with_env("KAFKA_" + name.upper().replace(".", "_"), value)
    cleanup.enter_context(container.with_env("CLUSTER_ID", CLUSTER_ID))
    wait_until_serving(advertised)
    return advertised


def _local(cleanup: ExitStack) -> str:
    kafka = LocalKafka()
    cleanup.callback(kafka.close)
    kafka.start()
    return kafka.bootstrap


def _embedded(cleanup: ExitStack) -> str:
    # The mock cluster lives as long as the client that carries it.
    carrier = Producer({"test.mock.num.brokers": 1, "log_level": 3})
    cleanup.callback(carrier.flush, 1.0)
    (broker,) = carrier.list_topics(timeout=10).brokers.values()
    return f"{broker.host}:{broker.port}"


_WAYS: dict[Kind, Callable[[ExitStack], str]] = {"given": _given, "docker": _docker, "local": _local}
