"""`recount replay rebuild | verify | digest | as-of`: the read models anew, compared, summed up, as they were."""

import sys
import time
from typing import Any

import click

from ledger.errors import Invalid
from ledger.ids import Mode
from replay import as_of, rebuild, verify
from replay.cli import catching_up
from replay.cli.answers import print_as_of, when_of
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, number, progress, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.digest import digests
from replay.status import require_built

_models = click.argument("names", nargs=-1, metavar="[MODEL]...")


@click.group()
def replay() -> None:
    """Rebuild, verify and digest the read models."""


@replay.command("rebuild")
@_models
@click.option("--all", "everything", is_flag=True, help="Every read model; so it is when none is named.")
@act_options
@json_option
def rebuild_command(names: tuple[str, ...], everything: bool, asks: Asks, as_json: bool) -> None:
    """Build read models anew from the log and swap them in.

    With the models named, those that hang together with them are rebuilt too. Readers see the old rows until the swap
    and the new ones after it. Who asked for it is recorded before it runs.
    """
    if names and everything:
        raise Invalid("name the models, or say --all, not both", code="models_and_all")
    chosen = _chosen(names)
    with attached() as edge:
        asked = edge.carry_out("rebuild", asks, models=chosen or ())
        if asks.dry_run:
            say_done(asked, as_json, "", models=chosen or ())
            return
        began = time.monotonic()
        with progress("rebuilding", "events") as advance:
            groups = rebuild.rebuild(edge.conninfo, chosen, advance)
        seconds = time.monotonic() - began
    events = sum(g.events for g in groups)
    rate = events / max(seconds, 0.001)
    if as_json:
        say_json(
            {
                "groups": groups,
                "events": events,
                "rows": sum(sum(g.rows.values()) for g in groups),
                "seconds": round(seconds, 3),
                "events_per_second": round(rate),
            }
        )
        return
    rows = [(name, number(n)) for g in groups for name, n in g.rows.items()]
    say_table((Column("model"), Column("rows", right=True)), rows)
    say(
        f"rebuilt {len(rows)} models from {number(events)} events: {number(sum(sum(g.rows.values()) for g in groups))}"
        f" rows in {seconds:.1f} s, {number(rate)} events/s"
    )


def _chosen(names: tuple[str, ...]) -> tuple[str, ...] | None:
    """None: all. Raises Invalid("unknown_model") before anything is connected."""
    if names:
        rebuild.closure(names)
    return names or None


@replay.command("verify")
@_models
@json_option
def verify_command(names: tuple[str, ...], as_json: bool) -> None:
    """Name every row that is not what the log says.

    Rebuilds beside the live read models, which go on and are not changed, and compares. Exits 1 on drift.
    """
    chosen = _chosen(names)
    with attached() as edge:
        with edge.reading() as conn:
            require_built(conn)
        with progress("verifying", "events") as advance:
            groups = verify.verify(edge.conninfo, chosen, advance)
    differences = [d for g in groups for d in g.differences]
    rows = sum(g.rows for g in groups)
    if as_json:
        say_json(
            {
                "ok": not differences,
                "position": groups[0].position,
                "rows": rows,
                "differences": differences,
            }
        )
    else:
        for d in differences:
            columns = f" in {', '.join(d.columns)}" if d.columns else ""
            say(f"{d.model} {'/'.join(d.key)} {d.kind}{columns}")
        at = f"{number(rows)} rows at position {number(groups[0].position)}"
        if differences:
            say(f"drift: {number(len(differences))} of {at} differ from the log; `recount replay rebuild` mends them")
        else:
            say(f"clean: {at} are what the log says")
    sys.exit(1 if differences else 0)


@replay.command("digest")
@click.option("--wait", is_flag=True, help="First let the read models reach the head of the log.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=60.0, show_default=True, help="Seconds to wait at most."
)
@json_option
def digest_command(wait: bool, timeout: float, as_json: bool) -> None:
    """Print one line a model: name, rows, SHA-256 of its content.

    Equal content gives equal digests on any machine, whatever order it came in. Positions, receipt times and sealed
    fields are left out.
    """
    with attached() as edge:
        if wait:
            catching_up.wait(edge.conninfo, timeout)
        with edge.reading() as conn:
            require_built(conn)
            found = digests(conn)
    if as_json:
        say_json(found)
        return
    columns = (Column("model"), Column("rows", right=True), Column("sha256", cut=True))
    say_table(columns, ((name, d.rows, d.sha256) for name, d in found.models.items()))


@replay.command("as-of")
@click.option("--org", required=True, metavar="ORG", help="The organization.")
@mode_option
@click.option("--at", "at", metavar="TIME", help="What was known at this time: ISO 8601, UTC unless it says otherwise.")
@click.option("--position", type=click.IntRange(min=0), metavar="N", help="What was known at this position of the log.")
@click.option("--true-at", "true_at", metavar="TIME", help="Count only what Stripe says had happened by this time.")
@json_option
def as_of_command(
    org: str, mode: Mode, at: str | None, position: int | None, true_at: str | None, as_json: bool
) -> None:
    """Show an organization as it stood: what it may use, and why."""
    when: Any = when_of(at, "--at") if at is not None else position
    truth = when_of(true_at, "--true-at") if true_at is not None else None
    if (at is not None and position is not None) or (when is None and truth is None):
        raise Invalid("say when: --at TIME, --position N, or --true-at TIME", code="no_time")
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = as_of.organization_as_of(conn, mode, org, sys.maxsize if when is None else when, by_truth=truth)
        print_as_of(conn, found, mode, org, truth or when, as_json=as_json)
