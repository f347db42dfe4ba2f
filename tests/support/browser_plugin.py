"""The pytest side of the browser: one a module, and the closing lines."""

from collections.abc import Iterator

import pytest
from _pytest.terminal import TerminalReporter

from tests.support.browser import NO_BROWSER, REQUIRED, Tab, browsing, is_required


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    """A tab of a real browser (half a second to start)."""
    with browsing() as opened:
        yield opened


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that had to show the pages in a browser and showed none."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, TerminalReporter) or hasattr(session.config, "workerinput"):
        return
    if session.exitstatus == pytest.ExitCode.OK and is_required() and not _ran(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Say which tests could not run for want of a browser, and why."""
    skipped = [each for each in terminalreporter.getreports("skipped") if NO_BROWSER in each.longreprtext]
    if skipped:
        terminalreporter.section("not run: no browser", yellow=True)
        first = skipped[0]
        terminalreporter.line(first.longrepr[2] if isinstance(first.longrepr, tuple) else first.longreprtext)
        for name in sorted(each.nodeid for each in skipped):
            terminalreporter.line(f"  {name}")
    if is_required() and not _ran(terminalreporter):
        terminalreporter.line(f"ERROR: {REQUIRED} is set and no test ran in a browser", red=True)


def _ran(reporter: TerminalReporter) -> bool:
    passed = reporter.getreports("passed")
    return any(report.when == "call" and "browser" in report.keywords for report in passed)
