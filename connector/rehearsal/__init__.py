"""A lane that does everything but leave a trace: for dry runs and previews.

Its ledger is asked, not written; its conversations end before a request is sent; its dead letters are
counted.
"""

from connector.rehearsal.ledger import Rehearsal
from connector.rehearsal.rendering import Rendered, Rendering
from connector.rehearsal.tape import Agreeable, Rehearsed, Unwritten

__all__ = ["Agreeable", "Rehearsal", "Rehearsed", "Rendered", "Rendering", "Unwritten"]
