"""After the first doubt of a resource that bears no resend, one event flies at a time (RULES 4)."""

from collections import deque
from collections.abc import Callable, Iterator

from msgspec import Struct

from connector.core.talk import Accepted, InDoubt, Outcome, Refused
from connector.courier.flight import Flight


class _Suspect(Struct):
    """held: flights that wait. doubts: in a row. trying: a trial is under way. rests: the next one waits."""

    held: deque[Flight]
    doubts: int = 0
    trying: bool = False
    rests: bool = False


class Caution:
    """By resource. rest: asks to be called (`rested`) when the next trial of a resource may fly.

    A conversation that had begun before the doubt ends as it would have: it cannot be made a trial any more.
    """

    def __init__(self, rest: Callable[[str, int], None]) -> None:
        self._suspects: dict[str, _Suspect] = {}
        self._rest = rest
        self._count = 0

    def __len__(self) -> int:
        """How many flights are held back."""
        return self._count

    def __iter__(self) -> Iterator[Flight]:
        """The flights that are held back."""
        return (flight for suspect in self._suspects.values() for flight in suspect.held)

    def admit(self, flight: Flight) -> Flight | None:
        """What may fly of this flight: all of it, one event as the trial, or nothing (it is held back)."""
        suspect = self._suspects.get(flight.lot.resource)
        if suspect is None or flight.trial:
            return flight
        suspect.held.append(flight)
        self._count += 1
        return self._trial(suspect)

    def rested(self, resource: str) -> Flight | None:
        """The next trial may fly: it, or None while nothing is held back."""
        suspect = self._suspects.get(resource)
        if suspect is None:
            return None
        suspect.rests = False
        return self._trial(suspect)

    def conclude(self, flight: Flight, outcomes: list[Outcome]) -> list[Flight]:
        """A flight ended; what may fly because of it."""
        resource = flight.lot.resource
        if flight.lot.in_doubt == "hold" and any(isinstance(outcome, InDoubt) for outcome in outcomes):
            self._doubt(resource, trial=flight.trial)
            return []
        if flight.trial and any(isinstance(outcome, Accepted) for outcome in outcomes):
            held = self._suspects.pop(resource).held
            self._count -= len(held)
            return list(held)
        refused = any(isinstance(outcome, Refused) for outcome in outcomes)
        return self.ended(flight) if refused else []

    def ended(self, flight: Flight) -> list[Flight]:
        """If it was the trial, it is over without a success (refused, given back): the next one."""
        suspect = self._suspects.get(flight.lot.resource)
        if suspect is None or not flight.trial:
            return []
        suspect.trying = False
        trial = self._trial(suspect)
        return [trial] if trial else []

    def discard(self, flight: Flight) -> None:
        """A held flight is withdrawn."""
        self._suspects[flight.lot.resource].held.remove(flight)
        self._count -= 1

    def _doubt(self, resource: str, *, trial: bool) -> None:
        suspect = self._suspects.setdefault(resource, _Suspect(deque()))
        suspect.doubts += 1
        if trial:
            suspect.trying = False
        if not suspect.rests:
            suspect.rests = True
            self._rest(resource, suspect.doubts)

    def _trial(self, suspect: _Suspect) -> Flight | None:
        if suspect.trying or suspect.rests or not suspect.held:
            return None
        suspect.trying = True
        flight = suspect.held.popleft()
        self._count -= 1
        if len(flight.batch) > 1:
            self._count += 1
            suspect.held.appendleft(flight.part(flight.batch[1:]))
        return flight.part(flight.batch[:1], trial=True)
