"""What the service answers: bodies as JSON, errors as plain text or as JSON."""

from typing import Any

import msgspec
from msgspec import Struct

JSON = "application/json; charset=UTF-8"
TEXT = "text/plain; charset=UTF-8"
HTML = "text/html; charset=UTF-8"


class Answer(Struct, frozen=True):
    """A response, whole."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):
    """The request is answered with an error: plain text, or `{"message": …}` with as_json."""

    def __init__(self, status: int, message: str, *, as_json: bool = False) -> None:
        super().__init__(message)
        self.status = status
        self.as_json = as_json

    def answer(self) -> Answer:
        """The response."""
        if self.as_json:
            return as_json({"message": str(self)}, self.status)
        return as_text(str(self), self.status)


OK = Answer()


def as_json(value: Any, status: int = 200) -> Answer:
    """A JSON response."""
    return Answer(status, msgspec.json.encode(value))


def as_text(text: str, status: int) -> Answer:
    """A plain text response."""
    return Answer(status, text.encode(), TEXT)
