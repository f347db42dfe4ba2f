"""Logs to standard error: JSON lines or a console, masked; those of the libraries too.

Normal operation is quiet: start and stop, and rebalances, at info. Libraries speak from warning on.
"""

import logging
import sys
from collections.abc import Callable, Iterable
from typing import Any, Literal, TextIO

from connector.adapters.masking import Masker
from connector.adapters.structured import EventDict, Processor, WrappedLogger, structlog
from connector.ports import Log

_masker = Masker()


def configure(
    form: Literal["json", "console"],
    level: Literal["debug", "info", "warning", "error"],
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> Masker:
    """Set up structlog and the standard library's logging. `secrets` never appear, whatever logs them.

    Returns what masks them, and knows those that are read anew later.
    """
    global _masker
    to, _masker = stream or sys.stderr, Masker(secrets)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    common: list[Processor] = [structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level]
    handler = logging.StreamHandler(to)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.stdlib.ExtraAdder()],
            processors=_last(form, to),
        )
    )
    structlog.configure(
        processors=[*common, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("connector").setLevel(threshold)
    return _masker


def logger() -> Log:
    """Who says what an operator has to know."""
    log: Log = structlog.get_logger("connector")
    return log


def mask(secrets: Iterable[str]) -> None:
    """These do not appear either, from now on: secrets that were read anew."""
    _masker.learn(secrets)


def _last(form: Literal["json", "console"], to: TextIO) -> list[Processor]:
    """Everything is text by now; what is added after masking is our own."""
    render: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(
            colors=to.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _masking(_masker),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        render,
    ]


def _masking(masker: Masker) -> Callable[[WrappedLogger, str, EventDict], EventDict]:
    def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        masked: dict[str, Any] = {
            masker.text(name): masker.value(value, name) for name, value in event.items()
        }
        return masked

    return mask
