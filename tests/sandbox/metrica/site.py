"""The sandbox Metrica on a real socket, and rows as the vendor's examples have them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.options import MetricaOptions
from connector.sandbox.server import SandboxServer

CONTACT = {
    "uniq_id": "J3QQ4",
    "name": "Ann P.",
    "create_date_time": "2020-04-17 16:12:21",
    "update_date_time": "2020-04-17 16:12:21",
    "client_ids": ["12345678910", "10987654321"],
    "emails": ["exampl1@example.com", "example2@example.com"],
    "phones": ["78005553535", "73449932378"],
}
ORDER = {
    "id": "704",
    "client_uniq_id": "J3QQ4",
    "client_type": "CONTACT",
    "order_status": "new",
    "create_date_time": "2022-09-21 09:48:23",
    "update_date_time": "2022-10-15 10:48:34",
    "cost": 4000,
    "revenue": 5000,
    "products": {"pear": 10, "apple": 30},
}
STATUSES = [
    {"id": "new", "humanized": "New", "type": "IN_PROGRESS"},
    {"id": "success", "humanized": "Success", "type": "PAID"},
]
HEADER = {"Authorization": "OAuth sandbox-token"}


def changed(row: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """The row with these fields; one that is set to ... is left out."""
    return {name: value for name, value in {**row, **fields}.items() if value is not ...}


class Site:
    """A running sandbox and a client with its token."""

    def __init__(self, server: SandboxServer, http: httpx2.Client) -> None:
        self.server, self.http = server, http

    @property
    def counter(self) -> Counter:
        return self.server.counter

    def post(self, path: str, body: Any, **query: str) -> httpx2.Response:
        return self.http.post(f"/cdp/api/v1/counter/1/{path}", json=body, params=query)

    def get(self, path: str, **query: str) -> httpx2.Response:
        return self.http.get(f"/cdp/api/v1/counter/1/{path}", params=query)

    def contacts(self, *rows: Mapping[str, Any], mode: str = "UPDATE") -> httpx2.Response:
        return self.post("data/contacts/json", {"contacts": rows}, merge_mode=mode)

    def orders(self, *rows: Mapping[str, Any], mode: str = "UPDATE") -> httpx2.Response:
        return self.post("data/orders/json", {"orders": rows}, merge_mode=mode)

    def file(self, path: str, content: str | bytes, mode: str = "UPDATE", **query: str) -> httpx2.Response:
        """A CSV file in the part `file`."""
        return self.http.post(
            f"/cdp/api/v1/counter/1/data/{path}",
            params={"merge_mode": mode, **query},
            files={"file": ("data.csv", content, "text/csv")},
        )

    def prepare(self) -> None:
        """A contact, and the statuses."""
        assert self.post("schema/order_statuses", {"order_statuses": STATUSES}).status_code == 200
        assert self.contacts(CONTACT).status_code == 200

    def ask(self, path: str, body: Any) -> None:
        """Of the sandbox itself."""
        answer = self.http.post(f"/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.text

    def contact(self) -> Mapping[str, Any]:
        return self.counter.contacts["J3QQ4"].values

    def reasons(self) -> list[str]:
        return [each.reason for each in self.counter.ignored]


@contextmanager
def running(**options: Any) -> Iterator[Site]:
    """rate_per_second is off unless it is given."""
    settings = MetricaOptions(**{"rate_per_second": 0, **options})
    with (
        SandboxServer(metrica=settings) as server,
        httpx2.Client(base_url=server.url, headers=HEADER, timeout=60) as http,
    ):
        yield Site(server, http)


def verdict(answer: httpx2.Response) -> tuple[str, int]:
    """api_validation_status and elements_count."""
    assert answer.status_code == 200, answer.text
    uploading = answer.json()["uploading"]
    return uploading["api_validation_status"], uploading["elements_count"]


def flaw(answer: httpx2.Response) -> tuple[int, str, str | None]:
    """Status, error_type and location of an error, whose form is the documented one."""
    body = answer.json()
    (error,) = body["errors"]
    assert set(body) == {"errors", "code", "message"}
    assert set(error) <= {"error_type", "message", "location"}
    assert (body["code"], body["message"]) == (answer.status_code, error["message"])
    return answer.status_code, error["error_type"], error.get("location")
