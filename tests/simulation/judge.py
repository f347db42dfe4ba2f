"""What must be true of a run, judged from outside: by the log, the CRM, the dead letters, and what each
process was told by its ports. It looks into no lane and no ledger.

Rules.
1. What is known as accepted, or is older, is not written again (promises 2 and 3).
2. While a living process may have a version of an entity under way, no other writes one (promise 4).
3. Where a doubt is held, what is in doubt is not written again (RULES 4), but as another version.
4. A request is written only with enough of the lease left; one that a stop made stale is exempt (RULES 2).
5. No commit past a record that is not settled, nor of a partition that was given away (promise 1).
6. At the end the CRM holds the newest, and the dead letters what costs itself or is held, nothing else.
7. The CRM ignores no order (promise 7), but one that was applied too late, or that was under way, or whose
   guest was, when another process was granted a change of the contact with its address (README's limits).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from connector.core.claims import Done, Grant, Settlement, Verdict, Want
from connector.core.events import Event
from connector.core.letters import Letter
from connector.core.talk import NoAnswer, Request, Response
from connector.ports import TopicPartition
from tests.simulation.history import History
from tests.simulation.network import Flight
from tests.simulation.source import Slot, Source, Version, customer_of, told
from tests.support.stage_crm import Sent

CONFLICT = 409
MADE = -1
"""The version of a contact that was made for an order: older than any change."""


class Being(Protocol):
    """A process, as far as the judge sees it."""

    name: str
    alive: bool

    def lease_left(self) -> float:
        """Seconds for which its claims are surely its own."""


class Judge:
    """Hears of everything when it happens. wrong: called with what must not be.

    accepted: the newest version of each entity that is known to be. taken: what the CRM took, in order.
    doubts: versions whose fate nobody knew at some time. listed: contacts that an import failed for; errors:
    how many ended in ERROR. tainted: entities of which something was applied too late, or whose content came
    back while the CRM took its repetition for the earlier one: README names both among the limits. late: the
    former alone.
    """

    def __init__(
        self, source: Source, history: History, wrong: Callable[[str], object], *, hold: bool
    ) -> None:
        self._source, self._history, self._wrong, self._hold = source, history, wrong, hold
        self.accepted: dict[Slot, int] = {}
        self.taken: dict[Slot, list[str]] = defaultdict(list)
        self.doubts: set[Sent] = set()
        self.listed: set[str] = set()
        self.errors: Counter[str] = Counter()
        self.tainted: set[Slot] = set()
        self.late: set[Slot] = set()
        self._crossed: set[tuple[Slot, str]] = set()
        self._flights: dict[Slot, list[Flight]] = defaultdict(list)
        self._holders: dict[Slot, tuple[Being, int]] = {}
        self._committed: dict[TopicPartition, int] = defaultdict(int)
        self._letters: set[tuple[TopicPartition, int]] = set()
        self.stale = 0

    # --- Requests ---------------------------------------------------------------------------------

    def begin(self, by: Being, request: Request, timeout: float) -> None:
        """A process is about to write."""
        if request.method != "GET" and by.lease_left() <= timeout:
            self._wrong(
                f"{by.name} writes to {request.resource} with {by.lease_left():.1f} s of its lease left"
            )

    def write(self, flight: Flight) -> None:
        """A process hands a request to the network."""
        flight.stale = flight.by.lease_left() <= 0
        self._history.note(flight.by.name, "sent, stale" if flight.stale else "sent", flight)
        self.stale += flight.stale
        for sent in flight.sent:
            slot = sent[:2]
            if not flight.stale:
                self._judge_write(slot, sent, flight)
            self._flights[slot].append(flight)

    def _judge_write(self, slot: Slot, sent: Sent, flight: Flight) -> None:
        version = self._version(sent)
        if version <= self.accepted.get(slot, MADE - 1):
            self._wrong(f"{_text(sent)} is written, although {self.accepted[slot]} is known as accepted")
        if self._hold and slot[0] == "order" and sent in self.doubts and not self._source.touched(sent):
            self._wrong(f"{_text(sent)} is written again, although it is in doubt and held")
        for other in self._flights[slot]:
            if not other.over and not other.stale and self._meets(flight, other, slot):
                self._wrong(f"{_text(sent)} is written while {other} of {other.by.name} is under way")

    def _meets(self, flight: Flight, other: Flight, slot: Slot) -> bool:
        """Whether a living process may have the other one under way."""
        if other.by is flight.by:
            return other.state == "open" or (other.state == "accepted" and slot[0] == "order")
        return other.by.alive and other.state != "refused" and other.by.lease_left() > 0

    def arrive(self, flight: Flight) -> None:
        """The CRM takes a request, but for the contacts that it blames."""
        self._history.note("crm", "applied, late" if flight.late else "applied", flight)
        self.listed |= flight.listed
        for sent in flight.sent:
            self.errors[sent[1]] += flight.broken
            if sent[1] not in flight.listed and not flight.broken:
                self.taken[sent[:2]].append(sent[2])
            if flight.late or flight.stale:
                self.tainted.add(sent[:2])
                self.late.add(sent[:2])

    def ignored(self, flight: Flight, params: Mapping[str, object]) -> None:
        """The CRM found no contact for an order of a request that it took."""
        self._history.note("crm", "ignored", flight)
        order, contact = ("order", str(params["externalOrderId"])), ("contact", customer_of(params))
        self.tainted.add(order)
        if order in self.late or contact in self.late:
            return
        guest = "contact", f"email:{params.get('email')}"
        if not {(order, contact[1]), (guest, contact[1])} & self._crossed:
            self._wrong(f"promise 7: the CRM ignored {order[1]}={params['rev']}, which is lost")

    def answer(self, flight: Flight, answer: Response | NoAnswer) -> None:
        """A process has its answer, or gives up waiting."""
        told = answer.status if isinstance(answer, Response) else answer.reason
        self._history.note(flight.by.name, "answered", (f"#{flight.number}", told))
        if flight.state == "doubt":
            self._doubt(flight)
        if told == CONFLICT:
            self.tainted.update(sent[:2] for sent in flight.sent if self._source.touched(sent))

    def _doubt(self, flight: Flight) -> None:
        if not flight.stale:
            self.doubts.update(flight.sent)

    # --- The ledger -------------------------------------------------------------------------------

    def turn(
        self, by: Being, settled: Sequence[Settlement], wanted: Sequence[Want], verdicts: Sequence[Verdict]
    ) -> None:
        """The ledger has made it durable, whether or not the process gets to know."""
        for one in settled:
            self._history.note(by.name, one.outcome if one.certain else f"{one.outcome}?", _event(one.event))
            self._settle(by, one)
        for want, verdict in zip(wanted, verdicts, strict=True):
            self._history.note(by.name, _told(verdict), _event(want.event))
            if isinstance(verdict, Grant):
                self._grant(by, want.event)
            elif verdict == Done("unchanged"):
                self._accept(_slot(want.event), _version(want.event))

    def _grant(self, by: Being, event: Event) -> None:
        slot = _slot(event)
        self._crossed = {one for one in self._crossed if one[0] != slot}
        if event.entity == "contact":
            others = (one for one, (holder, _) in self._holders.items() if holder is not by)
            self._crossed.update((one, event.key) for one in others)
        self._holders[slot] = by, _version(event)

    def _settle(self, by: Being, one: Settlement) -> None:
        slot = _slot(one.event)
        for flight in self._flights[slot]:
            flight.over = flight.over or flight.by is by
        if self._holders.get(slot) != (by, _version(one.event)):
            return  # another may have it by now
        del self._holders[slot]
        if one.outcome == "accepted":
            self._accept(slot, _version(one.event))

    def _accept(self, slot: Slot, version: int) -> None:
        self.accepted[slot] = max(version, self.accepted.get(slot, version))

    # --- Ends, dead letters, commits --------------------------------------------------------------

    def end(self, by: Being, how: str) -> None:
        """A process has ended: nobody hears the answers to what it had under way."""
        self._history.note(by.name, how)
        for flights in self._flights.values():
            for flight in flights:
                if flight.by is by and not flight.over and flight.state in ("open", "accepted"):
                    self._doubt(flight)

    def bury(self, by: Being, letters: Sequence[Letter]) -> None:
        """Dead letters are durable."""
        for letter in letters:
            at = letter.record.position
            key = at.topic, at.partition
            self._history.note(by.name, "dead letter", f"{_place(key, at.offset)} {letter.cause}")
            self._letters.add((key, at.offset))

    def commit(self, by: Being, offsets: Mapping[TopicPartition, int], held: set[TopicPartition]) -> None:
        """A process asks for a commit."""
        if offsets:
            self._history.note(by.name, "commits", [_place(*one) for one in sorted(offsets.items())])
        for key, offset in offsets.items():
            if key not in held:
                self._wrong(f"{by.name} commits {key[0]}[{key[1]}], which it has given away")
            for open_one in range(self._committed[key], offset):
                self._judge_settled(key, open_one)
            self._committed[key] = max(self._committed[key], offset)

    def _judge_settled(self, key: TopicPartition, offset: int) -> None:
        what, place = self._source.records.get((key, offset), b"no record"), _place(key, offset)
        if what is None or (key, offset) in self._letters:
            return
        if not isinstance(what, Version):
            self._wrong(f"{place} is committed, which is no change and no dead letter: {told(what)}")
        elif self.accepted.get(what.slot, MADE - 1) < what.lsn:
            self._wrong(f"{place} is committed, and {told(what)} is not known as accepted")
        elif not any(newer.rev in self.taken[what.slot] for newer in self._source.since(what)):
            self._wrong(f"{place} is committed, and {told(what)} never reached the CRM")

    def _version(self, sent: Sent) -> int:
        return self._source.newest(sent) if sent[2] else MADE


def _place(key: TopicPartition, offset: int) -> str:
    return f"{key[0]}[{key[1]}]@{offset}"


def _slot(event: Event) -> Slot:
    return event.entity, event.key


def _version(event: Event) -> int:
    lsn = event.version.lsn if event.version else None
    return MADE if lsn is None else lsn


def _event(event: Event) -> str:
    version = _version(event)
    return f"{event.key}={version if version > MADE else 'made'}"


def _told(verdict: Verdict) -> str:
    if isinstance(verdict, Done):
        return verdict.outcome
    doubtful = isinstance(verdict, Grant) and verdict.doubtful
    return type(verdict).__name__.lower() + ("?" if doubtful else "")


def _text(sent: Sent) -> str:
    return f"{sent[0]} {sent[1]}={sent[2] or 'made'}"


def content(rev: str) -> int:
    """Where a content stands among those of its entity."""
    return int(rev) if rev else MADE
