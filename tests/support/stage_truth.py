"""What must be true of a stage, judged from outside: the log, the CRM, the dead letters, the ledger."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from connector.ports import TopicPartition
from tests.support.stage import Process, Stage
from tests.support.stage_reading import CONTACTS, ORDERS, POISON, contact, order


class Version(Struct, frozen=True):
    """One record that is a change. `rev` names its content: a touch has that of the version before it."""

    entity: str
    key: str
    lsn: int
    rev: str
    marked: bool


class Op(Struct, frozen=True):
    """One thing that happens at the source: do is change | touch | again | poison | null.

    again: the record `back` versions before the newest comes once more. marked: the CRM refuses it.
    """

    entity: str
    number: int
    do: str = "change"
    back: int = 0
    marked: bool = False


class Truth:
    """Writes traffic and remembers what it wrote. settled: how far commits were looked at."""

    def __init__(self, stage: Stage, *, hold: bool, partitions: int, customers: int = 3) -> None:
        self.stage, self._hold = stage, hold
        self._partitions, self._customers = partitions, customers
        self.records: dict[tuple[TopicPartition, int], Version | bytes | None] = {}
        self._versions: dict[tuple[str, str], list[tuple[Version, bytes]]] = {}
        self._settled: Counter[TopicPartition] = Counter()
        self._lsn = 0
        stage.on_commit = self.judge_commit

    # --- Writing ----------------------------------------------------------------------------------

    def write(self, ops: Sequence[Op]) -> None:
        """Let them happen."""
        for op in ops:
            topic = ORDERS if op.entity == "order" else CONTACTS
            partition = op.number % self._partitions
            what, value = self._record(op)
            (offset,) = self.stage.produce(topic, value, partition=partition)
            self.records[(topic, partition), offset] = what

    def _record(self, op: Op) -> tuple[Version | bytes | None, bytes | None]:
        if op.do in ("poison", "null"):
            return (POISON, POISON) if op.do == "poison" else (None, None)
        key = f"o{op.number}" if op.entity == "order" else f"c{op.number}"
        known = self._versions.setdefault((op.entity, key), [])
        if op.do == "again" and known:
            return known[-1 - op.back % len(known)]
        self._lsn += 1
        last = known[-1][0] if known and op.do == "touch" else None
        rev, marked = (last.rev, last.marked) if last else (str(self._lsn), op.marked)
        version = Version(op.entity, key, self._lsn, rev, marked)
        known.append((version, self._value(version, op.number)))
        return known[-1]

    def _value(self, version: Version, number: int) -> bytes:
        mark = "marked" if version.marked else ""
        if version.entity == "contact":
            return contact(version.key, version.lsn, version.rev, mark=mark)
        customer = f"c{number % self._customers}"
        return order(version.key, version.lsn, version.rev, customer=customer, mark=mark)

    # --- Judging ----------------------------------------------------------------------------------

    def judge_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Promise 1: never past a record that is not settled."""
        for key, offset in offsets.items():
            assert offset <= self.stage.broker.log(key).end
            for open_one in range(self._settled[key], offset):
                self._judge_settled(key, open_one)
            self._settled[key] = max(self._settled[key], offset)

    def _judge_settled(self, key: TopicPartition, offset: int) -> None:
        what = self.records[key, offset]
        if what is None or (key, offset) in self.stage.letters:
            return
        assert isinstance(what, Version), f"{key}@{offset}: committed, and the poison is in no dead letter"
        taken = self.stage.crm.taken(what.entity, what.key)
        assert any(_at(rev) >= _at(what.rev) for rev in taken), f"{key}@{offset} is lost: {what}"
        head = self.stage.head(what.entity, what.key)
        known = head.version.lsn if head and head.version else None
        assert known is not None, f"{key}@{offset} is not remembered: {what}"
        assert known >= what.lsn, f"{key}@{offset} is not remembered: {what}"

    def judge(self) -> None:
        """All promises, once everything is committed."""
        assert self.stage.done
        assert self.stage.crm.crm.ignored == [], "promise 7: silently ignored"
        for at, offset in self.stage.letters:
            self._judge_letter(at, offset)
        for entity, key in self._versions:
            self._judge_entity(entity, key)
        self._judge_repeats()

    def _judge_letter(self, key: TopicPartition, offset: int) -> None:
        what, cause = self.records[key, offset], self.stage.letters[key, offset].cause
        if isinstance(what, Version):
            allowed = {"refused"} if what.marked else set()
            assert cause in allowed | ({"in_doubt"} if self._hold else set()), f"{cause}: {what}"
        else:
            assert (what, cause) == (POISON, "bad_framing")

    def _judge_entity(self, entity: str, key: str) -> None:
        taken = self.stage.crm.taken(entity, key)
        self._judge_order(entity, key, taken)
        accepted = max((_at(v.rev) for v in self._settled_versions(entity, key)), default=-1)
        allowed = {accepted} | {_at(v.rev) for v in self._held(entity, key)}
        last = _at(taken[-1]) if taken else -1
        assert last in allowed, f"{key}: the CRM ends with {last} of {taken}, and {accepted} was the newest"
        assert self._state(entity, key) == (str(last) if last >= 0 else None)

    def _judge_order(self, entity: str, key: str, taken: Sequence[str]) -> None:
        """Promise 3 and 4: an older one comes after a newer one only while nobody knew of the newer one."""
        for place, newer in enumerate(taken):
            if any(_at(older) < _at(newer) for older in taken[place:]):
                doubted = self.stage.crm.doubts[entity, key, newer]
                assert doubted, f"an older one after a newer one: {key} {taken}"

    def _judge_repeats(self) -> None:
        """Promise 2: once, and once more for each time that nobody knew.

        Where a doubt is held it must not come again at all. A doubt also clears the head's digest, so that a
        touch of the same content is sent like a change.
        """
        doubts = self.stage.crm.doubts
        records = Counter((v.entity, v.key, v.rev) for v in self.records.values() if isinstance(v, Version))
        for sent, count in Counter(self.stage.crm.applied).items():
            held = self._hold and sent[0] == "order"
            resent = 0 if held else doubts[sent]
            allowed = resent + max(1, records[sent]) if doubts[sent] else 1
            assert count <= allowed, f"sent twice knowingly: {sent} {count} times, {doubts[sent]} in doubt"

    def _settled_versions(self, entity: str, key: str) -> Iterator[Version]:
        return (v for at, v in self._of(entity, key) if at not in self.stage.letters)

    def _held(self, entity: str, key: str) -> Iterator[Version]:
        letters = self.stage.letters
        return (v for at, v in self._of(entity, key) if at in letters and letters[at].cause == "in_doubt")

    def _of(self, entity: str, key: str) -> Iterator[tuple[tuple[TopicPartition, int], Version]]:
        for at, what in self.records.items():
            if isinstance(what, Version) and (what.entity, what.key) == (entity, key):
                yield at, what

    def _state(self, entity: str, key: str) -> str | None:
        """The content that the CRM holds, None without one that came from a record."""
        crm = self.stage.crm.crm
        if entity == "contact":
            found = crm.contact("externalCustomerId", key)
            return (found.values.get("firstName") or None) if found else None
        past = [str(e.params["rev"]) for e in crm.past_events if e.params["externalOrderId"] == key]
        live = crm.orders.get(key)
        return str(live.params["rev"]) if live else (past[-1] if past else None)


def _at(rev: str) -> int:
    """Where a content stands among those of its entity; a contact made for an order is older than all."""
    return int(rev) if rev else -1


def finish(stage: Stage, process: Process, truth: Truth) -> None:
    """Let the last process come to rest, stop it, and judge."""
    process.until_done(2000)
    process.drain()
    truth.judge()
