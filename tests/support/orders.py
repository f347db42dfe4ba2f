"""A shop of one table of orders, and the commands of an operator who looks at what becomes of them."""

import json
from typing import Any, Final

import pytest

from connector.cli import call
from connector.settings import Settings
from tests.support.pipeline import Pipeline, Table

COLUMNS: Final = {
    "status": "string", "total": "string", "placed": "string", "customer": "string", "email": "string"
}  # fmt: skip
FIELDS: Final = {
    "externalOrderId": "id", "externalCustomerId": "customer", "totalCost": "total", "date": "placed"
}  # fmt: skip


def order(number: str, **columns: Any) -> dict[str, Any]:
    """A row."""
    return {
        "id": number, "status": "DELIVERED", "total": "12.50", "placed": "2024-03-01T10:00:00Z",
        "customer": f"C{number}", "email": f"person{number}@mail.example", **columns,
    }  # fmt: skip


class Orders:
    """The table, its configuration, and commands about its topic."""

    settings: Settings

    def __init__(self, line: Pipeline) -> None:
        self.line = line
        self.orders: Table = line.table("orders", **COLUMNS)

    def configure(self, *, topic: dict[str, Any] | None = None, **more: Any) -> None:
        """The configuration: its only topic, and what `Pipeline.settings` takes."""
        entry = {"name": self.orders.topic, "entity": "order", "fields": FIELDS} | (topic or {})
        self.settings = self.line.settings([entry], **more)

    def work(self) -> None:
        """The connector works off what was written."""
        self.line.run(self.settings)

    def call(self, command: str, *arguments: str) -> int:
        """Run a command of this topic; its exit code."""
        self.line.flush()
        return call([command, "-c", str(self.line.file), "--topic", self.orders.topic, *arguments])

    def told(self, capsys: pytest.CaptureFixture[str], command: str, *arguments: str) -> tuple[int, Any]:
        """The same with --json: exit code and answer."""
        capsys.readouterr()
        code = self.call(command, "--json", *arguments)
        return code, json.loads(capsys.readouterr().out)
