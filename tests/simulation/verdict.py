"""What must be true at the end of a run: rule 6 of the judge."""

from collections.abc import Mapping, Sequence

from connector.core.letters import Letter
from connector.dialects.yespo_contacts import IMPORT_ATTEMPTS
from connector.ports import TopicPartition
from tests.simulation.judge import MADE, Judge, content
from tests.simulation.source import Slot, Source, Version, What, told
from tests.support.stage_crm import StageCrm

UNFOUND = "no_usable_locator", "unknown_contact"


def verdict(judge: Judge, source: Source, crm: StageCrm, letters: Mapping[tuple[TopicPartition, int], Letter],
            *, hold: bool) -> list[str]:  # fmt: skip
    """What is wrong at the end, when everything is committed and nothing moves."""
    found: list[str] = []
    for at, letter in letters.items():
        what = source.records[at]
        allowed = _causes(what, judge, hold=hold) | _unfound(what, source, letters)
        if letter.cause not in allowed:
            found.append(f"a dead letter for {letter.cause}, not {allowed or 'any'}: {told(what)}")
    for slot, versions in source.versions.items():
        if slot not in judge.tainted:
            found += _final(slot, versions, judge, source, crm, letters, hold=hold)
    return found + (_unheld(judge, source, letters) if hold else [])


def _unheld(judge: Judge, source: Source, letters: Mapping[tuple[TopicPartition, int], Letter]) -> list[str]:
    """A doubt about an order is in the dead letters, unless a newer version made it superseded."""
    held = {
        (*what.slot, what.rev)
        for at, what in source.records.items()
        if isinstance(what, Version) and at in letters and letters[at].cause in {"in_doubt", *UNFOUND}
    }
    return [
        f"{sent[1]}={sent[2]} was in doubt, and is in no dead letter"
        for sent in sorted(judge.doubts - held)
        if sent[0] == "order" and judge.accepted.get(sent[:2], MADE) <= source.newest(sent)
    ]


def _causes(what: What, judge: Judge, *, hold: bool) -> set[str]:
    if not isinstance(what, Version):
        return {"bad_framing"}
    if what.lost:
        return {"check"}
    causes = {"refused"} if what.marked else set()
    if hold and what.slot[0] == "order":
        causes.add("in_doubt")
    failed = {key for key, count in judge.errors.items() if count >= IMPORT_ATTEMPTS}
    if what.slot[0] == "order":
        return causes | ({"contact_refused"} if judge.listed or failed else set())
    causes |= {"refused"} if what.slot[1] in judge.listed else set()
    return causes | ({"import_failed"} if what.slot[1] in failed else set())


def _unfound(what: What, source: Source, letters: Mapping[tuple[TopicPartition, int], Letter]) -> set[str]:
    """Of a guest's order: its address has moved away from who was a guest, or nobody knows whether it has."""
    kept = [one for one in source.records.values() if isinstance(one, Version)]
    if not isinstance(what, Version) or not what.guest or not any(one.moved for one in kept):
        return set()
    changes = (source.records[at] for at in letters)
    doubtful = any(isinstance(one, Version) and one.slot[0] == "contact" for one in changes)
    return set(UNFOUND) if doubtful else {UNFOUND[0]}


def _final(
    slot: Slot, versions: Sequence[Version], judge: Judge, source: Source, crm: StageCrm,
    letters: Mapping[tuple[TopicPartition, int], Letter], *, hold: bool,
) -> list[str]:  # fmt: skip
    """The CRM ends with the newest that was accepted, or with a newer dead letter that it took in a doubt."""
    records = [(at, v) for at, v in source.records.items() if isinstance(v, Version) and v.slot == slot]
    taken = [rev for rev in judge.taken[slot] if rev]  # what was made for an order clears nothing
    accepted = judge.accepted.get(slot, MADE)
    dead = [what for at, what in records if at in letters and what.lsn > accepted and what.rev in taken]
    newest = next((content(v.rev) for v in versions if v.lsn == accepted), MADE)
    allowed = {newest} | {content(what.rev) for what in dead}
    last = content(taken[-1]) if taken else MADE
    state = _state(crm, slot)
    if last not in allowed:
        return [f"{slot[1]}: the CRM ends with {last} of {taken}, and {newest} was the newest to be accepted"]
    if state != (str(last) if last > MADE else None):
        return [f"{slot[1]}: the CRM holds {state}, though it took {taken}"]
    return []


def _state(crm: StageCrm, slot: Slot) -> str | None:
    """The content that the CRM holds, None without one that came from a record."""
    entity, key = slot
    if entity == "contact":
        found = crm.crm.contact("externalCustomerId", key)
        return (found.values.get("firstName") or None) if found else None
    past = [str(e.params["rev"]) for e in crm.crm.past_events if e.params["externalOrderId"] == key]
    live = crm.crm.orders.get(key)
    return str(live.params["rev"]) if live else (past[-1] if past else None)
