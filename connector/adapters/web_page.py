"""The status as a plain HTML page: healthy or not and why, then every figure of /status."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from connector.core.model import Json

_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>crm-connector: {state}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }}
th, td {{ text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0 }}
</style>
</head>
<body>
<h1>crm-connector: {state}</h1>
"""
_FOOT: Final = """<p><a href="/status">status as JSON</a>, <a href="/metrics">metrics</a>,
<a href="/livez">liveness</a>, <a href="/readyz">readiness</a></p>
</body>
</html>
"""


def page(status: Mapping[str, Json]) -> str:
    """The page of a status with `live`, `ready` and `problems` among its keys."""
    rest = {name: value for name, value in status.items() if name not in {"live", "ready", "problems"}}
    return _HEAD.format(state=_state(status)) + _problems(status["problems"]) + _html(rest) + "\n" + _FOOT


def _state(status: Mapping[str, Json]) -> str:
    if not status["live"]:
        return "stuck"
    return "healthy" if status["ready"] else "not ready"


def _problems(problems: Json) -> str:
    lines = [str(problem) for problem in problems] if isinstance(problems, list) else []
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>\n" if lines else ""


def _html(value: Json) -> str:
    if isinstance(value, Mapping):
        return _table((escape(str(name)), _html(one)) for name, one in value.items())
    if isinstance(value, list):
        return _table((str(place), _html(one)) for place, one in enumerate(value, 1)) if value else "none"
    return escape({None: "unknown", True: "yes", False: "no"}.get(value, str(value)))  # type: ignore[arg-type]


def _table(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f'<tr><th scope="row">{name}</th><td>{value}</td></tr>' for name, value in rows)
    return f"<table>{body}</table>" if body else "none"
