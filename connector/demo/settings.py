"""The demo's configuration, as a team would write it for this shop."""

from pathlib import Path
from typing import Any, Final

from connector.demo import metrica
from connector.demo.verdict import STATUSES, ZONE
from connector.sandbox.traffic_schemas import CONTACTS, ORDERS
from connector.settings import Settings

LETTERS: Final = "crm-connector.dead-letters"
DESTINATION: Final = "yespo"
METRICA: Final = "metrica"
"""Beside it, but for the tour."""
Topics = list[dict[str, Any]]
TOPICS: Final[Topics] = [
    {
        "name": ORDERS,
        "entity": "order",
        "fields": {
            "externalOrderId": "order_no",
            "externalCustomerId": "customer_no",
            "totalCost": "total",
            "date": "created_at",
            "restoreUrl": "cart_url",
            "deliveryMethod": "delivery.method",
            "deliveryAddress": "delivery.address",
            "items.externalItemId": "sku",
            "items.name": "title",
            "items.quantity": "qty",
            "items.cost": "price",
            "items.imageUrl": "image",
        },
        "values": {"status": STATUSES},
        "params": {"city": "delivery.city", "tracking": "delivery.tracking"},
    },
    {
        "name": CONTACTS,
        "entity": "contact",
        "fields": {"externalCustomerId": "customer_no", "town": "city"},
    },
]


def settings(
    *, broker: str, registry: str, crm: str, directory: Path, rate: int, group: str,
    topics: Topics = TOPICS,
) -> Settings:  # fmt: skip
    """Settings for parts at these addresses. rate: requests a second, 0 = unlimited."""
    return Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": broker, "group_id": group, "properties": {"log_level": 2}},
            "schema_registry": {"url": registry},
            "topics": topics,
            "destinations": {
                **({METRICA: _metrica(crm)} if topics is TOPICS else {}),
                DESTINATION: {
                    "type": "yespo",
                    "url": f"{crm}/api",
                    "api_key": "sandbox-key",
                    "time_zone": ZONE,
                },
            },
            "ledger": {"url": f"sqlite://{directory / 'ledger.db'}"},
            "dead_letters": {"topic": LETTERS},
            "delivery": {"rate_per_second": rate, "drain_seconds": 10},
            "server": {"host": "127.0.0.1", "port": 0},
        }
    )


def _metrica(crm: str) -> dict[str, Any]:
    """A day's requests are few, so batches wait for company; in a demo for a second."""
    return {
        "type": "metrica",
        "url": crm,
        "counter_id": 1,
        "token": "sandbox-token",
        "statuses": metrica.STATUSES,
        "upload": "json",
        "delivery": {"linger_ms": 1000},
    }
