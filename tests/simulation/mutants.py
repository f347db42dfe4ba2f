"""A safeguard each, taken away: what the simulation must notice. By composition, or through the ports."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from connector.core.claims import Done, Grant
from connector.core.events import Event
from connector.core.letters import Letter
from connector.core.model import Position
from connector.core.turn import Conclusion, Decision, conclude, decide
from connector.dialects.yespo import Yespo
from connector.lane.partitions import Partitions
from connector.ports import DeadLetters, TopicPartition
from tests.fakes.ledger import Rules, Scope, Store


def _as_it_is(letters: DeadLetters) -> DeadLetters:
    return letters


def _shared(store: Store) -> Store:
    return store


class Mutant(Struct, frozen=True):
    """What is put in place of what is right. store: the store as one process sees it. looks: at its lease."""

    store: Callable[[Store], Store] = _shared
    rules: Rules = Rules()
    partitions: type[Partitions] = Partitions
    letters: Callable[[DeadLetters], DeadLetters] = _as_it_is
    destination: type[Yespo] = Yespo
    looks: bool = True


def claims_of_its_own(store: Store) -> Store:
    """A ledger that grants and claims nothing that others could see, or that would outlive its process."""
    scopes = {
        name: Scope(one.heads, {}, one.aliases, one.rows, one.answers) for name, one in store.scopes.items()
    }
    return Store(store.identity, scopes, store.living, store.owners)


class Unfenced(Partitions):
    """A position frees its offset whichever assignment it was read in, and what is gone is not forgotten."""

    def settle(self, position: Position) -> None:
        track = self.tracks.get((position.topic, position.partition))
        if track is not None and position.offset < track.next:
            try:
                track.settle(position.offset)
            except KeyError:
                return

    def holds(self, position: Position) -> bool:
        return (position.topic, position.partition) in self.tracks

    def forget(self, gone: Iterable[TopicPartition]) -> None:
        """Nothing."""


def _anybodys(*args: Any, mine: bool, **more: Any) -> Conclusion:
    return conclude(*args, mine=True, **more)


class Hasty(Partitions):
    """The watermark is what was read, not what is settled."""

    def to_commit(self) -> dict[TopicPartition, int]:
        return {key: track.next for key, track in self.tracks.items()}


def _always_newer(want: Any, head: Any, claim: Any, **more: Any) -> Decision:
    decision = decide(want, head, claim, **more)
    if decision.verdict == Done("superseded"):
        return decide(want, None, claim, **more)
    return decision


def _never_doubtful(*args: Any, **more: Any) -> Decision:
    decision = decide(*args, **more)
    if isinstance(decision.verdict, Grant):
        return replace(decision, verdict=replace(decision.verdict, doubtful=False))
    return decision


def _stays(want: Any, *args: Any, **more: Any) -> Decision:
    """No address is known to move away while a change is under way."""
    decision = decide(replace(want, beside=()), *args, **more)
    if decision.claim is None:
        return decision
    return replace(decision, claim=replace(decision.claim, head=replace(decision.claim.head, leaving=())))


class Hurried(Yespo):
    """An order waits for no contact."""

    def requires(self, event: Event) -> None:
        """Nothing."""


class Postponed:
    """Letters that are said to be durable, and written with the next ones."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters
        self._kept: list[Letter] = []

    def write(self, letters: Sequence[Letter]) -> None:
        self._letters.write(self._kept)
        self._kept = list(letters)


MUTANTS: Mapping[str, Mutant] = {
    "claim": Mutant(store=claims_of_its_own),
    "fence": Mutant(partitions=Unfenced, rules=Rules(conclude=_anybodys)),
    "fence of positions": Mutant(partitions=Unfenced),
    "fence of claims": Mutant(rules=Rules(conclude=_anybodys)),
    "watermark": Mutant(partitions=Hasty),
    "version guard": Mutant(rules=Rules(decide=_always_newer)),
    "dead letter before commit": Mutant(letters=Postponed),
    "doubt": Mutant(rules=Rules(decide=_never_doubtful)),
    "contact first": Mutant(destination=Hurried),
}
CARELESS = Mutant(looks=False)
"""Writes without a look at its lease: rare among seeds."""
UNAWARE = Mutant(rules=Rules(decide=_stays))
"""Relies on addresses that a change under way takes away: rare among seeds, too."""
NONE = Mutant()
