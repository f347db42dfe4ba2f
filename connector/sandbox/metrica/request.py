"""A request, and its parameters."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.merge import MODES, Mode
from connector.sandbox.metrica.schema import ENTITIES
from connector.sandbox.metrica.spool import Spool

PREFIX = "/cdp/api/v1/counter/"
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
        return dict(parse_qsl(self.query.decode("utf-8", "replace"), keep_blank_values=True))

    def header(self, name: bytes) -> bytes:
        """A header's value, empty without it."""
        return next((value for each, value in self.headers if each == name), b"")

    @property
    def place(self) -> tuple[str, str]:
        """The counter's id, and the resource."""
        id_, _, name = self.path.removeprefix(PREFIX).partition("/")
        return id_, name


def mode_of(request: Request) -> Mode:
    """merge_mode. Raises Refused."""
    found = request.asked.get("merge_mode")
    if not found:
        raise Refused(400, "is required", "merge_mode", error_type="missing_parameter")
    for mode in MODES:
        if found == mode:
            return mode
    raise Refused(400, f"one of {', '.join(MODES)}", "merge_mode")


def entity_type_of(request: Request) -> str:
    """entity_type, in upper case. Raises Refused."""
    found = request.asked.get("entity_type", "").upper()
    if not found:
        raise Refused(400, "is required", "entity_type", error_type="missing_parameter")
    if found not in ENTITIES:
        raise Refused(400, f"one of {', '.join(ENTITIES)}", "entity_type")
    return found


def json_of(request: Request) -> Any:
    """The body, with its decimals exact. Raises Refused."""
    kind = request.header(b"content-type").lower()
    if not kind.startswith(b"application/json"):
        raise Refused(406, "The body must be application/json")
    if not request.body.is_whole:
        raise Refused(400, "The body is too large", error_type="invalid_uploading")
    try:
        return _JSON.decode(request.body.whole())
    except msgspec.DecodeError:
        raise Refused(400, "The JSON is malformed", error_type="invalid_json") from None
