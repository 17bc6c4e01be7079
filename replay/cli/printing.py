"""How the CLI prints: tables that fit on a terminal, plain lines elsewhere, JSON when asked, progress on stderr."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, NamedTuple, Protocol

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_GAP = 2
#: A column that is cut keeps at least so much.
_LEAST = 12
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
    console = Console(highlight=False, markup=False, emoji=False)
    cells = [["-" if v is None else str(v) for v in row] for row in rows]
    if console.is_terminal:
        console.print(_fitted(columns, cells, console.width))
        return
    if always_titled:
        cells.insert(0, [c.title for c in columns])
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(len(columns))]
    for row in cells:
        aligned = (
            cell.rjust(width) if column.right else cell.ljust(width)
            for cell, width, column in zip(row, widths, columns, strict=True)
        )
        click.echo((" " * _GAP).join(aligned).rstrip())


def _fitted(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> Table:
    """The rows as a table no wider than `width`: columns left out, then cut, then folded."""
    shown = list(range(len(columns)))
    needs = [max(cell_len(t) for t in (c.title, *(row[i] for row in cells))) for i, c in enumerate(columns)]

    def too_wide() -> int:
        return sum(needs[i] + _GAP for i in shown) - _GAP - width

    for i in reversed(shown[:]):
        if columns[i].wide and too_wide() > 0:
            shown.remove(i)
    for i in shown:
        if columns[i].cut and too_wide() > 0:
            needs[i] = max(_LEAST, needs[i] - too_wide())
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for i in shown:
        column = columns[i]
        table.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            overflow="ellipsis" if column.cut else "fold",
            no_wrap=column.cut or column.right,
            max_width=needs[i],
        )
    for row in cells:
        table.add_row(*(Text(row[i]) for i in shown))
    return table


def number(n: float) -> str:
    """A count for people: 1234567 is 1,234,567."""
    return f"{n:,.0f}"


@contextlib.contextmanager
def progress(what: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """Shows how far long work is, on stderr: a bar on a terminal, a line every few seconds elsewhere.

    Gives a function to call with (done, in all); in all is None when nobody knows. Going back begins a new bar.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _PlainProgress(what, unit)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None, rate="")
        began, last = time.monotonic(), 0

        def advance(done: int, total: int | None) -> None:
            nonlocal began, last
            if done < last:
                bar.reset(task)
                began = time.monotonic()
            last = done
            rate = f"{number(done / max(time.monotonic() - began, 0.001))} {unit}/s"
            bar.update(task, completed=done, total=total, rate=rate)

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
