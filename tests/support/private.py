"""Fails a test whose outputs show what is private: an e-mail, a phone, a person's name, a secret (promise 9).

Outputs are what a test, or a process that it started, wrote to stdout and stderr or logged, what it took of
pytest's capture, and what an `Instance` served. One that has to show private data is marked `reveals(why)`.
"""

import re
import subprocess
from collections.abc import Generator, Iterator
from functools import wraps
from typing import Any, Final, NamedTuple

import pytest

from connector.sandbox.traffic_words import FIRST_NAMES, LAST_NAMES

NAMES: Final = tuple(name for name in (*FIRST_NAMES, *LAST_NAMES, "Іван", "Иван") if len(name) > 3)
SECRETS: Final = ("planted-[a-z0-9-]+", "kept(?: |%20)secret", "tok-planted")
_PATTERNS: Final = {
    "an e-mail": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE),
    "a phone": re.compile(r"(?<![\w.])\+?380\d{9}(?!\w)"),  # no part of a fraction, or of a digest
    "a name": re.compile(rf"\b(?:{'|'.join(map(re.escape, NAMES))})\b"),
    "a secret": re.compile("|".join(SECRETS)),
}
_AROUND: Final = 60


class Heard(NamedTuple):
    """One output."""

    where: str
    text: str


_heard: list[Heard] = []


def hear(where: str, text: str | bytes | None) -> None:
    """An output of the running test."""
    if text:
        _heard.append(Heard(where, text.decode(errors="replace") if isinstance(text, bytes) else text))


def private(text: str) -> Iterator[str]:
    """What is private in it, each with its surroundings."""
    for kind, pattern in _PATTERNS.items():
        for found in pattern.finditer(text):
            around = text[max(0, found.start() - _AROUND) : found.end() + _AROUND]
            yield f"{kind}, {found[0]}, in {around!r}"


def pytest_configure(config: pytest.Config) -> None:
    """The mark; and what processes write is heard where the tests read it."""
    config.addinivalue_line("markers", "reveals(why): its outputs may show private data")
    # Every way of subprocess to read all of an output goes through here.
    subprocess.Popen.communicate = _overheard(subprocess.Popen.communicate)  # type: ignore[method-assign]


def _overheard(communicate: Any) -> Any:
    @wraps(communicate)
    def heard(process: Any, *args: Any, **options: Any) -> Any:
        told = communicate(process, *args, **options)
        for text in told:
            hear(f"the output of {process.args}", text)
        return told

    return heard


@pytest.fixture
def capsys(capsys: pytest.CaptureFixture[str]) -> pytest.CaptureFixture[str]:
    """Pytest's own; what a test takes of it is heard."""
    take = capsys.readouterr

    def readouterr() -> Any:
        told = take()
        hear("stdout", told.out)
        hear("stderr", told.err)
        return told

    capsys.readouterr = readouterr  # type: ignore[method-assign]
    return capsys


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """At the end of a test that passed: was anything private in what it wrote?"""
    report = yield
    if call.when != "teardown":
        return report
    outputs = [*_heard, *(Heard(*section) for section in report.sections)]
    _heard.clear()
    if report.passed and item.get_closest_marker("reveals") is None:
        lines = [f"{where}: {line}" for where, text in outputs for line in private(text)]
        if lines:
            report.outcome = "failed"
            report.longrepr = "\n".join(["private data in the outputs of this test:", *dict.fromkeys(lines)])
    return report
