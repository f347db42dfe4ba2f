"""Metrica's API without a network: a request in, an answer out."""

from collections.abc import Iterator
from contextlib import contextmanager

from connector.sandbox.answers import Answer
from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.gates import Quotas, Token
from connector.sandbox.metrica.request import Request
from connector.sandbox.metrica.resources import Resources


class Metrica:
    """The service before one counter."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.reset()

    def reset(self) -> None:
        """A counter without data or schema, and a day without requests."""
        self.counter.reset()
        self.token = Token(self.counter.options)
        self.quotas = Quotas(self.counter.options, self.counter.clock)
        self._routes = Resources(self.counter).routes

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
        name = request.place[1]
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
        id_, _ = request.place
        if id_ != str(self.counter.options.counter_id):
            foreign = id_.isdecimal() and int(id_) in self.counter.options.foreign_counters
            raise (
                Refused(403, "Access is denied") if foreign else Refused(404, "No such counter", "counterId")
            )
        self.quotas.enter()
