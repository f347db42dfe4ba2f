"""A file out of a multipart/form-data body, line by line and never whole."""

from collections.abc import Iterator
from email.message import Message

from connector.sandbox.metrica.errors import Refused
from connector.sandbox.metrica.spool import Spool


def boundary_of(content_type: bytes) -> bytes:
    """What stands between the parts. Raises Refused for another content type."""
    header = _headers([b"content-type: " + content_type])
    found = header.get_boundary()
    if header.get_content_type() != "multipart/form-data" or not found:
        raise Refused(406, "The body must be multipart/form-data with a boundary")
    return found.encode()


def part(body: Spool, boundary: bytes, name: str) -> Iterator[bytes]:
    """The lines of the part of that name, each with its end. Raises Refused without it, or if it is cut."""
    lines, mark = body.lines(), b"--" + boundary
    for line in lines:
        if line.rstrip(b"\r\n") == mark:
            header = _headers(iter(lambda: next(lines, b"").rstrip(b"\r\n"), b""))
            if header.get_param("name", header="content-disposition") == name:
                return _content(lines, mark)
    raise Refused(400, f"a part of this name is required: {name}", name, error_type="missing_parameter")


def _content(lines: Iterator[bytes], mark: bytes) -> Iterator[bytes]:
    """Up to the next boundary; the line's end before it belongs to the boundary."""
    held = b""
    for line in lines:
        if line.rstrip(b"\r\n") in {mark, mark + b"--"}:
            yield held.removesuffix(b"\n").removesuffix(b"\r")
            return
        if held:
            yield held
        held = line
    raise Refused(400, "The body ends within the file", error_type="invalid_uploading")


def _headers(lines: Iterator[bytes] | list[bytes]) -> Message:
    message = Message()
    for line in lines:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        message[name] = value.strip()
    return message
