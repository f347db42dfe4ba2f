"""Plans of writer schemas: made once per id, and bounded however many ids a topic shows."""

import json

from connector.core.plans import KEPT, Plans


class Counting:
    """Every id has a schema of its own; remembers which were asked for."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def writer(self, schema_id: int, topic: str) -> str:
        self.asked.append(schema_id)
        field = {"name": f"n{schema_id}", "type": "long"}
        return json.dumps({"type": "record", "name": "R", "fields": [field]})


def framed(schema_id: int) -> bytes:
    return b"\0" + schema_id.to_bytes(4, "big") + b"\x02"


def test_every_id_is_read_by_its_own_schema_and_only_so_many_are_kept() -> None:
    schemas = Counting()
    plans = Plans(schemas, "topic", "value", lambda _: "plan")
    for schema_id in [*range(1, KEPT + 2), KEPT + 1, 1]:
        assert plans.read(framed(schema_id), {}) == ("plan", {f"n{schema_id}": 1})
    assert schemas.asked == [*range(1, KEPT + 2), 1]
    assert len(plans._known) == 2  # noqa: SLF001 - that it is bounded shows nowhere else
