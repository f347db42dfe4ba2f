"""The pytest side of the browser: one a module."""

from collections.abc import Iterator

import pytest

from tests.support.browser import Tab, browsing


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    """A tab of a real browser (half a second to start)."""
    with browsing() as opened:
        yield opened
