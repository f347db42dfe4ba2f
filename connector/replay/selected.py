"""One topic's reading of which only a selection goes on; the rest is counted as filtered."""

from collections.abc import Callable

from connector.core.change import Change
from connector.core.events import Event
from connector.core.model import Record, Reject, Skip
from connector.core.selection import NOT_SELECTED, Selection, chosen, holds
from connector.lane.intake import Decodes, Maps


class Selected:
    """Decodes and Maps over others. What cannot be decoded is of no selection: it costs no dead letter."""

    def __init__(
        self, decoder: Decodes, mapper: Maps, selection: Selection, find_key: Callable[[str], str | None]
    ) -> None:
        """find_key: see Intake."""
        self._decoder, self._mapper = decoder, mapper
        self._selection, self._find_key = selection, find_key

    def decode(self, record: Record) -> Change | Skip | Reject:
        """See Decodes."""
        change = self._decoder.decode(record)
        if isinstance(change, Change):
            return change if holds(change, self._selection.where) else NOT_SELECTED
        return NOT_SELECTED

    def map(self, change: Change, record: Record, topic_id: str) -> Event | Skip | Reject:
        """See Maps. Raises LedgerDown: take it again."""
        event, keys = self._mapper.map(change, record, topic_id), self._selection.keys
        if isinstance(event, Event):
            return event if chosen(event, keys, self._find_key) else NOT_SELECTED
        if isinstance(event, Reject) and keys and self._mapper.key_of(change) not in keys:
            return NOT_SELECTED
        return event

    def key_of(self, change: Change) -> str | None:
        """See Maps."""
        return self._mapper.key_of(change)
