"""The chart at work on the node that tools/chart-node has brought up in a folder, and the verdict.

Exit codes as those of `make chaos`.
"""

import argparse
import os
import random
import shutil
import sys
from pathlib import Path

from rich.console import Console

from tests.chaos.machines import machines
from tests.chaos.story import Story
from tests.chaos.table import show
from tests.cluster.scenarios import DEPLOYMENT, SCALED, STATEFUL
from tests.cluster.worlds import Cluster

WORLDS = ("deployment", "stateful", "scaled")


def main() -> int:
    """The exit code."""
    chosen = _arguments()
    console = Console(width=110)

    def say(text: str) -> None:
        console.print(text, highlight=False)

    cluster, folder = Cluster(chosen.folder), chosen.folder / "worlds"
    folder.mkdir()
    with machines(1, os.environ["GATEWAY"]) as around:
        story = Story(around, folder, chosen.seed, say, None)
        worlds = {
            "deployment": (cluster.deployment, DEPLOYMENT),
            "stateful": (cluster.stateful, STATEFUL),
            "scaled": (cluster.scaled, SCALED),
        }
        for name in chosen.only:
            if name == "scaled" and not shutil.which("keda-adapter"):
                say("SKIPPED: KEDA: tools/get keda-operator keda-adapter builds it with Go")
            else:
                story.live(worlds[name][0], name, worlds[name][1])
    show(story.report, console, "make chart-e2e")
    return 0 if story.report.is_clean else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="+", choices=WORLDS, default=WORLDS)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of what is drawn")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
