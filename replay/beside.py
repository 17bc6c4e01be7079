"""Work done beside: in a forked process, so that a second core shares it.

A fork shares our memory until one of us writes, so what is to be worked on need not be sent; what comes back is.
"""

import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

T = TypeVar("T")
E = TypeVar("E")


def can_fork() -> bool:
    """Whether this system forks without surprises."""
    return sys.platform == "linux"


def fork(work: Callable[..., None], *given: Any) -> tuple[Connection, BaseProcess]:
    """Begin `work(pipe, *given)` in a forked process. Returns where what it sends arrives, and the process."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, *given), daemon=True)
    with warnings.catch_warnings():  # it touches nothing that a thread of ours may hold
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    theirs.close()
    return ours, process


@contextmanager
def beside(work: Callable[[], T]) -> Iterator[Callable[[], T]]:
    """Begin `work` beside us. The call of what is yielded waits for what it returns, or raises what it raised.

    `work` opens its own connections. Where nothing can be forked, it is done at the call.
    """
    if not can_fork():
        yield work
        return
    ours, process = fork(_do, work)
    try:
        yield lambda: _answer(ours)
    finally:
        ours.close()
        process.join(5)


def _do(pipe: Connection, work: Callable[[], Any]) -> None:
    try:
        pipe.send((work(), None))
    except Exception as error:
        pipe.send((None, error))


def _answer(pipe: Connection) -> Any:
    try:
        found, error = pipe.recv()
    except EOFError as gone:
        raise RuntimeError("the process that worked beside died") from gone
    if error is not None:
        raise error
    return found


def halves(parts: Iterable[E], weight: Callable[[E], int]) -> tuple[list[E], list[E]]:
    """Two lists of about equal weight, each in the order given."""
    mine: set[int] = set()
    sums = [0, 0]
    listed = list(parts)
    for i in sorted(range(len(listed)), key=lambda i: -weight(listed[i])):
        lighter = sums[1] < sums[0]
        sums[lighter] += weight(listed[i])
        if not lighter:
            mine.add(i)
    return [p for i, p in enumerate(listed) if i in mine], [p for i, p in enumerate(listed) if i not in mine]
