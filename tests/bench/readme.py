"""README's table of speed, made of a benchmark's JSON: `python -m tests.bench.readme [FILE]`."""

import re
import sys
from pathlib import Path

import msgspec

from tests.bench.report import Report, markdown
from tests.readme import README

FOUND = Path("build/bench.json")


def filled(text: str, found: Report) -> str:
    """README with this report between its markers."""
    return re.sub(
        r"(<!-- speed -->\n).*?(<!-- /speed -->)",
        lambda match: f"{match[1]}{markdown(found)}\n{match[2]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    report = msgspec.json.decode((Path(sys.argv[1]) if sys.argv[1:] else FOUND).read_bytes(), type=Report)
    README.write_text(filled(README.read_text(encoding="utf-8"), report), encoding="utf-8")
