"""`metrica schema`: what the counter lacks is told, and given to it once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connector.adapters.ledger_daily import SqliteDaily
from connector.cli import call
from connector.sandbox.metrica.options import MetricaOptions
from connector.sandbox.server import SandboxServer
from tests.cli.configs import config
from tests.support.broker import Broker

Capture = pytest.CaptureFixture[str]
STATUSES = {"new": "IN_PROGRESS", "готово": {"id": "done", "type": "PAID", "humanized": "Готово"}}
ATTRIBUTES = {
    "contact": {"shoe_size": {"type": "numeric", "humanized": "Size"}},
    "order": {"tags": {"type": "text", "multivalued": True}},
}


@pytest.fixture(params=["merged", "replaced"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[SandboxServer]:
    """Whichever way the documents are read."""
    with SandboxServer(metrica=MetricaOptions(rate_per_second=0, statuses_posted=request.param)) as server:
        yield server


class Operator:
    """Runs the commands against a counter."""

    def __init__(self, folder: Path, sandbox: SandboxServer, capture: Capture) -> None:
        self.folder, self.sandbox, self.capture = folder, sandbox, capture

    def schema(self, command: str, *options: str, **metrica: Any) -> tuple[int, list[str], str]:
        """Exit code, lines, errors."""
        own = {
            "type": "metrica", "url": self.sandbox.url, "counter_id": 1, "token": "sandbox-token",
            "statuses": STATUSES, "attributes": ATTRIBUTES, **metrica,
        }  # fmt: skip
        file = config(self.folder, destinations={"metrica": own})
        code = call(["metrica", "schema", command, "-c", str(file), *options])
        said = self.capture.readouterr()
        return code, said.out.splitlines(), said.err


@pytest.fixture
def operator(tmp_path: Path, sandbox: SandboxServer, capsys: Capture) -> Operator:
    return Operator(tmp_path, sandbox, capsys)


def test_a_plan_tells_what_the_counter_lacks_and_changes_nothing(operator: Operator) -> None:
    assert operator.schema("plan") == (
        0,
        [
            "metrica: + order status new: type IN_PROGRESS",
            "metrica: + order status done: type PAID, humanized Готово",
            "metrica: + contact attribute shoe_size: type_name numeric, multivalued False, humanized Size",
            "metrica: + order attribute tags: type_name text, multivalued True",
            "metrica: 4 to apply",
        ],
        "",
    )
    assert operator.sandbox.counter.schema.statuses == {}


def test_what_is_applied_is_there_and_is_not_applied_again(operator: Operator) -> None:
    assert operator.schema("apply")[1][-1] == "metrica: 4 applied"
    schema = operator.sandbox.counter.schema
    assert {status.id: (status.type, status.humanized) for status in schema.statuses.values()} == {
        "new": ("IN_PROGRESS", "new"),
        "done": ("PAID", "Готово"),
    }
    assert schema.attributes["CONTACT"]["shoe_size"].type_name == "numeric"
    assert schema.attributes["ORDER"]["tags"].multivalued
    for command in ("plan", "apply"):
        assert operator.schema(command) == (0, ["metrica: the counter has what is declared"], "")


def test_a_changed_type_is_told_with_what_it_was(operator: Operator) -> None:
    operator.schema("apply")
    changed = {"new": "SPAM", "готово": STATUSES["готово"]}
    assert operator.schema("apply", statuses=changed)[1] == [
        "metrica: ~ order status new: type IN_PROGRESS → SPAM",
        "metrica: 1 applied",
    ]
    assert operator.sandbox.counter.schema.statuses["new"].type == "SPAM"


def test_what_only_the_counter_has_stays(operator: Operator) -> None:
    old = {"order_statuses": [{"id": "old", "type": "PAID", "humanized": "Old"}]}
    operator.sandbox.counter.schema.map_statuses(old)
    code, lines, _ = operator.schema("apply")
    assert code == 0
    assert "metrica:   order status old: only in the counter; it stays" in lines
    assert operator.sandbox.counter.schema.statuses["old"].humanized == "Old"


def test_an_attribute_of_another_type_is_a_conflict_that_applying_does_not_resolve(
    operator: Operator,
) -> None:
    operator.schema("apply")
    other = {"contact": {"shoe_size": {"type": "text"}}}
    code, lines, _ = operator.schema("apply", attributes=other)
    assert code == 1
    assert any(
        line.startswith("metrica: ! contact attribute shoe_size: type_name numeric → text") for line in lines
    )


def test_the_plan_as_json(operator: Operator) -> None:
    code, lines, _ = operator.schema("plan", "--json", attributes={})
    assert code == 0
    first = json.loads("\n".join(lines))["metrica"][0]
    assert (first["do"], first["name"]) == ("add", "new")
    assert first["fields"]["type"] == {"counter": None, "configuration": "IN_PROGRESS"}


def test_what_the_counter_says_is_told_in_a_line(operator: Operator) -> None:
    assert operator.schema("plan", token="wrong") == (
        1, [], "destinations.metrica: GET schema: HTTP 403: check token\n",
    )  # fmt: skip
    assert operator.schema("plan", counter_id=2)[2].endswith("HTTP 404: check counter_id and url\n")
    assert "does not answer" in operator.schema("plan", url="http://127.0.0.1:1")[2]
    assert operator.schema("plan", "--destination", "other")[0] == 2


def checked(operator: Operator, broker: Broker, **metrica: Any) -> tuple[int, list[str]]:
    """What `check` says of Metrica."""
    columns = {"fields": [{"name": "external_order_id", "type": "string"}], "type": "record", "name": "O"}
    schema = operator.folder / "order.avsc"
    schema.write_text(json.dumps(columns))
    own = {
        "type": "metrica",
        "url": operator.sandbox.url,
        "counter_id": 1,
        "token": "sandbox-token",
        **metrica,
    }
    topics = [{"name": "orders", "entity": "order", "schema_file": str(schema)}]
    destinations = {"metrica": {"statuses": STATUSES, **own}}
    file = config(operator.folder, brokers=broker.bootstrap, destinations=destinations, topics=topics)
    code = call(["check", "-c", str(file)])
    return code, [line for line in operator.capture.readouterr().out.splitlines() if "metrica" in line]


def test_check_tells_token_counter_and_statuses_with_the_remedy(operator: Operator, broker: Broker) -> None:
    place, url = "destinations.metrica", operator.sandbox.url
    _, lines = checked(operator, broker)
    remedy = "run crm-connector metrica schema apply -c FILE"
    assert lines[-2:] == [
        f"✓ {place}: {url} accepts the token for counter 1",
        f"✗ {place}: the counter's schema differs in new, done; {remedy}",
    ]
    operator.schema("apply", attributes={})
    assert (
        f"✓ {place}: the counter has the statuses and attributes that are declared"
        in checked(operator, broker)[1]
    )
    assert checked(operator, broker, counter_id=2)[1][-1].startswith(
        f"✗ {place}.counter_id: {url} knows no counter 2"
    )
    assert checked(operator, broker, token="wrong")[1][-1].startswith(f"✗ {place}.token: {url} refuses it")


def test_check_tells_a_column_that_no_record_has(operator: Operator, broker: Broker) -> None:
    what = "the schema of orders has no column price for cost; correct columns or attributes"
    assert (
        f"✗ destinations.metrica: {what}"
        in checked(operator, broker, columns={"order": {"cost": "price"}})[1]
    )


def test_what_is_asked_by_hand_counts_against_the_days_quota_too(operator: Operator, broker: Broker) -> None:
    daily = SqliteDaily(operator.folder / "ledger.db", "metrica")
    operator.schema("plan")
    assert daily.used() == 3, "statuses, attributes of contacts, and of orders"
    checked(operator, broker)
    assert daily.used() == 7, "and the last uploads"
    daily.spend(5000)
    made = operator.sandbox.counter.answers.total()
    assert operator.schema("apply") == (
        1, [], "destinations.metrica: GET schema: HTTP 429: quota_requests_by_uid\n",
    )  # fmt: skip
    assert checked(operator, broker)[1][-1].startswith("✗ destinations.metrica.requests_per_day: the quota")
    assert operator.sandbox.counter.answers.total() == made
    daily.close()


def test_a_counter_can_be_made_ready_before_there_is_a_ledger(operator: Operator) -> None:
    assert operator.schema("apply")[0] == 0
    assert not (operator.folder / "ledger.db").exists()


def test_a_configuration_without_metrica_has_nothing_to_apply(tmp_path: Path, capsys: Capture) -> None:
    assert call(["metrica", "schema", "plan", "-c", str(config(tmp_path))]) == 2
    assert capsys.readouterr().err == "destinations: none is of type metrica; add one\n"
