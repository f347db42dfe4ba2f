"""A bounded range of a topic, through the same lane as live records.

The source is another one (adapters.kafka_replay); here is what is left out, and what became of the rest.
"""

from connector.replay.forcing import Forcing
from connector.replay.part import PartOfQuotas
from connector.replay.resending import Resending
from connector.replay.selected import Selected
from connector.replay.tally import OUTCOMES, TalliedBooks, Tally, begun
from connector.replay.through import Counting

__all__ = [
    "OUTCOMES",
    "Counting",
    "Forcing",
    "PartOfQuotas",
    "Resending",
    "Selected",
    "TalliedBooks",
    "Tally",
    "begun",
]
