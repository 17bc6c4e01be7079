"""`recount approvals list | show | approve | reject`: acts that wait for a second person."""

from typing import Any

import click
import psycopg

from ledger.errors import NotFound
from ledger.ids import Mode
from replay import tables
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table, to_json
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built

STATES = ("waiting", "granted", "rejected")
_COLUMNS = (
    *("id", "act", "state", "input", "person", "reason", "subject", "account", "org", "settled_by"),
    *("requested_us", "settled_us"),
)


@click.group()
def approvals() -> None:
    """Approve or reject what waits for a second person."""


@approvals.command("list")
@mode_option
@click.option(
    "--state",
    type=click.Choice((*STATES, "all")),
    default="waiting",
    show_default=True,
    help="Those that wait, or those that were settled.",
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@json_option
def list_approvals(mode: Mode, state: str, limit: int, as_json: bool) -> None:
    """List acts that wait for a second person, the newest first."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = _found(conn, "mode IN (%s, 'both') AND (state = %s OR %s = 'all')", [mode, state, state], limit)
    if as_json:
        say_json({"data": found})
        return
    columns = (
        Column("approval"),
        Column("act"),
        *((Column("state"),) if state != "waiting" else ()),
        Column("subject", cut=True),
        Column("asked by"),
        Column("why", cut=True),
        Column("since", wide=True),
    )
    say_table(
        columns,
        (
            (
                a["id"],
                a["act"],
                *((a["state"],) if state != "waiting" else ()),
                a["subject"],
                a["person"],
                a["reason"],
                a["requested_at"][:19],
            )
            for a in found
        ),
    )


@approvals.command("show")
@click.argument("id", metavar="APPROVAL")
@json_option
def show(id: str, as_json: bool) -> None:
    """Show what waits: the act, its input, who asked for it and why; or who settled it."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = next(iter(_found(conn, "id = %s", [id], 1)), None)
    if found is None:
        raise NotFound(f"no act waits under {id}; `recount approvals list --state all` shows those that did")
    if as_json:
        say_json(found)
        return
    for name, value in (
        ("approval", found["id"]),
        ("act", found["act"]),
        ("state", found["state"]),
        ("subject", found["subject"]),
        ("account", found["account"]),
        ("org", found["org"]),
        ("asked by", found["person"]),
        ("why", found["reason"]),
        ("since", found["requested_at"]),
        ("settled by", found["settled_by"]),
        ("settled", found["settled_at"]),
    ):
        if value is not None:
            say(f"{name:<11} {value}")
    say(f"{'input':<11} {to_json(found['input'])}")


@approvals.command("approve")
@click.argument("id", metavar="APPROVAL")
@act_options
@json_option
def approve(id: str, asks: Asks, as_json: bool) -> None:
    """Approve an act, which is carried out at once. Refused for whoever asked for it."""
    with attached() as edge:
        done = edge.act("approve", asks, id=id)
    say_done(done, as_json, f"{id} is approved, and {done.act} carried out", approval=id, act=done.act)


@approvals.command("reject")
@click.argument("id", metavar="APPROVAL")
@act_options
@json_option
def reject(id: str, asks: Asks, as_json: bool) -> None:
    """Reject an act: it is never carried out. Whoever asked for it may take it back so."""
    with attached() as edge:
        done = edge.act("reject", asks, id=id)
    say_done(done, as_json, f"{id} {'is' if done.changed else 'was already'} rejected", approval=id, act=done.act)


def _found(conn: psycopg.Connection[Any], where: str, params: list[Any], limit: int) -> list[dict[str, Any]]:
    rows = conn.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM {tables.LIVE}.approvals WHERE {where}"
        " ORDER BY requested_us DESC, id DESC LIMIT %s",
        [*params, limit],
    ).fetchall()
    return [
        {
            **dict(zip(_COLUMNS[:-2], row, strict=False)),
            "requested_at": iso(row[-2]),
            "settled_at": iso(row[-1]) if row[-1] is not None else None,
        }
        for row in rows
    ]
