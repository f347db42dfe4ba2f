"""Uploads: `POST …/data/contacts/json|csv`, `…/data/orders/json|csv`, `…/data/simple_orders`.

An upload holds each id once: Metrica applies the rows of one upload in random order, and the plan has one
change of an entity on its way at a time. Products that were not seen before go ahead of their orders.
"""

from collections.abc import Callable, Sequence
from typing import Final

from connector.core.conclude import Steps, ask, isolate, outage
from connector.core.events import Event
from connector.core.talk import Batch, Conversation, Outcome, Refused, Request, Sending
from connector.dialects.metrica_answers import judge, succeeded, told
from connector.dialects.metrica_csv import multipart, query
from connector.dialects.metrica_options import MetricaOptions
from connector.dialects.metrica_products import Products
from connector.dialects.metrica_values import Row, encode

JSON_HEADERS: Final = {"content-type": "application/json"}
CSV: Final = "csv"
"""The group of a lot that goes as CSV begins so; its columns follow."""
UNENCODABLE: Final = Refused("unencodable", "its text has no encoding, or a list no cell of a CSV file")
TOO_LARGE: Final = Refused("too_large", "its row alone is larger than a file may be")
_APART: Final = Refused("mixed", "its columns are not those of the rows beside it")


class Uploads:
    """The uploads of one counter."""

    def __init__(
        self, options: MetricaOptions, products: Products, unlisted: Callable[[int, str], None]
    ) -> None:
        """unlisted: told how many products were refused, and in which words."""
        self._options, self._products, self._unlisted = options, products, unlisted
        self._path = f"/cdp/api/v1/counter/{options.counter_id}"

    def converse(
        self, resource: str, batch: Batch, row_of: Callable[[Event], Row], *, as_csv: bool
    ) -> Conversation:
        """Upload what can be a row; what Metrica refuses is found by halving."""
        rows, outcomes = _rows(batch, row_of)

        def attempt(part: Batch) -> Steps[list[Outcome] | Refused]:
            return (yield from self._upload(resource, part, [rows[id(one)] for one in part], as_csv=as_csv))

        fit = [sending for sending in batch if id(sending) in rows]
        ended = (yield from isolate(fit, attempt)) if fit else []
        outcomes |= {id(sending): outcome for sending, outcome in zip(fit, ended, strict=True)}
        return [outcomes[id(sending)] for sending in batch]

    def _upload(
        self, resource: str, part: Batch, rows: Sequence[Row], *, as_csv: bool
    ) -> Steps[list[Outcome] | Refused]:
        request = self._request(resource, part, rows, as_csv=as_csv)
        if isinstance(request, Refused):
            return request
        if resource == "orders" and self._options.products == "auto":
            ended = yield from self._upload_products(part)
            if ended is not None:
                return [ended] * len(part)
        return judge((yield from ask(request)), len(part))

    def _upload_products(self, part: Batch) -> Steps[Outcome | None]:
        """None: their orders may go. Lists are optional, so one that is refused costs no order."""
        unseen = self._products.unseen(part)
        if not unseen:
            return None
        body = encode({"attributes": [], "items": unseen})
        answer = yield from ask(
            Request("POST", f"{self._path}/schema/products", "products", body, JSON_HEADERS)
        )
        outcome = None if succeeded(answer) else told(answer)
        if isinstance(outcome, Refused):
            self._unlisted(len(unseen), outcome.detail)
        elif outcome is not None:
            return outage([outcome])
        self._products.note(unseen, taken=outcome is None)
        return None

    def _request(self, resource: str, part: Batch, rows: Sequence[Row], *, as_csv: bool) -> Request | Refused:
        options = self._options
        path = f"{self._path}/data/{resource}"
        mode = f"merge_mode={options.merge_mode}"
        try:
            if not as_csv:
                body, kind = encode({resource: rows}), JSON_HEADERS["content-type"]
                path = f"{path}/json?{mode}"
            elif any(row.keys() != rows[0].keys() for row in rows):
                return _APART
            else:
                body, kind = multipart(resource, rows, options.delimiter)
                path = f"{path}{_suffix(resource)}?{mode}&{query(list(rows[0]), options.delimiter)}"
        except (ValueError, RecursionError):
            return UNENCODABLE
        if len(body) > options.max_bytes:
            return TOO_LARGE
        return Request("POST", path, resource, body, {"content-type": kind}, part)


def _suffix(resource: str) -> str:
    return "" if resource == "simple_orders" else f"/{CSV}"


def _rows(batch: Batch, row_of: Callable[[Event], Row]) -> tuple[dict[int, Row], dict[int, Outcome]]:
    """The rows of a batch, and what ends without one, by sending."""
    rows: dict[int, Row] = {}
    outcomes: dict[int, Outcome] = {}
    for sending in batch:
        row = _row(sending, row_of)
        if isinstance(row, Refused):
            outcomes[id(sending)] = row
        else:
            rows[id(sending)] = row
    return rows, outcomes


def _row(sending: Sending, row_of: Callable[[Event], Row]) -> Row | Refused:
    try:
        return row_of(sending.event)
    except ValueError as error:
        return Refused("check", str(error))
