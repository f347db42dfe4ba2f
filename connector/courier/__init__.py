"""Batches in flight: one thread with an event loop for all HTTP of a lane.

carrier.Carrier     what a lane's thread calls
desk.Desk           that, whatever turns the event loop
thread.Courier      a desk with a thread and an event loop of its own
engine.Engine       the same on any event loop, without a thread: simulated time drives it in tests
edges.Edges         what it touches outside
driver.Driver       a conversation, over HTTP
docket.Docket       whose fault a failure is, and what follows
pace.Pace           the request rate, of this process or shared
guard.Guard         gate and quota: whether a request may be written now
caution.Caution     after a doubt that cannot be resent, one event at a time
"""

from connector.courier.carrier import Carrier
from connector.courier.edges import Edges
from connector.courier.flight import CourierOptions, CourierState, Held, Landed, Returned
from connector.courier.thread import Courier

__all__ = ["Carrier", "Courier", "CourierOptions", "CourierState", "Edges", "Held", "Landed", "Returned"]
