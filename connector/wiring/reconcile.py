"""What a range of a topic says last of each entity, against the ledger: what is missing there, and why.

The ledger is asked what it would say if the record came now, by the rules by which it would be sent: what it
would let go is missing. Only that is kept, on disk; and asked once more at the end, since the connector may
have worked meanwhile. Nobody joins the group, and nothing that the ledger knows changes.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing

from msgspec import Struct

from connector import wiring
from connector.adapters import metrics
from connector.adapters.kafka_range import KafkaRange
from connector.adapters.latest_index import LatestIndex
from connector.core.claims import Done
from connector.core.latest import Latest, faulty, is_later, is_past, latest
from connector.core.mapping import Mapper
from connector.core.model import Record, Skip
from connector.lane.intake import Intake, Reading, Refusal
from connector.ports import Schemas
from connector.settings import Settings
from connector.wiring import dead_letters
from connector.wiring.destinations import dialect
from connector.wiring.edges import AnyLedger, ledger_there
from connector.wiring.ranges import Range, Wish, range_of
from connector.wiring.reconcile_why import Found, Why, letter_id, sent_late, told

__all__ = ["Found", "Report", "Why", "Wish", "reconcile"]


class Report(Struct, frozen=True):
    """records: looked at, `filtered` of them by a rule. missing: entities, of which `found` are the first;
    those of which an older version may have overwritten a newer one count too.

    discarded: what is missing because an operator dropped its dead letter. expired: offsets that were asked
    for and are not kept any more.
    """

    destination: str
    topic: str
    partitions: list[dict[str, int]]
    records: int
    filtered: int
    missing: int
    discarded: int
    expired: int
    found: list[Found]


def reconcile(settings: Settings, wish: Wish, limit: int, look: Callable[[int, int], None]) -> Report:
    """look: called as it goes, with the records done and the offsets of the range.

    Raises ConfigError, BrokerDown, RegistryDown, LedgerDown, Fatal.
    """
    range_ = range_of(settings, wish)
    with ExitStack() as stack:
        ledger = stack.enter_context(closing(ledger_there(settings, wish.destination)))
        index = stack.enter_context(closing(LatestIndex()))
        work = _Work(settings, wish, range_, ledger, index)
        work.read(look)
        discarded = work.confirm()
        late = sent_late(wish, range_, ledger)
        found = told(settings, wish, range_, ledger, index.first(limit))
        found += late[: limit - len(found)]
        return Report(
            wish.destination, wish.topic,
            [{"partition": one.partition, "from": one.start, "to": one.end} for one in range_.stretches],
            work.counts.total(), work.counts["filtered"], len(index) + len(late), discarded,
            sum(one.expired for one in range_.stretches), found,
        )  # fmt: skip


class _Work:
    def __init__(
        self, settings: Settings, wish: Wish, range_: Range,
        ledger: AnyLedger, index: LatestIndex,
    ) -> None:  # fmt: skip
        self._settings, self._wish, self._range = settings, wish, range_
        self._ledger, self._index = ledger, index
        self.counts: Counter[str] = Counter()

    # --- Reading ----------------------------------------------------------------------------------

    def read(self, look: Callable[[int, int], None]) -> None:
        """Keep what the ledger lacks of the range."""
        spans = {one.partition: (one.start, one.end) for one in self._range.stretches}
        offsets = sum(end - start for start, end in spans.values())
        schemas = wiring.registry(self._settings)
        source = KafkaRange(self._settings.kafka_client(), self._wish.topic)
        try:
            take = self._taker(schemas)
            for records in source.read(spans):
                self._index.put(self._lacking(self._latest(records, take)))
                look(self.counts.total(), offsets)
        finally:
            source.close()

    def _taker(self, schemas: Schemas | None) -> Callable[[Record], Latest | Skip]:
        settings, name, ids = self._settings, self._wish.destination, self._range.topic_id
        (topic,) = [one for one in settings.topics_of(name) if one.name == self._wish.topic]
        mapper = Mapper(settings.rules_of(name, topic))
        reading = Reading(wiring.decoder(topic, schemas), mapper, topic.totals)
        intake = Intake(
            {topic.name: reading}, dialect(settings, name),
            lambda row: self._ledger.keys_of([row])[0], metrics.meter(),
        )  # fmt: skip

        def take(record: Record) -> Latest | Skip:
            taken = intake.take(record, ids, 0.0)
            if isinstance(taken, Refusal):
                return faulty(topic.entity, taken.key, taken.reject, record)
            return taken if isinstance(taken, Skip) else latest(taken.event, record)

        return take

    def _latest(self, records: list[Record], take: Callable[[Record], Latest | Skip]) -> dict[str, Latest]:
        found: dict[str, Latest] = {}
        for record in records:
            one = take(record)
            self.counts["filtered" if isinstance(one, Skip) else "taken"] += 1
            if isinstance(one, Latest) and (one.slot not in found or is_later(one, found[one.slot])):
                found[one.slot] = one
        return found

    # --- Asking -----------------------------------------------------------------------------------

    def _lacking(self, found: dict[str, Latest]) -> dict[str, Latest]:
        """Those that are not settled. A record that costs itself is until a later one was accepted."""
        asked = [slot for slot, one in found.items() if one.fault is None]
        verdicts = self._ledger.rehearse([found[slot].want(self._wish.topic) for slot in asked])
        settled = {slot for slot, said in zip(asked, verdicts, strict=True) if isinstance(said, Done)}
        return {
            slot: one
            for slot, one in found.items()
            if slot not in settled and not (one.fault is not None and self._is_overtaken(one))
        }

    def _is_overtaken(self, one: Latest) -> bool:
        if one.key is None:
            return False
        return is_past(self._ledger.look(one.entity, one.key).head, self._wish.topic, one)

    def confirm(self) -> int:
        """Drop what was settled since it was read, and what an operator dropped; how many of the latter."""
        discarded = 0
        with dead_letters.discards(self._settings) as discards:
            for page in self._index.pages():
                by_slot = {one.slot: one for one in page}
                dropped = discards.known([self._letter(one) for one in page])
                gone = {slot for slot, one in by_slot.items() if self._letter(one) in dropped}
                self._index.drop((by_slot.keys() - self._lacking(by_slot).keys()) | gone)
                discarded += len(gone)
        return discarded

    def _letter(self, one: Latest) -> str:
        return letter_id(self._wish, self._range, one)
