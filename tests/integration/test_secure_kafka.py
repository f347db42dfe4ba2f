"""A real Kafka that asks for TLS or SASL: every way in, and what is said of each that is wrong."""

import json
import signal
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from confluent_kafka import Producer

from connector.adapters.dead_letters import KafkaDeadLetters
from connector.adapters.kafka_source import KafkaSource
from connector.cli import call
from connector.core.letters import Letter
from connector.core.model import Position, Record
from connector.errors import BrokerDown, ConfigError
from connector.settings import load
from tests.cli.configs import config
from tests.support.broker import Broker
from tests.support.instance import Instance, wait_until
from tests.support.kafka_node import free_ports
from tests.support.member import Member
from tests.support.pipeline import pipeline
from tests.support.real_kafka import secure_kafka
from tests.support.registry import running_registry
from tests.support.secure_kafka import PASSWORD, SecureKafka, Way
from tests.support.tls import make_certificates
from tests.support.tokens import CLIENT_SECRET
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka
WAYS = get_args(Way)
WRONG = "planted-wrong-secret"
SECRETS = (PASSWORD, CLIENT_SECRET, WRONG)
Config = Callable[..., Path]


@pytest.fixture(scope="module")
def kafka() -> SecureKafka:
    return secure_kafka()


@pytest.fixture(scope="module")
def new_topic(kafka: SecureKafka) -> TopicFactory:
    return TopicFactory(Broker(kafka.addresses["OPEN"], "local"))


@pytest.fixture
def configured(kafka: SecureKafka, tmp_path: Path) -> Config:
    """A configuration that comes in by a way; more: properties that it has otherwise, None for none."""

    def made(way: Way, more: dict[str, str | None], **options: Any) -> Path:
        given = {**kafka.properties(way), **more}
        file = config(tmp_path, **options)
        come_in(file, {name: value for name, value in given.items() if value is not None})
        return file

    return made


def check(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    code = call(["check", "-c", str(file)])
    told = capsys.readouterr()
    assert not [secret for secret in SECRETS if secret in told.out + told.err]
    assert "Traceback" not in told.out + told.err
    return code, told.out.splitlines()


@pytest.mark.parametrize("way", WAYS)
def test_check_comes_in_by_every_way(
    way: Way, kafka: SecureKafka, configured: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    _, lines = check(configured(way, {}), capsys)

    assert lines[1] == f"✓ brokers: 1 at {kafka.properties(way)['bootstrap.servers']}"
    assert "✓ group group.orders.yespo: may read its topics" in lines


PLACE = "kafka.properties."
UNTRUSTED = "ssl.ca.location: the certificate of {at} cannot be verified; name the CA that signed it, and"
NO_CERTIFICATE = "ssl.certificate.location: {at} misses a client certificate or refuses it; give one that"
REFUSED = "sasl.password: {at} refuses the credentials; put valid ones in their place"
OTHERS = "sasl.mechanism: {at} takes PLAIN, SCRAM-SHA-512, OAUTHBEARER; choose one of them"
NO_TOKEN = "sasl.oauthbearer: no token is given (invalid_client); correct sasl.oauthbearer.client.id, client."
STRANGE = {f"ssl.{one}.location": "{strange}/client.pem" for one in ("certificate", "key")}
ORDER = {"email": "ann@example.com", "total": "10", "status": "INITIALIZED", "at": "2025-01-01T00:00:00"}


@pytest.mark.parametrize(
    ("way", "more", "line"),
    [
        ("tls", {"ssl.ca.location": "{strange}/ca.pem"}, UNTRUSTED),
        ("mtls", dict.fromkeys(STRANGE), NO_CERTIFICATE),
        ("mtls", STRANGE, NO_CERTIFICATE),
        ("plain", {"sasl.password": WRONG}, REFUSED),
        ("scram", {"sasl.password": WRONG}, REFUSED),
        ("scram", {"sasl.mechanism": "SCRAM-SHA-256"}, OTHERS),
        ("oauth", {"sasl.oauthbearer.client.secret": WRONG}, NO_TOKEN),
    ],
    ids=["unknown-ca", "no-certificate", "strange-certificate", "plain", "scram", "mechanism", "oauth"],
)
def test_what_is_wrong_is_one_line_with_place_and_remedy(
    way: Way, more: dict[str, str | None], line: str, configured: Config, tmp_path: Path, kafka: SecureKafka,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    make_certificates(tmp_path)
    given = {name: value and value.format(strange=tmp_path) for name, value in more.items()}
    code, lines = check(configured(way, given), capsys)
    at = kafka.properties(way)["bootstrap.servers"]

    assert code == 1
    assert lines[1].startswith(f"✗ {PLACE}{line.format(at=at)}")


@pytest.mark.parametrize("way", ["mtls", "plain", "scram", "oauth"])
def test_the_pipeline_reads_commits_and_writes_dead_letters_by_every_way(
    way: Way, kafka: SecureKafka, new_topic: TopicFactory, tmp_path: Path
) -> None:
    with pipeline(Broker(kafka.addresses["OPEN"], "local"), new_topic, tmp_path) as here:
        orders = here.table("orders", **dict.fromkeys(["no", *ORDER], "string"))
        fields = {"externalOrderId": "no", "totalCost": "total", "date": "at"}
        here.settings([{"name": orders.topic, "entity": "order", "fields": fields}])
        come_in(here.file, kafka.properties(way))
        orders.write("c", {"id": "1", "no": "o1", **ORDER})
        orders.write("c", {"id": "2", "no": "o2", **ORDER, "total": "none"})

        assert here.run(load(here.file, {})) == {"dead_lettered": 1, "delivered": 1}
        assert here.letters() == {("o2", "invalid_total"): 1}
        orders.write("c", {"id": "3", "no": "o3", **ORDER})
        assert here.run(load(here.file, {})) == {"delivered": 1}  # what was committed is not read again


def come_in(file: Path, properties: dict[str, str]) -> None:
    """From now on the configuration has these."""
    tree = yaml.safe_load(file.read_text())
    tree["kafka"]["bootstrap_servers"] = properties.pop("bootstrap.servers")
    tree["kafka"]["properties"] = properties
    file.write_text(yaml.safe_dump(tree))


class Rotated:
    """A password's file, wrong at first, and who reads the properties with it."""

    def __init__(self, kafka: SecureKafka, folder: Path) -> None:
        self._kafka, self.file = kafka, folder / "password"
        self.file.write_text(WRONG)

    def read(self) -> dict[str, str]:
        if not self.file.exists():
            raise ConfigError("not now")
        return self._kafka.properties("scram") | {"sasl.password": self.file.read_text()}


@pytest.fixture
def rotated(kafka: SecureKafka, tmp_path: Path) -> Rotated:
    return Rotated(kafka, tmp_path)


def test_a_source_reads_its_password_anew_after_a_refusal(
    kafka: SecureKafka, new_topic: TopicFactory, rotated: Rotated
) -> None:
    topic, member = new_topic("orders"), Member()
    producer = Producer({"bootstrap.servers": kafka.addresses["OPEN"]})
    producer.produce(topic, b"value")
    assert producer.flush(30) == 0
    source = KafkaSource(rotated.read(), f"g.{topic}", [topic], member, reread=rotated.read)
    with closing(member.attach(source)):
        with pytest.raises(BrokerDown, match=r"^kafka\.properties\.sasl\.password: .* refuses the cred"):
            member.until(lambda: False)
        rotated.file.unlink()
        with pytest.raises(BrokerDown):
            member.until(lambda: False)
        rotated.file.write_text(PASSWORD)
        wait_until(lambda: arrived(member), 60, lambda: str(source.trouble))


def arrived(member: Member) -> bool:
    """Whether it has read something; an outage more is no end."""
    with suppress(BrokerDown):
        member.turn()
    return bool(member.records)


def test_dead_letters_read_their_password_anew_after_a_refusal(
    new_topic: TopicFactory, rotated: Rotated
) -> None:
    letters = KafkaDeadLetters(rotated.read(), new_topic("letters"), rotated.read)
    rotated.file.write_text(PASSWORD)
    with closing(letters):
        letters.write(
            [Letter(Record(Position("t", 0, 0), 0, None, b"x"), "id", "yespo", "mapping", "", "map")]
        )


def test_a_connector_that_is_refused_says_why_and_goes_on_once_its_file_is_right(
    configured: Config, tmp_path: Path, new_topic: TopicFactory
) -> None:
    file, (port,) = tmp_path / "password", free_ports(1)
    file.write_text(WRONG)
    names = {"orders": new_topic("orders"), "contacts": new_topic("contacts")}
    with running_registry() as registry, ExitStack() as cleanup:
        given = configured(
            "scram", {"sasl.password": None, "sasl.password_file": str(file)}, registry=registry.url,
            server={"host": "127.0.0.1", "port": port}, **names,
        )  # fmt: skip
        instance = Instance(given, port)
        cleanup.callback(instance.close)
        instance.start()
        wait_until(lambda: "cannot start yet" in instance.output.read_text(), 60, instance.trouble)
        file.write_text(PASSWORD)
        wait_until(lambda: instance.partitions() == 2, 60, instance.trouble)
        assert instance.end(signal.SIGTERM) == 0
    lines = [json.loads(line) for line in instance.output.read_text().splitlines() if line.startswith("{")]
    told = [line["detail"] for line in lines if line["event"] == "cannot start yet"]

    assert told[0].startswith("kafka.properties.sasl.password: 127.0.0.1:")
    assert not [secret for secret in SECRETS if secret in instance.output.read_text()]
