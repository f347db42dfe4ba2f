"""The error tree: each branch is what the connector does.

ConnectorError
├── ConfigError          refuse to start: exit code 2, one line a mistake, each with place and remedy
├── Outage               pause the lane, back off, keep group membership, resume by itself (promise 6)
│   ├── RegistryDown     the schema registry does not answer; records wait undecoded
│   ├── LedgerDown       claims and settles impossible: nothing is sent
│   ├── DeadLettersDown  a dead letter could not be written: its position stays open
│   └── BrokerDown       Kafka itself
└── Fatal                stop the process: exit code 1 (a promise cannot be kept, e.g. the ledger is corrupt)

What one record or one request does wrong is not an exception but a value (model.Reject, talk.Refused …).
"""


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
