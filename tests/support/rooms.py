"""An import-linter contract: for each module or package of ours, whom of the others it may import."""

from typing import cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class RoomsContract(Contract):
    """Direct imports between the children of `package` are those of `may_import`, lines "room -> rooms".

    The package itself may be imported by all. A room that does not exist yet is no error; a child without a
    line is.
    """

    type_name = "rooms"

    package = fields.StringField()
    may_import = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare every import of the graph with the table."""
        package = str(self.package)
        allowed = dict(_room(line) for line in cast("list[str]", self.may_import))
        rooms = sorted(child.removeprefix(f"{package}.") for child in graph.find_children(package))
        homeless = [f"{package}.{room} has no line in may_import" for room in rooms if room not in allowed]
        breaches = [
            breach
            for room, others in allowed.items()
            if room in rooms
            for breach in _breaches(graph, package, room, others)
        ]
        return ContractCheck(kept=not (homeless or breaches), metadata={"faults": homeless + breaches})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that the table does not allow."""
        for fault in check.metadata["faults"]:
            output.print_error(f"- {fault}", bold=False)
        output.new_line()


def _room(line: str) -> tuple[str, frozenset[str]]:
    name, _, others = line.partition("->")
    return name.strip(), frozenset(others.split())


def _breaches(graph: ImportGraph, package: str, room: str, others: frozenset[str]) -> list[str]:
    own = f"{package}.{room}"
    permitted = {package, own, *(f"{package}.{other}" for other in others)}
    return [
        f"{importer} -> {imported}"
        for importer in sorted({own, *graph.find_descendants(own)})
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if imported.split(".")[0] == package and ".".join(imported.split(".")[:2]) not in permitted
    ]
