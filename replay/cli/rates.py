"""`recount rates diff | apply | list`: what a unit of each resource costs, as versions of a file."""

from typing import IO

import click

from ledger.ids import Mode
from replay.cli.env_costs import tell
from replay.cli.env_lines import rates_lines
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built
from replay.tables import LIVE

_NAMES = ("id", "card", "version", "currency", "effective_s", "markup_percent", "rates")
_LIST = f"SELECT {', '.join(_NAMES)} FROM {LIVE}.rate_cards WHERE mode = %s ORDER BY card, version"

_file = click.argument("file", metavar="FILE", type=click.File("r", encoding="utf-8"))


@click.group()
def rates() -> None:
    """Say what hosting costs: rate cards, as versions of a YAML file."""


@rates.command("diff")
@_file
@mode_option
@json_option
def diff(file: IO[str], mode: Mode, as_json: bool) -> None:
    """Show what applying FILE would change."""
    with attached() as edge:
        change = tell(edge, what="rates_diff", text=file.read(), mode=mode)
    if as_json:
        say_json({"mode": mode, "changes": change is not None, "version": change.after.version if change else None})
        return
    for line in rates_lines(change):
        say(line)


@rates.command("apply")
@_file
@mode_option
@act_options
@json_option
def apply(file: IO[str], mode: Mode, asks: Asks, as_json: bool) -> None:
    """Publish what FILE says as its card's next version."""
    with attached() as edge:
        done = edge.act("hosting", asks, what="rates_apply", text=file.read(), mode=mode)
    made = next((f"{e['card']}@{e['version']}" for e in done.events if "card" in e), None)
    say_done(done, as_json, f"{made} is published" if made else "nothing changes", mode=mode)


@rates.command("list")
@mode_option
@json_option
def list_rates(mode: Mode, as_json: bool) -> None:
    """List every version of every rate card."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = [dict(zip(_NAMES, row, strict=True)) for row in conn.execute(_LIST, [mode])]
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (Column("version"), Column("from"), Column("rates"), Column("markup", right=True))
    say_table(
        columns,
        (
            (
                r["id"],
                iso(r["effective_s"] * 1_000_000),
                " ".join(f"{k} {v}" for k, v in sorted(r["rates"].items())) + f" {r['currency']}",
                f"{r['markup_percent']}%",
            )
            for r in found
        ),
    )
