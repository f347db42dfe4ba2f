"""`make simulate SEEDS=N`: many seeds on all cores; exit code 1 and a small history if one fails."""

import argparse
import os
import random
import sys
import time
from collections.abc import Iterable
from typing import get_args

from tests.simulation.batch import How, Tally, spread
from tests.simulation.mutants import MUTANTS, NONE
from tests.simulation.report import failure, story, summary
from tests.simulation.scenario import Dialect


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 all clean, 1 a seed fails."""
    chosen = _parser().parse_args(arguments)
    mutant = MUTANTS[chosen.mutant] if chosen.mutant else NONE
    how, flags = How(mutant, chosen.dialect, chosen.sqlite, chosen.checked), _flags(chosen)
    if chosen.seed is not None:
        return _one(chosen.seed, how, flags, history=chosen.history)
    first = random.SystemRandom().randrange(10**9) if chosen.base is None else chosen.base
    return _many(range(first, first + chosen.seeds), how, flags, chosen.jobs)


def _many(seeds: range, how: How, flags: str, jobs: int) -> int:
    begun, tally = time.monotonic(), Tally()
    for tally in spread(seeds, how, jobs):
        if sys.stdout.isatty():
            sys.stdout.write(f"\r{tally.seeds:,} of {len(seeds):,}")
            sys.stdout.flush()
    if sys.stdout.isatty():
        _print([""])
    _print(summary(tally, seeds[0], time.monotonic() - begun, jobs))
    if tally.failed is None:
        _print(["clean"])
        return 0
    _print(failure(tally.failed, how, f"make simulate ARGS='--seed {tally.failed}{flags}'"))
    return 1


def _one(seed: int, how: How, flags: str, *, history: bool) -> int:
    scenario = how.scenario(seed)
    outcome = how.run(scenario)
    if outcome.wrong and not history:
        _print(failure(seed, how, f"make simulate ARGS='--seed {seed}{flags}'"))
    else:
        _print(story(scenario, outcome) if history else [])
        _print(outcome.wrong or ["clean"])
    return 1 if outcome.wrong else 0


def _flags(chosen: argparse.Namespace) -> str:
    """What makes a seed the same again."""
    named = {"mutant": chosen.mutant, "dialect": chosen.dialect}
    words = [f' --{name} "{value}"' for name, value in named.items() if value]
    switches = [f" --{name}" for name in ("sqlite", "checked") if getattr(chosen, name)]
    return "".join(words + switches)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--base", type=int, help="the first of them (default: a new one each time)")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--history", action="store_true", help="with --seed: all that happened, not shrunk")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="cores")
    parser.add_argument("--dialect", choices=get_args(Dialect), help="of all seeds (default: each its own)")
    parser.add_argument("--sqlite", action="store_true", help="a real SQLite file where owners hold locks")
    parser.add_argument("--checked", action="store_true", help="also by tests.chaos.check, from histories")
    parser.add_argument("--mutant", choices=list(MUTANTS), help="break something on purpose, to see it found")
    return parser


if __name__ == "__main__":
    sys.exit(main())
