"""`recount incident`: everything about an organization in a span of time."""

import shutil
import sys
import textwrap
from typing import Any

import click

from ledger.errors import Invalid
from ledger.ids import Mode
from replay import incident as incidents
from replay.cli.answers import when_of
from replay.cli.options import json_option, mode_option
from replay.cli.printing import Column, say, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built


@click.command()
@click.argument("org", metavar="ORG")
@click.option("--from", "since", metavar="TIME", required=True, help="From this time on.")
@click.option("--to", "until", metavar="TIME", help="Before this time; now, if not given.")
@click.option("--kind", type=click.Choice(incidents.KINDS), help="Only of this kind.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=1_000, show_default=True, help="How many at most.")
@mode_option
@json_option
def incident(org: str, since: str, until: str | None, kind: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List what happened to ORG: events, calls to Stripe and their answers, notices, acts; the oldest first."""
    from_s = int(when_of(since, "--from").timestamp())
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        clock = conn.execute("SELECT extract(epoch FROM now())::bigint + 1").fetchone()
        assert clock is not None
        to_s = int(when_of(until, "--to").timestamp()) if until is not None else int(clock[0])
        if to_s <= from_s:
            raise Invalid("--to is after --from", code="bad_period")
        found = incidents.incident(conn, mode, org, from_s, to_s, kind=kind, limit=limit + 1)
    more, found = len(found) > limit, found[:limit]
    lines = [{"at": iso(line["at_s"] * 1_000_000), **line} for line in found]
    for line in lines:
        del line["at_s"]
    if as_json:
        say_json({"mode": mode, "org": org, "data": lines, "more": more})
        return
    if sys.stdout.isatty():
        for line in lines:
            _for_a_person(line, shutil.get_terminal_size().columns)
    else:
        say_table(
            [Column(title) for title in ("at", "kind", "type", "by", "id", "said")],
            ((x["at"][:19], x["kind"], x["type"], x["by"], x["id"], x["said"]) for x in lines),
        )
    if more:
        click.echo("there is more: give a later --from, or --limit", err=True)
    elif not found:
        say(f"nothing happened to {org} then ({mode})")


def _for_a_person(line: dict[str, Any], width: int) -> None:
    """A line that goes on beneath itself where the terminal ends."""
    head = f"{line['at'][:10]} {line['at'][11:19]}  {line['kind']:<6}  "
    # an act's id is its key's, and that of an event of our own only repeats what it says
    named = line["kind"] != "act" and "/" not in line["id"]
    body = line["type"] + (f" {line['id']}" if named else "")
    body += f": {line['said']}" if line["said"] else ""
    body += f" (by {line['by']})" if line["by"] else ""
    say(textwrap.fill(body, max(width, 60), initial_indent=head, subsequent_indent=" " * len(head)))
