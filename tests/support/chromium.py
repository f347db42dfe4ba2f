"""A headless Chromium, spoken to over pipes by its DevTools protocol: no driver, no other package."""

import json
import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from fcntl import F_DUPFD_CLOEXEC, fcntl
from pathlib import Path
from typing import Any

SECONDS = 60.0
"""A command may take so long, on a machine that has much else to do."""
_OPTIONS = (
    "--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
    "--no-default-browser-check", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
Message = dict[str, Any]


class ChromiumError(Exception):
    """It refused a command, did not answer in time, or has ended."""


class Chromium:
    """A running one, with an empty profile in `folder`. heard: called with each event."""

    def __init__(self, program: str, folder: Path, heard: Callable[[Message], None]) -> None:
        self._heard, self._last, self._rest = heard, 0, b""
        self.session: str | None = None
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()
        self._pid = _spawned(program, folder, commands, answers)
        os.close(commands)
        os.close(answers)

    def ask(self, method: str, /, **params: Any) -> Message:
        """One command and its result. Raises ChromiumError."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        self._write(message if self.session is None else message | {"sessionId": self.session})
        deadline = time.monotonic() + SECONDS
        while True:
            found = self.next(deadline)
            if found.get("id") == self._last:
                break
        if "error" in found:
            raise ChromiumError(f"{method}: {found['error']['message']}")
        return dict(found["result"])

    def next(self, deadline: float) -> Message:
        """The next message; events are handed on as well. Raises ChromiumError."""
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._from], [], [], left)[0]:
                raise ChromiumError(f"no answer for {SECONDS:g} s")
            if not (more := os.read(self._from, 1 << 16)):
                raise ChromiumError("it has ended")
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message: Message = json.loads(text)
        if "method" in message:
            self._heard(message)
        return message

    def close(self) -> None:
        """End it, with all its processes."""
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._to)
        os.close(self._from)

    def _write(self, message: Message) -> None:
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to, data) :]


def _spawned(program: str, folder: Path, commands: int, answers: int) -> int:
    """Its process, in a group of its own; it reads commands from 3 and answers to 4."""
    ends = [fcntl(each, F_DUPFD_CLOEXEC, 10) for each in (commands, answers)]
    log = os.open(folder / "chromium.log", os.O_WRONLY | os.O_CREAT, 0o600)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has none
    try:
        return os.posix_spawn(
            program,
            [program, *_OPTIONS, *sandbox, f"--user-data-dir={folder / 'profile'}", "about:blank"],
            os.environ | {"HOME": str(folder)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, have, want)
                for have, want in ((ends[0], 3), (ends[1], 4), (log, 1), (log, 2))
            ],
            setpgroup=0,
        )
    finally:
        for each in (*ends, log):
            os.close(each)
