"""A lane that does everything but leave a trace: for dry runs and previews.

Its ledger is asked, not written; its conversations end before a request is sent; its dead letters are
counted.
"""

from connector.rehearsal.ledger import Rehearsal
from connector.rehearsal.tape import Agreeable, Rehearsed, Unwritten

__all__ = ["Agreeable", "Rehearsal", "Rehearsed", "Unwritten"]
