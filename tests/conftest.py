"""Fixtures for every test: the run's broker, topics with names of their own, a Kafka of one's own."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from connector.adapters.structured import structlog
from tests.support.broker import Broker
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.local_kafka import LocalKafka
from tests.support.real_kafka import shared_broker
from tests.support.required import KAFKA
from tests.support.topics import TopicFactory

pytest_plugins = [
    "tests.support.plugin", "tests.support.postgres_plugin", "tests.support.browser_plugin",
    "tests.support.required_plugin", "tests.support.private",
]  # fmt: skip

# A busy machine is slow, not wrong; a hanging example meets the time limit of its test.
settings.register_profile(
    "connector", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("connector")


@pytest.fixture(autouse=True)
def _logs_end_with_their_test() -> Iterator[None]:
    """A command under test sets up the process's logs. Their handler would outlive its stream: whoever logs
    later, such as a task that is collected, would have it complain into the output of another test. Their
    level would silence what another test looks for: the demo says errors alone. And a traced request leaves
    its trace to what is logged next."""
    yield
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
    root = logging.getLogger()
    for handler in [one for one in root.handlers if type(one) is logging.StreamHandler]:
        root.removeHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("connector").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def broker() -> Broker:
    """The broker of this run; real or embedded, see `kind`. Shared: use topics and groups of your own."""
    return shared_broker()


@pytest.fixture(scope="session")
def topic(broker: Broker) -> TopicFactory:
    """Makes topics with unique names, as in `topic("orders", partitions=3)`."""
    return TopicFactory(broker)


@pytest.fixture
def own_kafka() -> Iterator[LocalKafka]:
    """A running Kafka of this test alone, to be stopped, killed, paused and restarted (about 5 s)."""
    try:
        kafka = LocalKafka()
    except KafkaUnavailableError as error:
        KAFKA.without(str(error))
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.close()
