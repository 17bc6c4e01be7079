"""`recount bench`: what this machine does, each figure beside a bound measured in the same minute.

No figure is asserted anywhere: machines differ and drift. Ratios of one run are what can be compared.
"""

import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from api.bench import hosting, hot_read, ingest, lag, load, models, passthrough, rebuilding
from api.bench.stage import Figure, Stage
from api.process import log_setup
from ledger.errors import Invalid

BENCHES: dict[str, Callable[[Stage], Iterator[Figure]]] = {
    "ingest": ingest.run,
    "rebuild": rebuilding.run,
    "models": models.run,
    "lag": lag.run,
    "hot-read": hot_read.run,
    "passthrough": passthrough.run,
    "hosting": hosting.run,
}


def bench(names: tuple[str, ...] = (), quick: bool = False, as_json: bool = False) -> None:
    """Run the named benches (all when none is named) and print them. Raises Invalid("unknown_bench")."""
    for name in names:
        if name not in BENCHES:
            raise Invalid(f"there is no bench {name!r}; there are {', '.join(BENCHES)}", code="unknown_bench")
    log_setup("error")
    note = Console(stderr=True, highlight=False)
    figures: list[Figure] = []
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="recount-bench-", ignore_cleanup_errors=True))
        os.chmod(folder, 0o755)  # noqa: S103 # root lends PostgreSQL to another user, who must pass through
        stage = stack.enter_context(Stage(Path(folder), quick, lambda text: note.print(f"[dim]{text}[/]")))
        for name in names or tuple(BENCHES):
            note.print(f"[bold]{name}[/]")
            figures += BENCHES[name](stage)
    if as_json:
        answer = {"machine": _machine(), "quick": quick, "load": load.kind(), "figures": [f._asdict() for f in figures]}
        print(json.dumps(answer, indent=2))
    else:
        _print(figures, quick)


def _machine() -> dict[str, object]:
    return {"processors": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}


def _print(figures: list[Figure], quick: bool) -> None:
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    table = Table(title="recount bench" + (" (quick: shows that it works, measures little)" if quick else ""))
    for column, justify in (
        ("what", "left"),
        ("measured", "right"),
        ("bound", "right"),
        ("ratio", "right"),
        ("", "left"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type] # literals
    for f in figures:
        bound = "" if f.bound is None else f"{f.bound:,.{_digits(f.bound)}f}"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        table.add_row(f.what, f"{f.measured:,.{_digits(f.measured)}f} {f.unit}", bound, ratio, f.note)
    console.print(table)
    console.print(f"Load by {load.kind()}; {os.cpu_count()} processors; Python {platform.python_version()}.")


def _digits(value: float) -> int:
    return 0 if abs(value) >= 100 else 2
