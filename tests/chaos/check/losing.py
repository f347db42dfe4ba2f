"""What became of every record of the source."""

from collections import Counter
from collections.abc import Iterable

from tests.chaos.check.accepting import Taken
from tests.chaos.check.findings import Findings
from tests.chaos.check.reading import At, History, Line, Place, Written
from tests.chaos.check.truth import MADE, Slot, Truth, where


class Losses:
    """letters: what the dead-letter topic holds; None: what the histories tell of it is believed."""

    def __init__(
        self, histories: list[History], truth: Truth, findings: Findings, letters: Iterable[Place] | None
    ) -> None:
        self._truth, self._findings = truth, findings
        self._counted: dict[At, str] = {}
        self._aside: set[At] = set()
        self._letters: dict[At, str] = {}
        for line in (line for history in histories for line in history.lines):
            self._read(line)
        if letters is not None:
            held = {(one.topic, one.partition, one.offset): one.cause or "?" for one in letters}
            self._letters = {at: self._letters.get(at, cause) for at, cause in held.items()}

    @property
    def causes(self) -> Counter[str]:
        """Dead letters by cause, each position once."""
        return Counter(self._letters.values())

    def _read(self, line: Line) -> None:
        match line.what:
            case "settled":
                accepted = (e.at for e in line.events if e.outcome == "accepted" and e.at is not None)
                self._counted.update(dict.fromkeys(accepted, line.by))
            case "dead_lettered":
                self._letters.update({(p.topic, p.partition, p.offset): p.cause or "?" for p in line.letters})
            case "closed":
                filtered = (place for place in line.records if place.outcome == "filtered")
                self._aside.update((p.topic, p.partition, o) for p in filtered for o in p.offsets)

    def judge(
        self, taken: dict[Slot, list[Taken]], ends: dict[tuple[str, int], int], *, running: bool
    ) -> None:
        """taken, ends: what was accepted and committed. running: what is not committed may still come."""
        for record in self._truth.written:
            if record.offset >= ends.get((record.topic, record.partition), 0):
                if not running:
                    self._findings.add("lost", f"{where(record.at)} is not committed")
            elif lack := self._lack(record, taken):
                self._findings.add("lost", f"{where(record.at)}{lack}")

    def _lack(self, record: Written, taken: dict[Slot, list[Taken]]) -> str | None:
        """Why a committed record is lost, None: it is not."""
        if record.at in self._letters or record.at in self._aside:
            return None
        found = self._truth.version_at(record.at)
        if found is None:
            return " is committed, and neither filtered nor in the dead letters"
        slot, version = found
        came = taken.get(slot, [])
        if all(one.version.place < version.place for one in came):
            newest = max((one.version for one in came), key=lambda v: v.place, default=MADE)
            return f", rev {version.rev} of {slot[1]}, is committed, and {newest.rev} is the newest that came"
        if record.at in self._counted and all(one.version != version for one in came):
            by = self._counted[record.at]
            return f", rev {version.rev} of {slot[1]}, is counted as accepted by {by}, and never came"
        return None
