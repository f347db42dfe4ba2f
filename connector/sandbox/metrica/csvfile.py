"""A CSV file's rows: its separator, its header and what columns_mapping makes of it."""

import codecs
import csv
from collections.abc import Callable, Iterator, Mapping

import msgspec
from msgspec import Struct

from connector.sandbox.metrica.cells import cell_reader
from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.fields import Field, Flaw
from connector.sandbox.metrica.rows import Column, Entity, Row, from_cells

DELIMITERS = {"COMMA": ",", "SEMICOLON": ";"}


class CsvFile(Struct, frozen=True):
    """What is asked of a file. lines: from its beginning, whenever called. mapping: of fields to headers.

    strict: a column that is no field makes the file incorrect. nulls: an empty cell is null.
    """

    entity: Entity
    fields: Mapping[str, Field]
    lines: Callable[[], Iterator[bytes]]
    delimiter: str
    mapping: Mapping[str, str]
    strict: bool
    nulls: bool

    def rows(self) -> Iterator[Row | Flaw]:
        """All of them; one with a flaw as that flaw. Raises Refused for a header that cannot be used."""
        reader = self._reader()
        columns = self._columns(reader)
        return self._read(reader, columns)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(codecs.iterdecode(self.lines(), "utf-8-sig"), delimiter=self.delimiter, strict=True)

    def _columns(self, reader: Iterator[list[str]]) -> list[Column | None]:
        try:
            header = [name.strip() for name in next(reader, [])]
        except (csv.Error, UnicodeDecodeError) as error:
            raise _incorrect(f"The header cannot be read: {error}") from None
        if absent := sorted(set(self.mapping.values()) - set(header)):
            raise Refused(400, f"no such column: {absent[0]}", "columns_mapping")
        fields = {column: name for name, column in self.mapping.items()}
        names = [fields.get(column, column) for column in header]
        self._check(names)
        return [(name, cell_reader(self.fields[name])) if name in self.fields else None for name in names]

    def _check(self, names: list[str]) -> None:
        if len(set(names)) < len(names):
            raise _incorrect("A column comes twice")
        if missing := [name for name in self.entity.required if name not in names]:
            raise _incorrect(f"Columns are required: {', '.join(missing)}", missing[0])
        if self.strict and (unknown := [name for name in names if name not in self.fields]):
            raise _incorrect(f"Neither fields nor attributes: {', '.join(unknown)}", unknown[0])

    def _read(self, reader: Iterator[list[str]], columns: list[Column | None]) -> Iterator[Row | Flaw]:
        try:
            for cells in reader:
                if cells:
                    yield self._row(columns, cells)
        except (csv.Error, UnicodeDecodeError) as error:
            yield Flaw("", f"cannot be read: {error}")

    def _row(self, columns: list[Column | None], cells: list[str]) -> Row | Flaw:
        try:
            return from_cells(self.entity, columns, cells, nulls=self.nulls)
        except Flaw as flaw:
            return flaw


def delimiter(asked: Mapping[str, str]) -> str:
    """By delimiter_type; COMMA without it. Raises Refused."""
    found = DELIMITERS.get(asked.get("delimiter_type", "COMMA"))
    if found is None:
        raise Refused(400, f"one of {', '.join(DELIMITERS)}", "delimiter_type")
    return found


def mapping(asked: Mapping[str, str]) -> dict[str, str]:
    """columns_mapping: `"field":"header in the file",…`, without braces. Raises Refused."""
    text = asked.get("columns_mapping", "")
    try:
        return msgspec.json.decode(f"{{{text}}}", type=dict[str, str])
    except msgspec.DecodeError:
        raise Refused(400, 'must be "field":"header",… ', "columns_mapping") from None


def _incorrect(message: str, location: str | None = None) -> Refused:
    return Refused(400, message, location, error_type="invalid_uploading")
