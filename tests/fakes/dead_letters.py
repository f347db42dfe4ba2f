"""Dead letters in a compacted topic in memory."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.adapters.dead_letters import Form, headers_of, key_of
from connector.core.letters import Letter
from connector.errors import DeadLettersDown


@dataclass(frozen=True)
class Stored:
    """A message of the dead-letter topic."""

    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


class FakeDeadLetters:
    """The DeadLetters port. `topic` is what compaction leaves, `letters` all that was written, in order.

    `down = True`: every write fails. `failures`: so many of the next writes fail after the first letter,
    as when a broker dies in the middle. max_bytes: of a message's value and headers.
    """

    def __init__(self, max_bytes: int = 1_000_000) -> None:
        self.down = False
        self.failures = 0
        self.topic: dict[str, Stored] = {}
        self.letters: list[Letter] = []
        self.writes = 0
        self._max_bytes = max_bytes

    def write(self, letters: Sequence[Letter]) -> None:
        self.writes += 1
        if self.down:
            raise DeadLettersDown("the fake dead-letter topic is down")
        failing = self.failures > 0
        self.failures -= failing
        for letter in letters[:1] if failing else letters:
            self.topic[key_of(letter)] = self._stored(letter)
            self.letters.append(letter)
        if failing:
            raise DeadLettersDown("the fake dead-letter topic failed in the middle")

    def _stored(self, letter: Letter) -> Stored:
        for omit in range(3):
            form = Form(omit)
            headers = tuple((name, _bytes(value)) for name, value in headers_of(letter, form))
            value = b"" if omit else letter.record.value or b""
            if len(value) + sum(len(name) + len(text) for name, text in headers) <= self._max_bytes:
                return Stored(value, headers, letter.record.timestamp_ms)
        raise DeadLettersDown("the fake dead-letter topic refuses even a letter without its value")


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""
