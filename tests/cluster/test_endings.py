"""What is read of how pods ended: once each, also of containers that were started again."""

import json
from pathlib import Path
from typing import Any

from tests.cluster.endings import Ending, endings


def ended(container: str, code: int, reason: str) -> dict[str, Any]:
    return {"terminated": {"containerID": container, "exitCode": code, "reason": reason}}


def pod(state: dict[str, Any], last: dict[str, Any]) -> str:
    status = {"containerStatuses": [{"state": state, "lastState": last}]}
    return json.dumps({"metadata": {"name": "pod"}, "status": status}, indent=4)


def test_each_container_ended_once_however_often_it_is_told(tmp_path: Path) -> None:
    first, second = ended("a", 137, "OOMKilled"), ended("b", 0, "Completed")
    told = [pod({"running": {}}, {}), pod({"running": {}}, first), pod(second, first), pod(second, first)]
    (file := tmp_path / "watch").write_text("\n".join(told), encoding="utf-8")

    assert endings(file) == [Ending("pod", "a", 137, "OOMKilled"), Ending("pod", "b", 0, "Completed")]


def test_a_pod_that_is_not_on_a_node_yet_and_a_torn_document_end_nothing(tmp_path: Path) -> None:
    pending = json.dumps({"metadata": {"name": "pod"}, "status": {"phase": "Pending"}})
    torn = pod(ended("a", 1, "Error"), {})[:-9]
    (file := tmp_path / "watch").write_text(pending + torn, encoding="utf-8")

    assert endings(file) == []
