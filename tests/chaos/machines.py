"""What stands around the connector and is broken on purpose: Kafka, PostgreSQL, a schema registry."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import free_ports
from tests.support.local_kafka import LocalKafka
from tests.support.postgres import LocalPostgres, NoPostgresError
from tests.support.proxy import Proxy
from tests.support.registry import RegistryServer, running_registry


class MissingError(Exception):
    """This machine lacks something; one line, with the remedy."""


class Machines(Struct):
    """Running, each on a port that it keeps through stop, kill and restart.

    doors: proxies before Kafka, one a replica, so that each can be cut off alone. host: this machine's
    address, by which replicas reach the proxies before all of them.
    """

    kafka: LocalKafka
    postgres: LocalPostgres
    registry: RegistryServer
    doors: list[Proxy]
    host: str = "127.0.0.1"


def missing() -> str:
    """What has to be installed first, in one line; empty: nothing."""
    wanted = {"java": "Java", "mvn": "Maven (fetches Kafka, once)"}
    found = [name for program, name in wanted.items() if shutil.which(program) is None]
    if not (shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb"))):
        found.append("PostgreSQL")
    if not found:
        return ""
    return f"needs {', '.join(found)}; on Debian: apt-get install default-jre-headless maven postgresql"


@contextmanager
def machines(doors: int, host: str = "127.0.0.1") -> Iterator[Machines]:
    """All of them, fresh and empty. Raises MissingError."""
    if lacking := missing():
        raise MissingError(lacking)
    with ExitStack() as stack:
        proxies = [stack.enter_context(Proxy("127.0.0.1", port, at=host)) for port in free_ports(doors)]
        try:
            kafka = LocalKafka({proxy.target[1]: proxy.port for proxy in proxies}, host=host)
            stack.callback(kafka.close)
            postgres = LocalPostgres()
            stack.callback(postgres.close)
            kafka.start()
            postgres.start()
        except (KafkaUnavailableError, NoPostgresError) as error:
            raise MissingError(str(error)) from error
        registry = stack.enter_context(running_registry())
        yield Machines(kafka, postgres, registry, proxies, host)
