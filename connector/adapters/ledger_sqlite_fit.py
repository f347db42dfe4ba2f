"""Which orders may go to their contacts (RULES 5), looked up in bulk and only for what would be sent."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final, Protocol

from connector.adapters.ledger_rows import Veil
from connector.core.claims import Grant
from connector.core.contact_first import PSEUDO, Holder, Limits
from connector.core.events import Requirement
from connector.core.sight import Sight, reach

_REMEMBERED: Final = 10_000
_UNKNOWN: Final = Sight()


class Aliases(Protocol):
    """What leads to contacts. A stored key holds no personal data, and is its own stored key."""

    def alias(self, alias: str, /) -> bytes:
        """An alias as it is stored."""

    def led_to(self, aliases: Collection[bytes], /) -> Mapping[bytes, str]:
        """The stored keys that aliases lead to."""

    def stored(self, key: str, /) -> str:
        """A key as it is stored."""


class Fitness:
    """Remembers whom an order may go to without limits, until `forget`.

    That only stops being true when a contact is erased, or an alias leads elsewhere, or a change is claimed
    that may do so. Whoever writes that bumps the ledger's generation in the same transaction, and every turn
    reads it first, inside its own.
    """

    def __init__(self, tables: Aliases, contacts: Callable[[Collection[str]], Mapping[str, Sight]]) -> None:
        """contacts: what is known of contacts, by key; of those without head, nothing."""
        self._tables, self._contacts = tables, contacts
        self._fit: set[Requirement] = set()

    def forget(self) -> None:
        """The generation went on."""
        self._fit.clear()

    def is_fit(self, need: Requirement) -> bool:
        """Remembered as without limits."""
        return need in self._fit

    def look_up(self, needed: Collection[Requirement]) -> dict[Requirement, Limits]:
        """What orders with these requirements may do."""
        known = self._contacts({need.key for need in needed if need.key})
        hashes = {need.alias: self._tables.alias(need.alias) for need in needed if need.alias is not None}
        led_to = self._tables.led_to(hashes.values())
        pseudo = {
            led_to[hashes[need.alias]]
            for need in needed
            if need.alias in hashes and hashes[need.alias] in led_to and need.key.startswith(PSEUDO)
        }
        led = self._contacts(pseudo)
        verdicts: dict[Requirement, Limits] = {}
        for need in needed:
            alias = hashes.get(need.alias) if need.alias is not None else None
            contact = led_to.get(alias) if alias is not None else None
            named, own = known.get(need.key, _UNKNOWN), contact == self._tables.stored(need.key)
            found = named if own else led.get(contact or "", _UNKNOWN)
            verdicts[need] = reach(need, named, found, alias, own=own, holder=_holder(contact))
        self._remember(need for need, verdict in verdicts.items() if need.key and verdict == Grant())
        return verdicts

    def _remember(self, needs: Iterable[Requirement]) -> None:
        if len(self._fit) > _REMEMBERED:
            self._fit.clear()
        self._fit.update(needs)


def _holder(contact: str | None) -> Holder:
    if contact is None:
        return "nobody"
    return "guest" if Veil.veiled(contact) else "other"
