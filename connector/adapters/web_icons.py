"""A sign for each word of health: told apart by its form, not by its colour alone."""

from typing import Final
from urllib.parse import quote

from connector.adapters.web_html import Html, tag
from connector.core.status import Health

_DISC: Final = "M8 0a8 8 0 1 0 0 16A8 8 0 0 0 8 0Z"
_SIGNS: Final[dict[Health, str]] = {
    "healthy": f"{_DISC}M6.9 11.6 3.5 8.2l1.4-1.4 2 2 4.3-4.4 1.4 1.4Z",
    "empty": f"{_DISC}M8 2a6 6 0 1 1 0 12A6 6 0 0 1 8 2Z",
    "starting": f"{_DISC}M3 7h2v2H3Zm4 0h2v2H7Zm4 0h2v2h-2Z",
    "lagging": f"{_DISC}M7 3h2v4.5l2.9 2.2-1.2 1.6L7 8.5Z",
    "paused": f"{_DISC}M5 4.5h2v7H5Zm4 0h2v7H9Z",
    "stuck": "M8 .8 16 15H0ZM7 5.6h2V10H7Zm0 5.6h2v2H7Z",
    "stopped": f"{_DISC}M5 5h6v6H5Z",
}
_COLOURS: Final[dict[Health, str]] = {
    "healthy": "#1a7f4b", "empty": "#5b6b7b", "starting": "#5b6b7b", "lagging": "#b26a00",
    "paused": "#c62828", "stuck": "#c62828", "stopped": "#c62828",
}  # fmt: skip
"""Of the icon in a browser's tab, which stands on light and on dark."""
NAMES: Final[dict[Health, str]] = {
    "healthy": "Healthy",
    "empty": "Nothing to do yet",
    "starting": "Starting",
    "lagging": "Lagging",
    "paused": "Paused",
    "stuck": "Stuck",
    "stopped": "Stopped",
}


def sign(health: Health) -> Html:
    """The sign alone, for beside its word."""
    path = tag("path", d=_SIGNS[health])
    return tag("svg", path, class_="sign", viewBox="0 0 16 16", fill_rule="evenodd", aria_hidden="true")


def badge(health: Health) -> Html:
    """Sign and word."""
    return tag("span", sign(health), NAMES[health], class_=f"badge {health}")


def tab_icon(health: Health) -> str:
    """The sign as the page's own icon, a data: address."""
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
        f'<path fill="{_COLOURS[health]}" fill-rule="evenodd" d="{_SIGNS[health]}"/></svg>'
    )
    return f"data:image/svg+xml,{quote(drawn)}"
