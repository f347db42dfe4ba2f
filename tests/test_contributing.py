"""CONTRIBUTING's walkthrough, done as it is written: another destination, and orders sent to it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RUN = """
import json, sys, threading, time
from pathlib import Path
import yaml
from fastavro import schemaless_writer
from io import BytesIO
from connector import wiring
from connector.adapters import metrics
from connector.sandbox.broker import EmbeddedBroker, Outgoing
from connector.sandbox.pigeon import PigeonSandbox
from connector.settings import load

folder = Path(sys.argv[1])
fields = [{"name": name, "type": "string"} for name in ("external_order_id", "status", "total_cost")]
schema = {"type": "record", "name": "Row", "fields": fields}
(folder / "order.avsc").write_text(json.dumps(schema))
(folder / "token").write_text("pigeon-token")

def row(number, status):
    out = BytesIO()
    order = {"external_order_id": f"o{number}", "status": status, "total_cost": "1.50"}
    schemaless_writer(out, schema, order)
    return Outgoing("orders", f"o{number}".encode(), out.getvalue())

with EmbeddedBroker() as broker, PigeonSandbox() as crm:
    broker.touch(["orders", "letters"])
    (folder / "connector.yaml").write_text(yaml.safe_dump({
        "kafka": {"bootstrap_servers": broker.bootstrap},
        "topics": [{"name": "orders", "entity": "order", "schema_file": str(folder / "order.avsc")}],
        "destinations": {"birds": {"type": "pigeon", "url": crm.url, "api_key_file": str(folder / "token")}},
        "ledger": {"url": f"sqlite://{folder}/ledger.db"},
        "dead_letters": {"topic": "letters"},
        "delivery": {"linger_ms": 10},
    }))
    broker.write(row(number % 5, status) for number, status in enumerate(["new"] * 5 + ["paid"] * 5))
    service = wiring.build(load(folder / "connector.yaml", {}), metrics.meter(), embedded=True)
    thread = threading.Thread(target=service.work)
    thread.start()
    totals, deadline = service.lanes["birds"].parts.books.totals, time.monotonic() + 120
    while sum(totals.values()) < 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    service.stop()
    thread.join()
    statuses = sorted((key, json.loads(body)["status"]) for key, body in crm.orders.items())
    print(json.dumps({"settled": sum(totals.values()), "held": statuses}))
"""


def walk(folder: Path) -> None:
    """Do what the section says to a copy of the sources."""
    shutil.copytree(ROOT / "connector", folder / "connector", ignore=shutil.ignore_patterns("__pycache__"))
    section = TEXT.partition("## Another destination")[2].partition("\n## ")[0]
    for kind, block in re.findall(r"```(python|diff)\n(.*?)```", section, re.DOTALL):
        (new_file if kind == "python" else change)(folder, block)


def new_file(folder: Path, block: str) -> None:
    name = block.partition("\n")[0].removeprefix("# ")
    assert not (folder / name).exists()
    (folder / name).write_text(block, encoding="utf-8")


def change(folder: Path, block: str) -> None:
    """Each - line gives way to the + lines behind it."""
    for name, hunks in re.findall(r"--- a/(\S+)\n((?:[-+ ].*\n)+?)(?=---|\Z)", block):
        text = (folder / name).read_text(encoding="utf-8")
        for old, new in re.findall(r"-(.*)\n((?:\+.*\n)+)", hunks):
            assert text.count(f"{old}\n") == 1, old
            text = text.replace(f"{old}\n", re.sub(r"(?m)^\+", "", new))
        (folder / name).write_text(text, encoding="utf-8")


def test_another_destination_is_three_files_and_a_few_lines(tmp_path: Path) -> None:
    walk(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "run.py").write_text(RUN, encoding="utf-8")
    command = [sys.executable, "run.py", str(tmp_path / "data")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)

    held = ", ".join(f'["o{number}", "paid"]' for number in range(5))
    assert done.stdout.splitlines()[-1:] == [f'{{"settled": 10, "held": [{held}]}}'], done.stderr


def test_its_dialect_is_pure(tmp_path: Path) -> None:
    """It imports core alone, as the import contract wants of a dialect."""
    walk(tmp_path)
    text = (tmp_path / "connector/dialects/pigeon.py").read_text(encoding="utf-8")

    imported = re.findall(r"(?m)^(?:from|import) (\S+?)(?:\.\w+)?(?: |$)", text)
    assert set(imported) == {"connector.core", "msgspec"}
