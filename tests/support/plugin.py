"""The pytest side of the shared broker: who starts it, which tests can't run without."""

import os

import pytest

from tests.support.broker_host import BrokerHost
from tests.support.real_kafka import HOST_ADDRESS, shared_broker
from tests.support.required import KAFKA

_HOST = pytest.StashKey[BrokerHost]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin to answer for the broker, in the process that leads the run."""
    if not hasattr(config, "workerinput"):
        config.stash[_HOST] = BrokerHost()
        os.environ[HOST_ADDRESS] = config.stash[_HOST].address


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the broker with the run."""
    if host := config.stash.get(_HOST, None):
        del config.stash[_HOST]
        host.close()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the broker up before the first test, so that no test's time limit pays for its start."""
    if not session.config.option.collectonly and any(_wants_broker(item) for item in session.items):
        shared_broker()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold the tests marked `kafka` to what the mark says."""
    if item.get_closest_marker("kafka"):
        broker = shared_broker()
        if not broker.is_real:
            KAFKA.without(broker.why_embedded)


def _wants_broker(item: pytest.Item) -> bool:
    return item.get_closest_marker("kafka") is not None or "broker" in getattr(item, "fixturenames", ())
