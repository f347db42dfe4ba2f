"""Configurations for commands under test, against whatever the test has running."""

from pathlib import Path

import yaml


def write(folder: Path, tree: dict[str, object]) -> Path:
    """A configuration file."""
    file = folder / "connector.yaml"
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return file


def config(
    folder: Path,
    *,
    brokers: str = "127.0.0.1:1",
    registry: str = "http://127.0.0.1:1",
    crm: str = "http://127.0.0.1:1",
    api_key: str = "sandbox-key",
    orders: str = "orders",
    contacts: str = "contacts",
    **more: object,
) -> Path:
    """Orders and contacts into Yespo, the ledger beside the file."""
    tree: dict[str, object] = {
        "kafka": {"bootstrap_servers": brokers, "group_id": f"group.{orders}"},
        "schema_registry": {"url": registry},
        "topics": [
            {"name": orders, "entity": "order", "fields": {"totalCost": "total"}},
            {"name": contacts, "entity": "contact"},
        ],
        "destinations": {"yespo": {"type": "yespo", "url": crm, "api_key": api_key}},
        "ledger": {"url": f"sqlite://{folder}/ledger.db"},
        "dead_letters": {"topic": f"letters.{orders}"},
        "server": {"host": "127.0.0.1", "port": 0},
    }
    return write(folder, tree | more)
