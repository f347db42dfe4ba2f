"""What came of a demo, in figures."""

from msgspec import Struct


class Summary(Struct, frozen=True):
    """What came of it. mismatched: orders and contacts that differ from the source; `differences` names some.

    in_dead_letters: orders that cannot be sent as they are at the source, and that a dead letter names.
    """

    records: int
    delivered: int
    duplicates: int
    superseded: int
    unchanged: int
    dead_lettered: int
    in_doubt: int
    causes: dict[str, int]
    crm_contacts: int
    crm_orders: int
    source_contacts: int
    source_orders: int
    equal_orders: int
    equal_contacts: int
    in_dead_letters: int
    mismatched: int
    differences: list[str]
    ignored: int
    sent_twice: int
    requests: int
    answered_503: int
    replayed: int
    replay_sent: int
    rate_per_second: int
    seconds: float
    metrica_contacts: int
    metrica_orders: int
    metrica_equal_contacts: int
    metrica_equal_orders: int
    metrica_uploads: int
