"""Metrica's API without a network: a request in, an answer out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from connector.sandbox.answers import Answer, as_json
from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.fields import Flaw
from connector.sandbox.metrica.gates import Quotas, Token
from connector.sandbox.metrica.merge import MODES, Mode
from connector.sandbox.metrica.rows import CONTACT, ORDER, Entity, Row, from_json
from connector.sandbox.metrica.schema import ENTITIES
from connector.sandbox.metrica.spool import Spool
from connector.sandbox.metrica.uploads import Batch, Uploads

PREFIX = "/cdp/api/v1/counter/"
_DEFAULT_LIMIT, _MAX_LIMIT = 10, 1000
_JSON = msgspec.json.Decoder(float_hook=Decimal)


class Request(Struct, frozen=True):
    """A request. path: whole; header names in lower case; address: of the client; answered: the client will
    hear what became of it."""

    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    address: str
    body: Spool
    answered: bool = True

    @property
    def asked(self) -> dict[str, str]:
        """The parameters of the query."""
        return dict(parse_qsl(self.query.decode(), keep_blank_values=True))

    def header(self, name: bytes) -> bytes:
        """A header's value, empty without it."""
        return next((value for each, value in self.headers if each == name), b"")


class Metrica:
    """The service before one counter."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.reset()
        self._routes: Mapping[str, Mapping[str, Callable[[Request], Answer]]] = {
            "data/contacts/json": {"POST": lambda request: self._upload_json(CONTACT, request)},
            "data/orders/json": {"POST": lambda request: self._upload_json(ORDER, request)},
            "schema/order_statuses": {"GET": self._statuses, "POST": self._map_statuses},
            "schema/attributes": {"GET": self._attributes, "POST": self._declare},
            "schema/products": {"POST": self._add_products},
            "last_uploadings": {"GET": self._last_uploadings},
        }

    def reset(self) -> None:
        """A counter without data or schema, and a day without requests."""
        self.counter.reset()
        self.token = Token(self.counter.options)
        self.quotas = Quotas(self.counter.options, self.counter.clock)
        self.uploads = Uploads(self.counter)

    @contextmanager
    def entering(self, request: Request) -> Iterator[Answer | None]:
        """The request is under way; gives the answer to one that may not be."""
        quotas = self.quotas
        try:
            self._enter(request)
        except Refused as refused:
            yield refused.answer()
            return
        try:
            yield None
        finally:
            quotas.leave()

    def handle(self, request: Request) -> tuple[str, Answer]:
        """The name of the resource and its answer, to a request that has entered."""
        name = _place(request.path)[1]
        if name not in self._routes:
            return "unknown", Refused(404, "No such method").answer()
        run = self._routes[name].get(request.method)
        if run is None:
            return name, Refused(405, "Method not allowed", error_type="method_not_allowed").answer()
        try:
            return name, run(request)
        except Refused as refused:
            return name, refused.answer()

    def _enter(self, request: Request) -> None:
        self.quotas.pass_address(request.address)
        self.token.open(request.header(b"authorization"), request.method)
        id_, _ = _place(request.path)
        if id_ != str(self.counter.options.counter_id):
            foreign = id_.isdecimal() and int(id_) in self.counter.options.foreign_counters
            raise (
                Refused(403, "Access is denied") if foreign else Refused(404, "No such counter", "counterId")
            )
        self.quotas.enter()

    # --- Uploads --------------------------------------------------------------------------------------

    def _upload_json(self, entity: Entity, request: Request) -> Answer:
        mode, body = _mode(request), _json(request)
        name = f"{entity.name}s"
        raw = body.get(name) if isinstance(body, dict) else None
        if not isinstance(raw, list) or not raw:
            raise Refused(400, "a list with at least one element is required", name)
        strict = self.counter.options.undeclared == "refused"
        fields = self.counter.schema.fields(entity, self._since())

        def read(each: Any) -> Row | Flaw:
            try:
                return from_json(entity, fields, each, strict=strict)
            except Flaw as flaw:
                return flaw

        rows = [read(each) for each in raw]
        batch = Batch(entity, mode, "JSON", lambda: iter(rows), request.answered)
        return as_json({"uploading": self.uploads.take(batch)})

    def _since(self) -> int:
        return 1970 if self.counter.options.before_1970 == "refused" else 1

    def _last_uploadings(self, request: Request) -> Answer:
        """Newest first, strictly before datetime_offset."""
        asked = request.asked
        before = asked.get("datetime_offset")
        limit = asked.get("limit", str(_DEFAULT_LIMIT))
        if not limit.isdecimal() or not 1 <= int(limit) <= _MAX_LIMIT:
            raise Refused(400, f"from 1 to {_MAX_LIMIT}", "limit")
        if asked.get("source", "API") != "API":
            raise Refused(400, "API", "source")
        with self.counter.lock:
            told = [each.uploading for each in reversed(self.counter.uploads) if not each.refused]
        found = [each for each in told if before is None or each.datetime < before]
        return as_json({"uploadings": found[: int(limit)]})

    # --- Schema ---------------------------------------------------------------------------------------

    def _statuses(self, _: Request) -> Answer:
        with self.counter.lock:
            return as_json({"order_statuses": list(self.counter.schema.statuses.values())})

    def _map_statuses(self, request: Request) -> Answer:
        with self.counter.lock:
            self.counter.schema.map_statuses(_json(request))
        return as_json({"success": True})

    def _attributes(self, request: Request) -> Answer:
        kind = _entity_type(request)
        system = [
            {"name": name, "type_name": field.kind, "multivalued": field.many}
            for name, field in ENTITIES[kind].fields.items()
        ]
        with self.counter.lock:
            custom = list(self.counter.schema.attributes[kind].values())
        return as_json({"system_attributes": system, "custom_attributes": custom})

    def _declare(self, request: Request) -> Answer:
        with self.counter.lock:
            self.counter.schema.declare(_entity_type(request), _json(request))
        return as_json({"success": True})

    def _add_products(self, request: Request) -> Answer:
        with self.counter.lock:
            self.counter.schema.add_products(_json(request))
        return as_json({"success": True})


def _place(path: str) -> tuple[str, str]:
    """The counter's id, and the resource."""
    id_, _, name = path.removeprefix(PREFIX).partition("/")
    return id_, name


def _mode(request: Request) -> Mode:
    found = request.asked.get("merge_mode")
    if not found:
        raise Refused(400, "is required", "merge_mode", error_type="missing_parameter")
    for mode in MODES:
        if found == mode:
            return mode
    raise Refused(400, f"one of {', '.join(MODES)}", "merge_mode")


def _entity_type(request: Request) -> str:
    found = request.asked.get("entity_type", "").upper()
    if not found:
        raise Refused(400, "is required", "entity_type", error_type="missing_parameter")
    if found not in ENTITIES:
        raise Refused(400, f"one of {', '.join(ENTITIES)}", "entity_type")
    return found


def _json(request: Request) -> Any:
    kind = request.header(b"content-type").lower()
    if not kind.startswith(b"application/json"):
        raise Refused(406, "The body must be application/json")
    if not request.body.is_whole:
        raise Refused(400, "The body is too large", error_type="invalid_uploading")
    try:
        return _JSON.decode(request.body.whole())
    except msgspec.DecodeError:
        raise Refused(400, "The JSON is malformed", error_type="invalid_json") from None
