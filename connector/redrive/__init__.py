"""Dead letters through the same lane as live records (RULES 10): their source, and what becomes of each."""

from connector.redrive.source import LetterSource
from connector.redrive.watch import Watch, Watched

__all__ = ["LetterSource", "Watch", "Watched"]
