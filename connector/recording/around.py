"""What wrappers of a destination share."""

from connector.ports import Destination


class Around:
    """ports.Destination over another one, whose answers it gives; how it converses is the wrapper's."""

    def __init__(self, destination: Destination) -> None:
        self.name, self.patience = destination.name, destination.patience
        self.check, self.requires, self.ensure = destination.check, destination.requires, destination.ensure
        self.deep, self.refine, self.lot = destination.deep, destination.refine, destination.lot
        self.aliases = destination.aliases
