"""Where a lane blocks until there is news: never spinning, which would starve the courier of the GIL."""

from connector.lane.parts import Parts
from connector.lane.room import Room

NAP = 0.25
"""The longest sleep of a turn: signals and answers are noticed after it."""
GATHER = 0.01
"""Seconds for which landings are gathered while others fly: each turn is a transaction with its own fsync."""


class Rest:
    """The end of a turn. nap: for how long the next poll may sleep, since nothing flies."""

    def __init__(self, parts: Parts, room: Room) -> None:
        """The next poll does not sleep."""
        self._courier, self._plan, self._partitions = parts.courier, parts.plan, parts.partitions
        self._brake, self._outages, self._clock, self._room = parts.brake, parts.outages, parts.clock, room
        self.nap = 0.0

    def moved(self, *, untaken: bool) -> None:
        """After a turn that moved something: let more of what flies land, if nothing else is to do."""
        if self._courier.flying and (self._room.full or not untaken):
            self._courier.wait(GATHER, self._courier.flying // 2)

    def idle(self, paused: int) -> None:
        """After a turn that moved nothing. paused: so many partitions are not read."""
        nap, sated, held = min(NAP, self._due_in()), self._room.sated, len(self._partitions.tracks)
        reading = not sated and (paused < held or not held)
        if self._courier.flying:
            self._courier.wait(min(nap, GATHER) if reading else nap)
        elif self.nap or sated:  # the last poll did not, or the next one will not, come to its own sleep
            self._courier.wait(nap)
        else:
            self.nap = nap

    def _due_in(self) -> float:
        """Seconds until something can be claimed by itself; what is due and may not go wakes nobody."""
        if self._brake.holds or self._outages.blocks("ledger") or not self._courier.room:
            return NAP
        due = self._plan.next_due(self._clock.monotonic())
        return NAP if due is None else due
