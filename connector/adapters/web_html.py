"""Markup that is escaped by construction: what is not `Html` already becomes text."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

_EMPTY: Final = frozenset({"meta", "link", "path", "polyline", "polygon", "rect"})
Attribute = str | bool | float | None


class Html(str):
    """A piece of markup."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: Attribute) -> Html:
    """An element. Attributes: `_` for `-`, a last one is dropped (`class_`); None and False: not there."""
    given = "".join(_attribute(key.removesuffix("_"), value) for key, value in attributes.items())
    return Html(f"<{name}{given}/>" if name in _EMPTY else f"<{name}{given}>{join(inside)}</{name}>")


def join(pieces: Iterable[str], between: str = "") -> Html:
    """One after another."""
    return Html(between.join(one if isinstance(one, Html) else escape(one) for one in pieces))


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], ident: str | None = None) -> Html:
    """A heading that begins with # is one of numbers. ident: the body alone is refreshed, by this id."""
    numeric = [name.startswith("#") for name in head]
    columns = [
        tag("th", name.removeprefix("#"), scope="col", class_="n" if number else None)
        for name, number in zip(head, numeric, strict=True)
    ]
    body = join(tag("tr", *_cells(row, numeric)) for row in rows)
    return tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *columns)),
        tag("tbody", body, id=ident, data_live=ident is not None),
    )


def _cells(row: Sequence[str], numeric: Sequence[bool]) -> Iterable[Html]:
    yield tag("th", row[0], scope="row", class_="n" if numeric[0] else None)
    for cell, number in zip(row[1:], numeric[1:], strict=True):
        yield tag("td", cell, class_="n" if number else None)


def _attribute(name: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = name.replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(str(value))}"'
