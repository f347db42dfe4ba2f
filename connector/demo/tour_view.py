"""The tour as a table: what was shown, by which order or how many, and how the CRM has it."""

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table

from connector.demo.tour import DELETED, Tour
from connector.sandbox.traffic_tour import CANCELLED, DISCOUNTED, YEARS


def tour_table(tour: Tour) -> RenderableType:
    """A line for each thing."""
    rows = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    rows.add_column("on a few orders more")
    rows.add_column("", justify="right")
    rows.add_column("")
    style = "green" if tour.complete else "bold red"
    for name, which, remark in _lines(tour):
        rows.add_row(name, which, remark, style=style)
    rows.add_section()
    return rows


def _lines(tour: Tour) -> list[tuple[str, str, str]]:
    first = "imported, then its order sent" if tour.contact_first else "not imported before its order"
    return [
        ("contact before its order", DISCOUNTED, first),
        ("discount, to the cent", DISCOUNTED, f"{' + '.join(tour.lines)} = {tour.total}; without it 17.47"),
        ("order delivered", DISCOUNTED, ", ".join(tour.order)),
        ("order cancelled", CANCELLED, ", ".join(tour.cancelled)),
        ("custom event", f"{tour.custom_events}", "reviewed, with its stars"),
        ("past events", f"{tour.history}", f"of {YEARS[0]} to {YEARS[-1]}, with city and country"),
        ("range deleted", f"{tour.deleted}", f"those of {DELETED}; {tour.left} others stay"),
        ("sent again after that", f"{tour.sent_again}", "by reading all once more"),
    ]
