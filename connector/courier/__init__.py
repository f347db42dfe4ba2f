"""Batches in flight: one thread with an event loop for all HTTP of a lane.

thread.Courier      what the lane's thread calls
engine.Engine       the same on any event loop, without a thread: simulated time drives it in tests
guard.Guard         gate and quota: whether a request may be written now
caution.Caution     after a doubt that cannot be resent, one event at a time
"""

from connector.courier.flight import CourierOptions, CourierState, Held, Landed
from connector.courier.thread import Courier

__all__ = ["Courier", "CourierOptions", "CourierState", "Held", "Landed"]
