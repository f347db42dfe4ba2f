"""Request bodies without what tells something of a person: what is known to be harmless alone is shown."""

import re
from typing import Any, Final

import msgspec

from connector.adapters.masking import MASK, Masker
from connector.core.payloads import rows

_OPEN: Final = frozenset(
    (
        "externalorderid", "orderid", "status", "orderstatus", "totalcost", "date", "currency", "cost",
        "quantity", "eventtypekey", "occurred", "occurredat", "externalitemid", "shipping", "discount",
        "taxes", "storeid", "deliverymethod", "paymentmethod", "dedupeon", "contactfields", "groupnames",
        "id", "type", "createdatetime", "updatedatetime", "finishdatetime", "revenue", "price", "productid",
        "channels",
    )
)  # fmt: skip


class PayloadMasker:
    """reveal: everything is shown."""

    def __init__(self, *, reveal: bool) -> None:
        """See the class."""
        self._reveal, self._masker = reveal, Masker()

    def body(self, body: bytes | None) -> Any:
        """A body as JSON; a file of CSV as a list of its rows."""
        if body is None:
            return None
        if body.startswith(b"--"):
            return [self._tree(row, "") for row in rows(body)]
        try:
            return self._tree(msgspec.json.decode(body), "")
        except msgspec.DecodeError:
            return f"({len(body)} bytes)"

    def path(self, path: str) -> str:
        """A path with its query."""
        return path if self._reveal else self._masker.text(path)

    def key(self, key: str | None) -> str | None:
        """An entity's key."""
        return key if key is None or self._reveal else self._masker.text(key)

    def field(self, path: str, value: Any) -> Any:
        """A value by the path of its field."""
        return self._value(value, re.sub(r"\[\d+\]", "", path).rpartition(".")[2])

    def _tree(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            if value.keys() == {"name", "value"}:
                return {"name": value["name"], "value": self._tree(value["value"], str(value["name"]))}
            return {part: self._tree(one, part) for part, one in value.items()}
        if isinstance(value, list):
            return [self._tree(one, name) for one in value]
        return self._value(value, name)

    def _value(self, value: Any, name: str) -> Any:
        if self._reveal or value is None or isinstance(value, bool):
            return value
        if isinstance(value, int | float):
            return self._masker.value(value, name)
        known = re.sub(r"[^a-z]", "", name.lower()) in _OPEN
        return self._masker.text(str(value)) if known else MASK
