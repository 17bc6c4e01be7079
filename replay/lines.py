"""What the engine says to whoever runs it. structlog is read with the first line: most commands never say one."""

import sys
from typing import Any


class Lines:
    """A logger of this name: `Lines("recount.live").warning("lost_lead", group=…)`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def warning(self, event: str, **what: Any) -> None:
        """Something that mends itself, or waits for somebody."""
        _logger(self._name).warning(event, **what)

    def error(self, event: str, **what: Any) -> None:
        """Something that somebody must look at."""
        _logger(self._name).error(event, **what)


def to_stderr() -> None:
    """Lines go to standard error, unless the process has said otherwise: a command's output is its answer alone."""
    import structlog

    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def _logger(name: str) -> Any:
    import structlog

    to_stderr()
    return structlog.get_logger(name)
