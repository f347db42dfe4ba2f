"""The three witnesses together."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from tests.chaos.check.accepting import Accepting
from tests.chaos.check.committing import Commits
from tests.chaos.check.findings import Findings
from tests.chaos.check.losing import Losses
from tests.chaos.check.reading import Accepted, History, Place, Unreadable, Written
from tests.chaos.check.recreated import told_apart
from tests.chaos.check.traces import Traces
from tests.chaos.check.truth import Truth

SKEW = 0.005
"""Seconds by which the clocks of one host's processes may seem to differ."""


class Verdict(Struct):
    """findings, and what they were made from. gaps: lines that a history lacks, so that nothing is proven."""

    findings: Findings
    figures: dict[str, int]
    causes: Counter[str]
    gaps: int

    @property
    def clean(self) -> bool:
        """Every promise was kept, and that is proven."""
        return not self.findings.kinds and not self.gaps


def judge(
    histories: Sequence[History],
    source: Sequence[Written],
    accepted: Sequence[Accepted],
    *,
    letters: Sequence[Place] | None = None,
    destination: str | None = None,
    skew: float = SKEW,
    running: bool = False,
) -> Verdict:
    """Raises Unreadable where the witnesses do not fit together."""
    own, source, letters = told_apart(of_destination(histories, destination), source, letters)
    findings, truth = Findings(), Truth(source)
    traces = Traces(own, truth, skew)
    accepting, commits = Accepting(accepted, traces, findings, skew), Commits(own, truth, findings, skew)
    losses = Losses(own, truth, findings, letters)
    accepting.judge()
    commits.judge()
    losses.judge(accepting.taken, commits.ends, running=running)
    sends = [send for _, _, each in traces.all_sends() for send in each]
    figures = {
        "records": len(source),
        "accepted": len(accepted),
        "processes": len(own),
        "sent": len(sends),
        "sent in doubt": sum(send.doubtful for send in sends),
        "dead-lettered": losses.causes.total(),
    }
    return Verdict(findings, figures, losses.causes, sum(history.gaps for history in histories))


def of_destination(histories: Sequence[History], name: str | None) -> list[History]:
    """The lines of one destination. Raises Unreadable: name None, and there are several."""
    names = {line.destination for history in histories for line in history.lines} - {None}
    if name is None and len(names) > 1:
        raise Unreadable(f"--destination: choose one of {', '.join(sorted(map(str, names)))}")
    if name is not None and name not in names:
        raise Unreadable(f"--destination: the histories have no {name}")
    found = []
    for history in histories:
        lines = [
            line for line in history.lines if line.destination in (None, name or next(iter(names), None))
        ]
        if lines:
            found.append(History(history.by, lines, history.gaps))
    return found
