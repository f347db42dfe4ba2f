"""`check` against real parts: broker, registry, CRM, ledger; a line each, a remedy where one is wrong."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connector.cli import call
from connector.sandbox.server import SandboxServer
from tests.cli.configs import config
from tests.support.avro import body, framed, record
from tests.support.broker import Broker
from tests.support.registry import RegistryServer, running_registry
from tests.support.topics import TopicFactory

ORDER = record("Order", external_order_id="string", total="string", status="string", date="string")
CITY = {"name": "city", "type": ["string", "null"], "default": "Київ"}
CONTACT = record("Contact", external_customer_id="string", email=["null", "string"])


class World:
    """What a configuration under test names, all of it there and right."""

    def __init__(
        self, folder: Path, broker: Broker, topic: TopicFactory, registry: RegistryServer, crm: str
    ) -> None:
        self.folder, self.broker, self.registry, self.crm = folder, broker, registry, crm
        self.orders, self.contacts = topic("orders"), topic("contacts")
        registry.register(f"{self.orders}-value", json.dumps(ORDER))
        registry.register(f"{self.contacts}-value", json.dumps(CONTACT))

    def config(self, **more: object) -> Path:
        given: dict[str, object] = {
            "brokers": self.broker.bootstrap,
            "registry": self.registry.url,
            "crm": self.crm,
            "orders": self.orders,
            "contacts": self.contacts,
        }
        return config(self.folder, **given | more)  # type: ignore[arg-type]


@pytest.fixture
def world(tmp_path: Path, broker: Broker, topic: TopicFactory) -> Iterator[World]:
    with running_registry() as registry, SandboxServer() as crm:
        yield World(tmp_path, broker, topic, registry, crm.url)


def check(capsys: pytest.CaptureFixture[str], file: Path, *arguments: str) -> tuple[int, list[str]]:
    code = call(["check", "-c", str(file), *arguments])
    return code, capsys.readouterr().out.splitlines()


def partitions(broker: Broker) -> str:
    return "1 partition" if broker.is_real else "4 partitions"


def test_everything_right_is_a_tick_for_each_part(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    call(["resume", "-c", str(world.config()), "--accept", "makes the ledger"])
    capsys.readouterr()
    code, lines = check(capsys, world.config())
    *others, ledger = lines

    assert others == [
        f"✓ {world.folder}/connector.yaml: 2 topics, 1 destination",
        f"✓ brokers: 1 at {world.broker.bootstrap}",
        f"✓ topic {world.orders}: {partitions(world.broker)}",
        f"✓ topic {world.contacts}: {partitions(world.broker)}",
        f"✓ dead letters letters.{world.orders}: will be created at the first start",
        f"✓ group group.{world.orders}.yespo: may read its topics",
        f"✓ schema of {world.orders}-value: has what {world.orders} needs",
        f"✓ schema of {world.contacts}-value: has what {world.contacts} needs",
        f"✓ destinations.yespo: {world.crm} accepts the key",
    ]
    assert ledger.startswith(f"✓ ledger {world.folder}/ledger.db: opens, id ")
    assert code == 0


def test_a_check_makes_no_ledger(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = check(capsys, world.config())

    assert (code, lines[-1]) == (0, f"✓ ledger {world.folder}/ledger.db: will be made at the first start")
    assert not (world.folder / "ledger.db").exists()


def test_a_history_is_looked_at_and_not_made(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = check(capsys, world.config(history=f"{world.folder}/history"))

    assert (code, lines[-1]) == (
        0,
        f"✓ history {world.folder}/history: can be written; it grows with every record",
    )
    assert not (world.folder / "history").exists()
    code, lines = check(capsys, world.config(history=str(world.folder)))
    remedy = "name a file in a directory that can be written, or leave history out"
    assert (code, lines[-1]) == (1, f"✗ history: {world.folder} cannot be written; {remedy}")


def test_a_ledger_that_cannot_be_made_is_wrong(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = check(capsys, world.config(ledger={"url": "sqlite:///nowhere/ledger.db"}))

    assert code == 1
    assert lines[-1] == (
        "✗ ledger.url: /nowhere is not a directory to write in; create it or correct the path"
    )


def test_a_refused_key_is_wrong_and_not_shown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = check(capsys, world.config(api_key="planted-wrong-key"))

    assert code == 1
    assert lines[-2] == (
        f"✗ destinations.yespo.api_key: {world.crm} refuses it (401); put a valid key in its place"
    )
    assert "planted" not in "\n".join(lines)


@pytest.mark.kafka  # the embedded broker makes every topic that is asked for
def test_a_topic_that_is_not_there_is_wrong(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.contacts = "contcats.misspelt"
    code, lines = check(capsys, world.config())

    assert code == 1
    assert "✗ topics[1].name: contcats.misspelt does not exist; create it or correct the name" in lines
    assert lines[7].startswith("! topics[1]: the registry has no schema of contcats.misspelt-value yet")


def test_dead_letters_that_may_not_be_made_are_wrong(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    letters = {"topic": "letters.none", "create": False}
    code, lines = check(capsys, world.config(dead_letters=letters))
    remedy = "create it, compacted, or set create: true"

    assert code == 1
    assert f"✗ dead_letters.topic: letters.none does not exist; {remedy}" in lines


def test_a_schema_that_lacks_a_mapped_column_is_wrong(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    lacking = record("Order", external_order_id="string", status="string", date="string")
    world.registry.register(f"{world.orders}-value", json.dumps(lacking))
    code, lines = check(capsys, world.config())

    assert code == 1
    assert "✗ topics[0].fields.totalCost: the schema has no column total" in lines


def test_the_row_inside_debeziums_envelope_is_what_is_checked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    source = record("Source", name="string")
    envelope = record("Envelope", before=["null", ORDER], after=["null", "Order"], source=source, op="string")
    world.registry.register(f"{world.orders}-value", json.dumps(envelope))
    code, lines = check(capsys, world.config())

    assert code == 0
    assert f"✓ schema of {world.orders}-value: has what {world.orders} needs" in lines


def test_nullable_columns_with_a_default_are_a_warning(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful = {**CONTACT, "fields": [*CONTACT["fields"], CITY]}
    world.registry.register(f"{world.contacts}-value", json.dumps(doubtful))
    code, lines = check(capsys, world.config())
    topics = [
        {"name": world.orders, "entity": "order", "fields": {"totalCost": "total"}},
        {"name": world.contacts, "entity": "contact", "null_defaults": ["city"]},
    ]
    known = check(capsys, world.config(topics=topics))[1]

    assert code == 0
    assert (
        "! topics[1]: NULL arrives as the default in city; name in null_defaults those whose default means "
        "null, or drop the default at the source"
    ) in lines
    assert not any(line.startswith("!") for line in known)


def test_a_schema_file_stands_for_a_registry(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    file = world.folder / "order.avsc"
    file.write_text(json.dumps(ORDER))
    topics = [
        {"name": world.orders, "entity": "order", "schema_file": str(file), "fields": {"totalCost": "total"}}
    ]
    code, lines = check(capsys, world.config(topics=topics, schema_registry=None))

    assert code == 0
    assert f"✓ schema file {file}: has what {world.orders} needs" in lines


def test_parts_that_do_not_answer_are_a_line_each_and_hide_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines = check(capsys, config(tmp_path))
    _, brokers, registry, crm, ledger = lines

    assert code == 1
    assert brokers.startswith("✗ kafka.bootstrap_servers: 127.0.0.1:1 does not answer as it should (")
    assert registry.startswith("✗ ")
    assert "registry" in registry
    assert crm.startswith("✗ destinations.yespo.url: http://127.0.0.1:1 does not answer (")
    assert ledger.startswith("✓ ledger ")


def test_offline_asks_nobody_and_takes_missing_secrets_for_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    destinations = {"yespo": {"type": "yespo", "api_key_file": "/nowhere/key"}}
    code, lines = check(capsys, config(tmp_path, destinations=destinations), "--offline")
    reason = "cannot be read (No such file or directory); put the secret there"

    assert code == 0
    assert lines == [
        f"✓ {tmp_path}/connector.yaml: 2 topics, 1 destination",
        f"! destinations.yespo.api_key_file: /nowhere/key {reason}",
    ]


SOURCE = record("Source", name="string")
ENVELOPE = record("Envelope", before=["null", ORDER], after=["null", "Order"], source=SOURCE, op="string")


def two_order_topics(world: World, names: list[str | None], **more: str) -> Path:
    """Two topics of orders, each with one change of a connector of this name, or with none."""
    producer = Producer({"bootstrap.servers": world.broker.bootstrap})
    for topic, name in zip((world.orders, world.contacts), names, strict=True):
        schema_id = world.registry.register(f"{topic}-value", json.dumps(ENVELOPE))
        row = {"external_order_id": "1", "total": "1", "status": "DELIVERED", "date": "2025-01-31"}
        change = {"before": None, "after": row, "source": {"name": name}, "op": "c"}
        if name is not None:
            producer.produce(topic, framed(schema_id, body(ENVELOPE, change)), partition=0)
    assert producer.flush(30) == 0
    fields = {"totalCost": "total"}
    topics = [
        {"name": name, "entity": "order", "fields": fields, **more} for name in (world.orders, world.contacts)
    ]
    return world.config(topics=topics)


@pytest.mark.parametrize(
    ("names", "code", "start", "end"),
    [
        (["shop", "shop"], 0, "✓ ", "feed orders by one clock, shop"),
        (
            ["shop", "depot"],
            1,
            "✗ topics[1].version: is missing, and",
            "the field that tells which change is newer",
        ),
        (["shop", None], 0, "! topics[1].version: ", "check again when each has one, or set version"),
    ],
)
def test_topics_of_one_entity_have_one_clock_or_a_version(
    world: World, capsys: pytest.CaptureFixture[str], names: list[str | None], code: int, start: str, end: str
) -> None:
    found, lines = check(capsys, two_order_topics(world, names))
    (line,) = [line for line in lines if "feed orders" in line]

    assert found == code
    assert line.startswith(start)
    assert line.endswith(end)


def test_with_a_version_field_clocks_do_not_matter(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = check(capsys, two_order_topics(world, ["shop", "depot"], version="date"))

    assert code == 0
    assert not any("feed orders" in line for line in lines)


def test_a_start_refuses_topics_of_one_entity_with_different_clocks(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    code = call(["run", "-c", str(two_order_topics(world, ["shop", "depot"]))])

    assert code == 2
    assert "feed orders by different clocks" in capsys.readouterr().err


def warnings(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("!")]


def test_a_wish_beyond_what_an_api_takes_is_a_warning_that_says_what_is_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    destinations = {
        "yespo": {"type": "yespo", "api_key": "k"},
        "slow": {"type": "yespo", "api_key": "k", "delivery": {"rate_per_second": 20}},
        "metrica": {"type": "metrica", "counter_id": 1, "token": "t", "delivery": {"in_flight": 5}},
    }
    delivery = {"rate_per_second": 500, "in_flight": 64}
    file = config(tmp_path, destinations=destinations, delivery=delivery)

    assert sorted(warnings(check(capsys, file, "--offline")[1])) == [
        "! delivery.rate_per_second: is 500, more than yespo takes; 170 is in force",
        "! destinations.metrica.delivery.in_flight: is 5, more than metrica takes; 3 is in force",
    ]


PAST = "enable segmentation for each in the account beforehand, or Yespo drops them"
ORDERS = {"name": "orders", "entity": "order", "params": {"city": "delivery.city", "country": "country"}}
REVIEWS = {"name": "reviews", "entity": "event", "event_type": "reviewed", "params": {"stars": "stars"}}
VISITS = {"name": "visits", "entity": "event", "fields": {"eventType": "kind"}}


@pytest.mark.parametrize(
    ("topics", "options", "types", "params"),
    [
        ([ORDERS], {"orders_via": "past_events"}, "orderCreated, orderUpdated", "city, country"),
        ([{**ORDERS, "on_snapshot": "past_events"}], {}, "orderCreated", "city, country"),
        ([REVIEWS, VISITS], {"events_via": "past_events"}, "reviewed, (as told by visits)", "stars"),
        (
            [{**VISITS, "on_snapshot": "past_events", "values": {"eventType": {"v": "seen"}}}],
            {},
            "seen",
            None,
        ),
        ([ORDERS, REVIEWS], {"events_via": "past_events"}, "reviewed", "stars"),
    ],
)
def test_past_events_are_a_warning_that_segmentation_is_to_be_enabled_for_each_type(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], topics: list[object], options: dict[str, str],
    types: str, params: str | None,
) -> None:  # fmt: skip
    destinations = {"yespo": {"type": "yespo", "api_key": "k", **options}}
    file = config(tmp_path, topics=topics, destinations=destinations)
    seen = f"; only then segments see {params}" if params else ""
    assert warnings(check(capsys, file, "--offline")[1]) == [
        f"! destinations.yespo: sends past events of type {types}; {PAST}{seen}"
    ]


def test_what_add_orders_leaves_out_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def offline(via: str) -> list[str]:
        destinations = {"yespo": {"type": "yespo", "api_key": "k", "orders_via": via}}
        file = config(tmp_path, topics=[REVIEWS, ORDERS], destinations=destinations)
        return warnings(check(capsys, file, "--offline")[1])

    why, remedy = "Add orders has no place for parameters", "choose orders_via: add_orders_then_events"
    assert offline("add_orders") == [
        f"! topics[1].params: city, country will not reach yespo: {why}; {remedy}, or take them out"
    ]
    assert offline("add_orders_then_events") == offline("events") == []


def test_ids_of_custom_events_that_may_meet_are_a_warning(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column event_id is the id though nobody mapped it; a full check gives the other warnings too."""
    ids = {world.orders: "event_id", world.contacts: "visit_no"}
    for topic, column in ids.items():
        row = record("Row", **{column: "string"}, external_customer_id="string")
        world.registry.register(f"{topic}-value", json.dumps(row))

    def found(**fields: str) -> list[str]:
        topics = [{"name": name, "entity": "event", "event_type": "seen"} for name in ids]
        topics[1] |= {"fields": fields}  # type: ignore[dict-item]  # as JSON has it
        yespo = {"type": "yespo", "url": world.crm, "api_key": "sandbox-key", "events_via": "past_events"}
        return warnings(check(capsys, world.config(topics=topics, destinations={"yespo": yespo}))[1])

    past = f"! destinations.yespo: sends past events of type seen; {PAST}"
    both, remedy = f"{world.orders}, {world.contacts}", "map a column whose values no other topic has"
    once = "an id that is in two of them is sent once"
    assert found() == [past]
    assert found(eventId="visit_no") == [
        past,
        f"! fields.eventId: {both} have ids of their own; {once}; {remedy}",
    ]
