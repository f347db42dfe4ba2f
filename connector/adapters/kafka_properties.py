"""librdkafka: the properties of our consumer, and what its errors mean to us."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from connector.core.budget import FLOOR, Budget
from connector.errors import BrokerDown, ConfigError, ConnectorError, Fatal

T = TypeVar("T")
Properties = Mapping[str, str | int | float | bool]

FIXED: Final = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
}
DEFAULTS: Final = {
    "partition.assignment.strategy": "cooperative-sticky",
    # Small queues (see core/budget.py) starve librdkafka unless it looks again soon (default 1000 ms).
    "fetch.queue.backoff.ms": 20,
    "fetch.wait.max.ms": 100,
    # A broker that hangs holds a commit, and so a drain, for so long (default 60 s).
    "socket.timeout.ms": 10_000,
    # How often the size of its queue is told.
    "statistics.interval.ms": 2000,
}
_REFUSED: Final = frozenset(
    {
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_EXCEPTION,
    }
)
_AT_AN_END: Final = frozenset({KafkaError._FATAL, KafkaError._BAD_MSG, KafkaError._BAD_COMPRESSION})  # noqa: SLF001
"""A consumer hears of its end once, as a message that does not count as `fatal()`, and gets nothing more.
Behind a batch that cannot be read librdkafka would go on: these records would be lost."""
_UNREACHED: Final = frozenset({KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN})  # noqa: SLF001 - public names
_FENCED: Final = "; restart it, and give each replica a group.instance.id of its own"


def consumer_config(properties: Properties, group: str, budget: Budget) -> dict[str, object]:
    """Ours under the user's, what the promises need above them; librdkafka's log goes to `logging`."""
    limits = budget.properties()
    config = {**DEFAULTS, **limits, **properties, **FIXED, FLOOR: limits[FLOOR], "group.id": group}
    config["logger"] = logging.getLogger("kafka")
    if config.get("group.protocol") == "consumer":
        config.pop("partition.assignment.strategy")  # the broker assigns
    return config


def is_eager(config: Mapping[str, object]) -> bool:
    """Whether a rebalance takes all partitions away first."""
    return "cooperative" not in str(config.get("partition.assignment.strategy", "cooperative"))


def meaning(error: KafkaError) -> ConnectorError | None:
    """What the connector has to do about an error; None: librdkafka recovers by itself."""
    if error.code() in _REFUSED:
        return ConfigError(f"kafka: {error.str()}: allow the group to read its topics")
    if error.fatal() or error.code() in _AT_AN_END:
        return Fatal(f"kafka: {error.str()}{_FENCED if 'group.instance.id' in error.str() else ''}")
    return None


def refused_property(error: Exception) -> ConfigError:
    """A property that librdkafka does not take, in one line."""
    inner = error.args[0] if error.args else error
    text = inner.str() if isinstance(inner, KafkaError) else str(error)
    return ConfigError(f"kafka.properties: {' '.join(text.split())}; correct it or remove it")


def ask(question: Callable[[], T]) -> T:
    """Put a question to the broker. Raises BrokerDown, ConfigError where it is not allowed."""
    try:
        return question()
    except KafkaException as error:
        raise outage(error.args[0]) from error


def outage(error: KafkaError) -> ConnectorError:
    """What an error of a single question means: the same, but it is asked again where possible."""
    hint = "; crm-connector check -c FILE tells why" if error.code() in _UNREACHED else ""
    return meaning(error) or BrokerDown(f"kafka: {error.str()}{hint}")
