"""RULES 1: which version is newer, and RULES 2: what is unchanged. Pure.

A reading falls through to the next where one side lacks what it compares. Beyond the letter of RULES 1:
where only one side has a ts_ms (and not both have an lsn), same partition: offset, else record timestamp;
a declared version is compared only with one of its own type, so adding or removing the setting falls
back on the other readings instead of letting an older record pass as newer.
"""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec.structs import replace

from connector.core.events import Event
from connector.core.heads import Epochs, Head, State
from connector.core.model import Kind, Version

REBUILT_MS: Final = 60_000
"""An lsn that went back while ts_ms went on by more than this is another database (RULES 1, Clock)."""

Reading = Literal["newer", "same", "older", "clock"]
Judgement = Literal["newer", "unchanged", "duplicate", "superseded", "erased", "clock"]


_UNVERSIONED: Final[Mapping[State, Judgement]] = {
    State.ERASED: "erased", State.UNSUBSCRIBED: "newer", State.REMOVED: "newer",
}  # fmt: skip


def rank_of(version: Version, epochs: Epochs) -> int:
    """The highest rank accepted for the version's clock by its time; 0 without one."""
    if not epochs:
        return 0
    at = time_of(version)
    return next((e.rank for e in epochs if e.clock == version.clock and e.since_ms <= at), 0)


def compare(head: Head, version: Version, digest: bytes, epochs: Epochs = ()) -> Reading:
    """Read a version against the head's. "clock": only the operator can tell."""
    seen = head.version
    if seen is None:
        return "newer"
    declared = version.declared
    if declared is not None and type(declared) is type(seen.declared):
        return _order(declared, seen.declared)
    ranked = None
    if epochs or version.clock != seen.clock:
        ranked = _by_rank(head, seen, version, epochs)
    return ranked or _by_numbers(head, seen, version, digest)


def judge(head: Head | None, event: Event, epochs: Epochs = ()) -> Judgement:
    """What is to be done with an event, by what its key's head knows.

    A fact was accepted or was not, nothing else (RULES 7).
    newer: to be sent. erased: an ensured contact that was deleted. clock: ask the operator.
    """
    if head is None:
        return "newer"
    if event.version is None:
        return _ensured(head, event)
    reading = compare(head, event.version, event.digest, epochs)
    if reading == "clock":
        return "clock"
    if reading == "same":
        return "newer" if head.state is State.REMOVED else "duplicate"
    if (reading == "newer" or _one_lsn(head.version, event.version)) and _same_content(head, event):
        return "unchanged"
    return "newer" if reading == "newer" else "superseded"


def _ensured(head: Head, event: Event) -> Judgement:
    """A contact from an order's own fields: made once, or (it has a digest) as often as they change, but
    never after a change of its own."""
    if not event.digest or head.version is not None or head.state is not State.ACCEPTED:
        return _UNVERSIONED.get(head.state, "duplicate")
    return "unchanged" if head.digest == event.digest else "newer"


def advance(head: Head | None, event: Event, epochs: Epochs = ()) -> Head:
    """The head once `event` is accepted or found unchanged; the same head where the event is not newer.

    A row without lsn (or ts_ms) never takes the head's lsn (or ts_ms) away: else a repeated older state
    would pass as newer after it.
    """
    version, state = event.version, state_after(head, event.kind)
    if head is None:
        return _first(event, state, epochs)
    if version is None:
        digest = event.digest if head.version is None else head.digest
        return (
            head
            if head.state is state and head.digest == digest
            else replace(head, state=state, digest=digest)
        )
    reading = compare(head, version, event.digest, epochs)
    if reading != "newer" and not (reading == "same" and head.state is State.REMOVED):
        return head
    rank = rank_of(version, epochs)
    ties: tuple[bytes, ...] = ()
    seen = head.version
    if seen is not None and rank == head.rank and version.clock == seen.clock:
        version = _merge(seen, version)
        ties = head.ties if _tied(seen, version) else ()
    if event.digest not in ties:
        ties = (*ties, event.digest)
    return Head(
        version, rank, event.digest, event.core_digest, ties, state,
        head.live, head.aliases, head.remote_id, head.contact_key, head.kept, head.at, head.past,
    )  # fmt: skip


def state_after(head: Head | None, kind: Kind) -> State:
    """What an accepted event makes of its entity. A contact stays what it was when it is unsubscribed."""
    if kind is Kind.CONTACT_DELETED:
        return State.ERASED
    if kind is Kind.CONTACT_UNSUBSCRIBED:
        return head.state if head else State.UNSUBSCRIBED
    return State.ACCEPTED


def clear(head: Head) -> Head:
    """The same head without digests: nothing is unchanged against it (RULES 2). The version stays."""
    if not head.digest and not head.core_digest:
        return head
    return replace(head, digest=b"", core_digest=b"")


def _first(event: Event, state: State, epochs: Epochs) -> Head:
    version = event.version
    if version is None:
        return Head(at=event.source_ms // 1000) if event.entity == "event" else Head(digest=event.digest)
    return Head(version, rank_of(version, epochs), event.digest, event.core_digest, (event.digest,), state)


def _merge(seen: Version, version: Version) -> Version:
    lsn, floor = (seen.lsn, seen.floor) if version.lsn is None else (version.lsn, version.floor)
    ts_ms = seen.ts_ms if version.ts_ms is None else version.ts_ms
    if version.floor is not None and seen.lsn is not None:
        floor = seen.lsn if seen.floor is None else seen.floor
    if lsn is version.lsn and ts_ms is version.ts_ms and floor is version.floor:
        return version
    return Version(
        version.clock, lsn, ts_ms, version.declared,
        version.topic, version.partition, version.offset, version.timestamp_ms, floor,
    )  # fmt: skip


def _by_rank(head: Head, seen: Version, version: Version, epochs: Epochs) -> Reading | None:
    rank = rank_of(version, epochs)
    if rank > head.rank:
        return "newer"
    if rank == head.rank:
        return None if version.clock == seen.clock else "clock"
    if version.clock == seen.clock:
        return "older"
    since = next((e.since_ms for e in epochs if e.rank == head.rank), 0)
    return "older" if time_of(version) < since else "clock"


def _by_numbers(head: Head, seen: Version, version: Version, digest: bytes) -> Reading:
    """The four readings, in their order."""
    if version.lsn is not None and seen.lsn is not None:
        return _by_lsn(seen, version)
    timed = version.ts_ms is not None and seen.ts_ms is not None
    if timed and version.lsn is None and seen.lsn is None:
        return _by_time(head, seen, version, digest)
    if version.partition == seen.partition and version.topic == seen.topic:
        return _order(version.offset, seen.offset)
    return _by_time(head, seen, version, digest)


def _by_lsn(seen: Version, version: Version) -> Reading:
    reading = _order(version.lsn, seen.lsn)
    if reading == "older" and version.ts_ms is not None and seen.ts_ms is not None:
        reading = "clock" if version.ts_ms - seen.ts_ms > REBUILT_MS else "older"
    if reading == "clock" or (version.floor is None) == (seen.floor is None):
        return reading
    return _beside_snapshot(seen, version) or reading


def _beside_snapshot(seen: Version, version: Version) -> Reading | None:
    """One of both is a snapshot's row, the other a streamed change: where the lsn says the opposite.

    A transaction that was open as the snapshot began has written at a lower lsn, or the same, what the
    snapshot did not see. It was committed later, and its record comes after the row's. (What the snapshot did
    see may come after it too, where an older slot goes on.)
    """
    row, streamed = (version, seen) if seen.floor is None else (seen, version)
    if not (row.floor or 0) < (streamed.lsn or 0) <= (row.lsn or 0):
        return None
    if (row.topic, row.partition) != (streamed.topic, streamed.partition) or row.offset > streamed.offset:
        return None
    unseen = row.ts_ms is not None and streamed.ts_ms is not None and row.ts_ms < streamed.ts_ms
    return ("newer" if streamed is version else "older") if unseen else None


def _by_time(head: Head, seen: Version, version: Version, digest: bytes) -> Reading:
    if version.ts_ms is not None and seen.ts_ms is not None:
        reading = _order(version.ts_ms, seen.ts_ms)
    else:
        reading = _order(version.timestamp_ms, seen.timestamp_ms)
    if reading == "same" and digest not in head.ties:
        return "newer"
    return reading


def _order(new: int | str | None, old: int | str | None) -> Reading:
    """Both of one type, which callers have made sure of."""
    if new == old:
        return "same"
    return "newer" if new > old else "older"  # type: ignore[operator]


def time_of(version: Version) -> int:
    """When the change was made, ms since the epoch; -1 where nothing tells."""
    return version.timestamp_ms if version.ts_ms is None else version.ts_ms


def _tied(seen: Version, merged: Version) -> bool:
    if seen.ts_ms is None and merged.ts_ms is None:
        return seen.timestamp_ms == merged.timestamp_ms
    return seen.ts_ms == merged.ts_ms


def _one_lsn(seen: Version | None, version: Version) -> bool:
    return seen is not None and (seen.lsn is None) != (version.lsn is None)


def _same_content(head: Head, event: Event) -> bool:
    if not head.digest or head.digest != event.digest:
        return False
    return head.state is state_after(head, event.kind)
