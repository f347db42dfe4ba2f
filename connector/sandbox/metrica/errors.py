"""Errors in Metrica's form: `{"errors": [{"error_type", "message", "location"}], "code", "message"}`."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from connector.sandbox.answers import Answer, as_json
from connector.sandbox.faults import Fault

USUAL = {
    400: "invalid_parameter",
    401: "unauthorized",
    403: "access_denied",
    404: "not_found",
    406: "not_acceptable",
    409: "conflict",
    429: "quota_parallel_requests",
    503: "backend_error",
    504: "timeout",
}


class Refused(Exception):
    """The request is answered with an error. location: the parameter or field, where it is one's fault."""

    def __init__(
        self, status: int, message: str, location: str | None = None, *, error_type: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.location = location
        self.error_type = error_type or USUAL[status]

    def answer(self) -> Answer:
        """The response."""
        return error(self.status, self.error_type, str(self), self.location)


def error(status: int, error_type: str, message: str, location: str | None = None) -> Answer:
    """An error, whole."""
    one: dict[str, Any] = {"error_type": error_type, "message": message}
    if location is not None:
        one["location"] = location
    return as_json({"errors": [one], "code": status, "message": message}, status)


def fault_answer(fault: Fault) -> Answer:
    """What a fault of `status` or `refuse_auth` answers, in Metrica's form unless its body says otherwise."""
    if fault.body is not UNSET:
        return fault.answer()
    status = 401 if fault.do == "refuse_auth" else fault.status
    answer = error(status, fault.error_type or USUAL.get(status, "backend_error"), "Fault on demand")
    return replace(answer, headers=tuple(fault.headers.items()))
