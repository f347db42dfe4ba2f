"""Captured CDC traffic through the whole connector, over a real Kafka, into the sandbox."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from msgspec import Struct

from connector import wiring
from connector.adapters import metrics
from connector.sandbox.server import SandboxServer
from connector.service import Service
from connector.settings import Settings, load
from tests.support import cdc, shop
from tests.support.broker import Broker
from tests.support.capture import captured_registry, publish
from tests.support.heeded import heeded
from tests.support.progress import Progress
from tests.support.topics import TopicFactory

VARIANTS: tuple[cdc.DecodedVariant, ...] = ("env_pa", "flat_pa", "flat_min")
SECONDS = 120.0
Outcomes = Counter[str]


class Letter(Struct, frozen=True):
    """A dead letter as any tool would read it. position: of its record, with the captured topic's name."""

    position: cdc.Position
    cause: str
    key: str | None
    detail: str
    stage: str
    timestamp_ms: int
    value: bytes | None
    headers: Mapping[str, bytes]


class World(Struct, frozen=True):
    """One variant on the broker. names: captured topic → topic. more: lines of the orders' `fields`."""

    variant: cdc.DecodedVariant
    names: Mapping[str, str]
    bootstrap: str
    folder: Path
    more: str = ""

    @property
    def topics(self) -> tuple[str, str]:
        """Orders and contacts."""
        prefix = f"cdc.{self.variant}.shop"
        return self.names[f"{prefix}.orders"], self.names[f"{prefix}.contacts"]

    @property
    def letters(self) -> str:
        """The dead-letter topic."""
        return f"letters.{self.topics[0]}"

    def settings(self, group: str, registry: str, crm: str) -> Settings:
        """The configuration, by way of a user's file."""
        orders, contacts = self.topics
        text = shop.CONFIG.format(
            bootstrap=self.bootstrap, group=f"{group}.{orders}", registry=registry, crm=crm, orders=orders,
            contacts=contacts, letters=self.letters, ledger=self.folder / "ledger.db", more=self.more,
        )  # fmt: skip
        file = self.folder / f"{group}.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, {})

    def work_off(self, settings: Settings) -> Outcomes:
        """Run until the group has committed all there is, and drain; what became of the records."""
        service = wiring.build(settings, metrics.meter())
        with working(service), Progress(self.bootstrap, settings.group_of("yespo"), self.topics) as progress:
            progress.await_end(SECONDS, lambda: str(service.status()))
        return Counter(service.lanes["yespo"].parts.books.totals)


@contextmanager
def working(service: Service) -> Iterator[None]:
    """The service at work in a thread; it has to drain without a failure."""
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(service.work()))
    thread.start()
    try:
        yield
    finally:
        service.stop()
        thread.join(SECONDS)
    assert codes == [0], service.status()


@contextmanager
def worked_off(world: World) -> Iterator[tuple[SandboxServer, Outcomes, Callable[[], Outcomes]]]:
    """The CRM after the world's traffic, the outcomes, and what replays all of it with the same ledger.

    The workload's minutes pass in a second here, so a state that comes back must not be a repeated request;
    and a machine that stands still for a moment must not make a burst of what comes after it.
    """
    with (
        captured_registry(world.names) as registry,
        SandboxServer(conflict_seconds=0, rate_per_second=0) as sandbox,
        heeded(sandbox.crm),
    ):

        def run(group: str) -> Outcomes:
            return world.work_off(world.settings(group, registry.url, sandbox.url))

        yield sandbox, run("live"), lambda: run("replay")


def dead_letters(world: World) -> dict[str, Letter]:
    """By message key: one that is written again takes the place of the first."""
    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": f"look.{world.letters}"})
    captured = {name: original for original, name in world.names.items()}
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(world.letters, 0), timeout=SECONDS)
        consumer.assign([TopicPartition(world.letters, 0, 0)])
        messages = consumer.consume(end, timeout=SECONDS) if end else []
        return {str(message.key(), "utf-8"): _letter(message, captured) for message in messages}  # type: ignore[arg-type]  # bytes
    finally:
        consumer.close()


def _letter(message: object, captured: Mapping[str, str]) -> Letter:
    headers: dict[str, bytes] = dict(message.headers())  # type: ignore[attr-defined]  # confluent_kafka.Message
    text = {
        name: value.decode() for name, value in headers.items() if not name.startswith("crm-connector.orig")
    }
    at, error = "__connect.errors", "__connect.errors.exception"
    position = (captured[text[f"{at}.topic"]], int(text[f"{at}.partition"]), int(text[f"{at}.offset"]))
    assert text[f"{error}.class.name"] == text["crm-connector.cause"]
    assert (text["crm-connector.destination"], text["crm-connector.attempts"]) == ("yespo", "0")
    key, detail = text.get("crm-connector.key"), text[f"{error}.message"]
    stage, (_, timestamp_ms), value = text[f"{at}.stage"], message.timestamp(), message.value()  # type: ignore[attr-defined]
    return Letter(position, text["crm-connector.cause"], key, detail, stage, timestamp_ms, value, headers)


def entity_of(letter: Letter) -> str:
    """Order or contact, by its topic."""
    return letter.position[0].rpartition(".")[2].removesuffix("s")


def verify_letters(world: World, letters: Mapping[str, Letter]) -> None:
    """Each is the record itself, under a key that says where it was, beside its own headers."""
    records = {record.position: record for record in cdc.records(world.variant)}
    for name, letter in letters.items():
        record = records[letter.position]
        destination, at, _topic_id, partition, offset = re.fullmatch(
            r"(.+?)/(.+?)/(.+)/(\d+)/(\d+)", name
        ).groups()  # type: ignore[union-attr]
        assert (destination, at) == ("yespo", world.names[record.topic])
        assert (int(partition), int(offset)) == record.position[1:]
        assert (letter.value, letter.timestamp_ms) == (record.value, record.timestamp_ms)
        assert letter.headers["crm-connector.original-key"] == record.key
        assert dict(record.headers).items() <= letter.headers.items()


NOT_CLEARED = {("order", "ORD-20004"): ["restoreUrl"]}
"""Set and then null at the source: no parameter of an event can say null, so the CRM keeps what it had."""
NOT_MAPPED = {("contact", "cust-00103"): ["missing"]}
"""Its attributes are a JSON array, in which no `lang` can be looked for; dead letters say so."""
MOVED = {("order", "ORD-10005"): ["email", "phone"]}
"""If its contact has moved to another address by then, its id alone leads there (RULES 5)."""
CAUSES = {
    ("contact", "cust-00008", "unrepresentable"): 2,  # its birth date is infinity
    ("contact", "cust-00103", "invalid_value"): 2,
    ("order", "ORD-20003", "invalid_total"): 1,  # once negative, corrected later
    ("order", "ORD-50001", "check"): 2,  # an item that has nothing but its page
}


@pytest.mark.kafka
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_crm_becomes_what_the_source_is_and_a_replay_sends_nothing(
    variant: cdc.DecodedVariant, broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    world = World(variant, publish(variant, broker.bootstrap, topic), broker.bootstrap, tmp_path)
    with worked_off(world) as (sandbox, outcomes, replay):
        crm, letters = sandbox.crm, dead_letters(world)
        before = (crm.counts(), crm.orders, crm.contacts)
        again = replay()

    assert shop.differences(variant, crm) | MOVED == NOT_CLEARED | NOT_MAPPED | MOVED
    assert crm.orders["ORD-20004"].params["restoreUrl"] in shop.earlier(variant, "ORD-20004", "restored_url")
    assert {name: keys - shop.gone()[name] for name, keys in shop.extras(crm).items()} == {
        "order": set(), "contact": set(),
    }  # fmt: skip
    assert Counter((entity_of(each), each.key, each.cause) for each in letters.values()) == CAUSES
    verify_letters(world, letters)
    assert crm.ignored == []
    assert crm.answers.keys() == {("event", 200), ("contacts", 200), ("importstatus", 200)}

    records = sum(record.topic.endswith((".orders", ".contacts")) for record in cdc.records(variant))
    assert outcomes.total() == again.total() == records
    assert outcomes["in_doubt"] == again["delivered"] == again["in_doubt"] == 0
    assert (crm.counts(), crm.orders, crm.contacts) == before
    assert dead_letters(world) == letters


@pytest.mark.kafka
def test_records_from_before_a_column_had_its_name_are_dead_letters_and_later_ones_put_all_right(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    world = World(
        "flat_pa", publish("flat_pa", broker.bootstrap, topic), broker.bootstrap, tmp_path, shop.RENAMED
    )
    with worked_off(world) as (sandbox, outcomes, _):
        letters = [each for each in dead_letters(world).values() if each.cause == "mapping"]

    assert shop.differences("flat_pa", sandbox.crm, renamed=True) | MOVED == NOT_MAPPED | MOVED
    rows = {position: row.row or {} for position, row in cdc.expected("flat_pa").items()}
    older = {at for at, row in rows.items() if at[0].endswith(".orders") and "payment_method" in row}
    assert {each.position for each in letters} == older - shop.deleted("flat_pa")
    assert {each.detail for each in letters} == {
        f"{world.topics[0]}: fields.paymentMethod: the schema has no column payment_type"
    }
    assert outcomes["delivered"] > 0
