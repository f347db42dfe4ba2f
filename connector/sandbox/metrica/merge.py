"""What an upload's merge_mode makes of a row that is there, and the row that was sent."""

from collections.abc import Mapping
from typing import Any, Literal

Mode = Literal["SAVE", "UPDATE", "APPEND"]
MODES: tuple[Mode, ...] = ("SAVE", "UPDATE", "APPEND")
CREATED = "create_date_time"


def merge(mode: Mode, old: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """SAVE replaces the row: what is not sent becomes null. UPDATE changes what is sent. APPEND adds to
    lists.

    The creation date stays as it was first sent. What is null is left out of the row.
    """
    if mode == "SAVE":
        merged = dict(sent)
    elif mode == "UPDATE":
        merged = {**old, **sent}
    else:
        merged = {**old, **{name: _added(old.get(name), value) for name, value in sent.items()}}
    if old.get(CREATED) is not None:
        merged[CREATED] = old[CREATED]
    return {name: value for name, value in merged.items() if value is not None}


def _added(old: Any, sent: Any) -> Any:
    if isinstance(old, tuple) and isinstance(sent, tuple):
        return (*old, *(each for each in sent if each not in old))
    if isinstance(old, Mapping) and isinstance(sent, Mapping):
        return {**old, **sent}
    return sent
