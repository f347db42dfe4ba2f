"""A page as a reader sees it: a tab of a real browser. Debian's package `chromium` has one.

Without a browser a test is skipped with the reason; where one is required (CI), it fails.
"""

import base64
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from tests.support.chromium import SECONDS, Chromium, ChromiumError, Message
from tests.support.required import BROWSER

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
Scheme = Literal["light", "dark"]


class Tab:
    """The only tab. console: what it complained of, in the page's own words or the browser's."""

    def __init__(self, program: str, folder: Path) -> None:
        self.console: list[str] = []
        self._loaded = False
        self._chromium = Chromium(program, folder, self._heard)
        found = self._chromium.ask("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in found if one["type"] == "page")
        told = self._chromium.ask("Target.attachToTarget", targetId=page, flatten=True)
        self._chromium.session = told["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def open(self, url: str, *, scheme: Scheme = "light", width: int = 1200, script: bool = True) -> None:
        """Load a page as a reader with these wishes sees it."""
        wish = {"name": "prefers-color-scheme", "value": scheme}
        self.ask("Emulation.setEmulatedMedia", features=[wish])
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        self.ask("Emulation.setScriptExecutionDisabled", value=not script)
        self._go("about:blank")  # the page before says no more
        self.console.clear()
        self._go(url)

    def look(self, expression: str) -> Any:
        """What it comes to in the page; a promise is waited for."""
        told = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise ChromiumError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    def until(self, expression: str, seconds: float = SECONDS) -> None:
        """Wait until it is true; a page that is being loaded anew cannot be asked."""
        deadline = time.monotonic() + seconds
        while not self._is(expression):
            assert time.monotonic() < deadline, f"it did not come true: {expression}; {self.console}"
            time.sleep(0.05)

    def _is(self, expression: str) -> bool:
        try:
            return bool(self.look(expression))
        except ChromiumError:
            return False

    def _go(self, url: str) -> None:
        self._loaded, deadline = False, time.monotonic() + SECONDS
        self.ask("Page.navigate", url=url)
        while not self._loaded:
            self._chromium.next(deadline)

    def picture(self, top: float = 0, bottom: float | None = None, **form: Any) -> bytes:
        """The page from there to there, else the whole of it. form: as DevTools knows it; else PNG."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        height = (size["height"] if bottom is None else bottom) - top
        clip = {"x": 0, "y": top, "width": size["width"], "height": height, "scale": 1}
        told = self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip, **form)
        return base64.b64decode(told["data"])

    def ask(self, method: str, /, **params: Any) -> Message:
        """A command of the DevTools protocol."""
        return self._chromium.ask(method, **params)

    def close(self) -> None:
        """End the browser."""
        self._chromium.close()

    def _heard(self, event: Message) -> None:
        params = event["params"]
        if event["method"] == "Page.loadEventFired":
            self._loaded = True
        elif event["method"] == "Runtime.consoleAPICalled":
            self.console.append(f"{params['type']}: {[one.get('value') for one in params['args']]}")
        elif event["method"] == "Runtime.exceptionThrown":
            self.console.append(str(params["exceptionDetails"]))
        elif event["method"] == "Log.entryAdded":
            self.console.append(f"{params['entry']['level']}: {params['entry']['text']}")


@contextmanager
def browsing() -> Iterator[Tab]:
    """A browser for the time of a with block; see the module for a machine without one."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        BROWSER.without("install chromium; Debian: apt-get install chromium")
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        tab = Tab(program, Path(folder))
        try:
            yield tab
        finally:
            tab.close()
