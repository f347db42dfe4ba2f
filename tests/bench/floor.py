"""What the work costs in Python without any promise: `python -m tests.bench.floor JSON`.

Consume, decode (fastavro), map, encode (msgspec), post 500 a request, one after the other: no validation, no
ledger, no retry, no order, no metrics. It posts what the connector posts. Prints one JSON line: CPU seconds
of this process from the first poll to the last answer, and records a second once the first had come.
"""

import json
import sys
import time
from http.client import HTTPConnection
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import fastavro
from confluent_kafka import Consumer, Message
from msgspec.json import Encoder

from tests.bench.records import SCHEMA_FILE

BATCH, FRAME = 500, 5
ITEM = ("externalItemId", "name", "category", "quantity", "cost", "url", "imageUrl")
_encode = Encoder(decimal_format="number").encode


def event(row: dict[str, Any]) -> dict[str, Any]:
    """An order as Yespo's past event."""
    date = row["date"].isoformat()
    params = {
        "email": row["email"],
        "phone": row["phone"][1:],
        "externalCustomerId": row["externalCustomerId"],
        "externalOrderId": row["externalOrderId"],
        "totalCost": str(row["totalCost"]),
        "status": row["status"],
        "date": date[:19],
        "currency": row["currency"],
        "items": row["items"],
    }
    return {
        "eventTypeKey": "orderUpdated",
        "keyValue": row["email"],
        "params": [{"name": name, "value": value} for name, value in params.items()],
        "occurred": date[:16],
    }


def body(rows: list[dict[str, Any]]) -> bytes:
    """One request's."""
    return _encode({"events": [event(row) for row in rows]})


class Reader:
    """Rows of Avro in Confluent's framing."""

    def __init__(self) -> None:
        """Parse the schema, once."""
        self._schema = fastavro.parse_schema(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))

    def row(self, value: bytes) -> dict[str, Any]:
        """One record."""
        stream = BytesIO(value)
        stream.seek(FRAME)
        read: Any = fastavro.schemaless_reader(stream, self._schema, None)
        return dict(read)


def measure(bootstrap: str, topic: str, group: str, url: str, records: int) -> dict[str, float]:
    """Read so many records, send them all."""
    reader, parts, done = Reader(), urlsplit(url), 0
    headers = {"content-type": "application/json"}
    http = HTTPConnection(parts.hostname or "", parts.port)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    cpu, began = time.process_time(), 0.0
    while done < records:
        rows = [reader.row(value) for message in consumer.consume(BATCH, 0.1) if (value := _value(message))]
        if rows:
            began = began or time.monotonic()
            http.request("POST", "/v1/past_events", body(rows), headers)
            if http.getresponse().read():
                raise RuntimeError("the destination says more than yes")
            done += len(rows)
    told = {"cpu": time.process_time() - cpu, "rate": done / (time.monotonic() - began)}
    consumer.close()
    return told


def _value(message: Message) -> bytes | None:
    if message.error():
        raise RuntimeError(str(message.error()))
    value = message.value()
    return value if isinstance(value, bytes) else None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(**json.loads(sys.argv[1]))) + "\n")
