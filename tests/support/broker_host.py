"""One broker of a kind for a whole run: the process that leads it owns it, pytest-xdist's workers ask.

It starts at the first question, so a run that needs no broker starts none, and it ends with the run
whatever becomes of the workers.
"""

import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import TypeVar

from tests.support.broker import Broker, find_broker
from tests.support.secure_kafka import SecureKafka, start_secure_kafka

_STOP = "stop"
_MAKERS: dict[object, Callable[[ExitStack], Broker | SecureKafka]] = {
    Broker: find_broker,
    SecureKafka: start_secure_kafka,
}
T = TypeVar("T", Broker, SecureKafka)


class BrokerHost:
    """Owns the run's brokers and answers on a socket of its own; `address` is for ask()."""

    def __init__(self) -> None:
        """Listen; no broker is looked for yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="crm-connector-tests-"))
        self.address = str(self._folder / "broker")
        self._listener = Listener(self.address, family="AF_UNIX")
        self._cleanup = ExitStack()
        self._brokers: dict[object, Broker | SecureKafka] = {}
        self._thread = threading.Thread(target=self._serve, name="broker-host", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and end the broker if this host started one."""
        _ask(self.address, _STOP)
        self._thread.join(timeout=60)
        self._listener.close()
        self._cleanup.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        while True:
            with self._listener.accept() as connection:
                if (kind := connection.recv()) == _STOP:
                    connection.send(None)
                    return
                connection.send(self._shared(kind))

    def _shared(self, kind: object) -> Broker | SecureKafka | Exception:
        try:
            if kind not in self._brokers:
                self._brokers[kind] = _MAKERS[kind](self._cleanup)
        except Exception as error:  # noqa: BLE001 - the asker raises it: this thread must go on answering
            return error
        return self._brokers[kind]


def ask(address: str, kind: type[T]) -> T:
    """The run's broker of a kind, started now if nobody asked before. Raises what finding it raised."""
    answer = _ask(address, kind)
    if isinstance(answer, kind):
        return answer
    raise answer if isinstance(answer, Exception) else TypeError(f"no broker: {answer!r}")


def _ask(address: str, question: object) -> object:
    with Client(address, family="AF_UNIX") as connection:
        connection.send(question)
        answer: object = connection.recv()
        return answer
