"""What every process of the service does first: how it logs, and that it does not outlive its parent."""

import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys

import structlog

_PR_SET_PDEATHSIG = 1
_STOPS = (signal.SIGTERM, signal.SIGINT)


def die_with_parent(sign: signal.Signals) -> None:
    """Ask Linux to signal this process when its parent dies, however it dies. Elsewhere: nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)


def defer_stops_in_children() -> None:
    """From now on a forked child learns of a stop when it calls `hear_stops`.

    Until it has handlers of its own those of its parent are in place, and would swallow the signal in its copy of the
    parent: a web process that was told to stop while it started ran on until it was killed, 20 s later.
    """
    os.register_at_fork(before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS), after_in_parent=hear_stops)


def hear_stops() -> None:
    """Take the signals that ask to stop, also those that came before."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


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
