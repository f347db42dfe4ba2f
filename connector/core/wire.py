"""Framing: which writer schema a message names, and where its Avro body starts.

Confluent's wire format is 0x00, a 4-byte big-endian schema id, the body. Apicurio can put the id into a
header instead (then the message is all body). Everything else is a Reject that names what it looks like.
"""

from collections.abc import Mapping
from typing import Literal

from connector.core.model import Reject

Part = Literal["key", "value"]
Headers = Mapping[str, bytes | None]

HEAD = 5
_CONTENT_ID = {"key": "apicurio.key.contentId", "value": "apicurio.value.contentId"}
_LAST_ID = 2**31 - 1
_ADVICE = "use Confluent's framing (0x00 and a 4-byte schema id)"


def frame(data: bytes, part: Part, headers: Headers) -> tuple[int, int] | Reject:
    """(schema id, start of the body), or why the bytes cannot be Confluent's wire format."""
    if is_headed(part, headers):
        schema_id, start = int.from_bytes(headers[_CONTENT_ID[part]] or b"", "big"), 0
    elif len(data) >= HEAD and data[0] == 0:
        schema_id, start = int.from_bytes(data[1:HEAD], "big"), HEAD
    else:
        return _refusal(data, part, headers)
    # Ids are positive and have 31 bits. A registry must not be asked for another: it does not answer that
    # there is none, but that there is no such page. 0 is the upper half of a longer id, or no id at all.
    return (schema_id, start) if 0 < schema_id <= _LAST_ID else _refusal(data, part, headers)


def is_headed(part: Part, headers: Headers) -> bool:
    """Whether a header holds the schema id, so that the message is all body."""
    return bool(headers) and _CONTENT_ID[part] in headers


def stranger(data: bytes, part: Part, headers: Headers, schema_id: int) -> Reject:
    """The Reject of a well-framed message whose id the registry does not know.

    About half the bodies of a framing without prefix start with 0x00, so the id may be no id (cdc 2).
    """
    other = _looks_like(data, part, headers)
    hint = f"looks like {other}" if other else "another registry's id, or another framing"
    return Reject("unknown_schema", f"the registry has no schema {schema_id} ({hint})")


def _refusal(data: bytes, part: Part, headers: Headers) -> Reject:
    if not data:
        return Reject(f"empty_{part}", f"the {part} has no bytes at all (a tombstone is null, not empty)")
    other = _looks_like(data, part, headers)
    if other is None and data[0] == 0 and len(data) <= HEAD:
        return Reject("truncated", f"the {part} ends inside its frame: {_ADVICE}")
    return Reject("bad_framing", f"the {part} looks like {other or 'no known framing'}: {_ADVICE}")


def _looks_like(data: bytes, part: Part, headers: Headers) -> str | None:
    if any(name.startswith(f"apicurio.{part}.") for name in headers):
        return "Apicurio's ids in headers (set apicurio.registry.use-id=contentId)"
    if f"__{part}_schema_id" in headers:
        return "Confluent's schema GUID in headers (set the prefix schema id serializer)"
    if data[:1] in (b"{", b"["):
        return "JSON without a registry"
    if data[:2] == b"\xc3\x01":
        return "Avro's single-object encoding"
    if data[:5] == bytes(5) and len(data) > HEAD:
        return (
            "Apicurio's 8-byte framing (set apicurio.registry.as-confluent=true, "
            "apicurio.registry.use-id=contentId and apicurio.registry.headers.enabled=false)"
        )
    return None
