"""The picture of the status page in README, made anew: `python -m tests.page`."""

from pathlib import Path
from typing import Final

from connector.adapters import web
from connector.adapters.metrics import meter
from tests.page.connectors import connector
from tests.support.browser import browsing

PICTURE: Final = Path(__file__).parents[2] / "docs" / "status-page.webp"
MOST: Final = 60_000
"""Bytes: it comes with every clone."""


def main() -> None:
    """A destination that is paused, and why; without the page's head, which tells of this machine."""
    server = web.serve("127.0.0.1", 0, meter().registry, connector("paused"))
    try:
        with browsing() as tab:
            tab.open(f"http://127.0.0.1:{server.port}/", width=1100)
            top, bottom = (tab.look(f"document.querySelector('{of}').getBoundingClientRect().top")
                           for of in (".verdict", "#lane-metrica"))  # fmt: skip
            picture = tab.picture(top - 8, bottom - 8, format="webp", quality=60)
    finally:
        server.close()
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_bytes(picture)


if __name__ == "__main__":
    main()
