"""What each type of destination takes, has by default, and is capped by."""

from collections.abc import Mapping
from typing import Final

SUPPORTED: Final[Mapping[str, frozenset[str]]] = {
    "yespo": frozenset({"order", "contact", "event"}),
    "metrica": frozenset({"order", "contact"}),
}
"""Entities that a type of destination takes."""
CAPS: Final[Mapping[str, Mapping[str, float]]] = {
    "yespo": {"rate_per_second": 170},
    "metrica": {"rate_per_second": 25, "in_flight": 3},
}
"""What a destination's API allows at most, less what bursts add; an unlimited rate (0) stays unlimited.

Yespo answers 429 above 200 a second; 180 was still seen to meet one, 170 none. Metrica answers 429 above 30,
and 30 was seen to meet one."""
USUAL: Final[Mapping[str, Mapping[str, float]]] = {
    "yespo": {},
    "metrica": {
        "batch_events": 10_000, "batch_bytes": 16_777_216, "linger_ms": 60_000, "in_flight": 2,
        "rate_per_second": 10,
    },
}  # fmt: skip
"""What a destination has instead of `delivery`, where its own says nothing: Metrica counts requests."""
