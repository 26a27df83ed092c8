"""Logs of every process: past-tense events and keys, ids only, one line each."""

import logging
import sys
from typing import Literal

import structlog
from structlog.typing import Processor

from adapters.process.traces import with_trace_id

QUIET = ("uvicorn", "asyncio", "temporalio.worker._activity")
"""Libraries that log at INFO, or with payloads, what only their authors need."""


def configure_logs(log_format: Literal["console", "json"]) -> None:
    """Send structlog and the standard library's loggers to stderr in one format.

    Tracebacks never show local variables, which may hold a patient's data.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        with_trace_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *shared,
                structlog.stdlib.add_logger_name,
                structlog.stdlib.ExtraAdder(allow=("appointment", "status")),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_last(log_format),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _last(log_format: Literal["console", "json"]) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
