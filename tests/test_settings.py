"""The configuration: what is read, what is refused and with which words."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from connector.core.rules import TopicRules
from connector.errors import ConfigError
from connector.settings import Settings, load
from connector.settings.model import DeliveryOverrides, DeliverySettings
from connector.settings.schema import config_schema
from connector.settings.types import Secret

MINIMAL = """
kafka: {bootstrap_servers: "broker:9092"}
schema_registry: {url: "http://registry:8081"}
topics:
  - {name: crm.public.orders, entity: order}
  - {name: crm.public.contacts, entity: contact}
destinations:
  yespo: {type: yespo, api_key: planted-key-1}
"""
FULL = """
kafka:
  bootstrap_servers: [one:9092, two:9092]
  group_id: shop
  start: 2025-01-31T00:00:00+02:00
  properties: {security.protocol: SASL_SSL, sasl.mechanism: PLAIN, sasl.username: me,
               sasl.password: planted-word, enable.auto.commit: false, linger.ms: 5}
schema_registry: {url: "http://registry:8081/", user: me, password: planted-word}
topics:
  - name: crm.public.orders
    entity: order
    envelope: debezium
    fields: {externalOrderId: order_no, totalCost: total}
    values: {status: {new: INITIALIZED, 1: IN_PROGRESS, no: CANCELLED, true: DELIVERED}}
    defaults: {items.imageUrl: "https://shop.example/none.png"}
    params: {city: delivery.city}
    version: rev
    time_zone: Europe/Kyiv
    totals: off
    on_delete: dead-letter
    replica_identity: full
    on_snapshot: past_events
    null_defaults: [phone]
destinations:
  yespo:
    type: yespo
    url: https://yespo.io/api
    api_key: planted-key-1
    orders_via: past_events
    time_zone: Europe/Kyiv
    in_doubt: hold
    topics: [crm.public.orders]
    delivery: {linger_ms: 60000, rate_per_second: 900}
ledger: {url: "sqlite:///var/lib/crm-connector/ledger.db"}
dead_letters: {topic: crm-connector.dead-letters, brake: {share: 0.1, window: 50}}
delivery: {batch_events: 10, linger_ms: 1, in_flight: 2, rate_per_second: 0}
server: {host: 127.0.0.1, port: 0}
log: {format: console, level: debug}
"""


def rows(name: str) -> list[tuple[str, object, str]]:
    """Where a wrong value is put, the value, and the words that refuse it."""
    table = yaml.safe_load((Path(__file__).parent / "data" / "settings" / f"{name}.yaml").read_text("utf-8"))
    return [(row["put"], row["value"], row["line"]) for row in table]


@pytest.fixture
def given(tmp_path: Path) -> "Given":
    """Write a configuration and load it."""
    return Given(tmp_path)


class Given:
    """A configuration file with an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(
        self, text: str = MINIMAL, environment: Mapping[str, str] | None = None, **options: bool
    ) -> Settings:
        """Load `text`."""
        file = self.folder / "connector.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, environment or {}, **options)

    def problems(self, text: str = MINIMAL, environment: Mapping[str, str] | None = None) -> list[str]:
        """The lines with which `text` is refused."""
        with pytest.raises(ConfigError) as refused:
            self.load(text, environment)
        return list(refused.value.problems)

    def changed(self, path: str, value: object, base: str = MINIMAL) -> list[str]:
        """The lines with which `base` with one value changed is refused."""
        return self.problems(changed(path, value, base))


def changed(path: str, value: object, base: str = MINIMAL) -> str:
    """`base` with a value put at `a.b.0.c`."""
    tree = yaml.safe_load(base)
    *above, last = (int(part) if part.isdecimal() else part for part in path.split("/"))
    node = tree
    for part in above:
        node = node[part] if isinstance(part, int) else node.setdefault(part, {})
    node[last] = value
    return yaml.safe_dump(tree)


def test_a_minimal_file_has_the_documented_defaults(given: Given) -> None:
    settings = given.load()

    assert settings.group_of("yespo") == "crm-connector.yespo"
    assert settings.kafka.start == "earliest"
    assert settings.delivery.model_dump() == {
        "batch_events": 500,
        "batch_bytes": 1048576,
        "linger_ms": 200,
        "in_flight": 32,
        "rate_per_second": 100,
        "memory_bytes": 67108864,
        "request_timeout_seconds": 60,
        "max_attempts": 16,
        "drain_seconds": None,
    }
    assert (settings.server.host, settings.server.port) == ("0.0.0.0", 9108)  # noqa: S104
    assert str(settings.ledger.sqlite_path) == "/var/lib/crm-connector/ledger.db"
    assert settings.topics[0].rules() == TopicRules(name="crm.public.orders", entity="order")


def patient(interval: int | str) -> str:
    """A group that waits so many ms; its sessions may not be longer."""
    return changed("kafka/properties", {"max.poll.interval.ms": interval, "session.timeout.ms": 6000})


@pytest.mark.parametrize(
    ("interval", "wanted", "seconds"),
    [(None, None, 25), (600_000, None, 25), (20_000, None, 10), ("20000", 15, 15), (None, 120, 120)],
)
def test_a_drain_has_half_of_what_the_group_waits_and_no_more_than_orchestrators_allow_unless_given(
    given: Given, interval: int | str | None, wanted: float | None, seconds: float
) -> None:
    text = MINIMAL if interval is None else patient(interval)
    settings = given.load(changed("destinations/yespo/delivery", {"drain_seconds": wanted}, text))

    assert settings.drain_seconds_of("yespo") == seconds


def waits(interval: int | str, socket: int | str) -> str:
    """A group that waits so many ms, and a client that waits so many for an answer."""
    return changed("kafka/properties/socket.timeout.ms", socket, patient(interval))


@pytest.mark.parametrize(
    ("text", "least"),
    [(patient(11_999), 12_000), (waits("8000", 6001), 8001), (waits(300_000, "300000"), 302_000)],
)
def test_a_group_must_wait_longer_than_a_commit_may_hang(given: Given, text: str, least: int) -> None:
    (line,) = given.problems(text)

    assert line.startswith("kafka.properties.max.poll.interval.ms: is ")
    assert line.endswith(f"would expel its member; set at least {least}")


@pytest.mark.parametrize("text", [patient(12_000), waits(8000, "6000")])
def test_a_group_that_waits_longer_is_taken(given: Given, text: str) -> None:
    assert given.load(text).drain_seconds_of("yespo") < 12


def test_every_destinations_drain_must_end_before_the_group_expels_the_member(given: Given) -> None:
    text = changed("delivery/drain_seconds", 20, patient(20_000))
    why = "is not below max.poll.interval.ms (20000); choose a shorter drain"

    assert given.changed("destinations/yespo/delivery", {"drain_seconds": 21}, text) == [
        f"delivery.drain_seconds: {why}",
        f"destinations.yespo.delivery.drain_seconds: {why}",
    ]


def test_auto_is_the_default_reading_of_versions(given: Given) -> None:
    assert given.load(changed("topics/0/version", "auto")).topics[0].rules().version is None


def test_a_mistake_in_a_mapping_is_reported_at_its_topic(given: Given) -> None:
    (line,) = given.changed("topics/0/fields", {"totalCots": "total"})

    assert line.startswith("topics[0].fields.totalCots: ")
    assert "totalCost" in line


def test_every_option_of_a_topic_reaches_its_rules(given: Given) -> None:
    assert given.load(FULL).topics[0].rules() == TopicRules(
        name="crm.public.orders",
        entity="order",
        envelope="debezium",
        fields={"externalOrderId": "order_no", "totalCost": "total"},
        values={"status": {"new": "INITIALIZED", "1": "IN_PROGRESS", "no": "CANCELLED", "true": "DELIVERED"}},
        defaults={"items.imageUrl": "https://shop.example/none.png"},
        params={"city": "delivery.city"},
        version="rev",
        time_zone="Europe/Kyiv",
        totals="off",
        on_delete="dead-letter",
        replica_identity="full",
        on_snapshot="past_events",
        null_defaults=("phone",),
    )


def test_a_destination_overrides_delivery_up_to_what_its_api_allows(given: Given) -> None:
    delivery = given.load(FULL).delivery_of("yespo")

    assert (delivery.linger_ms, delivery.rate_per_second, delivery.batch_events) == (60000, 170, 10)


def test_an_unlimited_rate_stays_unlimited(given: Given) -> None:
    assert given.load(changed("delivery/rate_per_second", 0)).delivery_of("yespo").rate_per_second == 0


def test_contacts_that_are_never_made_must_come_from_somewhere(given: Given) -> None:
    orders = changed("destinations/yespo/topics", ["crm.public.orders"])
    what = "is never, and no topic of contacts feeds yespo; add one, or choose unknown"
    (line,) = given.changed("destinations/yespo/contacts", {"ensure": "never"}, orders)
    assert line == f"destinations.yespo.contacts.ensure: {what}"
    with_contacts = given.load(changed("destinations/yespo/contacts", {"ensure": "never"}))
    assert with_contacts.topics_of("yespo")[1].entity == "contact"


def test_overrides_have_the_options_of_delivery() -> None:
    assert set(DeliveryOverrides.model_fields) == set(DeliverySettings.model_fields)


def test_three_mistakes_are_three_lines_with_place_and_remedy(given: Given) -> None:
    text = MINIMAL.replace("entity: order}", "entity: order, totals: wran, feilds: {}}").replace(
        "type: yespo,", "type: yespo, time_zone: Mars/Base,"
    )

    assert given.problems(text) == [
        "topics[0].totals: must be warn, strict, distribute or off; did you mean warn?",
        "topics[0].feilds: is not an option; did you mean fields?",
        "destinations.yespo.time_zone: is not a known time zone; write an IANA name, such as Europe/Kyiv",
    ]


@pytest.mark.parametrize(("path", "value", "line"), rows("mistakes"))
def test_a_mistake_is_one_line(given: Given, path: str, value: object, line: str) -> None:
    assert given.changed(path, value) == [line]


@pytest.mark.parametrize(("name", "value", "words"), rows("properties"))
def test_a_kafka_property_that_breaks_a_promise_or_does_not_exist_is_refused(
    given: Given, name: str, value: object, words: str
) -> None:
    assert given.changed("kafka/properties", {name: value}) == [f"kafka.properties.{name}: {words}"]


EVENTS = MINIMAL.replace("entity: contact}", "entity: event, event_type: reviewed}")


def test_custom_events_have_one_type_or_that_of_a_column(given: Given) -> None:
    fixed = given.load(EVENTS)
    assert fixed.topics[1].rules() == TopicRules(
        "crm.public.contacts", "event", fields={"eventType": ""}, defaults={"eventType": "reviewed"}
    )
    beside = given.changed("topics/1/fields", {"eventType": "kind"}, EVENTS)
    assert beside == ["topics[1].event_type: stands beside fields.eventType; keep one of them"]
    of_orders = given.changed("topics/0/event_type", "bought")
    assert of_orders == ["topics[0].event_type: has no meaning for entity order; remove it"]


@pytest.mark.parametrize(
    ("via", "configured", "read_as"),
    [
        ("events", "update", "skip"),
        ("past_events", "update", "past_events"),
        ("events", "create", "create"),
        ("events", "past_events", "past_events"),
        ("past_events", "skip", "skip"),
    ],
)
def test_a_snapshot_of_custom_events_is_history(
    given: Given, via: str, configured: str, read_as: str
) -> None:
    """RULES 7: a first start must not send years of messages."""
    text = changed("destinations/yespo/events_via", via, changed("topics/1/on_snapshot", configured, EVENTS))
    settings = given.load(text)
    assert settings.rules_of("yespo", settings.topics[1]).on_snapshot == read_as
    assert settings.rules_of("yespo", settings.topics[0]) == settings.topics[0].rules()


def test_two_topics_of_custom_events_need_no_common_version(given: Given) -> None:
    text = EVENTS.replace("entity: order}", "entity: event, event_type: seen, envelope: plain}")
    both = given.load(text.replace("event_type: reviewed}", "event_type: reviewed, envelope: plain}"))
    assert len(both.topics_of("yespo")) == 2


def test_a_past_event_makes_no_order_that_a_delete_could_cancel(given: Given) -> None:
    words = "cancel has no meaning for destinations.yespo, which sends past events; use ignore or dead-letter"
    assert given.problems(FULL.replace("dead-letter", "cancel")) == [f"topics[0].on_delete: {words}"]


def test_all_wrong_kafka_properties_are_reported_together(given: Given) -> None:
    lines = given.changed("kafka/properties", {"a.b": 1, "c.d": 2, "acks": 0, "client.id": "ok"})

    assert [line.split(":")[0] for line in lines] == [
        "kafka.properties." + name for name in ("acks", "a.b", "c.d")
    ]


def test_properties_that_do_not_fit_together_are_refused_without_their_values(given: Given) -> None:
    (line,) = given.changed(
        "kafka/properties",
        {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.password": "planted-word"},
    )

    assert line == (
        "kafka.properties: are refused by librdkafka "
        "(sasl.username and sasl.password must be set); correct them"
    )


@pytest.mark.parametrize("strategy", ["cooperative-sticky", "range", "roundrobin"])
def test_any_other_librdkafka_property_passes(given: Given, strategy: str) -> None:
    settings = given.load(
        changed(
            "kafka/properties", {"partition.assignment.strategy": strategy, "socket.keepalive.enable": True}
        )
    )

    assert settings.kafka_client() == {
        "bootstrap.servers": "broker:9092",
        "partition.assignment.strategy": strategy,
        "socket.keepalive.enable": "true",
    }


@pytest.mark.parametrize(
    ("given_as", "headers"),
    [
        ({"user": "me", "password": "word"}, {"authorization": "Basic bWU6d29yZA=="}),
        ({"token": "word"}, {"authorization": "Bearer word"}),
        (
            {"token": "word", "logical_cluster": "lsrc-1"},
            {"authorization": "Bearer word", "target-sr-cluster": "lsrc-1"},
        ),
        ({}, {}),
    ],
)
def test_a_registry_is_asked_with_its_credentials(
    given: Given, given_as: dict[str, str], headers: dict[str, str]
) -> None:
    settings = given.load(changed("schema_registry", {"url": "http://registry:8081", **given_as}))

    assert settings.registry_client()["credentials"]() == headers


def test_limits_of_librdkafka_that_leave_too_little_of_the_memory_are_a_mistake(given: Given) -> None:
    (line,) = given.problems(changed("kafka/properties", {"queued.max.messages.kbytes": 32768}))

    assert line.startswith("kafka.properties: queued.max.messages.kbytes and fetch.max.bytes let librdkafka")
    assert given.load(changed("kafka/properties", {"fetch.max.bytes": 100_000})).kafka_client()


def test_a_kafka_secret_comes_from_its_file(given: Given, tmp_path: Path) -> None:
    (tmp_path / "word").write_text("planted-word\n")
    properties = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "me",
        "sasl.password_file": str(tmp_path / "word"),
    }

    settings = given.load(changed("kafka/properties", properties))

    assert settings.kafka_client()["sasl.password"] == "planted-word"


def test_a_secret_file_is_read_anew_at_every_get(given: Given, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("first\n")
    secret = given.load(MINIMAL.replace("api_key: planted-key-1", f"api_key_file: {file}")).secret_of("yespo")

    before = secret.get()
    file.write_text("second\n")

    assert (before, secret.get()) == ("first", "second")


@pytest.mark.parametrize("text", ["planted-key-1\nplanted-key-2", "\ufeffplanted-key-1", "planted\x01key"])
def test_a_secret_of_several_lines_or_with_control_characters_is_a_mistake(
    given: Given, tmp_path: Path, text: str
) -> None:
    """No request's head takes it: each would be a defect."""
    file = tmp_path / "key"
    file.write_text(f"{text}\n", encoding="utf-8")
    assert given.problems(MINIMAL.replace("api_key: planted-key-1", f"api_key_file: {file}")) == [
        (
            f"destinations.yespo.api_key_file: {file} has several lines or control characters; "
            "leave the secret alone there"
        )
    ]


@pytest.mark.parametrize("secret", ["токен", "planted\ntoken"])
def test_a_token_that_goes_into_a_header_as_it_is_has_no_other_letters(secret: str) -> None:
    with pytest.raises(ConfigError):
        Secret("destinations.metrica.token", SecretStr(secret), None, bare=True).get()
    assert Secret("schema_registry.password", SecretStr("пароль"), None).get() == "пароль"


def test_a_secret_file_that_is_not_there_is_a_mistake_unless_secrets_are_elsewhere(given: Given) -> None:
    text = MINIMAL.replace("api_key: planted-key-1", "api_key_file: /nowhere/key")

    assert given.problems(text) == [
        (
            "destinations.yespo.api_key_file: /nowhere/key cannot be read (No such file or directory); "
            "put the secret there"
        )
    ]
    assert given.load(text, secrets=False).secret_of("yespo").given


def test_tracing_needs_its_extra_where_it_runs(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"{MINIMAL}tracing: true\n"
    for name in [name for name in sys.modules if name.split(".")[0] == "opentelemetry"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)

    remedy = "install crm-connector[otel], or leave tracing out"
    assert given.problems(text) == [f"tracing: needs the extra otel, which is not installed; {remedy}"]
    assert given.load(text, secrets=False).tracing
    assert not given.load().tracing


def test_secrets_are_in_no_repr(given: Given) -> None:
    settings = given.load(FULL)

    assert "planted" not in repr(settings) + str(settings) + repr(settings.secret_of("yespo"))


def test_secrets_in_the_wrong_place_are_not_repeated_by_the_refusal(given: Given) -> None:
    text = FULL.replace("port: 0", "port: planted-key-1").replace("level: debug", "level: planted-key-1")

    lines = given.problems(text + "planted: ? [planted-word")

    assert "planted-" not in "\n".join(given.problems(text) + lines)


def test_the_environment_sets_any_value(given: Given) -> None:
    settings = given.load(
        environment={
            "CRM_CONNECTOR__KAFKA__BOOTSTRAP_SERVERS": "other:9092",
            "CRM_CONNECTOR__KAFKA__PROPERTIES__CLIENT_ID": "me",
            "CRM_CONNECTOR__TOPICS__0__FIELDS__totalCost": "total",
            "CRM_CONNECTOR__TOPICS__2": "{name: crm.more, entity: contact, version: rev}",
            "CRM_CONNECTOR__DESTINATIONS__YESPO__API_KEY": "0042",
            "CRM_CONNECTOR__DELIVERY__LINGER_MS": "7",
            "CRM_CONNECTOR__DEAD_LETTERS__CREATE": "false",
            "CRM_CONNECTOR_PORT": "tcp://10.0.0.1:9108",
        }
    )

    assert settings.kafka_client() == {"bootstrap.servers": "other:9092", "client.id": "me"}
    assert settings.topics[0].fields == {"totalCost": "total"}
    assert settings.topics[2].name == "crm.more"
    assert settings.secret_of("yespo").get() == "0042"
    assert (settings.delivery.linger_ms, settings.dead_letters.create) == (7, False)


def test_the_environment_alone_can_hold_the_list_of_topics(given: Given) -> None:
    text = changed("topics", None)
    names = {f"CRM_CONNECTOR__TOPICS__{index}__NAME": f"t{index}" for index in range(12)}
    kinds = {f"CRM_CONNECTOR__TOPICS__{index}__ENTITY": "contact" for index in range(12)}

    assert [topic.name for topic in given.load(text, names | kinds).topics] == [
        f"t{index}" for index in range(12)
    ]


def test_a_wrong_name_in_the_environment_is_reported_by_its_name(given: Given) -> None:
    environment = {
        "CRM_CONNECTOR__KAFKA__START__X": "1",
        "CRM_CONNECTOR__TOPICS__9__NAME": "x",
        "CRM_CONNECTOR__LOG____X": "1",
    }

    assert given.problems(changed("kafka/start", "latest"), environment) == [
        "CRM_CONNECTOR__KAFKA__START__X: kafka.start is a single value; set it without __X",
        "CRM_CONNECTOR__LOG____X: has an empty level; write two underscores between levels, no more",
        (
            "CRM_CONNECTOR__TOPICS__9__NAME: 9 is no place in a list of 2; "
            "number its elements from 0 without gaps"
        ),
    ]


def test_a_key_given_twice_is_refused_with_its_line(given: Given) -> None:
    (line,) = given.problems("kafka: {}\ntopics: []\nkafka: {}\n")

    assert line.endswith("connector.yaml:3:1: is not valid YAML (kafka is given twice); correct it there")


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"none\.yaml: cannot be read \(No such file or directory\); name the .* with -c FILE",
    ):
        load(tmp_path / "none.yaml", {})


def test_topics_without_registry_need_a_schema_file_each(given: Given) -> None:
    text = changed("topics/0/schema_file", "orders.avsc", changed("schema_registry", None))

    assert given.problems(text) == [
        "topics[1]: has no schema; add schema_registry: {url: …} or a schema_file to this topic"
    ]


def test_two_topics_of_one_entity_without_a_common_clock_need_a_version_field(given: Given) -> None:
    text = changed("topics/1", {"name": "crm.more", "entity": "order", "envelope": "plain"})
    both = changed("topics/0/envelope", "flat", text)

    assert given.problems(both) == [
        (
            "topics[1].version: is missing, and crm.public.orders feeds orders too; "
            "name the field that tells which change is newer"
        )
    ]
    given.load(text)
    given.load(changed("topics/1/version", "rev", changed("topics/0/version", "rev", both)))


def test_the_schema_in_the_repository_is_the_one_of_the_code() -> None:
    kept = Path(__file__).parent.parent / "schemas" / "config.schema.json"

    assert kept.read_text(encoding="utf-8") == config_schema()
    assert json.loads(config_schema())["additionalProperties"] is False
