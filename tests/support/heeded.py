"""Promise 7, wherever the pipeline runs against the sandbox: the CRM has heeded all that it took."""

from collections.abc import Iterator
from contextlib import contextmanager

from connector.sandbox.crm import Crm


@contextmanager
def heeded(crm: Crm) -> Iterator[None]:
    """A block that ends well leaves nothing that was answered with a 2xx and dropped."""
    yield
    assert [(one.type_key, one.reason) for one in crm.ignored] == [], "promise 7: silently ignored"
