"""Death at a chosen moment: the k-th call of any port."""

from typing import NoReturn


class Killed(BaseException):
    """The process is gone: nothing of it runs any more, not even its `finally`s matter."""


class Fuse:
    """Blows at the k-th tick (None: never), and stays blown. ticks: what was called, by name."""

    def __init__(self, at: int | None = None) -> None:
        self.left = at
        self.blown = False
        self.where: str | None = None

    def tick(self, name: str) -> None:
        """A port is called, or about to return. Raises Killed."""
        self.check()
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.where = name
                self.blow()

    def check(self) -> None:
        """Raises Killed if it has blown."""
        if self.blown:
            raise Killed(self.where)

    def blow(self) -> NoReturn:
        """Now."""
        self.blown = True
        raise Killed(self.where)
