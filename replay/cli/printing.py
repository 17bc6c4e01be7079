"""How the CLI prints: tables that fit on a terminal, plain lines elsewhere, JSON when asked, progress on stderr.

Refuses to know how a terminal is drawn on: `replay.cli.terminal` does, and is read where there is one.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, Protocol

import click
import msgspec

GAP = 2
_PLAIN_EVERY_S = 5.0


class Column(NamedTuple):
    """A column of a table."""

    title: str
    right: bool = False
    wide: bool = False
    """Left out of a terminal that is too narrow, the last such column first; always in plain lines."""
    cut: bool = False
    """Rather cut off than folded when it does not fit."""


def to_json(value: Any) -> str:
    """Anything of ours as indented JSON; named tuples are objects."""
    return msgspec.json.format(msgspec.json.encode(_plain(value)), indent=2).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {k: _plain(v) for k, v in value._asdict().items()}
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value


def raw_stdout() -> BinaryIO:
    """Standard output for JSON lines, which come as bytes."""
    return sys.stdout.buffer


def say_json(value: Any) -> None:
    """Print JSON."""
    click.echo(to_json(value))


def say(text: str) -> None:
    """Print a line."""
    click.echo(text)


class Done(Protocol):
    """As much of a done act as is printed."""

    changed: bool
    events: Sequence[Mapping[str, Any]]
    waiting: str | None
    position: int | None


def say_done(done: Done, as_json: bool, said: str, **what: Any) -> None:
    """Print what an act came to: `said`, unless it waits for a second person or was only tried."""
    if as_json:
        come = {"changed": done.changed, "position": done.position, "waiting": done.waiting, "events": done.events}
        say_json({**what, **come})
    elif done.position is None:
        for event in done.events:
            say(f"would append {to_json(event)}")
        if not done.events:
            say("would change nothing")
    elif done.waiting is not None:
        say(f"waits for a second person: recount approvals approve {done.waiting}")
    else:
        say(said)


def say_table(columns: Sequence[Column], rows: Iterable[Sequence[Any]], *, always_titled: bool = False) -> None:
    """Print rows: with titles, fitted to the terminal; elsewhere each as one plain line, aligned, never cut.

    Plain lines have titles only when `always_titled`, so that a program need not skip them.
    """
    cells = [["-" if v is None else str(v) for v in row] for row in rows]
    if sys.stdout.isatty():
        from replay.cli.terminal import print_fitted

        print_fitted(columns, cells)
        return
    if always_titled:
        cells.insert(0, [c.title for c in columns])
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(len(columns))]
    for row in cells:
        aligned = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        click.echo((" " * GAP).join(aligned).rstrip())


def number(n: float) -> str:
    """A count for people: 1234567 is 1,234,567."""
    return f"{n:,.0f}"


@contextlib.contextmanager
def progress(what: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """Shows how far long work is, on stderr: a bar on a terminal, a line every few seconds elsewhere.

    Gives a function to call with (done, in all); in all is None when nobody knows. Going back begins a new bar.
    """
    if not sys.stderr.isatty():
        yield _PlainProgress(what, unit)
        return
    from replay.cli.terminal import bar

    with bar(what, unit) as advance:
        yield advance


class _PlainProgress:
    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._began = self._told = time.monotonic()
        self._last = 0

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if done < self._last:
            self._began = now
        self._last = done
        if now - self._told < _PLAIN_EVERY_S:
            return
        self._told = now
        rate = done / max(now - self._began, 0.001)
        text = f"{self._what}: {number(done)}{f' of {number(total)}' if total else ''} {self._unit}, {number(rate)}/s"
        if total and rate:
            text += f", {number(max(0, total - done) / rate)} s left"
        print(text, file=sys.stderr, flush=True)
