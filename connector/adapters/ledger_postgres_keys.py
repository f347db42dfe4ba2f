"""How keys are written in a PostgreSQL ledger: readable, but for what a text or an index cannot hold.

A text holds no zero character, an index row at most 2,704 bytes. A backslash begins what stands for these.
"""

import hashlib
import re
from typing import Final

_LONGEST: Final = 512
"""Characters, of at most four bytes each."""
_ESCAPED: Final = re.compile(r"\\(.)")


def written(key: str) -> str:
    """A key as a text."""
    if "\\" in key or "\0" in key:
        return key.replace("\\", "\\\\").replace("\0", "\\0")
    return key


def indexed(key: str) -> str:
    """A key as an index takes it: a long one is a hash. Different keys stay different."""
    text = written(key)
    if len(text) > _LONGEST:
        return "\\h" + hashlib.blake2b(key.encode(), digest_size=32).hexdigest()
    return text


def read(text: str) -> str:
    """What `written` was given."""
    return _ESCAPED.sub(lambda found: "\0" if found[1] == "0" else found[1], text) if "\\" in text else text
