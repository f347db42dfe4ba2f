"""The contract of ports.Schemas, on the fake and on the adapter with a registry over real sockets."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

import pytest
from msgspec.structs import replace

from connector.adapters.registry import Registry
from connector.adapters.registry_client import RegistryOptions
from connector.core.avro import parse
from connector.core.reader import reader
from connector.errors import ConfigError, RegistryDown
from connector.ports import Schemas
from tests.fakes.schemas import FakeSchemas
from tests.support.registry import RegistryServer, running_registry
from tests.support.tls import make_certificates

TOPIC = "shop.orders"
SUBJECT = f"{TOPIC}-value"
ROW = json.dumps({"type": "record", "name": "Row", "fields": [{"name": "id", "type": "long"}]})
OTHER = json.dumps({"type": "record", "name": "Row", "fields": [{"name": "id", "type": "string"}]})


class Case(Protocol):
    """One implementation, and what a test may do to the registry behind it."""

    @property
    def schemas(self) -> Schemas: ...
    def register(self, schema: str) -> int: ...
    def down(self, value: bool) -> None: ...
    def empty(self) -> None: ...
    def fetches(self, schema_id: int) -> int: ...


class FakeCase:
    def __init__(self) -> None:
        self.schemas = self.fake = FakeSchemas()
        self.last = 0

    def register(self, schema: str) -> int:
        self.last += 1
        return self.fake.register(self.last, schema, TOPIC)

    def down(self, value: bool) -> None:
        self.fake.down = value

    def empty(self) -> None:
        self.fake.forget()

    def fetches(self, schema_id: int) -> int:
        return self.fake.asked.count(schema_id)


class RealCase:
    def __init__(self, server: RegistryServer) -> None:
        self.server = server
        self.schemas = self.registry = Registry(RegistryOptions(server.url))

    def register(self, schema: str) -> int:
        return self.server.register(SUBJECT, schema)

    def down(self, value: bool) -> None:
        if value:
            self.server.stop()
        else:
            self.server.start()

    def empty(self) -> None:
        self.server.schemas.clear()
        self.server.subjects.clear()

    def fetches(self, schema_id: int) -> int:
        return self.server.count(f"/schemas/ids/{schema_id}")


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with running_registry() as running:
        yield running


@pytest.fixture(params=["fake", "registry"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if request.param == "fake":
        yield FakeCase()
        return
    with running_registry() as running:
        real = RealCase(running)
        yield real


def registry(server: RegistryServer, **properties: Any) -> Registry:
    return Registry(RegistryOptions(server.url, **properties))


def test_each_id_has_its_own_schema_and_is_fetched_once(case: Case) -> None:
    first, second = case.register(ROW), case.register(OTHER)
    for _ in range(3):
        assert json.loads(case.schemas.writer(first, TOPIC) or "") == json.loads(ROW)
        assert json.loads(case.schemas.writer(second, TOPIC) or "") == json.loads(OTHER)
    assert (case.fetches(first), case.fetches(second)) == (1, 1)


def test_an_unknown_id_is_poison_while_another_id_of_the_topic_is_answered(case: Case) -> None:
    known = case.register(ROW)
    assert case.schemas.writer(known, TOPIC) is not None
    assert case.schemas.writer(4711, TOPIC) is None


def test_the_first_id_of_a_topic_is_judged_by_what_the_registry_holds_for_it(case: Case) -> None:
    case.register(ROW)
    assert case.schemas.writer(4711, TOPIC) is None


def test_a_registry_that_knows_nothing_of_the_topic_is_an_outage(case: Case) -> None:
    """Set up anew, or another registry: it answers 404 for everything (RULES 9)."""
    with pytest.raises(RegistryDown):
        case.schemas.writer(4711, TOPIC)


def test_a_registry_that_was_emptied_is_an_outage_even_if_it_answered_before(case: Case) -> None:
    assert case.schemas.writer(case.register(ROW), TOPIC) is not None
    case.empty()
    with pytest.raises(RegistryDown):
        case.schemas.writer(4711, TOPIC)


def test_an_outage_is_raised_for_new_ids_only_and_passes_by_itself(case: Case) -> None:
    first, second = case.register(ROW), case.register(OTHER)
    assert case.schemas.writer(first, TOPIC) is not None
    case.down(True)
    assert case.schemas.writer(first, TOPIC) is not None
    with pytest.raises(RegistryDown):
        case.schemas.writer(second, TOPIC)
    case.down(False)
    assert case.schemas.writer(second, TOPIC) is not None


# --- The adapter's own ----------------------------------------------------------------------------


def test_references_are_put_where_their_names_are_first_used(server: RegistryServer) -> None:
    """References of references too, used twice, by full and by short name, across namespaces."""
    money = {
        "type": "record",
        "name": "Money",
        "namespace": "shop",
        "fields": [{"name": "c", "type": "long"}],
    }
    item = {
        "type": "record",
        "name": "shop.Item",
        "fields": [{"name": "cost", "type": "Money"}, {"name": "vat", "type": ["null", "shop.Money"]}],
    }
    order = {
        "type": "record",
        "name": "web.Order",
        "fields": [
            {"name": "items", "type": {"type": "array", "items": "shop.Item"}},
            {"name": "total", "type": {"type": "shop.Money"}},
        ],
    }
    server.register("money", json.dumps(money))
    server.register("item", json.dumps(item), [("shop.Money", "money", 1)])
    schema_id = server.register(SUBJECT, json.dumps(order), [("shop.Item", "item", 1)])
    text = registry(server).writer(schema_id, TOPIC)
    assert text is not None
    read = reader(parse(text))
    body = bytes([2, 20, 2, 40, 0, 60])
    assert read(body, 0) == ({"items": [{"cost": {"c": 10}, "vat": {"c": 20}}], "total": {"c": 30}}, 6)


@pytest.mark.parametrize(
    ("schema", "part"),
    [('syntax = "proto3"; import "money.proto";', 'syntax = "proto3";'), (ROW, 'syntax = "proto3";')],
    ids=["the schema", "what it refers to"],
)
def test_references_of_what_is_no_avro_are_no_outage(server: RegistryServer, schema: str, part: str) -> None:
    """The decoder says that it is no Avro schema, and that costs the record."""
    server.register("money.proto", part)
    schema_id = server.register(SUBJECT, schema, [("money.proto", "money.proto", 1)])
    assert registry(server).writer(schema_id, TOPIC) == schema


def test_references_that_go_in_a_circle_end(server: RegistryServer) -> None:
    looped = json.dumps({"type": "record", "name": "A", "fields": [{"name": "b", "type": ["null", "B"]}]})
    server.register("a", looped, [("B", "b", 1)])
    other = json.dumps({"type": "record", "name": "B", "fields": [{"name": "a", "type": ["null", "A"]}]})
    server.register("b", other, [("A", "a", 1)])
    text = registry(server).writer(1, "a")
    assert parse(text or "").names.keys() == {"A", "B"}


@pytest.mark.parametrize("bare_path", [True, False], ids=["by …/schema", "by the topic's subject"])
def test_a_400_for_a_valid_schema_is_got_round(server: RegistryServer, bare_path: bool) -> None:
    """Observation 3: Apicurio cannot tell the type of a schema with a default of "{}"."""
    server.register(SUBJECT, OTHER)
    schema_id = server.register(SUBJECT, ROW)
    server.answer_400(schema_id, bare_path=bare_path)
    assert json.loads(registry(server).writer(schema_id, TOPIC) or "") == json.loads(ROW)


def test_a_400_that_nothing_gets_round_is_an_outage(server: RegistryServer) -> None:
    schema_id = server.register("elsewhere", ROW)
    server.answer_400(schema_id, bare_path=False)
    with pytest.raises(RegistryDown):
        registry(server).writer(schema_id, TOPIC)


def test_an_unknown_id_is_not_asked_for_again_for_a_while(server: RegistryServer) -> None:
    now = [0.0]
    server.register(SUBJECT, ROW)
    schemas = Registry(RegistryOptions(server.url), absent_for=30, monotonic=lambda: now[0])
    assert [schemas.writer(9, TOPIC) for _ in range(3)] == [None] * 3
    assert server.count("/schemas/ids/9") == 1
    now[0] = 31.0
    server.register(SUBJECT, OTHER, schema_id=9)
    assert schemas.writer(9, TOPIC) is not None


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"error_code": 50001, "message": "store down"}),
        (503, "no healthy upstream"),
        (404, "<html>not found</html>"),
        (404, {"error_code": 404, "message": "HTTP 404 Not Found"}),
        (403, {"error_code": 403, "message": "Forbidden"}),
        (200, "not JSON"),
        (200, {"unexpected": 1}),
        (200, []),
    ],
)
def test_any_other_answer_is_an_outage(server: RegistryServer, answer: tuple[int, object]) -> None:
    """Never poison: a proxy, a wrong path, refused credentials say nothing of the record."""
    server.store.fail = answer
    with pytest.raises(RegistryDown):
        registry(server).writer(1, TOPIC)


def test_a_registry_that_hangs_is_an_outage_within_seconds(server: RegistryServer) -> None:
    server.register(SUBJECT, ROW)
    server.store.delay = 30.0
    begun = time.monotonic()
    with pytest.raises(RegistryDown):
        registry(server, timeout=0.2).writer(1, TOPIC)
    assert time.monotonic() - begun < 20


def test_credentials_are_read_anew_and_a_refusal_names_the_setting(server: RegistryServer) -> None:
    server.register(SUBJECT, ROW)
    server.store.authorization = "Basic good"
    given = {"authorization": "Basic wrong"}
    schemas = registry(server, credentials=lambda: given)
    with pytest.raises(RegistryDown, match=r"credentials .401.: see schema_registry") as raised:
        schemas.writer(1, TOPIC)
    assert "wrong" not in str(raised.value)
    given["authorization"] = "Basic good"  # as its file has it now
    assert schemas.writer(1, TOPIC) is not None


def test_credentials_that_cannot_be_read_are_an_outage_that_names_the_file(server: RegistryServer) -> None:
    def unreadable() -> dict[str, str]:
        raise ConfigError("schema_registry.token_file: /run/token cannot be read")

    with pytest.raises(RegistryDown, match=r"^schema_registry.token_file: /run/token cannot be read$"):
        registry(server, credentials=unreadable).writer(1, TOPIC)


@pytest.mark.parametrize("setting", ["ca_file", "certificate_file"])
@pytest.mark.parametrize("content", [None, "no PEM"], ids=["absent", "no PEM"])
def test_a_tls_file_that_cannot_be_used_is_a_configuration_error_of_one_line(
    tmp_path: Path, setting: str, content: str | None
) -> None:
    file = tmp_path / "file.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=rf"^schema_registry.{setting}: {file} cannot be used .+$"):
        Registry(replace(RegistryOptions("https://registry.example"), **{setting: str(file)}))


class _Server(ThreadingHTTPServer):
    """asked: the paths that were."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Elsewhere)
        self.asked: list[str] = []

    def handle_error(self, *_: object) -> None:
        """A handshake that fails is no news."""


class _Elsewhere(BaseHTTPRequestHandler):
    """Sends everybody to another place."""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        self.server.asked.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/login")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[_Server]:
    with _Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


def test_a_redirect_is_an_outage_and_not_followed(elsewhere: _Server) -> None:
    """To a login page, mostly; credentials stay where they belong."""
    with pytest.raises(RegistryDown, match="answers 302"):
        Registry(RegistryOptions(f"http://127.0.0.1:{elsewhere.server_port}")).writer(1, TOPIC)
    assert elsewhere.asked == ["/schemas/ids/1"]


def test_tls_wants_the_right_authority_and_shows_a_certificate(elsewhere: _Server, tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    context = made.server_context(ask_client=True)
    elsewhere.socket = context.wrap_socket(elsewhere.socket, server_side=True)
    url = f"https://127.0.0.1:{elsewhere.server_port}"
    stranger = RegistryOptions(url, certificate_file=str(made.client))
    with pytest.raises(RegistryDown, match="answers 302"):
        Registry(replace(stranger, ca_file=str(made.authority))).writer(1, TOPIC)
    with pytest.raises(RegistryDown, match=r"certificate cannot be verified: see schema_registry\.ca_file$"):
        Registry(stranger).writer(1, TOPIC)
    nobody = RegistryOptions(url, ca_file=str(made.authority))
    with pytest.raises(RegistryDown, match=r"misses a client certificate .*: see schema_registry\.url, cert"):
        Registry(nobody).writer(1, TOPIC)


def test_the_newest_schema_of_a_subject_is_there_for_checks(server: RegistryServer) -> None:
    server.register(SUBJECT, ROW)
    newest = server.register(SUBJECT, OTHER)
    schemas = registry(server)
    assert schemas.latest(SUBJECT) == (newest, OTHER)
    assert schemas.latest("nothing-value") is None
    assert (schemas.newest(TOPIC), schemas.newest("nothing")) == (OTHER, None)
    assert (list(schemas.each(TOPIC)), list(schemas.each("nothing"))) == ([OTHER, ROW], [])
    server.stop()
    with pytest.raises(RegistryDown):
        registry(server).latest(SUBJECT)
