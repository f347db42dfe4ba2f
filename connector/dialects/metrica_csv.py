"""Rows as a CSV file in a multipart body: the first row has the names, a list is one quoted cell."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal
from urllib.parse import quote

from connector.dialects.metrica_values import Cell, Goal, Row, digest

Delimiter = Literal["COMMA", "SEMICOLON"]


def query(columns: Sequence[str], delimiter: Delimiter) -> str:
    """The parameters that tell how the file is to be read; each column is named as its field."""
    mapping = ",".join(f'"{name}":"{name}"' for name in columns)
    return f"delimiter_type={delimiter}&columns_mapping={quote(mapping, safe='')}"


def multipart(name: str, rows: Sequence[Row], delimiter: Delimiter) -> tuple[bytes, str]:
    """The body of an upload and its content type; all rows have the first one's columns.

    Raises ValueError: a text that no encoding can hold, or a list with a comma in an entry.
    """
    text = _file(rows, delimiter)
    data = text.encode()
    boundary = f"crm-connector-{digest(text)}"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}.csv"\r\n'
        "Content-Type: text/csv; charset=utf-8\r\n\r\n"
    )
    body = b"".join((head.encode(), data, f"\r\n--{boundary}--\r\n".encode()))
    return body, f"multipart/form-data; boundary={boundary}"


def _file(rows: Sequence[Row], delimiter: Delimiter) -> str:
    out = io.StringIO()
    if delimiter == "COMMA":  # which quotes the lists that have one; by its line's end, a bare \r too
        writer = csv.writer(out, lineterminator="\r\n")
    else:
        writer = csv.writer(out, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\n")
    columns = list(rows[0])
    writer.writerow(columns)
    writer.writerows([_cell(row[name]) for name in columns] for row in rows)
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(_listed, value))
    if isinstance(value, dict):
        return ",".join(f"{_entry(name, ',:')}:{_cell(count)}" for name, count in value.items())
    if isinstance(value, Decimal):
        return format(value, "f")
    return ("false", "true")[value] if isinstance(value, bool) else str(value)


def _listed(value: str | Goal) -> str:
    if isinstance(value, str):
        return _entry(value)
    price = value.get("price")
    return _entry(str(value["goal_action_id"]), ",:") + ("" if price is None else f":{price}")


def _entry(text: str, separators: str = ",") -> str:
    if any(sign in text for sign in separators):
        raise ValueError("an entry of a list has the sign that parts it from the next: use upload: json")
    return text
