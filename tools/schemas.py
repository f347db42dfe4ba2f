"""Kubernetes' strict JSON schemas for kubeconform, out of a wheel of kubernetes-validate.

Usage: schemas.py WHEEL OUT VERSION…
"""

import json
import sys
from pathlib import Path
from zipfile import ZipFile

wheel, out, *versions = sys.argv[1:]
with ZipFile(wheel) as archive:
    for version in versions:
        inside = f"kubernetes_validate/kubernetes-json-schema/v{version}-local-strict/"
        folder = Path(out) / f"v{version}-standalone-strict"
        folder.mkdir(parents=True, exist_ok=True)
        for name in archive.namelist():
            if not name.startswith(inside) or not name.endswith(".json"):
                continue
            schema = json.loads(archive.read(name).replace(b'"/api/_definitions.json', b'"_definitions.json'))
            schema.pop("$id", None)  # kubeconform would look for it in the network
            (folder / Path(name).name).write_text(json.dumps(schema), encoding="utf-8")
