"""One broker for a whole run: the process that leads it owns the broker, pytest-xdist's workers ask.

It starts at the first question, so a run that needs no broker starts none, and it ends with the run
whatever becomes of the workers.
"""

import shutil
import tempfile
import threading
from contextlib import ExitStack
from multiprocessing.connection import Client, Listener
from pathlib import Path

from tests.support.broker import Broker, find_broker

_STOP = "stop"
_BROKER = "broker"


class BrokerHost:
    """Owns the run's broker and answers on a socket of its own; `address` is for ask()."""

    def __init__(self) -> None:
        """Listen; no broker is looked for yet."""
        self._folder = Path(tempfile.mkdtemp(prefix="crm-connector-tests-"))
        self.address = str(self._folder / "broker")
        self._listener = Listener(self.address, family="AF_UNIX")
        self._cleanup = ExitStack()
        self._broker: Broker | None = None
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
                if connection.recv() == _STOP:
                    connection.send(None)
                    return
                connection.send(self._shared())

    def _shared(self) -> Broker | Exception:
        try:
            self._broker = self._broker or find_broker(self._cleanup)
        except Exception as error:  # noqa: BLE001 - the asker raises it: this thread must go on answering
            return error
        return self._broker


def ask(address: str) -> Broker:
    """The run's broker, started now if nobody asked before. Raises what finding it raised."""
    answer = _ask(address, _BROKER)
    if isinstance(answer, Broker):
        return answer
    raise answer if isinstance(answer, Exception) else TypeError(f"no broker: {answer!r}")


def _ask(address: str, question: str) -> object:
    with Client(address, family="AF_UNIX") as connection:
        connection.send(question)
        answer: object = connection.recv()
        return answer
