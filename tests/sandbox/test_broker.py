"""The embedded broker stores what is written and gives it back, like any Kafka."""

from collections import defaultdict

from connector.sandbox.broker import PARTITIONS, EmbeddedBroker, Outgoing


def _records(count: int) -> list[Outgoing]:
    return [
        Outgoing("shop.orders", b"key-%d" % (n % 7), b"value-%d" % n, (("n", b"1"),)) for n in range(count)
    ]


def test_what_is_written_is_read_back_whole_with_keys_headers_and_order_per_key() -> None:
    with EmbeddedBroker() as broker:
        assert broker.write(_records(500)) == 500

        found = broker.read("shop.orders")

        by_key: dict[bytes, list[int]] = defaultdict(list)
        for message in found:
            by_key[message.key() or b""].append(int((message.value() or b"").split(b"-")[1]))
        assert len(found) == 500
        assert all(numbers == sorted(numbers) for numbers in by_key.values())
        assert found[0].headers() == [("n", b"1")]


def test_the_ends_of_a_topic_count_its_records() -> None:
    with EmbeddedBroker() as broker:
        broker.write(_records(40))

        ends = broker.ends("shop.orders")

        assert sorted(ends) == list(range(PARTITIONS))
        assert sum(ends.values()) == 40


def test_a_touched_topic_exists_and_is_empty() -> None:
    with EmbeddedBroker() as broker:
        broker.touch(["shop.contacts"])

        assert broker.read("shop.contacts") == []
