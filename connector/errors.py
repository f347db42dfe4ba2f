"""What goes wrong, whose fault it is, what the connector does about it, and what `paused` names it.

    fault       | an answer of    | action                                                      | reason
    destination | 408, 5xx, none  | pause after some in a row, at once if it asks for a time    | destination
    credential  | 401, 403        | pause at once; the secret's file is read again              | credentials
    quota       | 429             | pause at once; the rate is lowered, and raised by success   | quota
    contract    | 3xx, 4xx        | pause at once: its API, or its URL, is not what we know     | contract
    record      | 400, 409, 413, 422 | dead letter, and the next one goes on                    | -

After any of these pauses one probe flies, then slow start (core.breaker). An event that fails like a
destination, while others pass, is a record's fault in the end (core.blame); so is what cannot be decoded,
mapped or sent. All these are values (talk.Halt, model.Reject, …). What is raised, by what is down:

ConnectorError
├── ConfigError          refuse to start: exit code 2, one line a mistake, each with place and remedy
├── Outage               pause the step that met it, back off, keep group membership, resume by itself
│   ├── RegistryDown     paused{registry}: records wait undecoded
│   ├── LedgerDown       paused{ledger}: claims and settles impossible, nothing is sent
│   ├── DeadLettersDown  paused{dead_letters}: a dead letter could not be written, its position stays open
│   └── BrokerDown       paused{broker}: Kafka itself
└── Fatal                stop the process: exit code 1 (a promise cannot be kept, e.g. the ledger is corrupt)

And what asks an operator instead of guessing (RULES 3), until `crm-connector resume` answers:
paused{recreated}, paused{expired}, paused{other_ledger}, paused{clock} (a partition), paused{flood} (a lane).
"""

import os


class ConnectorError(Exception):
    """Root. str() is one line for an operator, without personal data or secrets."""


class ConfigError(ConnectorError):
    """The user's configuration or command line is wrong. `problems` has one line a mistake."""

    def __init__(self, *problems: str) -> None:
        """Keep every mistake: they are reported together."""
        super().__init__("\n".join(problems))
        self.problems = problems


class Outage(ConnectorError):
    """Something outside is down. `reason` is the label of the `paused` metric."""

    reason = "outage"


class RegistryDown(Outage):
    """The schema registry does not answer."""

    reason = "registry"


class LedgerDown(Outage):
    """The ledger does not answer, or cannot write (a full disk)."""

    reason = "ledger"


class DeadLettersDown(Outage):
    """The dead-letter topic does not take letters."""

    reason = "dead_letters"


class BrokerDown(Outage):
    """No broker answers."""

    reason = "broker"


class Fatal(ConnectorError):
    """The process cannot go on without breaking a promise."""


def describe(error: BaseException) -> str:
    """Kind and place of a defect; never its text, which may hold a record's values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace and os.path.basename(trace.tb_frame.f_code.co_filename)  # noqa: PTH119 - may be no file
    return f"{type(error).__name__} at {f'{file}:{trace.tb_lineno}' if trace else '?'}"
