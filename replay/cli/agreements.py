"""`recount agreements make | end | list`: who has a plan without Stripe."""

import click

from ledger.ids import Mode
from replay.cli.answers import when_of
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say_done, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built
from replay.tables import LIVE


@click.group()
def agreements() -> None:
    """Let organizations have a plan without Stripe; end that; list who has."""


@agreements.command("make")
@click.argument("org", metavar="ORG")
@click.argument("plan", metavar="PLAN")
@click.option("--version", type=click.IntRange(1), help="This version; the newest, if not given.")
@click.option("--from", "begins", metavar="TIME", help="From when; from now, if not given.")
@click.option("--until", metavar="TIME", help="Until when; until it is ended, if not given.")
@click.option("--reference", metavar="TEXT", help="What the paper is found by, e.g. an order's number.")
@mode_option
@act_options
@json_option
def make(
    org: str,
    plan: str,
    version: int | None,
    begins: str | None,
    until: str | None,
    reference: str | None,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Let ORG have PLAN without Stripe. Prints the agreement's id."""
    what = {
        "mode": mode,
        "org": org,
        "plan": plan,
        "version": version,
        "from_s": _seconds(begins, "--from"),
        "until_s": _seconds(until, "--until"),
        "reference": reference,
    }
    with attached() as edge:
        done = edge.act("make_agreement", asks, **what)
    made = next((e for e in done.events if e["event"] == "agreement.made"), None)
    say_done(done, as_json, made["id"] if made is not None else "it was made already", **what)


@agreements.command("end")
@click.argument("id", metavar="AGREEMENT")
@click.option("--at", metavar="TIME", help="When; now, if not given.")
@mode_option
@act_options
@json_option
def end(id: str, at: str | None, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Let AGREEMENT end, now or at a time."""
    what = {"mode": mode, "id": id, "at_s": _seconds(at, "--at")}
    with attached() as edge:
        done = edge.act("end_agreement", asks, **what)
    say_done(done, as_json, f"{id} {'ends' if done.changed else 'ends already'} {at or 'now'} ({mode})", **what)


@agreements.command("list")
@click.option("--org", metavar="ORG", help="Only this organization's.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def list_agreements(org: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List agreements, those that ended too."""
    names = ("id", "org", "plan", "version", "reference", "from_s", "until_s", "made_by", "made_why", "ended_by")
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(
            f"SELECT {', '.join(names)} FROM {LIVE}.agreements WHERE mode = %s AND (%s::text IS NULL OR org = %s)"
            " ORDER BY org, from_s, id LIMIT %s",
            [mode, org, org, limit],
        ).fetchall()
    found = [dict(zip(names, row, strict=True)) for row in rows]
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (
        Column("agreement"), Column("organization"), Column("plan"), Column("from"), Column("until"),
        Column("reference", wide=True), Column("made by", wide=True),
    )  # fmt: skip
    say_table(
        columns,
        (
            (a["id"], a["org"], f"{a['plan']}@{a['version']}", _day(a["from_s"]), _day(a["until_s"]), a["reference"],
             a["made_by"])
            for a in found
        ),
    )  # fmt: skip


def _seconds(given: str | None, option: str) -> int | None:
    return int(when_of(given, option).timestamp()) if given is not None else None


def _day(at_s: int | None) -> str | None:
    return iso(at_s * 1_000_000)[:10] if at_s is not None else None
