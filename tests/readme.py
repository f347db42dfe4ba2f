"""What is written from the code, parts of README.md and a schema: `python -m tests.readme` writes it anew."""

import json
import re
from pathlib import Path

import msgspec

from connector.adapters.metric_table import METRICS, PREFIX
from connector.core.status import HEALTH, Status

README = Path(__file__).parent.parent / "README.md"
STATUS = README.parent / "schemas" / "status.schema.json"


def metrics_table() -> str:
    """Every metric with kind, labels and meaning."""
    rows = [
        f"| `{PREFIX}{m.name}` | {m.kind} | {', '.join(f'`{label}`' for label in m.labels)} | {m.meaning} |"
        for m in METRICS
    ]
    return "\n".join(["| name | kind | labels | meaning |", "|---|---|---|---|", *rows])


def health_table() -> str:
    """Every word of health, the gravest first."""
    rows = [f"| `{word}` | {meaning} |" for word, meaning in HEALTH.items()]
    return "\n".join(["| `health` | means |", "|---|---|", *rows])


def status_schema() -> str:
    """The form of `/status`, as JSON Schema."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(Status)
    return json.dumps(schema, indent=2) + "\n"


def filled(text: str) -> str:
    """README with its generated parts as they should be."""
    return _put("health", health_table(), _put("metrics", metrics_table(), text))


def _put(name: str, table: str, text: str) -> str:
    return re.sub(
        rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)",
        lambda match: f"{match[1]}{table}\n{match[2]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
    STATUS.write_text(status_schema(), encoding="utf-8")
