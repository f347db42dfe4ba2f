"""From a plan to settled records: claim what is due, hand it to the courier, write dead letters, settle.

Everything that waits for a durable answer stands in one of two lists: the burial (until the dead-letter
topic has it) and `_settling` (until the ledger has it). Only then is a position freed.
"""

from collections.abc import Sequence

from msgspec import Struct

from connector.core.claims import Ask, Busy, Deny, Done, Grant, Needs, Settlement, Verdict
from connector.core.judge import time_of
from connector.core.lots import Lot
from connector.core.model import Record
from connector.core.plan import Item, Line, Plan
from connector.core.talk import Accepted, Refused, Sending
from connector.courier import Carrier, Held, Landed
from connector.lane.books import Books, RecordOutcome
from connector.lane.burial import Burial
from connector.lane.escort import Escort
from connector.lane.intake import Refusal
from connector.lane.partitions import Asking, Partitions
from connector.lane.settling import Settling, accepted, released, wanted
from connector.ports import Clock, DeadLetters, Destination, Ledger, TopicPartition

BUSY_SECONDS, ASK_SECONDS = 0.25, 1.0
"""How long to wait before the ledger is asked again for a key that another replica, or a question, holds."""


class Own(Struct):
    """What dispatch shares with its lane."""

    plan: Plan
    books: Books
    partitions: Partitions
    clock: Clock


class Dispatch:
    """One lane's sending side. Everything runs on the lane's thread; only the courier has another one."""

    def __init__(
        self, destination: Destination, courier: Carrier, ledger: Ledger, letters: DeadLetters, own: Own
    ) -> None:
        """Nothing is claimed."""
        self._destination, self._courier, self._ledger = destination, courier, ledger
        self._burial = Burial(destination.name, letters, own.books)
        self._plan, self._books = own.plan, own.books
        self._partitions, self._clock = own.partitions, own.clock
        self._escort = Escort(destination, own.plan, own.clock)
        self._flying: dict[Line, Item] = {}
        self._settling: list[Settling] = []
        self._unsure: dict[int, Settlement] = {}

    @property
    def pending(self) -> int:
        """What is not durable yet."""
        return len(self._burial.waiting) + len(self._settling) + len(self._unsure)

    # --- Dead letters -----------------------------------------------------------------------------

    def refuse(self, record: Record, topic_id: str, refusal: Refusal) -> None:
        """A record that never became an event to send."""
        self._burial.refuse(record, topic_id, refusal)

    def bury(self) -> bool:
        """Write the dead letters that wait. Raises DeadLettersDown: they go on waiting."""
        buried = self._burial.write()
        for dead in buried:
            if dead.item is None:
                self._books.close(dead.letter.record, dead.outcome)
            elif dead.settlement is None:
                self._close(dead.item, dead.outcome)
            else:
                self._settling.append(Settling(dead.settlement, dead.item, dead.outcome))
        return bool(buried)

    def _kill(self, item: Item, end: Refused, settlement: Settlement | None = None) -> None:
        if item.record is not None:
            self._burial.kill(item, item.record, end, settlement)
            return
        if item.sponsor is not None:  # which cannot be attached to anybody now
            item.sponsor.denied = Refused("contact_refused", f"its contact was refused: {end.detail}")
        if settlement is None:
            self._close(item, "dead_lettered")
        else:
            self._settling.append(Settling(settlement, item, "dead_lettered"))

    # --- Claim and settle -------------------------------------------------------------------------

    def exchange(self, room: int, ahead: int = 0, *, flush: bool = False) -> bool:
        """One transaction: settle what is finished, claim what is due (see Plan.due). Raises LedgerDown."""
        batches = self._due(room, ahead, flush=flush) if room or ahead else []
        if not batches and not self._settling and not self._unsure:
            return False
        wants = [want for batch in batches for want in wanted(batch, self._escort.guests)]
        settled = self._settling
        settlements = [one.settlement for one in settled]  # first: of the same claim they may tell a doubt
        try:
            verdicts = self._ledger.turn([*settlements, *self._unsure.values()], wants)
        except BaseException:
            self._put_back(batches)
            raise
        self._settling, self._unsure = [], {}
        for one in settled:
            if one.item is not None:
                self._close(one.item, one.outcome)
        self._send(batches, verdicts)
        return True

    def _due(self, room: int, ahead: int, *, flush: bool) -> list[list[Item]]:
        """What is to be claimed now, batch by batch; what was denied meanwhile becomes a dead letter."""
        batches: list[list[Item]] = []
        for batch in self._plan.due(self._clock.monotonic(), room, ahead, flush=flush):
            newest = map(self._plan.fold, batch) if batch[0].lot.newest else batch
            able = [item for item in newest if self._is_able(item)]
            if able:
                batches.append(able)
        return batches

    def _is_able(self, item: Item) -> bool:
        if item.denied is not None:
            self._kill(item, item.denied)
        return item.denied is None and self._escort.lets_go(item)

    def _put_back(self, batches: Sequence[list[Item]]) -> None:
        """A turn that raised may have claimed them: give up each one, not one a line, before asking again."""
        for item in (item for batch in batches for item in batch):
            self._unsure[id(item.event)] = Settlement(item.event, "released")
            self._escort.lands(item)
            self._plan.again(item, self._clock.monotonic())

    def _send(self, batches: Sequence[list[Item]], verdicts: Sequence[Verdict]) -> None:
        answers, flights = iter(verdicts), list[tuple[Lot, list[Sending]]]()
        for batch in batches:
            lot, together = batch[0].lot, []
            for item, verdict in zip(batch, answers, strict=False):  # the rest is the next batches'
                sending = self._grant(item, verdict) if type(verdict) is Grant else None
                if sending is None:
                    self._escort.lands(item, verdict.guest if type(verdict) is Busy else None)
                    self._judge(item, verdict)
                elif item.lot is lot or item.lot == lot:
                    together.append(sending)
                else:  # the ledger's word gave it a lot of its own
                    flights.append((item.lot, [sending]))
            if together:
                flights.append((lot, together))
        if flights:
            self._courier.submit(flights)

    def _judge(self, item: Item, verdict: Verdict) -> None:
        """What the ledger's word means for one item, if it is no grant."""
        match verdict:
            case Done(outcome):
                self._close(item, outcome)
            case Busy():
                self._plan.again(item, self._clock.monotonic() + BUSY_SECONDS)
            case Needs(shared, doubtful):
                if (end := self._escort.need(item, shared=shared, doubtful=doubtful)) is not None:
                    self._kill(item, end)
            case Ask(reason):
                self._ask(item, reason)
            case Deny(cause, detail):
                self._kill(item, Refused(cause, detail))

    def _grant(self, item: Item, grant: Grant) -> Sending | None:
        event = self._destination.refine(item.event, grant)
        if event is not item.event:
            item.lot = self._destination.lot(event)
        if grant.doubtful and item.lot.in_doubt == "hold":
            settlement = Settlement(item.event, "released", certain=False, live=item.lot.live)
            self._kill(item, Refused("in_doubt", "a stopped process may have sent it"), settlement)
            return None
        self._flying[event.entity, event.key] = item
        return Sending(event, grant.doubtful, 0, 0, grant.id_only, 0, None, grant.guest, grant.known)

    def _ask(self, item: Item, reason: str) -> None:
        record, version = item.record, item.event.version
        if record is None or version is None:
            raise AssertionError("only a record's own event has a clock to ask about")
        at = record.position
        if self._partitions.holds(at):
            question = Asking(reason, self._clock.now(), version.clock, time_of(version))
            self._partitions.ask((at.topic, at.partition), question)
        self._plan.again(item, self._clock.monotonic() + ASK_SECONDS)

    # --- What the courier brings back -------------------------------------------------------------

    def land(self, landed: Sequence[Landed]) -> None:
        """Final outcomes: remember what to write, free nothing yet."""
        for one in landed:
            event, outcome = one.sending.event, one.outcome
            item = self._flying.pop((event.entity, event.key))
            self._escort.lands(item)
            if type(outcome) is Accepted:
                self._settling.append(accepted(self._destination, item, one, outcome.remote_id))
            else:
                self._fail(item, one)

    def _fail(self, item: Item, landed: Landed) -> None:
        end, settlement = landed.outcome, released(item, landed)
        if isinstance(end, Held):
            end = Refused("in_doubt", end.reason)
        if isinstance(end, Refused):
            return self._kill(item, end, settlement)
        self._settling.append(Settling(settlement, None, "filtered"))
        return self._plan.again(item, self._clock.monotonic() + BUSY_SECONDS)

    def _close(self, item: Item, outcome: RecordOutcome) -> None:
        if item.earlier and outcome not in ("dead_lettered", "in_doubt"):
            for one in item.earlier:
                self._books.close_item(one, "superseded")
            item.earlier = ()
        self._books.close_item(item, outcome)
        self._plan.done(item)

    # --- Giving back ------------------------------------------------------------------------------

    def flies(self, gone: set[TopicPartition]) -> bool:
        """Whether something of these partitions is in flight or not durable yet."""
        return any(_from(item, gone) for item in self._busy())

    def forget(self, gone: set[TopicPartition]) -> None:
        """Drop what was not sent yet of partitions that are another member's now."""
        busy = set(map(id, self._busy()))
        dropped = self._plan.drop(lambda i: _from(i, gone), lambda i: id(i) in busy)
        self._escort.forget(dropped)
        for item in dropped:
            self._books.drop_item(item)

    def _busy(self) -> list[Item]:
        waiting = [one.item for one in self._settling] + [one.item for one in self._burial.waiting]
        return [*self._flying.values(), *(item for item in waiting if item is not None)]

    def withdraw(self, gone: set[TopicPartition]) -> None:
        """Take back from the courier what waits for a retry and belongs to partitions that are given away."""
        lines = {line for line, item in self._flying.items() if _from(item, gone)}
        if lines:
            self.release(self._courier.withdraw(lambda s: (s.event.entity, s.event.key) in lines))

    def release(self, unsent: Sequence[Sending]) -> None:
        """Give up the claims of events that certainly were not applied; their positions stay open."""
        for sending in unsent:
            item = self._flying.pop((sending.event.entity, sending.event.key))
            self._escort.lands(item)
            self._settling.append(Settling(Settlement(item.event, "released"), None, "filtered"))


def _from(item: Item, gone: set[TopicPartition]) -> bool:
    return item.record is not None and item.record.position.place in gone
