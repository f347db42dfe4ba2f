"""The letters in the dead-letter topic as an operator looks at them: indexed first, then read.

Memory is bounded by a chunk of messages, however many letters there are.
"""

from collections.abc import Iterable, Iterator

from connector.adapters.dead_letters_index import LettersIndex
from connector.adapters.dead_letters_read import filed
from connector.adapters.kafka_properties import Properties
from connector.adapters.kafka_range import WAIT, KafkaRange
from connector.core.letters import Choice, Filed
from connector.core.model import Record


class LetterBox:
    """Raises BrokerDown, ConfigError. index: what `look` found."""

    def __init__(self, properties: Properties, topic: str) -> None:
        """Nothing is looked at yet."""
        self._range = KafkaRange(properties, topic)
        self.index = LettersIndex()

    def look(self, choice: Choice, wait: float = WAIT) -> int:
        """Find the letters that are meant and not gone; how many. wait: see KafkaRange.spans."""
        for messages in self._range.read(self._range.spans(wait)):
            # In order: a letter that was written again replaces itself, also by one that is not meant.
            newest = {message.key: message for message in messages}
            meant, gone = [], []
            for message in newest.values():
                one = filed(message)
                if one is not None and choice.holds(one):
                    meant.append(one)
                elif message.key is not None:
                    gone.append(message.key.decode(errors="replace"))
            self.index.drop(gone)
            self.index.put(meant)
        return len(self.index)

    def letters(self) -> Iterator[Filed]:
        """Those that `look` found, each as it was then, in the order of the topic."""
        for messages in self._range.read(self.index.spans()):
            yield from self._meant(messages)

    def _meant(self, messages: Iterable[Record]) -> Iterator[Filed]:
        by_part: dict[int, list[Record]] = {}
        for message in messages:
            by_part.setdefault(message.position.partition, []).append(message)
        for part, own in by_part.items():
            there = self.index.has(part, [message.position.offset for message in own])
            for message in own:
                one = filed(message) if message.position.offset in there else None
                if one is not None:
                    yield one

    def close(self) -> None:
        """Disconnect, forget."""
        self._range.close()
        self.index.close()
