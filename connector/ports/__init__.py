"""What a lane needs from outside, as Protocols of a few methods. The contract is in the docstrings;
one test suite per port runs on the fake and on the real adapter.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from connector.core.assignment import Answer, Assigned, Placed
from connector.core.claims import Ask, Busy, Deny, Done, Grant, Needs, Settlement, Verdict, Want
from connector.core.events import Event, Requirement
from connector.core.letters import Letter
from connector.core.lots import Lot
from connector.core.model import Record
from connector.core.quota import Taken
from connector.core.talk import Batch, Conversation, NoAnswer, Request, Response
from connector.ports.archive import Archive, Removable, Removed, Sent, Sight, Sizes, Span
from connector.ports.process import Attributes, Clock, History, Log, Meter, RequestSpan, Tracer

TopicPartition = tuple[str, int]

__all__ = [
    "Answer", "Archive", "Ask", "Assigned", "Attributes", "Busy", "Catalogue", "Clock", "Daily",
    "DeadLetters", "Deny", "Destination", "Done", "Grant", "History", "Http", "Ledger", "Letter", "Log",
    "Lot", "Members", "Meter", "Needs", "Placed", "Quotas", "Removable", "Removed", "RequestSpan",
    "Schemas", "Sent", "Settlement", "Sight", "Sizes", "Source", "Span", "Taken", "TopicPartition",
    "Tracer", "Verdict", "Want",
]  # fmt: skip


# --- Kafka ----------------------------------------------------------------------------------------


class Members(Protocol):
    """What a lane does when the group moves partitions; called inside `Source.poll`, on the lane's thread."""

    def assigned(self, partitions: Sequence[Assigned]) -> Mapping[TopicPartition, Placed]:
        """Say where each begins. Raises BrokerDown, LedgerDown: the source asks again."""

    def revoked(self, partitions: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Drain within the budget, forget them; return the offsets to commit (may be empty)."""

    def lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Another member owns them already: forget, commit nothing."""


class Source(Protocol):
    """A consumer group's records. One thread alone calls it."""

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """At most `limit` records; waits at most `timeout` seconds for the first one, never for the rest.

        A position's `lease` is the number of the partition's assignment in this process.
        A partition whose next record was deleted, or whose topic was re-created, is revoked and assigned
        anew, so that `Members` decides about it again.
        Raises BrokerDown when no broker answers; ConfigError where the group is refused (authorisation);
        Fatal where the client cannot go on; what `Members.assigned` raises (it is asked again by `poll`).
        """

    def resolve(self, partition: TopicPartition, start: str) -> int:
        """The offset that `earliest`, `latest`, an offset or an ISO time with zone means now.

        Raises BrokerDown.
        """

    def end(self, partition: TopicPartition) -> int:
        """The offset after the last record, as last told; -1: not yet. Does not block.

        Of a paused partition too: it grows while nothing is fetched.
        """

    def fetched(self) -> int:
        """Bytes that were fetched ahead and are not handed out yet, as told last. Does not block."""

    def reached(self) -> dict[TopicPartition, int]:
        """Partitions read to their end since the last call, with the end offset (markers included)."""

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Stop fetching them; records already fetched are not handed out either."""

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Fetch again, from the record after the last one handed out. Raises BrokerDown."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from `offset`."""

    def commit(self, offsets: Mapping[TopicPartition, int], *, wait: bool) -> bool:
        """Commit next offsets, each with the note of its partition; False: refused (fenced, rebalancing).

        Without wait: one that the broker refuses later is repeated by `poll` until a newer one replaces it.
        """

    def close(self) -> None:
        """Leave the group. `Members.revoked` was called before, by the lane's own drain."""


class Schemas(Protocol):
    """Writer schemas by id."""

    def writer(self, schema_id: int, topic: str) -> str | None:
        """The schema as self-contained Avro JSON (references inlined), fetched once per id.

        None: poison, no such id although the registry answers for another id of that topic (RULES 9).
        Raises RegistryDown while that cannot be told.
        """


class Ledger(Protocol):
    """What one destination has accepted, per entity key. Scoped to one destination.

    Any method raises LedgerDown while the store does not answer or cannot write; a turn that raised
    has changed nothing or everything, and asking again is safe.
    """

    @property
    def identity(self) -> str:
        """A random id made with the ledger: commits name it, so another ledger is noticed (RULES 3)."""

    def turn(self, settled: Sequence[Settlement], wanted: Sequence[Want]) -> list[Verdict]:
        """One transaction: settle, then decide and claim; a verdict per want, in order. Durable on return.

        At most one want per (entity, key).
        """

    def keys_of(self, row_keys: Sequence[str]) -> list[str | None]:
        """The entity keys that were settled with these row keys (RULES 8), None where unknown."""

    def answers(self) -> list[Answer]:
        """The operator's answers, oldest first."""

    def answer(self, answer: Answer) -> None:
        """Record an operator's answer (its `at` is set by the ledger)."""

    def accept_clock(self, clock: str, since_ms: int, reason: str) -> None:
        """From `since_ms` on, changes of this clock are newer than all heads that exist (RULES 1)."""

    def upkeep(self) -> None:
        """Called about once a second, between turns: does some of what is due (history that is old goes)."""

    def lease_left(self) -> float:
        """Seconds for which every claim that was granted and not settled is surely this owner's (RULES 2).

        inf where no claim can be lost while the process lives. Any thread may ask; the store is not asked.
        """

    def close(self) -> None:
        """Give up this owner's claims' lock and close. Claims left stay for the next owner to judge."""


class Quotas(Protocol):
    """One destination's request rate, shared by its replicas."""

    async def take(self, tokens: int, lead: float, *, refused: bool, answered: bool) -> Taken:
        """Take tokens from the bucket (core.quota.Quota); lead: none is due before so many seconds.

        refused, answered: what became of requests since the last call, which moves the rate for all replicas.
        Raises LedgerDown: none was taken, or as good as none.
        """


class Daily(Protocol):
    """One destination's requests of a day of GMT, kept, and shared by its replicas. One thread at a time.

    Any method raises LedgerDown while the store does not answer.
    """

    def take(self, most: int) -> int:
        """Count one request, unless `most` were counted today: how many are left, -1 = it was not counted."""

    def spend(self, most: int) -> None:
        """The destination says that today's are spent."""

    def used(self) -> int:
        """How many were counted today."""

    def close(self) -> None:
        """Give up what is open."""


class Catalogue(Protocol):
    """Products of which one destination was told, as digests of 8 bytes, kept and shared by its replicas.

    Any method raises LedgerDown while the store does not answer.
    """

    def known(self, most: int) -> set[bytes]:
        """All of them, but at most so many."""

    def add(self, digests: Collection[bytes]) -> None:
        """Remember them; those that are known already change nothing."""

    def close(self) -> None:
        """Give up what is open."""


# --- Destination ----------------------------------------------------------------------------------


class Destination(Protocol):
    """One CRM's dialects. Pure."""

    name: str
    patience: float
    """Seconds that an order waits for a contact that is not made for it."""

    def check(self, event: Event) -> str | None:
        """Why the destination would refuse or silently ignore it, or None. One sentence, no personal data."""

    def deep(self, event: Event) -> int:
        """How many of its values are nested deeper than the destination looks, and go as JSON text."""

    def requires(self, event: Event) -> Requirement | None:
        """The contact that has to be accepted first."""

    def ensure(self, event: Event, *, shared: bool) -> Event | None:
        """That contact, made from the order's own fields: an event without version and position.

        shared: the order's address is another contact's. None: contacts are not made from orders.
        """

    def refine(self, event: Event, grant: Grant) -> Event:
        """The kind to send, by what the ledger knows (RULES 7)."""

    def lot(self, event: Event) -> Lot:
        """Where it may be batched."""

    def aliases(self, event: Event) -> tuple[str, ...]:
        """What leads to this contact once it is accepted ("email:…", "phone:…")."""

    def converse(self, lot: Lot, batch: Batch) -> Conversation:
        """Send a batch of one lot."""


class Http(Protocol):
    """One destination's HTTP client. Never raises for what the network or the server does."""

    async def send(self, request: Request, timeout: float) -> Response | NoAnswer:
        """One attempt, no redirects, no retries; credentials are the client's business."""

    async def close(self) -> None:
        """Close idle connections."""


class DeadLetters(Protocol):
    """Where records go that cost themselves."""

    def write(self, letters: Sequence[Letter]) -> None:
        """Durable on return (acks=all, every delivery report seen); writing again is safe.

        Raises DeadLettersDown.
        """
