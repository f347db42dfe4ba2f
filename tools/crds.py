"""Strict JSON schemas for kubeconform out of CustomResourceDefinitions.

Usage: crds.py OUT CRD.yaml…
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml


def strict(node: Any) -> None:
    """What is not declared is a mistake; an int-or-string is either."""
    if isinstance(node, dict):
        if "properties" in node and not node.get("x-kubernetes-preserve-unknown-fields"):
            node.setdefault("additionalProperties", False)
        if node.get("x-kubernetes-int-or-string"):
            node["type"] = ["integer", "string"]
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        strict(below)


out, *files = map(Path, sys.argv[1:])
for file in files:
    spec = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        strict(schema)
        schema["properties"]["metadata"] = {"type": "object"}
        to = out / spec["group"] / f"{spec['names']['kind'].lower()}_{version['name']}.json"
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps(schema), encoding="utf-8")
