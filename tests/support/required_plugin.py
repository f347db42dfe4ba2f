"""The pytest side of what tests need: the closing lines, and the end of a run that had to show more."""

import pytest
from _pytest.terminal import TerminalReporter

from tests.support.required import NEEDS, Need


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that had to show the tests of something and ran none."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, TerminalReporter) or hasattr(session.config, "workerinput"):
        return
    if session.exitstatus == pytest.ExitCode.OK and any(_is_missed(need, reporter) for need in NEEDS):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say which tests could not run for want of what, and why."""
    for need in NEEDS:
        skipped = [each for each in terminalreporter.getreports("skipped") if need.needs in each.longreprtext]
        if skipped:
            terminalreporter.section(f"not run: {need.lacking}", yellow=True)
            terminalreporter.line(_reason(skipped[0]))
            for name in sorted(each.nodeid for each in skipped):
                terminalreporter.line(f"  {name}")
        if _is_missed(need, terminalreporter):
            terminalreporter.line(f"ERROR: {need.variable} is set and no test ran {need.ran}", red=True)


def _is_missed(need: Need, reporter: TerminalReporter) -> bool:
    passed = reporter.getreports("passed")
    return need.is_required and not any(
        report.when == "call" and need.mark in report.keywords for report in passed
    )


def _reason(report: pytest.TestReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
