"""Whether source, CRM, ledger and dead letters agree at the end: each is asked itself, no counter is read."""

from collections.abc import Iterator

from confluent_kafka import Consumer, TopicPartition

from tests.chaos.world import World

SHOWN = 5


def differences(world: World) -> list[str]:
    """A line for each thing that is not as the source has it; empty: all is."""
    return [*_orders(world), *_contacts(world), *_ignored(world), *_buried(world), *_claimed(world)]


def _orders(world: World) -> Iterator[str]:
    held, source = world.sandbox.crm.orders, world.shop.orders
    for key, revs in source.items():
        rev = int(held[key].params["rev"]) if key in held else None
        if rev != revs[-1]:
            yield f"order {key}: the CRM has {rev}, the source {revs[-1]}"
    yield from (f"order {key}: nobody wrote it" for key in held.keys() - source.keys())


def _contacts(world: World) -> Iterator[str]:
    held = world.sandbox.crm.contacts
    for key, rev in world.shop.contacts.items():
        name = held[key].values.get("firstName") if key in held else None
        if name != f"n{rev}":
            yield f"contact {key}: the CRM has {name}, the source n{rev}"


def _ignored(world: World) -> Iterator[str]:
    for one in world.sandbox.crm.ignored:
        yield f"{one.resource} {one.type_key}: ignored by the CRM: {one.reason}"


def _buried(world: World) -> Iterator[str]:
    """Exactly what nobody can read is in the dead letters: no outage put a record there, none is missing."""
    letters = dead_letters(world)
    poison = {(world.orders, partition, offset) for partition, offset in world.shop.poison}
    yield from (f"{where}: in the dead letters, though it can be read" for where in sorted(letters - poison))
    yield from (f"{where}: cannot be read, and has no dead letter" for where in sorted(poison - letters))


def dead_letters(world: World) -> set[tuple[str, int, int]]:
    """Topic, partition and offset of each that was not discarded (RULES 10)."""
    place = TopicPartition(world.letters, 0, 0)
    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": f"look.{world.letters}"})
    try:
        _, end = consumer.get_watermark_offsets(place, timeout=30)
        consumer.assign([place])
        found = consumer.consume(end, timeout=30)
    finally:
        consumer.close()
    held = {str(message.key(), "utf-8"): message.value() for message in found}  # type: ignore[arg-type]
    return {_place(key) for key, value in held.items() if value is not None}


def _place(key: str) -> tuple[str, int, int]:
    """Of destination/topic/topic id/partition/offset; a topic's id may hold a slash."""
    _, topic, rest = key.split("/", 2)
    _, partition, offset = rest.rsplit("/", 2)
    return topic, int(partition), int(offset)


def _claimed(world: World) -> Iterator[str]:
    """Nothing is left half done."""
    yield from (f"{key}: still claimed" for key in sorted(world.claims()))
