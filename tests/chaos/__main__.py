"""`make chaos`: every bad day that this repository knows, one after another, and the verdict in one table.

Exit codes: 0 every promise was kept, 1 one was not, 2 something is missing here, or the usage; 130 stopped by
Ctrl-C or SIGTERM: then nothing of it is left, neither a process nor, unless asked for, a file.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from tests.chaos.machines import MissingError, machines
from tests.chaos.scenarios import SCENARIOS, Scenario
from tests.chaos.story import Story
from tests.chaos.table import show

REPLICAS = 3
STOPS: Final = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Run what was chosen; the exit code."""
    chosen = _arguments()
    for number in STOPS:
        signal.signal(number, _stop)
    folder = Path(tempfile.mkdtemp(prefix="crm-connector-chaos-"))
    try:
        with machines(REPLICAS) as around:
            report = Story(around, folder, chosen.seed, _say, chosen.seconds).tell(chosen.only)
    except KeyboardInterrupt:
        _leave(folder, keep=chosen.keep)
        return 130
    except MissingError as error:
        sys.stderr.write(f"make chaos: {error}\n")
        shutil.rmtree(folder)
        return 2
    show(report, Console(width=110))
    _leave(folder, keep=chosen.keep or not report.is_clean)
    if not report.rows and not report.failures:
        return 2
    return 0 if report.is_clean else 1


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Unwind, which ends all that was started; another signal would interrupt that."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _leave(folder: Path, *, keep: bool) -> None:
    if keep:
        _say(f"histories and logs: {folder}")
    else:
        shutil.rmtree(folder)


def _say(line: str) -> None:
    """Past rich, which prints a line again that a signal has interrupted."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    names = ", ".join(scenario.name for scenario in SCENARIOS)
    parser = argparse.ArgumentParser(prog="make chaos", description="The connector on a bad day.")
    parser.add_argument("--only", type=_scenarios, default=SCENARIOS, help=f"with commas between: {names}")
    parser.add_argument("--seconds", type=float, help="of each scenario that lasts as long as it is told")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30), help="of what is drawn")
    parser.add_argument("--keep", action="store_true", help="keep histories and logs of a clean run too")
    return parser.parse_args()


def _scenarios(text: str) -> Sequence[Scenario]:
    known = {scenario.name: scenario for scenario in SCENARIOS}
    if unknown := [name for name in text.split(",") if name not in known]:
        there = ", ".join(known)
        raise argparse.ArgumentTypeError(f"no such scenario: {', '.join(unknown)}; there are {there}")
    return [scenario for name, scenario in known.items() if name in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
