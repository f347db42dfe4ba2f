"""Python source, built line by line and compiled once: for what runs for every record.

The text is made of this package's own words and of numbers. Whatever comes from outside (names, symbols,
defaults, words of a configuration) goes in as a constant, by a name made here: it is never part of the text,
so no schema can write code.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType
from typing import Any


class Source:
    """A module in the making. `names`: what its functions may call."""

    def __init__(self, names: dict[str, object]) -> None:
        self._names = names.copy()
        self._lines: list[str] = []
        self._margin = ""
        self._made = 0

    def add(self, *lines: str) -> None:
        """Lines at the present margin."""
        self._lines += [self._margin + line for line in lines]

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """What is added inside stands under `head:`."""
        self.add(f"{head}:")
        margin, self._margin = self._margin, self._margin + " "
        yield
        self._margin = margin

    def constant(self, value: object) -> str:
        """The name of a value that the functions can use."""
        name = self.name("k")
        self._names[name] = value
        return name

    def name(self, prefix: str) -> str:
        """A new name."""
        self._made += 1
        return f"{prefix}{self._made}"

    def build(self, function: str) -> Any:
        """Compile the module and give one of its functions."""
        exec(_compiled("\n".join(self._lines)), self._names)  # noqa: S102  # see above
        return self._names[function]


@lru_cache(maxsize=64)
def _compiled(text: str) -> CodeType:
    """The code of a text; lanes that read one topic share it."""
    return compile(text, "<generated>", "exec")
