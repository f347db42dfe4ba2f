"""What a pause means and what ends it, for the status page: as the README's table of pauses says."""

from typing import Final

from msgspec import Struct


class Advice(Struct, frozen=True):
    """detail: what has happened; of an outage its own words say it. remedy: what ends it."""

    detail: str
    remedy: str


_ITSELF: Final = "it then goes on by itself"
GATES: Final = {
    "destination": Advice(
        "the destination does not answer, or says that it cannot",
        "nothing: it is tried again by itself; if it lasts, ask whoever runs the destination",
    ),
    "credentials": Advice(
        "the destination refuses its key",
        f"put a valid key in its file; the file is read again, and {_ITSELF}",
    ),
    "quota": Advice(
        "the destination answers 429, or its requests of the day are spent",
        "nothing: it is tried again by itself, at half the rate; a day's quota is new at 00:00 GMT",
    ),
    "contract": Advice(
        "the destination answers what its API never does",
        f"check its `url`, and that no proxy answers instead; {_ITSELF}",
    ),
}
"""Reasons of the courier, which keeps the destination's gate."""
OUTAGES: Final = {
    "broker": f"bring Kafka back, or let it be reached; {_ITSELF}",
    "registry": f"bring the schema registry back, or let it be reached; {_ITSELF}",
    "ledger": f"bring the ledger's database back, or free its disk; {_ITSELF}",
    "dead_letters": f"let the dead-letter topic take records (brokers, ACLs, sizes); {_ITSELF}",
}
"""Remedies of the lane's own outages."""
FLOOD: Final = Advice(
    "too many of the last records became dead letters",
    "see why with `crm-connector dead-letters list`, correct it, then `crm-connector resume --accept REASON`",
)
_ANSWER: Final = "`crm-connector resume --topic T --partition P --from earliest`"
ASKS: Final = {
    "recreated": Advice("the topic was deleted and made anew", f"decide where it begins: {_ANSWER}"),
    "expired": Advice(
        "the next record was deleted before it was read, or the log has lost its end",
        f"decide where it goes on: {_ANSWER}",
    ),
    "other_ledger": Advice(
        "its offsets were committed with another ledger",
        f"bring that one back, or go on with this one: {_ANSWER}, or `--accept REASON`",
    ),
    "clock": Advice(
        "changes come from another database, or from one that was restored",
        "if they are the newer ones: `crm-connector resume --topic T --partition P --accept REASON`",
    ),
}
"""Questions of a partition (RULES 1 and 3)."""
