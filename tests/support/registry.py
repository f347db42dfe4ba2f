"""The embedded schema registry, with the faults that registries have."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from connector.sandbox import registry
from connector.sandbox.registry import Answer


@dataclass
class _Faults:
    """What goes wrong. `fail`: the answer to everything; `delay`: seconds first."""

    bad_ids: set[int] = field(default_factory=set)
    bare_path: bool = True
    fail: Answer | None = None
    delay: float = 0.0
    authorization: str | None = None
    requests: list[str] = field(default_factory=list)


class RegistryServer(registry.RegistryServer):
    """The registry of a test. Ids and versions count from 1."""

    def __init__(self) -> None:
        super().__init__()
        self.store = _Faults()

    def answer_400(self, schema_id: int, *, bare_path: bool = True) -> None:
        """As Apicurio 3.0.9 for a string default of "{}"; bare_path: …/schema works, as it does there."""
        self.store.bad_ids.add(schema_id)
        self.store.bare_path = bare_path

    def count(self, path: str) -> int:
        """How many requests had exactly this path (without query)."""
        return self.store.requests.count(path)

    def answer(self, path: str, authorization: str | None) -> Answer:
        self.store.requests.append(path)
        time.sleep(self.store.delay)
        if self.store.fail is not None:
            return self.store.fail
        if self.store.authorization is not None and authorization != self.store.authorization:
            return 401, {"error_code": 401, "message": "Unauthorized"}
        return super().answer(path, authorization)

    def by_id(self, schema_id: int, *, bare: bool) -> Answer:
        known = schema_id in self.schemas
        if known and schema_id in self.store.bad_ids and not (bare and self.store.bare_path):
            return 400, {"message": "Failed to discover artifact type from content.", "error_code": 0}
        return super().by_id(schema_id, bare=bare)


@contextmanager
def running_registry() -> Iterator[RegistryServer]:
    """A registry for the time of a with block."""
    server = RegistryServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()
