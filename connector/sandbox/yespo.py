"""Yespo's API without a network: a request in, an answer out."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from connector.sandbox import resources
from connector.sandbox.answers import Answer, Refusal
from connector.sandbox.crm import Crm
from connector.sandbox.gates import Keys, Rate, Repeats

IMPORT_STATUS = "/v1/importstatus/"


class Route(Struct, frozen=True):
    """A resource. name: what `Crm.answers` counts it under; sized: the limit on an event applies;
    reads: what `run` is given: the decoded body, what follows the path, or the query.
    """

    name: str
    run: Callable[[Crm, Any], Answer]
    bearer: bool = False
    sized: bool = False
    reads: Literal["body", "path", "query"] = "body"


class Call(Struct, frozen=True):
    """A request. path: without the /api before it; header names in lower case. answered: its sender will hear
    what became of it."""

    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    answered: bool = True

    def header(self, name: bytes) -> bytes:
        """A header's value, empty without it."""
        for each, value in self.headers:
            if each == name:
                return value
        return b""


def _refuse(status: int, message: str) -> Route:
    def run(_crm: Crm, _: Any) -> Answer:
        raise Refusal(status, message)

    return Route("unknown", run, reads="path")


_UNKNOWN = _refuse(404, "Not found")
_MISUSED = _refuse(405, "Method not allowed")


def _routes() -> dict[str, dict[str, Route]]:
    routes = {
        "/v1/orders": {"POST": Route("orders", resources.orders)},
        "/v1/contacts": {"POST": Route("contacts", resources.contacts)},
        "/v1/contact": {
            "POST": Route("contact", resources.contact),
            "DELETE": Route("delete_contact", resources.delete_contact, reads="query"),
        },
        "/v1/account/info": {"GET": Route("account", lambda crm, _: resources.account(crm), reads="path")},
        IMPORT_STATUS: {"GET": Route("importstatus", resources.import_status, reads="path")},
    }
    for end, subscribed in (("add", False), ("delete", True)):
        run = partial(resources.unsubscribe, subscribed=subscribed)
        routes[f"/v1/emails/unsubscribed/{end}"] = {"POST": Route("unsubscribed", run)}
    for version in (1, 2, 3):
        event = partial(resources.event, version=version)
        past = partial(resources.past_events, version=version)
        routes[f"/v{version}/event"] = {"POST": Route("event", event, bearer=True, sized=True)}
        routes[f"/v{version}/past_events"] = {"POST": Route("past_events", past, bearer=True)}
    remove = Route("delete_past_events", resources.delete_past_events, bearer=True)
    routes["/v1/past_events"]["DELETE"] = remove
    return routes


class Yespo:
    """The service before one account's state."""

    def __init__(self, crm: Crm) -> None:
        options = crm.options
        self.crm = crm
        self.keys = Keys(options)
        self.rate = Rate(options.rate_per_second, crm.clock)
        self.repeats = Repeats(options.conflict_seconds, crm.clock)
        self._routes = _routes()

    def handle(self, call: Call) -> tuple[str, Answer]:
        """The name of the resource and its answer."""
        route = self._route(call)
        try:
            with self.crm.lock:
                self.crm.answering = call.answered
                self._enter(route, call)
                return route.name, self._run(route, call)
        except Refusal as refusal:
            return route.name, refusal.answer()
        except (TypeError, ValueError, KeyError, AttributeError):
            return route.name, Refusal(400, "The request is malformed").answer()

    def change_key(self, api_key: str) -> None:
        """The old one opens no longer."""
        self.keys = Keys(replace(self.crm.options, api_key=api_key))

    def reset(self) -> None:
        """An empty account that has seen no request."""
        with self.crm.lock:
            self.crm.reset()
            self.rate = Rate(self.crm.options.rate_per_second, self.crm.clock)
            self.repeats = Repeats(self.crm.options.conflict_seconds, self.crm.clock)

    def _route(self, call: Call) -> Route:
        path = IMPORT_STATUS if call.path.startswith(IMPORT_STATUS) else call.path
        methods = self._routes.get(path)
        return _UNKNOWN if methods is None else methods.get(call.method, _MISUSED)

    def _enter(self, route: Route, call: Call) -> None:
        if not self.keys.opens(call.header(b"authorization"), bearer=route.bearer):
            raise Refusal(401, "Unauthorized")
        if not self.rate.passes():
            raise Refusal(429, "Too many requests")

    def _run(self, route: Route, call: Call) -> Answer:
        if route.reads != "body":
            place = call.path.removeprefix(IMPORT_STATUS)
            return route.run(self.crm, place if route.reads == "path" else call.query)
        content = self._decode(route, call)
        if route.name not in self.crm.options.conflict_on:
            return route.run(self.crm, content)
        if self.repeats.knows(call.path, call.body):
            raise Refusal(409, "Duplicated request")
        answer = route.run(self.crm, content)
        self.repeats.accept(call.path, call.body)
        return answer

    def _decode(self, route: Route, call: Call) -> Any:
        if not call.header(b"content-type").lower().startswith(b"application/json"):
            raise Refusal(415, "Unsupported media type")
        options, body = self.crm.options, call.body
        if options.body_bytes and len(body) > options.body_bytes:
            raise Refusal(413, "The request is too large")
        if route.sized and options.event_bytes and len(body) > options.event_bytes:
            raise Refusal(400, "The event is too large")
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError:
            raise Refusal(400, "Malformed JSON") from None
