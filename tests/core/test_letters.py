"""Which letters an operator means, and that a letter is read back as it was written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.adapters.dead_letters import Form, headers_of, key_of
from connector.adapters.dead_letters_read import filed
from connector.core.letters import Choice, Filed, Letter
from connector.core.model import Position, Record

HEADER = st.tuples(
    st.sampled_from(["trace", "__connect.errors.topic", "crm-connector.cause"]), st.binary(max_size=5)
)
RECORDS = st.builds(
    Record,
    st.builds(Position, st.just("crm.orders"), st.integers(0, 9), st.integers(0, 10**12)),
    st.integers(0, 10**13),
    st.none() | st.binary(max_size=9),
    st.none() | st.binary(max_size=99),
    st.lists(HEADER, max_size=4).map(tuple),
)
LETTERS = st.builds(
    Letter, RECORDS, st.sampled_from(["", "aB/+_-9", "a//b"]), st.just("yespo"), st.just("mapping"),
    st.just("why"),    st.sampled_from(["map", "deliver"]), st.none() | st.just("A-1"), st.integers(0, 9),
)  # fmt: skip


def message(letter: Letter, form: Form) -> Record:
    """The letter as Kafka hands it out."""
    headers = tuple(
        (name, value.encode() if isinstance(value, str) else value)
        for name, value in headers_of(letter, form)
    )
    value = b"" if form.omit else letter.record.value or b""
    return Record(
        Position("letters", 0, 4), letter.record.timestamp_ms, key_of(letter).encode(), value, headers
    )


@given(letter=LETTERS, own_time=st.booleans())
def test_a_letter_is_read_back_as_it_was_written(letter: Letter, own_time: bool) -> None:
    found = filed(message(letter, Form(own_time=own_time)))
    assert found == Filed(key_of(letter), (0, 4), letter)


@given(letter=LETTERS.filter(lambda one: one.record.value is not None))
def test_of_a_value_that_was_too_large_size_and_hash_are_told(letter: Letter) -> None:
    found = filed(message(letter, Form(omit=2)))
    assert found is not None
    assert found.omitted is not None
    assert found.letter.record.value is None
    assert (found.omitted.size, len(found.omitted.sha256)) == (len(letter.record.value or b""), 64)


@pytest.mark.parametrize("key", [None, b"a", b"a/b/c/d/e", b"yespo/orders/id/1/x"])
def test_what_somebody_else_wrote_there_is_no_letter(key: bytes | None) -> None:
    letter = Letter(Record(Position("t", 0, 0), 0, None, b"v"), "", "yespo", "c", "d", "map")
    headers = message(letter, Form()).headers
    assert filed(Record(Position("letters", 0, 0), 0, key, b"v", headers)) is None
    assert filed(Record(Position("letters", 0, 0), 0, b"yespo/t//0/0", b"v")) is None
    assert filed(Record(Position("letters", 0, 0), 0, b"yespo/t//0/0", None, headers)) is None


@pytest.mark.parametrize(
    ("choice", "held"),
    [
        (Choice(), True),
        (Choice(keys=frozenset({"A-1", "A-2"})), True),
        (Choice(keys=frozenset({"A-2"})), False),
        (Choice(causes=frozenset({"mapping"}), destinations=frozenset({"metrica"})), False),
        (Choice(since_ms=5, until_ms=6), True),
        (Choice(since_ms=6), False),
        (Choice(until_ms=5), False),
    ],
)
def test_a_choice_holds_what_fits_every_kind_of_name(choice: Choice, held: bool) -> None:
    letter = Letter(Record(Position("t", 0, 0), 5, None, b"v"), "", "yespo", "mapping", "d", "map", "A-1")
    assert choice.holds(Filed("id", (0, 0), letter)) is held
