"""Structured logs of the service: one event a line, JSON for machines, coloured columns in a terminal.

The provisioning log is something else: it's kept in the database, and `instep log` reads it. Here are the events of
the service itself. Names of people don't belong here.
"""

import io
import logging
import sys
from typing import Any, TextIO

import structlog


def configure(level: str = "info", as_json: bool | None = None) -> None:
    """Send all log events to standard error.

    level: `debug`, `info`, `warning` or `error`. as_json: none chooses by whether it's a terminal.
    """
    lines = as_json if as_json is not None else not sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ending: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if lines
        else [structlog.dev.ConsoleRenderer(exception_formatter=_crash, repr_native_str=True)]
    )
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries only warn: what aiohttp or SQLAlchemy say at lower levels may show data.
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def _crash(out: TextIO, exc_info: Any) -> None:
    """The place of a crash, without what a terminal would obey: an app's words may be in it.

    The renderer's own way with exceptions shows every local variable, tokens too.
    """
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    out.write("".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in plain.getvalue()))
