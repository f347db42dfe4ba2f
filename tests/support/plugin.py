"""The pytest side of the shared broker: who starts it, which tests can't run without, the closing lines."""

import os

import pytest
from _pytest.terminal import TerminalReporter

from tests.support.broker_host import BrokerHost
from tests.support.real_kafka import (
    HOST_ADDRESS,
    NO_KAFKA,
    REQUIRED,
    is_required,
    shared_broker,
    without_kafka,
)

_HOST = pytest.StashKey[BrokerHost]()


def pytest_configure(config: pytest.Config) -> None:
    """Begin to answer for the broker, in the process that leads the run."""
    if not hasattr(config, "workerinput"):
        config.stash[_HOST] = BrokerHost()
        os.environ[HOST_ADDRESS] = config.stash[_HOST].address


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the broker with the run."""
    if host := config.stash.get(_HOST, None):
        del config.stash[_HOST]
        host.close()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have the broker up before the first test, so that no test's time limit pays for its start."""
    if not session.config.option.collectonly and any(_wants_broker(item) for item in session.items):
        shared_broker()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Hold the tests marked `kafka` to what the mark says."""
    if item.get_closest_marker("kafka"):
        broker = shared_broker()
        if not broker.is_real:
            without_kafka(broker.why_embedded)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that had to show the real-Kafka tests and ran none."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, TerminalReporter) or _HOST not in session.config.stash:
        return
    if session.exitstatus == pytest.ExitCode.OK and is_required() and not _ran_on_kafka(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say which tests could not run for want of a real Kafka, and why."""
    skipped = [each for each in terminalreporter.getreports("skipped") if NO_KAFKA in each.longreprtext]
    if skipped:
        terminalreporter.section("not run: no real Kafka", yellow=True)
        terminalreporter.line(_reason(skipped[0]))
        for name in sorted(each.nodeid for each in skipped):
            terminalreporter.line(f"  {name}")
    if is_required() and not _ran_on_kafka(terminalreporter):
        terminalreporter.line(f"ERROR: {REQUIRED} is set and no test ran on a real Kafka", red=True)


def _wants_broker(item: pytest.Item) -> bool:
    return item.get_closest_marker("kafka") is not None or "broker" in getattr(item, "fixturenames", ())


def _ran_on_kafka(reporter: TerminalReporter) -> bool:
    passed = reporter.getreports("passed")
    return any(report.when == "call" and "kafka" in report.keywords for report in passed)


def _reason(report: pytest.TestReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
