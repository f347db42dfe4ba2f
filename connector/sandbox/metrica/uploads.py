"""An upload from its rows to its verdict: PASSED and applied, or refused whole."""

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Literal

from msgspec import Struct

from connector.sandbox.metrica.counter import Counter
from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.fields import Flaw, OnDemand
from connector.sandbox.metrica.merge import Mode
from connector.sandbox.metrica.records import Upload, Uploading
from connector.sandbox.metrica.rows import Entity, Row

_AT_ONCE = 1000


class Batch(Struct, frozen=True):
    """What a request uploads. rows: those with a flaw as that flaw; called more than once.

    answered: see `Request`.
    """

    entity: Entity
    mode: Mode
    format: Literal["JSON", "CSV"]
    rows: Callable[[], Iterator[Row | Flaw]]
    answered: bool


class Uploads:
    """Takes uploads into a counter."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._random = random.Random(counter.options.seed)  # noqa: S311  an order of rows, no secret

    def take(self, batch: Batch) -> Uploading:
        """Examine every row, then apply them all. Raises Refused where a flaw is answered with a 400."""
        count, repeated, flaw = self._examine(batch)
        if flaw is None:
            self._apply(batch, repeated)
        refused = flaw is not None and not isinstance(flaw, OnDemand) and self._answers_400(batch)
        uploading = self._log(batch, count, flaw, refused=refused)
        if flaw is not None and refused:
            raise Refused(400, str(flaw), flaw.location)
        return uploading

    def _answers_400(self, batch: Batch) -> bool:
        """What a flaw makes of an upload; else it is FAILED."""
        rule = self._counter.options.invalid_row
        return rule == "400" or (rule == "by_format" and batch.format == "JSON")

    def _examine(self, batch: Batch) -> tuple[int, set[int], Flaw | None]:
        """How many rows; the hashes of ids that come more than once; the first flaw."""
        count, seen, repeated = 0, set[int](), set[int]()
        flaw = self._failing_on_demand()
        for row in batch.rows():
            found = row if isinstance(row, Flaw) else self._flaw_of(batch.entity, row)
            if found is not None:
                flaw = flaw or found.at(f"{batch.entity.name}s[{count}]")
            elif not isinstance(row, Flaw) and row.id:
                (repeated if hash(row.id) in seen else seen).add(hash(row.id))
            count += 1
        return count, repeated, flaw

    def _flaw_of(self, entity: Entity, row: Row) -> Flaw | None:
        try:
            self._counter.examine(entity, row)
        except Flaw as flaw:
            return flaw
        return None

    def _failing_on_demand(self) -> Flaw | None:
        with self._counter.lock:
            if not self._counter.failing_uploads:
                return None
            self._counter.failing_uploads -= 1
            return OnDemand("", "refused on demand")

    def _apply(self, batch: Batch, repeated: set[int]) -> None:
        """Rows of one id in random order, as the documents warn."""
        late: list[Row] = []
        self._write(batch, _but(repeated, late, batch.rows()))
        self._random.shuffle(late)
        self._write(batch, iter(late))

    def _write(self, batch: Batch, rows: Iterator[Row]) -> None:
        """Some at a time: others are served in between."""
        while some := list(islice(rows, _AT_ONCE)):
            self._counter.apply(batch.entity, batch.mode, some, answered=batch.answered)

    def _log(self, batch: Batch, count: int, flaw: Flaw | None, *, refused: bool) -> Uploading:
        counter = self._counter
        uploading = Uploading(
            uploading_id=uuid.uuid4().hex,
            datetime=counter.now(),
            api_validation_status="FAILED" if flaw else "PASSED",
            elements_count=count,
            uploading_format=batch.format,
        )
        told = None if flaw is None else f"{flaw.location}: {flaw}"
        with counter.lock:
            counter.uploads.append(
                Upload(counter.clock(), batch.entity.name, batch.mode, uploading, told, refused)
            )
        return uploading


def _but(repeated: set[int], late: list[Row], rows: Iterable[Row | Flaw]) -> Iterator[Row]:
    """The rows whose id comes once; the others are put into `late`."""
    for row in rows:
        if isinstance(row, Flaw):
            continue
        if row.id and hash(row.id) in repeated:
            late.append(row)
        else:
            yield row
