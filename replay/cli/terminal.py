"""How the CLI draws on a terminal: tables that fit it, and bars. Only there it is read, as rich takes time to read."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from replay.cli.printing import GAP, Column, number

#: A column that is cut keeps at least so much.
_LEAST = 12


def print_fitted(columns: Sequence[Column], cells: Sequence[Sequence[str]]) -> None:
    """Print rows with titles, no wider than the terminal."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(_fitted(columns, cells, console.width))


def _fitted(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> Table:
    """The rows as a table no wider than `width`: columns left out, then cut, then folded."""
    shown = list(range(len(columns)))
    needs = [max(cell_len(t) for t in (c.title, *(row[i] for row in cells))) for i, c in enumerate(columns)]

    def too_wide() -> int:
        return sum(needs[i] + GAP for i in shown) - GAP - width

    for i in reversed(shown[:]):
        if columns[i].wide and too_wide() > 0:
            shown.remove(i)
    for i in shown:
        if columns[i].cut and too_wide() > 0:
            needs[i] = max(_LEAST, needs[i] - too_wide())
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
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


@contextlib.contextmanager
def bar(what: str, unit: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on stderr, as `replay.cli.printing.progress` promises it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        task = drawn.add_task(what, total=None, rate="")
        began, last = time.monotonic(), 0

        def advance(done: int, total: int | None) -> None:
            nonlocal began, last
            if done < last:
                drawn.reset(task)
                began = time.monotonic()
            last = done
            rate = f"{number(done / max(time.monotonic() - began, 0.001))} {unit}/s"
            drawn.update(task, completed=done, total=total, rate=rate)

        yield advance
