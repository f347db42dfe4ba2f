"""The JSON Schema of the configuration, for editors.

Written by `python -m connector.settings.schema > schemas/config.schema.json`.
"""

import json
import sys

from connector.settings import Settings


def config_schema() -> str:
    """The schema as it is kept in schemas/config.schema.json."""
    schema = Settings.model_json_schema()
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "crm-connector configuration"}
    return json.dumps({**schema, **head}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(config_schema())
