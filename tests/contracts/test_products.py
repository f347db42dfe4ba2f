"""The Catalogue port: products that a destination was told of, in the ledger's store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.adapters.ledger_products import PostgresProducts, SqliteProducts
from connector.ports import Catalogue

Open = Callable[[str], Catalogue]
ONE, TWO, THREE = b"\0" * 8, b"2" * 8, bytes(range(248, 256))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the catalogue of a destination, as a process more would."""
    opened: list[Catalogue] = []
    url = request.getfixturevalue("migrated").url if request.param == "postgres" else ""

    def start(destination: str) -> Catalogue:
        opened.append(
            PostgresProducts(lambda: url, destination)
            if url
            else SqliteProducts(tmp_path / "ledger.db", destination)
        )
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_what_was_added_is_known_to_every_process_and_to_its_destination_alone(world: Open) -> None:
    one = world("metrica")
    assert one.known(10) == set()
    one.add([THREE, ONE])
    world("metrica").add([TWO, ONE])
    assert one.known(10) == world("metrica").known(10) == {ONE, TWO, THREE}
    assert world("other").known(10) == set()


def test_no_more_are_told_than_were_asked_for(world: Open) -> None:
    one = world("metrica")
    one.add([ONE, TWO, THREE])
    assert len(one.known(2)) == 2
