"""Which orders may go to their contacts (RULES 5), looked up in bulk and only for what would be sent."""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, Protocol

from connector.adapters.ledger_rows import Veil
from connector.core.claims import Deny, Grant, Needs
from connector.core.contact_first import PSEUDO, Holder, fit
from connector.core.events import Requirement
from connector.core.heads import Head

_REMEMBERED: Final = 10_000
Limits = Grant | Needs | Deny


class Contacts(Protocol):
    """What a store tells of contacts. A stored key holds no personal data, and is its own stored key."""

    def heads(self, entity: Literal["contact"], keys: Collection[str], /) -> Mapping[str, Head]:
        """The heads of these keys, by key."""

    def alias(self, alias: str, /) -> bytes:
        """An alias as it is stored."""

    def led_to(self, aliases: Collection[bytes], /) -> Mapping[bytes, str]:
        """The stored keys that aliases lead to."""

    def stored(self, key: str, /) -> str:
        """A key as it is stored."""


class Fitness:
    """Remembers whom an order may go to without limits, until `forget`.

    That only stops being true when a contact is erased, or an alias leads elsewhere. Whoever writes that
    bumps the ledger's generation in the same transaction, and every turn reads it first, inside its own.
    """

    def __init__(self, tables: Contacts) -> None:
        """Nothing is known."""
        self._tables = tables
        self._fit: set[Requirement] = set()

    def forget(self) -> None:
        """The generation went on."""
        self._fit.clear()

    def is_fit(self, need: Requirement) -> bool:
        """Remembered as without limits."""
        return need in self._fit

    def look_up(self, needed: Collection[Requirement]) -> dict[Requirement, Limits]:
        """What orders with these requirements may do."""
        known = self._tables.heads("contact", {need.key for need in needed if need.key})
        hashes = {need.alias: self._tables.alias(need.alias) for need in needed if need.alias is not None}
        led_to = self._tables.led_to(hashes.values())
        pseudo = {
            led_to[hashes[need.alias]]
            for need in needed
            if need.alias in hashes and hashes[need.alias] in led_to and need.key.startswith(PSEUDO)
        }
        led = self._tables.heads("contact", pseudo)
        verdicts: dict[Requirement, Limits] = {}
        for need in needed:
            contact = led_to.get(hashes[need.alias]) if need.alias is not None else None
            own = contact == self._tables.stored(need.key)
            head = known.get(need.key) if own else led.get(contact or "")
            holder = "nobody" if own else self._holder(contact)
            verdicts[need] = fit(need, known.get(need.key), head, own=own, holder=holder)
        self._remember(need for need, verdict in verdicts.items() if need.key and verdict == Grant())
        return verdicts

    def _holder(self, contact: str | None) -> Holder:
        if contact is None:
            return "nobody"
        return "guest" if Veil.veiled(contact) else "other"

    def _remember(self, needs: Iterable[Requirement]) -> None:
        if len(self._fit) > _REMEMBERED:
            self._fit.clear()
        self._fit.update(needs)
