"""The token bucket lets through what the rate allows, in order, and no more; its rate follows the answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.core.quota import CHUNK, LOWEST, REGAIN, SPAN, VOID, Chunk, Quota


def quota(rate: float) -> Quota:
    """A full bucket."""
    return Quota(rate, rate)


class TestTokens:
    def test_rate_zero_is_unlimited(self) -> None:
        """Nothing is counted and nobody waits."""
        assert quota(0).take(5.0) == (quota(0), 0.0)

    def test_a_burst_passes_and_the_next_requests_wait_their_turn(self) -> None:
        """Forty a second with a burst of two: the third waits for a token, the fourth for two."""
        bucket, waits = quota(40), []
        for _ in range(4):
            bucket, wait = bucket.take(100.0)
            waits.append(max(0.0, wait))
        assert waits == pytest.approx([0, 0, 0.025, 0.05])

    def test_idle_time_fills_the_bucket_to_the_burst_and_no_further(self) -> None:
        """After an hour of silence there is one burst, not an hour's worth."""
        bucket, _ = quota(40).take(0.0)
        waits = []
        for _ in range(3):
            bucket, wait = bucket.take(3600.0)
            waits.append(max(0.0, wait))
        assert waits == pytest.approx([0, 0, 0.025])

    def test_several_at_once_are_due_one_after_the_other_and_before_those_of_the_next(self) -> None:
        """A chunk of three: its tokens are due at distances of 1/rate, the next chunk's after them."""
        bucket, first = quota(10).take(50.0, 3)
        assert first == pytest.approx(0)
        _, after = bucket.take(50.0, 3)
        assert after == pytest.approx(0.3)

    def test_none_is_due_before_the_lead(self) -> None:
        """Where the answer takes long, the tokens are of the time when it is there."""
        assert quota(10).take(50.0, 3, lead=2.0)[1] == pytest.approx(2.0)

    @given(
        rate=st.floats(0.1, 1000),
        pauses=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 20)), min_size=1, max_size=60),
    )
    def test_no_span_has_more_than_the_burst_and_the_rate_allow(
        self, rate: float, pauses: list[tuple[float, int]]
    ) -> None:
        """For any arrivals, alone or in chunks: in order, at most burst + rate * seconds in any span."""
        bucket, now, due = quota(rate), 0.0, list[float]()
        for pause, tokens in pauses:
            now += pause
            bucket, wait = bucket.take(now, tokens)
            due += [max(now, now + wait + n / rate) for n in range(tokens)]
        assert due == sorted(due)
        for first, start in enumerate(due):
            for last in range(first, len(due)):
                assert last - first + 1 <= bucket.burst + rate * (due[last] - start) + 1e-6 * (last + 1)


class TestRate:
    def test_a_refusal_halves_it_and_answers_to_the_same_burst_count_once(self) -> None:
        """32 requests were on their way when the first was refused."""
        bucket = quota(100).refused(5.0)
        assert bucket.rate == 50
        assert bucket.refused(5.9) == bucket
        assert bucket.refused(6.1).rate == 25

    def test_it_never_falls_to_nothing(self) -> None:
        """However many refusals there are, something goes on trying."""
        bucket = quota(64)
        for second in range(0, 200, 2):
            bucket = bucket.refused(second)
        assert bucket.rate == 64 * LOWEST

    def test_answers_raise_it_by_even_steps_up_to_the_configured_one(self) -> None:
        """From a half, back in half of the time; by time and not by the number of answers."""
        bucket, now, rates = quota(100).refused(0.0), 0.0, list[float]()
        while bucket.rate < 100:
            now += 0.25
            bucket = bucket.answered(now)
            rates.append(bucket.rate)
        assert now == pytest.approx(REGAIN / 2)
        assert rates[39] == pytest.approx(50 + 100 * 10 / REGAIN)
        assert bucket.answered(now + 1) == bucket

    def test_a_long_silence_proves_nothing(self) -> None:
        """One answer after an hour is one answer."""
        assert quota(60).refused(0.0).answered(3600.0).rate == pytest.approx(30 + 1)

    def test_an_unlimited_one_stays_unlimited(self) -> None:
        """There is nothing to lower: the gate alone reacts."""
        assert quota(0).refused(1.0) == quota(0)
        assert quota(0).answered(1.0) == quota(0)

    @given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=60), st.floats(0.5, 1000))
    def test_whatever_happens_it_stays_between_a_little_and_what_is_configured(
        self, story: list[tuple[bool, float]], rate: float
    ) -> None:
        """Refused or answered, at any distance."""
        bucket, now = quota(rate), 0.0
        for refused, pause in story:
            now += pause
            bucket = bucket.refused(now) if refused else bucket.answered(now)
            assert rate * LOWEST <= bucket.rate <= rate


class TestChunk:
    def test_its_tokens_are_used_in_order_each_at_its_time(self) -> None:
        """Asked for at 10, answered at 10.01; the first is due at once, the others 0.1 s apart."""
        chunk, due = Chunk(3, -0.2, 10.0, 10.0, 10.01), list[float]()
        for _ in range(3):
            chunk, one = chunk.take(10.02)
            assert one is not None
            due.append(one)
        assert due == pytest.approx([10.02, 10.02, 10.02])
        assert chunk.take(10.02)[1] is None

    def test_what_was_not_used_in_time_is_void(self) -> None:
        """Nobody can hoard tokens and use them all at once."""
        chunk = Chunk(10, 0.0, 10.0, 50.0, 50.0)
        later, due = chunk.take(50.0 + 0.55 + VOID)
        assert due == pytest.approx(50.6 + VOID, abs=0.1)
        assert later.next == 7
        assert chunk.take(51.0 + VOID)[1] is None
        assert Chunk().take(0.0)[1] is None

    def test_more_is_asked_for_where_all_was_of_use_and_less_where_it_was_not(self) -> None:
        """Up to a chunk's worth of the rate, and never nothing."""
        assert Chunk(4, rate=100.0, next=4, spent=4).more(1) == 8
        assert Chunk(8, rate=100.0, next=8, spent=8).more(1) == 100 * CHUNK
        assert Chunk(8, rate=100.0, next=5, spent=2).more(1) == 2
        assert Chunk(8, rate=100.0).more(0) == 1
        assert Chunk(8, rate=100.0).more(5) == 5
        assert Chunk(8, rate=100.0).more(500) == 100 * CHUNK

    def test_where_answers_are_slow_tokens_are_asked_for_in_advance(self) -> None:
        """Else all would be void on arrival, and nothing would ever be sent."""
        assert Chunk(1, asked=10.0, got=10.01).lead == 0
        assert Chunk(1, asked=10.0, got=13.0).lead == 3

    @given(
        st.integers(1, 40),
        st.floats(1, 500),
        st.floats(-1, 2),
        st.floats(0, 1),
        st.lists(st.floats(0, 0.3), max_size=60),
    )
    def test_a_token_is_used_at_its_time_or_shortly_after_never_before_and_once(
        self, tokens: int, rate: float, wait: float, took: float, pauses: list[float]
    ) -> None:
        """The bucket counts from a moment between asking and answer; a slow answer may make it early."""
        asked, got = 100.0, 100.0 + took
        chunk, now, used = Chunk(tokens, wait, rate, asked, got), got, list[int]()
        for pause in pauses:
            now += pause
            chunk, due = chunk.take(now)
            if due is None:
                continue
            number = chunk.next - 1
            used.append(number)
            own = max(0.0, wait + number / rate)
            assert due >= now
            assert due <= asked + own + VOID + 1e-6
            assert due >= got + wait + number / rate - max(0.0, took - VOID) - 1e-6
        assert len(used) == len(set(used))
        assert all(number < tokens for number in used)
        assert chunk.spent == len(used)


def test_a_bucket_holds_a_span_of_its_rate_but_one_token_at_least() -> None:
    """So that a slow destination gets anything at all."""
    assert quota(0.5).burst == 1
    assert quota(200).burst == 200 * SPAN
