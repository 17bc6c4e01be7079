"""What every process of the service does first: how it logs, and that it does not outlive its parent."""

import contextlib
import ctypes
import gc
import logging
import signal
import sys

import structlog

_PR_SET_PDEATHSIG = 1


def die_with_parent(sign: signal.Signals) -> None:
    """Ask Linux to signal this process when its parent dies, however it dies. Elsewhere: nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)


def spare_collecting() -> None:
    """Collect cyclic garbage seldom: events are trees, freed without it, and looking for cycles costs 20 µs each."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def log_setup(level: str) -> None:
    """Lines for people on a terminal, JSON elsewhere; to stderr, so that stdout stays the answer."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
