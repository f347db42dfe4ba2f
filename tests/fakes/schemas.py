"""A registry in memory, behaving as ports.Schemas."""

from connector.errors import RegistryDown


class FakeSchemas:
    """Schemas by id. `down`: the registry does not answer. `asked`: ids that were fetched, in order."""

    def __init__(self, schemas: dict[int, str] | None = None) -> None:
        self._schemas = schemas or {}
        self._topics: dict[int, str] = {}
        self._known: dict[int, str] = {}
        self.down = False
        self.asked: list[int] = []

    def register(self, schema_id: int, schema: str, topic: str = "") -> int:
        """Add a schema, for one topic ("" = for every one)."""
        self._schemas[schema_id] = schema
        self._topics[schema_id] = topic
        return schema_id

    def forget(self) -> None:
        """Lose all schemas, as a registry does that was set up anew."""
        self._schemas.clear()

    def writer(self, schema_id: int, topic: str) -> str | None:
        """As ports.Schemas.writer."""
        if schema_id in self._known:
            return self._known[schema_id]
        if self.down:
            raise RegistryDown("the schema registry does not answer")
        self.asked.append(schema_id)
        if schema_id in self._schemas:
            return self._known.setdefault(schema_id, self._schemas[schema_id])
        if not any(self._topics.get(other, "") in ("", topic) for other in self._schemas):
            raise RegistryDown(f"the schema registry knows neither id {schema_id} nor another of {topic}")
        return None

    def newest(self, topic: str) -> str | None:
        """As core.plans.Newest: the schema registered last for this topic by name."""
        if self.down:
            raise RegistryDown("the schema registry does not answer")
        ids = [schema_id for schema_id, name in self._topics.items() if name == topic]
        return self._schemas.get(ids[-1]) if ids else None
