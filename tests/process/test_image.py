"""The image at work, as an orchestrator runs it. `make image` names it in CRM_CONNECTOR_IMAGE."""

import os
import subprocess
from pathlib import Path
from signal import SIGTERM
from uuid import uuid4

import pytest

from tests.process.test_outages import world
from tests.support.broker import Broker
from tests.support.instance import Instance, wait_until
from tests.support.topics import TopicFactory

IMAGE = os.environ.get("CRM_CONNECTOR_IMAGE", "")
RESTRICTED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--tmpfs=/tmp"]

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    pytest.mark.skipif(not IMAGE, reason="no image to try: make image"),
]


class Contained(Instance):
    """The connector in a container, on the host's network, with its folder mounted where it is here."""

    def __init__(self, config: Path, port: int) -> None:
        super().__init__(config, port)
        self._names: list[str] = []
        for path in (config.parent.parent, *config.parent.parent.rglob("*")):
            path.chmod(0o777)  # another user's

    @property
    def command(self) -> list[str]:
        """A container of its own for each start."""
        self._names.append(f"crm-connector-{uuid4().hex[:8]}")
        folder = self.config.parent.parent
        mounted = ["--network=host", f"--volume={folder}:{folder}"]
        named = ["--rm", f"--name={self._names[-1]}"]
        return ["docker", "run", *named, *RESTRICTED, *mounted, IMAGE, "run", "-c", str(self.config)]

    def kill(self) -> None:
        """As a node that fails."""
        subprocess.run(["docker", "kill", self._names[-1]], check=True, capture_output=True)
        wait_until(lambda: not self.running, 30, self.trouble)

    def close(self) -> None:
        """No container is left."""
        subprocess.run(["docker", "rm", "-f", *self._names], check=False, capture_output=True)
        super().close()


@pytest.mark.timeout(300)
def test_a_container_that_is_killed_and_one_that_is_drained_under_load_lose_nothing(
    broker: Broker, topic: TopicFactory, tmp_path: Path
) -> None:
    with world(broker, topic, tmp_path, started=Contained) as here:
        instance = here.instance
        assert isinstance(instance, Contained)

        def sent() -> int:
            return here.sandbox.crm.counts()["events"]

        here.shop.start(each=8, seconds=0.1, orders=60)
        instance.start()
        wait_until(lambda: sent() > 100, 60, instance.trouble)
        instance.kill()
        before = sent()
        instance.start()
        wait_until(lambda: sent() > before + 100, 60, instance.trouble)
        assert instance.end(SIGTERM) == 0
        instance.start()
        here.shop.stop()
        here.finish()
