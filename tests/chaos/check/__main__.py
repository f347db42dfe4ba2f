"""`python -m tests.chaos.check HISTORY… --source FILE --accepted FILE`.

Exit code 0: every promise was kept; 1: not, or it is not proven; 2: the files cannot be judged.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.chaos.check import reading
from tests.chaos.check.table import show
from tests.chaos.check.verdict import SKEW, judge


def main(arguments: Sequence[str] | None = None, console: Console | None = None) -> int:
    """The exit code."""
    given = _parser().parse_args(arguments)
    try:
        histories, torn = reading.histories(given.histories)
        verdict = judge(
            histories,
            reading.source(given.source),
            reading.accepted(given.accepted, given.service),
            letters=None if given.letters is None else reading.letters(given.letters),
            destination=given.destination,
            skew=given.skew,
            running=given.running,
        )
    except reading.Unreadable as error:
        print(error, file=sys.stderr)  # noqa: T201 - its output is its purpose
        return 2
    show(verdict, torn, console or Console())
    return 0 if verdict.clean else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.check", description=sys.modules[__name__].__doc__
    )
    parser.add_argument("histories", nargs="+", type=Path, metavar="HISTORY", help="of every replica")
    parser.add_argument("--source", required=True, type=Path, help="what was written to Kafka")
    parser.add_argument("--accepted", required=True, type=Path, help="what the CRM accepted")
    parser.add_argument("--letters", type=Path, help="what the dead-letter topic holds")
    parser.add_argument("--destination", help="whose lines are meant, where there are several")
    parser.add_argument("--service", help="whose acceptances are meant, where there are several")
    parser.add_argument("--skew", type=float, default=SKEW, help=f"seconds between clocks (default {SKEW})")
    parser.add_argument("--running", action="store_true", help="what is not committed yet is not lost")
    return parser


if __name__ == "__main__":
    sys.exit(main())
