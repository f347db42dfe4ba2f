"""The embedded registry answers Confluent's client over a real socket."""

from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from connector.sandbox.registry import RegistryServer

ROW = '{"type":"record","name":"Row","fields":[{"name":"id","type":"long"}]}'
OTHER = ROW.replace("long", "string")


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as running:
        yield running


def _client(server: RegistryServer) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": server.url, "max.retries": 0})


def test_a_schema_is_found_by_id_by_version_and_as_the_latest(server: RegistryServer) -> None:
    first, second = server.register("orders-value", ROW), server.register("orders-value", OTHER)
    client = _client(server)

    assert client.get_schema(first).schema_str == ROW
    assert client.get_version("orders-value", 1).schema_id == first
    assert client.get_latest_version("orders-value").schema_id == second
    assert client.get_subjects() == ["orders-value"]


ASKED: list[tuple[Callable[[SchemaRegistryClient], object], int]] = [
    (lambda client: client.get_schema(77), 40403),
    (lambda client: client.get_version("nothing", 1), 40401),
    (lambda client: client.get_version("orders-value", 5), 40402),
]


@pytest.mark.parametrize(("ask", "code"), ASKED, ids=["id", "subject", "version"])
def test_what_is_not_there_is_a_404_with_the_code_of_confluent(
    server: RegistryServer, ask: Callable[[SchemaRegistryClient], object], code: int
) -> None:
    server.register("orders-value", ROW)
    client = _client(server)

    with pytest.raises(SchemaRegistryError) as caught:
        ask(client)

    assert (caught.value.http_status_code, caught.value.error_code) == (404, code)


def test_it_comes_back_at_the_same_address(server: RegistryServer) -> None:
    schema_id, url = server.register("orders-value", ROW), server.url
    server.stop()

    server.start()

    assert server.url == url
    assert _client(server).get_schema(schema_id).schema_str == ROW
