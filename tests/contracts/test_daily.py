"""The Daily port: requests of a day, whatever keeps them. Runs on the fake, in SQLite and in PostgreSQL."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connector.adapters.ledger_daily import PostgresDaily, SqliteDaily
from connector.ports import Daily
from tests.fakes.clock import FakeClock
from tests.fakes.daily import FakeDaily, FakeDays

Open = Callable[[str], Daily]
POSTGRES = pytest.param("postgres", marks=pytest.mark.postgres)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["fake", "sqlite", POSTGRES])
def world(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Open]:
    """Opens the count of a destination, as a process more would."""
    opened: list[Daily] = []
    shared: dict[str, FakeDays] = {}

    def make(destination: str) -> Daily:
        if request.param == "fake":
            return FakeDaily(shared.setdefault(destination, FakeDays(clock.now)))
        if request.param == "sqlite":
            return SqliteDaily(tmp_path / "ledger.db", destination, now=clock.now)
        url = request.getfixturevalue("migrated").url
        return PostgresDaily(lambda: url, destination)

    def start(destination: str) -> Daily:
        opened.append(make(destination))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_requests_are_counted_until_there_are_none_left(world: Open) -> None:
    one = world("metrica")
    assert one.used() == 0
    assert [one.take(3) for _ in range(5)] == [2, 1, 0, -1, -1]
    assert one.used() == 3


def test_the_count_outlives_its_process_and_is_shared_by_all_of_them(world: Open) -> None:
    first, second = world("metrica"), world("metrica")
    assert (first.take(5), second.take(5)) == (4, 3)
    assert world("metrica").used() == 2


def test_each_destination_has_its_own(world: Open) -> None:
    assert world("metrica").take(5) == 4
    assert world("other").take(5) == 4


def test_what_the_destination_calls_spent_is_spent_for_all(world: Open) -> None:
    one, other = world("metrica"), world("metrica")
    one.take(5)
    one.spend(5)
    assert other.take(5) == -1
    assert other.take(7) == 1, "a larger quota was configured"


@pytest.mark.parametrize("world", ["fake", "sqlite"], indirect=True)
def test_a_new_day_of_gmt_begins_anew(world: Open, clock: FakeClock) -> None:
    clock.advance(86_400 - clock.now() % 86_400 - 1)
    one = world("metrica")
    one.spend(5)
    assert one.take(5) == -1
    clock.advance(1)
    assert one.used() == 0
    assert one.take(5) == 4


@pytest.mark.parametrize("world", ["sqlite", POSTGRES], indirect=True)
def test_no_request_is_counted_twice_or_not_at_all_by_many_at_once(world: Open) -> None:
    replicas = [world("metrica") for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        left = [
            n for found in pool.map(lambda one: [one.take(30) for _ in range(10)], replicas) for n in found
        ]
    assert sorted(left) == [-1] * 10 + list(range(30))
