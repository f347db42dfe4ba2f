"""The parts of README.md that are made from the code: `python -m tests.readme` writes them anew."""

import re
from pathlib import Path

from connector.adapters.metric_table import METRICS, PREFIX

README = Path(__file__).parent.parent / "README.md"


def metrics_table() -> str:
    """Every metric with kind, labels and meaning."""
    rows = [
        f"| `{PREFIX}{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels)} | {m.meaning} |"
        for m in METRICS
    ]
    return "\n".join(["| name | kind | labels | meaning |", "|---|---|---|---|", *rows])


def filled(text: str) -> str:
    """README with its generated parts as they should be."""
    return re.sub(
        r"(<!-- metrics -->\n).*?(<!-- /metrics -->)",
        lambda match: f"{match[1]}{metrics_table()}\n{match[2]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
