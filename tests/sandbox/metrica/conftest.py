from collections.abc import Iterator

import pytest

from tests.sandbox.metrica.site import Site, running


@pytest.fixture(scope="package")
def everyones() -> Iterator[Site]:
    """One with the documented options, and no limit on its rate."""
    with running() as site:
        yield site


@pytest.fixture
def site(everyones: Site) -> Site:
    """The same, with nothing but a contact and two statuses."""
    everyones.server.reset()
    everyones.prepare()
    return everyones
