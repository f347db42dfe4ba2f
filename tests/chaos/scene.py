"""One entity's story told by hand, in the words of the witnesses; every step takes a tenth of a second."""

from collections import defaultdict
from collections.abc import Iterator

from tests.chaos.check import reading
from tests.chaos.check.verdict import Verdict, judge
from tests.fakes.history import Line

LEASE = 10.0
TOPIC = "orders"


class Scene:
    """Versions 1, 2, … of one order stand at the offsets 0, 1, … of one partition."""

    def __init__(self, versions: int = 2, rule: str = "resend") -> None:
        self.lines: list[Line] = []
        self.accepted: list[reading.Accepted] = []
        self.source = [reading.Written(TOPIC, 0, n, "order", "o", n + 1) for n in range(versions)]
        self.now = 1000.0
        self._rule = rule
        self._numbers: dict[str, Iterator[int]] = defaultdict(lambda: iter(range(10_000)))
        self._requests = iter(range(10_000))

    def note(self, by: str, what: str, **fields: object) -> None:
        """A line."""
        self.now += 0.1
        head = {"n": next(self._numbers[by]), "at": self.now, "by": by, "what": what, "destination": "yespo"}
        self.lines.append(head | fields)

    def claim(self, by: str, rev: int, *, doubtful: bool = False, lease: float | None = LEASE) -> None:
        """Granted."""
        event = self._event(rev) | {"verdict": "granted", "doubtful": doubtful}
        self.note(by, "claimed", since=self.now, lease_left=lease, events=[event])

    def send(self, by: str, rev: int, *, doubtful: bool = False) -> int:
        """The number of the request."""
        number = next(self._requests)
        event = self._event(rev) | {"doubtful": doubtful}
        self.note(by, "sent", request=number, resource="events", rule=self._rule, events=[event])
        return number

    def accept(self, rev: int | str | None, key: str = "o", entity: str = "order") -> None:
        """The CRM takes it."""
        self.now += 0.1
        self.accepted.append(reading.Accepted(self.now, entity, key, rev))

    def reply(self, by: str, request: int, status: int | None) -> None:
        """None: no answer came."""
        self.note(by, "replied", request=request, **({"status": status} if status else {"reason": "cut"}))

    def answer(self, by: str, rev: int, outcome: str) -> None:
        """The end of the conversation."""
        self.note(by, "answered", resource="events", events=[self._event(rev) | {"outcome": outcome}])

    def settle(self, by: str, rev: int, outcome: str = "accepted") -> None:
        """In the ledger."""
        self.note(by, "settled", stale=0, events=[self._event(rev) | {"outcome": outcome}])

    def deliver(self, by: str, rev: int, *, doubtful: bool = False) -> None:
        """The whole way."""
        self.claim(by, rev, doubtful=doubtful)
        self.fly(by, rev, doubtful=doubtful)
        self.settle(by, rev)

    def fly(self, by: str, rev: int, *, doubtful: bool = False) -> None:
        """Sent, accepted, answered."""
        request = self.send(by, rev, doubtful=doubtful)
        self.accept(rev)
        self.reply(by, request, 200)
        self.answer(by, rev, "accepted")

    def doubt(self, by: str, rev: int, *, applied: bool, doubtful: bool = False) -> None:
        """Sent, and no answer came."""
        request = self.send(by, rev, doubtful=doubtful)
        if applied:
            self.accept(rev)
        self.reply(by, request, None)
        self.answer(by, rev, "in_doubt")

    def wait(self, seconds: float = LEASE) -> None:
        """Time passes."""
        self.now += seconds

    def assign(self, by: str, start: int | None, lease: int = 1) -> None:
        """The partition."""
        self.note(by, "assigned", partitions=[_place(lease=lease, start=start)])

    def receive(self, by: str, *offsets: int, lease: int = 1) -> None:
        """Records of the partition."""
        self.note(by, "received", records=[_place(lease=lease, offsets=offsets)])

    def commit(self, by: str, offset: int, *, revoked: bool = False) -> None:
        """The partition's next offset."""
        self.note(by, "committing", offsets=[_place(offset=offset)], wait=False, revoked=revoked)

    def verdict(self, *, running: bool = True) -> Verdict:
        """What the checker says."""
        return judge(reading.told(self.lines), self.source, self.accepted, running=running)

    def found(self, *, running: bool = True) -> dict[tuple[str, str | None], int]:
        """What was found, by kind and excuse."""
        tallies = self.verdict(running=running).findings.tallies
        return {(kind, excuse): n for kind, t in tallies.items() for excuse, n in t.counts.items()}

    def _event(self, rev: int) -> dict[str, object]:
        named = {"entity": "order", "key": "o", "version": f"lsn:{rev}"}
        return named | _place(offset=rev - 1, lease=1)


def _place(**more: object) -> dict[str, object]:
    return {"topic": TOPIC, "partition": 0} | more
