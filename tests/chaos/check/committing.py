"""Commits against what each process had received and settled: a commit is past nothing that is open."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from msgspec import Struct

from tests.chaos.check.findings import Findings
from tests.chaos.check.reading import At, History, Line, Place, Unreadable
from tests.chaos.check.truth import Slot, Truth, where

Key = tuple[str, int]
DONE = frozenset({"duplicate", "superseded", "unchanged"})


class Held(Struct):
    """A partition that a process holds. checked: every position below it was found settled."""

    lease: int
    start: int | None
    checked: int
    received: set[int] = set()
    settled: set[int] = set()
    revoked: bool = False


class Commits:
    """ends: the furthest commit of each partition."""

    def __init__(self, histories: list[History], truth: Truth, findings: Findings, skew: float) -> None:
        self._histories, self._truth, self._findings, self._skew = histories, truth, findings, skew
        self._all: dict[Key, list[tuple[Line, int]]] = defaultdict(list)
        for line in (line for history in histories for line in history.lines):
            if line.what == "committing":
                for place in line.offsets:
                    self._all[place.topic, place.partition].append((line, place.offset))
        self.ends = {key: max(offset for _, offset in commits) for key, commits in self._all.items()}

    def judge(self) -> None:
        """Every commit of every process."""
        for history in self._histories:
            held: dict[Key, Held] = {}
            folding = Folding(self._truth)
            for line in history.lines:
                self._step(held, folding, line)

    def _step(self, held: dict[Key, Held], folding: "Folding", line: Line) -> None:
        match line.what:
            case "assigned":
                self._assigned(held, line)
            case "revoked" | "lost" | "sought":
                _move(held, line)
            case "received":
                self._received(held, line)
            case "committing":
                for place in line.offsets:
                    self._committing(held.get((place.topic, place.partition)), place, line)
            case _:
                _settle(held, [*settled(line), *folding.read(line)])

    def _assigned(self, held: dict[Key, Held], line: Line) -> None:
        for place in line.partitions:
            key = (place.topic, place.partition)
            held[key] = Held(place.lease, place.start, place.start or 0)
            if place.start is not None:
                self._judge_start(key, place.start, line)

    def _judge_start(self, key: Key, start: int, line: Line) -> None:
        offsets = self._truth.offsets.get(key, [])
        committed = max((o for commit, o in self._all[key] if self._before(commit, line)), default=-1)
        if committed >= 0 and (skipped := _first(offsets, committed, start)) is not None:
            at = where((*key, skipped))
            self._findings.add("commit", f"{line.by} begins at {start}, and {at} was never committed")

    def _before(self, one: Line, other: Line) -> bool:
        return one.n < other.n if one.by == other.by else one.at <= other.at + self._skew

    def _received(self, held: dict[Key, Held], line: Line) -> None:
        for place in line.records:
            for offset in place.offsets:
                at = (place.topic, place.partition, offset)
                if at not in self._truth.positions:
                    raise Unreadable(f"source: has no record at {where(at)}, which {line.by} received")
            one = held.get((place.topic, place.partition))
            if one is not None and one.lease == place.lease:
                one.received.update(place.offsets)

    def _committing(self, one: Held | None, place: Place, line: Line) -> None:
        text = f"{line.by} commits {place.offset} of {place.topic}[{place.partition}]"
        if one is None or (one.revoked and not line.revoked):
            self._findings.add("commit", f"{text}, which is another's by then")
        elif one.start is None:
            self._findings.add("commit", f"{text}, which asks the operator where to begin")
        else:
            self._judge_positions(one, place, text)

    def _judge_positions(self, one: Held, place: Place, text: str) -> None:
        offsets = self._truth.offsets.get((place.topic, place.partition), [])
        for at in range(bisect_left(offsets, one.checked), bisect_left(offsets, place.offset)):
            offset = offsets[at]
            if offset not in one.settled:
                state = "open" if offset in one.received else "never received"
                self._findings.add("commit", f"{text}, and {offset} is {state}")
        one.checked = max(one.checked, place.offset)


def _first(offsets: list[int], low: int, high: int) -> int | None:
    """The first offset from `low` on that is below `high`."""
    at = bisect_left(offsets, low)
    return offsets[at] if at < len(offsets) and offsets[at] < high else None


def _move(held: dict[Key, Held], line: Line) -> None:
    if line.what == "sought" and (one := held.get((line.topic, line.partition))):
        one.start, one.checked = line.offset, line.offset
    for key in [(place.topic, place.partition) for place in line.partitions]:
        if line.what == "lost":
            held.pop(key, None)
        elif one := held.get(key):
            one.revoked = True


def _settle(held: dict[Key, Held], positions: Iterable[tuple[At, int]]) -> None:
    for (topic, partition, offset), lease in positions:
        one = held.get((topic, partition))
        if one is not None and one.lease == lease:
            one.settled.add(offset)


def settled(line: Line) -> Iterator[tuple[At, int]]:
    """Positions, with their leases, that the line proves to be settled: what is only `closed` is not."""
    match line.what:
        case "settled":
            events = [event for event in line.events if event.outcome == "accepted"]
        case "claimed":
            events = [event for event in line.events if event.verdict in DONE]
        case _:
            events = []
    yield from ((event.at, event.lease) for event in events if event.at is not None)
    if line.what == "dead_lettered":
        yield from (((one.topic, one.partition, one.offset), one.lease) for one in line.letters)
    if line.what == "closed":
        for place in line.records:
            if place.outcome == "filtered":
                yield from (((place.topic, place.partition, o), place.lease) for o in place.offsets)


class Folding:
    """Of one process: what it closes as superseded without asking the ledger, since a newer version of its
    entity stood for it. That one has to be settled before, by the same process."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._newest: dict[Slot, float] = {}

    def read(self, line: Line) -> Iterator[tuple[At, int]]:
        """Positions, with their leases, that the line proves to be settled by an earlier line."""
        for at, _ in settled(line):
            if (found := self._truth.version_at(at)) is not None:
                slot, version = found
                self._newest[slot] = max(version.place, self._newest.get(slot, version.place))
        if line.what == "closed":
            for place in line.records:
                if place.outcome == "superseded":
                    yield from self._stood_for(place)

    def _stood_for(self, place: Place) -> Iterator[tuple[At, int]]:
        for offset in place.offsets:
            at = (place.topic, place.partition, offset)
            found = self._truth.version_at(at)
            if found is not None and found[1].place < self._newest.get(found[0], float("-inf")):
                yield at, place.lease
