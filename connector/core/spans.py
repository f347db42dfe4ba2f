"""Spans of time as a person reads them. Pure."""

from typing import Final

_UNITS: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def span(seconds: float) -> str:
    """Its two largest units: 45 s, 12 min 5 s, 3 h 20 min, 2 d 4 h; below ten seconds a decimal."""
    if seconds < 9.95:  # noqa: PLR2004 - see above
        return f"{max(0.0, seconds):.1f} s".replace(".0 ", " ")
    left, parts = round(seconds), list[str]()
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(part for part in parts[:2] if part)
