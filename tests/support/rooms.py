"""An import-linter contract: for each module or package of ours, whom of the others it may import."""

from fnmatch import fnmatchcase
from typing import TypeAlias, cast

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

Rooms: TypeAlias = list[tuple[str, list[str]]]


class RoomsContract(Contract):
    """Direct imports between the children of `package` are those of `may_import`, lines "room -> rooms".

    The package itself may be imported by all. `*` stands for any letters, in `settings*` for a family of
    modules. A room that does not exist yet is no error; a child without a line is.
    """

    type_name = "rooms"

    package = fields.StringField()
    may_import = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Compare every import of the graph with the table."""
        rooms = [_room(line) for line in cast("list[str]", self.may_import)]
        children = sorted(graph.find_children(str(self.package)))
        faults = [fault for child in children for fault in _faults(graph, child, rooms)]
        return ContractCheck(kept=not faults, metadata={"faults": faults})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each import that the table does not allow."""
        for fault in check.metadata["faults"]:
            output.print_error(f"- {fault}", bold=False)
        output.new_line()


def _room(line: str) -> tuple[str, list[str]]:
    name, _, others = line.partition("->")
    return name.strip(), others.split()


def _faults(graph: ImportGraph, child: str, rooms: Rooms) -> list[str]:
    package, _, name = child.partition(".")
    permitted = next((others for room, others in rooms if fnmatchcase(name, room)), None)
    if permitted is None:
        return [f"{child} has no line in may_import"]
    return [
        f"{importer} -> {imported}"
        for importer in sorted({child, *graph.find_descendants(child)})
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
        if not _is_permitted(imported.split("."), package, [name, *permitted])
    ]


def _is_permitted(imported: list[str], package: str, rooms: list[str]) -> bool:
    if imported[0] != package or len(imported) == 1:
        return True
    return any(fnmatchcase(imported[1], room) for room in rooms)
