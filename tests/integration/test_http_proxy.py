"""`destinations.<name>.proxy`: requests go to the proxy, which is told the whole address."""

import asyncio
from pathlib import Path

from connector import wiring
from connector.core.talk import Request, Response
from connector.settings import load
from tests.support.rawserver import Connection, RawServer, answer, serve

CONFIG = """
kafka: {{bootstrap_servers: broker.example:9092, group_id: g}}
schema_registry: {{url: "http://registry.example"}}
topics: [{{name: orders, entity: order}}]
destinations: {{yespo: {{type: yespo, url: "http://crm.invalid/api", api_key: any, proxy: "{proxy}"}}}}
ledger: {{url: "sqlite:///tmp/none.db"}}
"""


def test_a_destination_is_reached_through_its_proxy(tmp_path: Path) -> None:
    async def behave(server: RawServer, connection: Connection) -> None:
        await server.request(connection)
        await connection.write(answer())

    async def ask() -> RawServer:
        async with serve(behave) as proxy:
            file = tmp_path / "connector.yaml"
            file.write_text(CONFIG.format(proxy=proxy.url), encoding="utf-8")
            http = wiring.http(load(file, {}), "yespo")
            try:
                assert isinstance(await http.send(Request("POST", "/v2/event", "event", b"{}"), 5), Response)
            finally:
                await http.close()
            return proxy

    [seen] = asyncio.run(ask()).requests
    assert seen.target == "http://crm.invalid/api/v2/event"
    assert seen.headers["authorization"].startswith("Basic ")
