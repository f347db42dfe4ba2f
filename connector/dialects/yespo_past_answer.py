"""Which past events a 2xx did not take: for segmentation that is not enabled for their type, say.

That an answer tells anything of single events is inferred, and so is its shape. It is believed where it
leaves no doubt: a status each, in the order of the request; or those that failed, by externalOrderId,
keyValue or event type. An answer that tells of failures but not whose is not guessed at, and nothing is
repeated, since what was taken would be stored twice: its events are in doubt, and held. The single event that
flies next has no such doubt. What tells of no failure is an acceptance, as documented.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from connector.core.talk import Accepted, InDoubt, Outcome, Refused, Response
from connector.dialects.yespo_answers import mentions
from connector.dialects.yespo_failed import names_in

SEGMENTATION: Final = Refused(
    "segmentation",
    "segmentation is not enabled for its event type: enable it in the account, then redrive it",
)
UNTOLD: Final = InDoubt("the answer tells that events of its request were not taken, but not which")
UNCLEAR: Final = InDoubt("the answer gives it a status that says neither that it was taken nor the opposite")
_TAKEN: Final = frozenset({
    "accepted", "added", "created", "done", "imported", "no_error", "ok", "processed", "queued", "saved",
    "stored", "succeeded", "success", "successful",
})  # fmt: skip
_NOT_TAKEN: Final = (
    "denied", "disab", "duplicate", "error", "exceed", "fail", "forbid", "ignor", "invalid", "missing",
    "not_", "not ", "refus", "reject", "skip", "unknown",
)  # fmt: skip
_FAILED: Final = ("disab", "error", "fail", "ignor", "invalid", "refus", "reject", "skip", "unaccept")
_STATUS: Final = frozenset({"accepted", "code", "ok", "result", "state", "status", "success"})
_EVENT: Final = frozenset({
    "event", "eventtype", "eventtypekey", "externalorderid", "keyvalue", "order", "value",
})  # fmt: skip


class Written(Protocol):
    """A past event as it was sent."""

    event_type_key: str
    key_value: str


class _Request(Struct, frozen=True):
    """What was sent: by name, which events it may mean."""

    count: int
    own: Mapping[str, set[int]]
    types: Mapping[str, set[int]]


def judge_each(answer: Response, events: Sequence[Written], keys: Sequence[str]) -> list[Outcome]:
    """An outcome per event of a request that had a 2xx. keys: of orders, their externalOrderId."""
    try:
        told = msgspec.json.decode(answer.body) if answer.body.strip() else None
    except (ValueError, RecursionError):
        told = None
    if (statuses := _statuses(told, len(events))) is not None:
        return [_outcome(element, answer.status) for element in statuses]
    failures = list(_failures(told))
    if not failures:
        return [Accepted()] * len(events)
    if len(events) == 1:
        return [_refused(told, answer.status)]
    return _resolve(failures, _request(events, keys), answer)


# --- A status each --------------------------------------------------------------------------------


def _statuses(told: object, count: int) -> list[object] | None:
    for name, part in _parts(told):
        if not isinstance(part, list) or len(part) != count or _is_failing(name):
            continue
        if any(_is_taken(element) is not None for element in part):
            return part
    return None


def _outcome(element: object, status: int) -> Outcome:
    taken = _is_taken(element)
    return UNCLEAR if taken is None else Accepted() if taken else _refused(element, status)


def _is_taken(element: object) -> bool | None:
    """None: it has no status, or one that can be read both ways."""
    match element:
        case bool():
            return element
        case str():
            word = element.strip().lower()
            return True if word in _TAKEN else False if any(part in word for part in _NOT_TAKEN) else None
        case dict():
            found = {_told_by(name.lower(), value) for name, value in element.items()}
            failing = any(_is_failing(name) and value for name, value in element.items())
            if found & {True, False}:
                return False if False in found else None if failing else True
            return False if failing else None
    return None


def _told_by(name: str, value: object) -> bool | None:
    if name not in _STATUS:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return {2: True, 4: False, 5: False}.get(value // 100)
    return _is_taken(value)


# --- The failed ones alone ------------------------------------------------------------------------


def _failures(told: object) -> Iterator[tuple[str, object]]:
    """What tells of failures: the name it stands under, and what stands there."""
    for name, part in _parts(told):
        if _is_failing(name):
            if part:
                yield name, part
        elif isinstance(part, list):
            yield from ((name, [element]) for element in part if _is_taken(element) is False)
        elif _told_by(name.lower(), part) is False:
            yield name, part


def _parts(told: object, name: str = "") -> Iterator[tuple[str, object]]:
    if not isinstance(told, dict):
        yield name, told
        return
    for field, value in told.items():
        if isinstance(value, dict) and not _is_failing(field):
            yield from _parts(value, field)
        else:
            yield field, value


def _is_failing(name: str) -> bool:
    return any(part in name.lower() for part in _FAILED)


def _request(events: Sequence[Written], keys: Sequence[str]) -> _Request:
    own: dict[str, set[int]] = {}
    types: dict[str, set[int]] = {}
    for index, (event, key) in enumerate(zip(events, keys, strict=True)):
        types.setdefault(event.event_type_key, set()).add(index)
        for name in (key, event.key_value):
            own.setdefault(name, set()).add(index)
    return _Request(len(events), own, types)


def _resolve(failures: list[tuple[str, object]], sent: _Request, answer: Response) -> list[Outcome]:
    outcomes: list[Outcome] = [Accepted()] * sent.count
    counts = {part for name, part in failures if type(part) is int and "code" not in name.lower()}
    for name, part in failures:
        if type(part) is int and part in counts:
            continue
        for element in _elements(part):
            meant = _meant(element, sent, whole_type=b"segment" in answer.body.lower())
            if not meant:
                return [UNTOLD] * sent.count
            for index in meant:
                outcomes[index] = _refused((name, element), answer.status)
    if counts == {sent.count}:
        return [_refused(answer.body.decode("utf-8", "replace"), answer.status)] * sent.count
    failed = sum(isinstance(outcome, Refused) for outcome in outcomes)
    return outcomes if counts <= {failed} else [UNTOLD] * sent.count


def _elements(part: object) -> list[object]:
    """A lone one as an object of its own, or a member for each one."""
    if isinstance(part, dict):
        return [part] if any(name.lower() in _EVENT for name in part) else list(part.items())
    return part if isinstance(part, list) else [part]


def _meant(element: object, sent: _Request, *, whole_type: bool) -> set[int]:
    """The one event that an element names, or all of the type that it names for its segmentation."""
    names = list(names_in(element, _EVENT))
    types = [sent.types[name] for name in names if name in sent.types]
    own = [sent.own[name] for name in names if name in sent.own]
    common = set.intersection(*own, *types) if own or types else set()
    return common if len(common) == 1 or (whole_type and not own) else set()


def _refused(element: object, status: int) -> Refused:
    text = msgspec.json.encode(element).decode()
    return SEGMENTATION if "segment" in text.lower() else Refused("refused", mentions(status, text))
