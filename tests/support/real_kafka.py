"""The Kafkas of a run, started once by the process that leads it."""

import os

from tests.support.broker import Broker
from tests.support.broker_host import ask
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.required import KAFKA
from tests.support.secure_kafka import SecureKafka

HOST_ADDRESS = "CRM_CONNECTOR_TEST_BROKER_HOST"


def shared_broker() -> Broker:
    """The broker of this run, the same in every worker."""
    return ask(os.environ[HOST_ADDRESS], Broker)


def secure_kafka() -> SecureKafka:
    """The Kafka of this run that lets nobody in without TLS or SASL, the same in every worker."""
    try:
        return ask(os.environ[HOST_ADDRESS], SecureKafka)
    except KafkaUnavailableError as error:
        KAFKA.without(str(error))
