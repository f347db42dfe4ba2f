"""What every type of destination has, its options aside."""

from collections.abc import Mapping
from typing import ClassVar

from connector.core.rules import TopicRules
from connector.settings.model import DeliveryOverrides
from connector.settings.topic import TopicSettings
from connector.settings.types import Model, TopicName, WebUrl


class Destination(Model):
    """A type adds `type`, `url`, `contacts`, its secret and what else it needs.

    takes: entities. caps: what its API allows at most, less what bursts add; an unlimited rate (0) stays
    unlimited. usual: what it has instead of `delivery`, where its own says nothing.
    """

    takes: ClassVar[frozenset[str]]
    caps: ClassVar[Mapping[str, float]] = {}
    usual: ClassVar[Mapping[str, float]] = {}

    proxy: WebUrl | None = None
    topics: tuple[TopicName, ...] | None = None
    delivery: DeliveryOverrides = DeliveryOverrides()

    def rules(self, topic: TopicSettings) -> TopicRules:
        """How it reads a topic."""
        return topic.rules()
