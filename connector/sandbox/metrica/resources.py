"""The API's resources: one method each, from a request to an answer."""

from collections.abc import Callable, Mapping
from typing import Any

from connector.sandbox.answers import Answer, as_json
from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.csvfile import CsvFile, delimiter, mapping
from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.fields import Field, Flaw
from connector.sandbox.metrica.json_values import json_reader
from connector.sandbox.metrica.multipart import boundary_of, part
from connector.sandbox.metrica.request import Request, entity_type_of, json_of, mode_of
from connector.sandbox.metrica.rows import CONTACT, ORDER, SIMPLE_ORDER, Entity, Row, from_json
from connector.sandbox.metrica.schema import ENTITIES, Attribute
from connector.sandbox.metrica.uploads import Batch, Uploads

Routes = Mapping[str, Mapping[str, Callable[[Request], Answer]]]
_DEFAULT_LIMIT, _MAX_LIMIT = 10, 1000


class Resources:
    """The resources of one counter; `routes` are theirs, by name and method. All raise Refused."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._uploads = Uploads(counter)
        self.routes: Routes = {
            "data/contacts/json": {"POST": lambda request: self._upload_json(CONTACT, request)},
            "data/orders/json": {"POST": lambda request: self._upload_json(ORDER, request)},
            "data/contacts/csv": {"POST": lambda request: self._upload_csv(CONTACT, request)},
            "data/orders/csv": {"POST": lambda request: self._upload_csv(ORDER, request)},
            "data/simple_orders": {"POST": lambda request: self._upload_csv(SIMPLE_ORDER, request)},
            "schema/order_statuses": {"GET": self._statuses, "POST": self._map_statuses},
            "schema/attributes": {"GET": self._attributes, "POST": self._declare},
            "schema/products": {"POST": self._add_products},
            "last_uploadings": {"GET": self._last_uploadings},
        }

    # --- Uploads --------------------------------------------------------------------------------------

    def _upload_json(self, entity: Entity, request: Request) -> Answer:
        mode, body = mode_of(request), json_of(request)
        name = f"{entity.name}s"
        raw = body.get(name) if isinstance(body, dict) else None
        if not isinstance(raw, list) or not raw:
            raise Refused(400, "a list with at least one element is required", name)
        strict = self._is_strict()
        readers = {name: json_reader(field) for name, field in self._fields(entity).items()}

        def read(each: Any) -> Row | Flaw:
            try:
                return from_json(entity, readers, each, strict=strict)
            except Flaw as flaw:
                return flaw

        rows = [read(each) for each in raw]
        batch = Batch(entity, mode, "JSON", lambda: iter(rows), request.answered)
        return as_json({"uploading": self._uploads.take(batch)})

    def _upload_csv(self, entity: Entity, request: Request) -> Answer:
        mode, boundary = mode_of(request), boundary_of(request.header(b"content-type"))
        if not request.body.is_whole:
            raise Refused(400, "The file is too large", "file", error_type="invalid_uploading")
        file = CsvFile(
            entity=entity,
            fields=self._fields(entity),
            lines=lambda: part(request.body, boundary, "file"),
            delimiter=delimiter(request.asked),
            mapping={} if entity is SIMPLE_ORDER else mapping(request.asked),
            strict=self._is_strict(),
            nulls=self._counter.options.empty_cell == "null",
        )
        batch = Batch(entity, mode, "CSV", file.rows, request.answered)
        return as_json({"uploading": self._uploads.take(batch)})

    def _fields(self, entity: Entity) -> dict[str, Field]:
        with self._counter.lock:
            return self._counter.schema.fields(
                entity, any_birthday=self._counter.options.before_1970 == "kept"
            )

    def _is_strict(self) -> bool:
        return self._counter.options.undeclared == "refused"

    def _last_uploadings(self, request: Request) -> Answer:
        """Newest first, strictly before datetime_offset."""
        asked = request.asked
        before = asked.get("datetime_offset")
        limit = asked.get("limit", str(_DEFAULT_LIMIT))
        if not limit.isdecimal() or not 1 <= int(limit) <= _MAX_LIMIT:
            raise Refused(400, f"from 1 to {_MAX_LIMIT}", "limit")
        if asked.get("source", "API") != "API":
            raise Refused(400, "API", "source")
        with self._counter.lock:
            told = [each.uploading for each in reversed(self._counter.uploads) if not each.refused]
        found = [each for each in told if before is None or each.datetime < before]
        return as_json({"uploadings": found[: int(limit)]})

    # --- Schema ---------------------------------------------------------------------------------------

    def _statuses(self, _: Request) -> Answer:
        with self._counter.lock:
            return as_json({"order_statuses": list(self._counter.schema.statuses.values())})

    def _map_statuses(self, request: Request) -> Answer:
        with self._counter.lock:
            self._counter.schema.map_statuses(json_of(request))
        return as_json({"success": True})

    def _attributes(self, request: Request) -> Answer:
        kind = entity_type_of(request)
        system = [
            Attribute(name, field.kind, "PREDEFINED", field.many, name)
            for name, field in ENTITIES[kind].fields.items()
        ]
        with self._counter.lock:
            custom = list(self._counter.schema.attributes[kind].values())
        return as_json({"system_attributes": system, "custom_attributes": custom})

    def _declare(self, request: Request) -> Answer:
        with self._counter.lock:
            self._counter.schema.declare(entity_type_of(request), json_of(request))
        return as_json({"success": True})

    def _add_products(self, request: Request) -> Answer:
        with self._counter.lock:
            self._counter.schema.add_products(json_of(request))
        return as_json({"success": True})
