"""Apache Kafka's jars, fetched once by the ordinary Maven client and kept between runs."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

KAFKA_VERSION = "4.1.2"
_FETCH_SECONDS = 600.0
_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>crm-connector</groupId>
  <artifactId>test-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{version}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


class KafkaUnavailableError(Exception):
    """A real Kafka can't be had here; the message says why, in one line."""


def kafka_jars() -> Path:
    """The folder of Kafka's jars, fetched if it is not there yet.

    Raises KafkaUnavailableError without Java or Maven, or when the fetch fails.
    """
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise KafkaUnavailableError(f"{program} is not installed")
    home = _cache() / f"kafka-{KAFKA_VERSION}"
    if not home.is_dir():
        _fetch(home)
    return home


def _cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "crm-connector"


def _fetch(home: Path) -> None:
    # Renamed only when whole: an interrupted download is never taken for an installation,
    # and of two that fetch at the same time the first wins.
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="fetching-") as folder:
        work = Path(folder)
        (work / "pom.xml").write_text(_POM.format(version=KAFKA_VERSION), encoding="utf-8")
        _run_maven(work)
        try:
            (work / "libs").rename(home)
        except OSError:
            if not home.is_dir():
                raise


def _run_maven(work: Path) -> None:
    command = [
        *("mvn", "--batch-mode", "--quiet", "--no-transfer-progress", "--file", str(work / "pom.xml")),
        *(f"{_PLUGIN}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={work / 'libs'}"),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise KafkaUnavailableError(f"Maven had not fetched Kafka in {_FETCH_SECONDS:.0f} s") from None
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
        raise KafkaUnavailableError(f"Maven could not fetch Kafka: {lines[0]}")
