"""What a test does without a real Kafka: skipped and named at the end, or failed if one is required."""

import os
from typing import NoReturn

import pytest

from tests.support.broker import Broker
from tests.support.broker_host import ask
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.secure_kafka import SecureKafka

HOST_ADDRESS = "CRM_CONNECTOR_TEST_BROKER_HOST"
REQUIRED = "CRM_CONNECTOR_REQUIRE_KAFKA"
NO_KAFKA = "needs a real Kafka"


def shared_broker() -> Broker:
    """The broker of this run, the same in every worker."""
    return ask(os.environ[HOST_ADDRESS], Broker)


def secure_kafka() -> SecureKafka:
    """The Kafka of this run that lets nobody in without TLS or SASL, the same in every worker."""
    try:
        return ask(os.environ[HOST_ADDRESS], SecureKafka)
    except KafkaUnavailableError as error:
        without_kafka(str(error))


def is_required() -> bool:
    """Whether this run has to show the tests that need a real Kafka."""
    return os.environ.get(REQUIRED, "") not in {"", "0"}


def without_kafka(why: str) -> NoReturn:
    """End the running test because there is no Kafka: skipped, or failed where one is required."""
    reason = f"{NO_KAFKA} ({why})"
    if is_required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
