"""What tests need of their machine; without it they are skipped and named at the end, or fail if required."""

import os
from typing import Final, NamedTuple, NoReturn

import pytest


class Need(NamedTuple):
    """One thing. mark: of the tests that need it; the others are words of the closing lines."""

    mark: str
    variable: str
    needs: str
    lacking: str
    ran: str

    @property
    def is_required(self) -> bool:
        """Whether this run has to show the tests that need it."""
        return os.environ.get(self.variable, "") not in {"", "0"}

    def without(self, why: str) -> NoReturn:
        """End the running test because it is not there: skipped, or failed where it is required."""
        reason = f"{self.needs} ({why})"
        if self.is_required:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


KAFKA: Final = Need(
    "kafka", "CRM_CONNECTOR_REQUIRE_KAFKA", "needs a real Kafka", "no real Kafka", "on a real Kafka"
)
POSTGRES: Final = Need(
    "postgres", "CRM_CONNECTOR_REQUIRE_POSTGRES",
    "needs a real PostgreSQL", "no real PostgreSQL", "on a real PostgreSQL",
)  # fmt: skip
BROWSER: Final = Need(
    "browser", "CRM_CONNECTOR_REQUIRE_BROWSER", "needs a real browser", "no browser", "in a browser"
)
NEEDS: Final = (KAFKA, POSTGRES, BROWSER)
