"""Several changes of one entity that wait: may the last one alone be sent? Pure.

Only for a destination that holds states (Lot.newest): what it has afterwards is what it would have if each
had been sent in turn.
"""

from msgspec import UNSET
from msgspec.structs import asdict

from connector.core.events import Body, Event
from connector.core.judge import advance, compare, time_of
from connector.core.model import DELETE, Kind


def replaces(later: Event, earlier: Event) -> bool:
    """Whether `later` is surely newer, and tells all that `earlier` does (what is unavailable tells nothing).

    Time has to agree with the version, so that no epoch that the ledger knows could say otherwise (RULES 1).
    """
    new, old = later.version, earlier.version
    if new is None or old is None or new.clock != old.clock or time_of(new) < time_of(old):
        return False
    if later.op is DELETE or later.kind is Kind.CONTACT_DELETED or later.row_key != earlier.row_key:
        return False
    return compare(advance(None, earlier), new, later.digest) == "newer" and _tells(later.body, earlier.body)


def _tells(body: Body, other: Body) -> bool:
    if type(body) is not type(other):
        return False
    return all(_has(getattr(body, name), value) for name, value in asdict(other).items())


def _has(new: object, old: object) -> bool:
    if old is UNSET:
        return True
    return new is not UNSET and not (
        isinstance(old, dict) and isinstance(new, dict) and old.keys() - new.keys()
    )
