"""A world at its end before the checker, and the verdicts of several worlds as one."""

from collections import Counter
from collections.abc import Iterable

from tests.chaos.check import reading
from tests.chaos.check.findings import Findings
from tests.chaos.check.reading import History, Place
from tests.chaos.check.verdict import Verdict, judge
from tests.chaos.state import dead_letters
from tests.chaos.witnesses import write_source
from tests.chaos.world import World


def histories_of(world: World) -> tuple[list[History], int]:
    """By process, and how many lines were torn."""
    return reading.histories(sorted(world.folder.glob("*.history")))


def judge_world(world: World, histories: list[History], *, running: bool) -> Verdict:
    """running: it did not come to its end, and what is not committed yet is not lost. Raises Unreadable."""
    source = write_source(world.shop.written, world.orders, world.folder / "source.jsonl")
    accepted = reading.accepted(world.accepted_file)
    letters = None if running else [Place(*at) for at in dead_letters(world)]
    return judge(histories, reading.source(source), accepted, letters=letters, running=running)


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """All together."""
    findings, figures, causes, gaps = Findings(), Counter[str](), Counter[str](), 0
    for verdict in verdicts:
        for kind, tally in verdict.findings.tallies.items():
            for excuse, count in tally.counts.items():
                findings.add(kind, tally.examples[excuse], excuse, count)
        figures.update(verdict.figures)
        causes.update(verdict.causes)
        gaps += verdict.gaps
    return Verdict(findings, dict(figures), causes, gaps)
