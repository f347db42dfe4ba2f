"""What the CRM accepted, against what the source had and what was sent: all kinds but `commit` and `lost`."""

from collections import Counter, defaultdict
from collections.abc import Sequence

from msgspec import Struct

from tests.chaos.check.findings import Excuse, Findings
from tests.chaos.check.reading import Accepted
from tests.chaos.check.traces import Fate, Send, Traces
from tests.chaos.check.truth import MADE, Slot, Version

FAULTS = {Fate.KNOWN: "known as accepted", Fate.LIVE: "under way"}


class Taken(Struct, frozen=True):
    """An acceptance of a version that the source has."""

    version: Version
    at: float


class Accepting:
    """taken: of each entity, in the order of acceptance."""

    def __init__(self, accepted: Sequence[Accepted], traces: Traces, findings: Findings, skew: float) -> None:
        self._traces, self._findings, self._skew = traces, findings, skew
        self.taken: dict[Slot, list[Taken]] = defaultdict(list)
        self._matched: Counter[tuple[Slot, Version]] = Counter()
        for one in accepted:
            self._take(one)

    def judge(self) -> None:
        """Everything."""
        for slot, taken in self.taken.items():
            self._judge_order(slot, taken)
        for slot, version, sends in self._traces.all_sends():
            if version is not MADE:
                self._judge_repeats(slot, version, sends)

    # --- Ghosts -----------------------------------------------------------------------------------

    def _take(self, one: Accepted) -> None:
        slot, version = self._traces.truth.accepted(one)
        if version is None:
            if not self._is_made(slot):
                self._findings.add(
                    "ghost", f"{_text(slot, one.rev)} at {one.at:.3f}: the source never had it"
                )
            return
        sends = [s for s in self._traces.of(slot, version) if s.at <= one.at + self._skew]
        self.taken[slot].append(Taken(version, one.at))
        if self._matched[slot, version] < len(sends):
            self._matched[slot, version] += 1
        else:
            self._findings.add("ghost", f"{_text(slot, one.rev)} at {one.at:.3f}: nobody sent it")

    def _is_made(self, slot: Slot) -> bool:
        """Whether it may be a contact that was made from an order's fields; its key may be a hash only."""
        if slot[0] != "contact":
            return False
        if slot[1].startswith(("email:", "phone:")):
            return any(key.startswith("#") for entity, key in self._traces.sends if entity == "contact")
        return bool(self._traces.of(slot, MADE))

    # --- Repeats ----------------------------------------------------------------------------------

    def _judge_repeats(self, slot: Slot, version: Version, sends: list[Send]) -> None:
        count = sum(taken.version == version for taken in self.taken[slot])
        extra = min(count, len(sends)) - 1  # what nobody sent is a ghost
        why = [self._repeat(slot, sends, place) for place in range(1, len(sends))]
        unasked = [text for text in why if text not in ("in doubt", "stale", "")]
        told = f"{_text(slot, version.rev)} sent {len(sends)} times, accepted {count} times"
        if extra <= 0:
            known = [text for text in unasked if text.startswith("known")]
            self._findings.add("duplicate", f"{told}: {''.join(known[:1])}", count=len(known))
            return
        doubts, stale = why.count("in doubt"), why.count("stale")
        wrong = max(min(extra, len(unasked)), extra - doubts - stale)
        reason = unasked[0] if unasked else "nobody was in doubt of it"
        self._findings.add("duplicate", f"{told}: {reason}", count=wrong)
        excused = extra - wrong
        self._findings.add("duplicate", told, "in doubt", min(doubts, excused))
        self._findings.add("duplicate", told, "stale", excused - min(doubts, excused))

    def _repeat(self, slot: Slot, sends: list[Send], place: int) -> str:
        """Why a version was sent once more: an excuse, "" (it was known not to be applied), or a fault."""
        send = sends[place]
        if self._traces.lost(send.claim, slot, send.at):
            return "stale"
        fates = {self._traces.fate(earlier, slot, send): earlier for earlier in sends[:place]}
        for fate in (Fate.KNOWN, Fate.LIVE):
            if fate in fates:
                return f"{FAULTS[fate]} by {fates[fate].by}, and sent again by {send.by}"
        if not fates.keys() & {Fate.DOUBT, Fate.REPEATABLE}:
            return ""
        if send.rule != "resend":
            return f"in doubt, to be held, and sent again by {send.by}"
        marked = send.doubtful or Fate.DOUBT not in fates
        return "in doubt" if marked else f"in doubt, and sent again by {send.by} without a mark"

    # --- Order ------------------------------------------------------------------------------------

    def _judge_order(self, slot: Slot, taken: list[Taken]) -> None:
        seen: set[Version] = set()
        newest = MADE
        for place, one in enumerate(taken):
            if one.version.place < newest.place:
                excuse = self._excuse(slot, taken, place)
                text = f"{_text(slot, one.version.rev)} at {one.at:.3f}, after {newest.rev}"
                again = one.version in seen
                self._findings.add("overwritten" if again else "reorder", text, excuse)
                if place == len(taken) - 1 and not again:
                    self._findings.add("overwritten", f"{text}, and the CRM was left with it", excuse)
            seen.add(one.version)
            newest = max(newest, one.version, key=lambda version: version.place)

    def _excuse(self, slot: Slot, taken: list[Taken], place: int) -> Excuse | None:
        """Why an older version may have been accepted after newer ones."""
        one, traces = taken[place], self._traces
        early, late = one.at - self._skew, one.at + self._skew
        sends = [s for s in traces.of(slot, one.version) if s.at <= late]
        sends = [s for s in sends if not s.applied(early) and not s.denied(early)]
        newer = {t.version for t in taken[:place] if t.version.place > one.version.place}
        after = [[s for s in traces.of(slot, version) if s.at <= late] for version in newer]
        sends = [s for s in sends if not any(_followed(s, newer_sends) for newer_sends in after)]
        punctual = [s for s in sends if not traces.stale(s, slot, one.at)]
        if not punctual:
            return "stale" if sends else None
        unknown = all(
            self._nobody_knew(slot, send, punctual[-1])
            for version in newer
            for send in traces.of(slot, version)
        )
        return "in doubt" if unknown else None

    def _nobody_knew(self, slot: Slot, newer: Send, older: Send) -> bool:
        if newer.claim.at > older.claim.at:
            return False
        return self._traces.fate(newer, slot, older) in {Fate.DOUBT, Fate.NOT_APPLIED}


def _followed(send: Send, newer: list[Send]) -> bool:
    """Whether a newer version was sent only once the sender knew this one applied: by one clock, so that it
    was accepted before the newer one, however close together the CRM's clock shows them."""
    return bool(newer) and all(other.by == send.by and send.applied(other.at) for other in newer)


def _text(slot: Slot, rev: str | int | None) -> str:
    return f"{slot[0]} {slot[1]} rev {rev}"
