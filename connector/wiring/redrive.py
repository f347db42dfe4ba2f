"""Dead letters sent again by the lane's own code, and dropped once the ledger has recorded it (RULES 10)."""

import hashlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from connector import wiring
from connector.adapters import metrics
from connector.adapters.dead_letters import KafkaDeadLetters
from connector.adapters.dead_letters_box import LetterBox
from connector.adapters.kafka_range import KafkaRange
from connector.core.brake import Brake
from connector.core.letters import Choice, Filed
from connector.core.model import Position, Record
from connector.errors import ConnectorError, DeadLettersDown
from connector.lane.lane import Lane
from connector.ports import Members
from connector.redrive import LetterSource, Watched
from connector.rehearsal import Rehearsed
from connector.replay import Resending
from connector.settings import Settings
from connector.wiring import dead_letters
from connector.wiring.part import PartAssembly
from connector.wiring.redriven import Manner, Progress, Redriven

__all__ = ["Choice", "Manner", "Progress", "Redriven", "redrive"]

Tell = Callable[[Progress], None]
Agreed = Callable[[int], bool]


class _Live(Watched):
    resend = False

    def ledger(self, ledger: Any) -> Any:
        """See Unrecorded."""
        inner = super().ledger(ledger)
        return Resending(inner) if self.resend else inner


class _Dry(_Live, Rehearsed):
    """And nothing leaves a trace."""


class Say:
    """ports.Log: what pauses it is told by the progress."""

    def info(self, event: str, **fields: object) -> None:
        """Said elsewhere."""

    warning = error = info


class _Assembly(PartAssembly):
    """A lane that reads letters."""

    letters: LetterSource

    def __init__(
        self, settings: Settings, name: str, tape: _Live, share: float,
        made: Callable[[Members], LetterSource],
    ) -> None:  # fmt: skip
        super().__init__(settings, name, wiring.SystemClock(), metrics.meter(), Say(), tape, share)
        self._made = made

    def source(self, members: Members, _properties: Mapping[str, str], *, embedded: bool) -> LetterSource:  # noqa: ARG002
        """See Assembly."""
        self.letters = self._made(members)
        return self.letters

    def brake(self) -> Brake:
        """A letter that dies again is where it was: no flood."""
        return Brake(1, 1.0)


def redrive(
    settings: Settings,
    choice: Choice,
    manner: Manner,
    tell: Tell = lambda _: None,
    agreed: Agreed = lambda _: True,
) -> Redriven | None:
    """Send the letters that are meant again. Raises ConnectorError; what was settled by then stays so.

    agreed: asked first where letters in doubt are to go too, with their number; None: it said no.
    """
    with dead_letters.opened(settings) as box:
        done = Redriven(dead_letters.look(settings, box, choice), dry_run=manner.dry)
        held = sum(group.count for group in box.index.groups() if group.cause == "in_doubt")
        if manner.resend and held and not manner.dry and not agreed(held):
            return None
        with _interruptible() as stop:  # until now a signal ends it at once, at the question too
            for name in settings.destinations:
                for round_ in _rounds(box, settings, name):
                    run = _Run(settings, name, box, round_, manner)
                    run.run(done, stop, tell)
        counted = sum(done.outcomes.values()) + done.lost
        done.strange = done.letters - sum(_known(box, settings))
        done.left = done.letters - counted - done.strange
        return done


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Set by SIGINT or SIGTERM: what is in flight lands, the rest stays."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _sources(box: LetterBox, settings: Settings, name: str) -> list[tuple[str, str, int]]:
    known = {topic.name for topic in settings.topics_of(name)}
    return [source for source in box.index.sources(name) if source[0] in known]


def _known(box: LetterBox, settings: Settings) -> Iterator[int]:
    for name in settings.destinations:
        yield sum(count for _, _, count in _sources(box, settings, name))


def _rounds(box: LetterBox, settings: Settings, name: str) -> Iterator[frozenset[tuple[str, str]]]:
    """Of a topic that was re-created each one by itself: a lane knows a topic by one id."""
    left = [(topic, topic_id) for topic, topic_id, _ in _sources(box, settings, name)]
    while left:
        one_each = dict(reversed(left))
        yield frozenset(one_each.items())
        left = [source for source in left if one_each[source[0]] != source[1]]


class _Run:
    """One destination's letters, each topic under one id."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        box: LetterBox,
        sources: frozenset[tuple[str, str]],
        manner: Manner,
    ) -> None:
        self._settings, self._name, self._box, self._sources, self._manner = (
            settings,
            name,
            box,
            sources,
            manner,
        )
        self._tape: _Live | _Dry = _Dry() if manner.dry else _Live()
        self._tape.resend = manner.resend
        self._pending: list[str] = []

    def run(self, done: Redriven, stop: threading.Event, tell: Tell) -> None:
        settings = self._settings
        schemas = wiring.registry(settings)
        removed = KafkaDeadLetters(settings.kafka_client(), settings.dead_letters.topic)
        assembly = _Assembly(
            settings, self._name, self._tape, self._manner.share, lambda m: self._source(m, stop)
        )
        running = assembly.lane(schemas, embedded=True)
        lane = running.lane
        try:
            running.open()
            source = assembly.letters
            while not stop.is_set() and not self._is_over(source) and not lane.parts.partitions.asking:
                lane.turn()
                if source.ended:
                    lane.parts.plan.linger = 0.0  # no company will come
                with suppress(DeadLettersDown):  # else what flies would be left in doubt; it is tried again
                    self._bury(removed)
                settled = sum(done.outcomes.values()) + self._tape.watch.closed
                tell(Progress(settled, done.letters, _paused(lane)))
            lane.drain()
            self._bury(removed)
        finally:
            running.close()
            removed.close()
        self._sum_up(done, source)
        self._complain(lane, source)

    def _source(self, members: Members, stop: threading.Event) -> LetterSource:
        return LetterSource(self._letters(), members, self._fetch, stop.wait)

    def _is_over(self, source: LetterSource) -> bool:
        return source.ended and self._tape.watch.closed >= source.given

    def _letters(self) -> Iterator[Filed]:
        for one in self._box.letters():
            letter = one.letter
            if (
                letter.destination == self._name
                and (letter.record.position.topic, letter.topic_id) in self._sources
            ):
                yield one

    def _bury(self, letters: KafkaDeadLetters) -> None:
        """The ledger has recorded it: the letter goes. Raises DeadLettersDown: it goes the next time."""
        ids = dict(self._sources)
        self._pending += [self._id(at, ids) for at in self._tape.watch.take()]
        if self._pending and not self._manner.dry:
            letters.remove(self._pending)
        self._pending = []

    def _id(self, at: Position, ids: dict[str, str]) -> str:
        return f"{self._name}/{at.topic}/{ids[at.topic]}/{at.partition}/{at.offset}"

    def _fetch(self, one: Filed) -> Record | None:
        """What was too large for a letter is still at its position, or nowhere."""
        at = one.letter.record.position
        source = KafkaRange(self._settings.kafka_client(), at.topic)
        try:
            record = source.at(at.partition, at.offset)
        finally:
            source.close()
        if record is None or one.omitted is None:
            return record
        same = hashlib.sha256(record.value or b"").hexdigest() == one.omitted.sha256
        return record if same else None

    def _sum_up(self, done: Redriven, source: LetterSource) -> None:
        done.outcomes += self._tape.watch.outcomes
        done.lost += len(source.lost)
        if isinstance(self._tape, _Dry):
            done.causes += self._tape.unwritten.causes
            done.batches += self._tape.agreeable.batches

    def _complain(self, lane: Lane, source: LetterSource) -> None:
        """Raises what ended it."""
        if source.failure is not None:
            raise source.failure
        for (topic, _), question in lane.parts.partitions.asking.items():
            raise ConnectorError(
                f"{topic}: asks because of its {question.reason}; answer with `crm-connector resume`, "
                "and redrive again"
            )


def _paused(lane: Lane) -> tuple[str, ...]:
    gate = lane.parts.courier.state().paused
    return (*lane.parts.outages.view(), *((gate,) if gate else ()))
