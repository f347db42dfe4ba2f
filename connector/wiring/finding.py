"""What a check finds."""

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct


class Finding(Struct, frozen=True):
    """One line of a check; where something is wrong the text has the remedy."""

    mark: Literal["ok", "warning", "wrong"]
    text: str


Findings = Iterator[Finding]
