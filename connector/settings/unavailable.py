"""What the contract of the configuration has and this version has not: refused rather than ignored.

Later versions delete lines here, nothing else.
"""

from collections.abc import Iterator
from typing import Any, Final

UNAVAILABLE: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (("destinations.*.type", ("metrica",)),)
"""Path of an option, and the values (or beginnings before a colon) that are not available."""


def problems(tree: object) -> list[str]:
    """A line for each option that asks for what this version has not."""
    return [
        f"{place}: {word} is not available in this version; choose another value"
        for path, words in UNAVAILABLE
        for place, value in _at(tree, path.split("."))
        if isinstance(value, str) and (word := value.partition(":")[0]) in words
    ]


def _at(node: Any, path: list[str], place: str = "") -> Iterator[tuple[str, object]]:
    if not path:
        yield place, node
    elif isinstance(node, dict):
        keys = list(node) if path[0] == "*" else [key for key in node if key == path[0]]
        for key in keys:
            yield from _at(node[key], path[1:], f"{place}.{key}" if place else str(key))
    elif isinstance(node, list) and path[0] == "*":
        for index, one in enumerate(node):
            yield from _at(one, path[1:], f"{place}[{index}]")
