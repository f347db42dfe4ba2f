"""What happened in one run, in order, for whoever looks at a failure."""

from collections import Counter
from collections.abc import Callable


class History:
    """Notes are kept as they come and written out only when somebody reads them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._notes: list[tuple[float, str, str, object]] = []

    def note(self, who: str, what: str, about: object = "") -> None:
        """who: a process, or a part of the world."""
        self._notes.append((self._now(), who, what, about))

    def count(self) -> Counter[str]:
        """How often each thing happened."""
        return Counter(what for _, _, what, _ in self._notes)

    def lines(self) -> list[str]:
        """A line a note."""
        lines = (f"{at:8.3f}  {who:<6} {what:<14} {_text(about)}" for at, who, what, about in self._notes)
        return [line.rstrip() for line in lines]


def _text(about: object) -> str:
    if isinstance(about, list | tuple):
        return " ".join(_text(part) for part in about)
    return str(about)
