"""`recount audit log`: who did what, when, why, on whose approval; and what was denied."""

from typing import Any

import click
import msgspec

from ledger.ids import Mode
from replay import tables
from replay.cli.answers import when_of
from replay.cli.options import json_option, mode_option
from replay.cli.printing import Column, raw_stdout, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built

OUTCOMES = ("done", "unchanged", "waiting", "denied")
_COLUMNS = (
    *("position", "act", "outcome", "code", "person", "reason", "origin", "key_id", "subject", "mode", "account"),
    *("org", "approval", "events", "at_us"),
)


@click.group()
def audit() -> None:
    """Show who did what, and why."""


@audit.command("log")
@mode_option
@click.option("--person", metavar="NAME", help="Only what this person did.")
@click.option("--subject", metavar="SUBJECT", help="Only about this subject, as the list shows it.")
@click.option("--org", metavar="ORG", help="Only about this organization.")
@click.option("--act", metavar="ACT", help="Only this act, e.g. link_organization.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only with this outcome.")
@click.option("--approval", metavar="APPROVAL", help="Only about this approval.")
@click.option("--after", metavar="TIME", help="At this time or later.")
@click.option("--before", metavar="TIME", help="Before this time.")
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="How many at most.")
@json_option
def log(mode: Mode, after: str | None, before: str | None, limit: int, as_json: bool, **wanted: str | None) -> None:
    """List acts and denied attempts, the newest first; with --json one line each.

    What concerns both modes, such as a rebuild, is listed in either.
    """
    conditions = ["mode IN (%s, 'both')"]
    params: list[str] = [mode]
    for name, value in wanted.items():
        if value is not None:
            conditions.append(f"{name} = %s")
            params.append(value)
    for option, given, sign in (("--after", after, ">="), ("--before", before, "<")):
        if given is not None:
            conditions.append(f"at_us {sign} extract(epoch FROM %s::timestamptz) * 1000000")
            params.append(when_of(given, option).isoformat())
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM {tables.LIVE}.audit_log WHERE {' AND '.join(conditions)}"
            " ORDER BY position DESC LIMIT %s",
            [*params, limit],
        ).fetchall()
    found = [{"at": iso(row[-1]), **dict(zip(_COLUMNS[:-1], row, strict=False))} for row in rows]
    if as_json:
        for entry in found:
            raw_stdout().write(msgspec.json.encode(entry) + b"\n")
        return
    columns = (
        Column("at"),
        Column("person"),
        Column("act"),
        Column("outcome"),
        Column("subject", cut=True),
        Column("why", cut=True),
        Column("approval", wide=True),
    )
    say_table(columns, [_cells(e) for e in found])


def _cells(entry: dict[str, Any]) -> tuple[Any, ...]:
    outcome = f"{entry['outcome']}: {entry['code']}" if entry["code"] else entry["outcome"]
    person = entry["person"] or entry["key_id"]
    return entry["at"][:19], person, entry["act"], outcome, entry["subject"], entry["reason"], entry["approval"]
