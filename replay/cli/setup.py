"""`recount setup list | show | approve | reopen`: what was bought, and which approval is missing before it is live."""

import click

from ledger.ids import Mode
from replay.cli.options import Asks, account_option, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built
from replay.tables import LIVE

_NAMES = ("account", "placement", "org", "kind", "plan", "version", "state", "steps", "next_step", "next_by", "live_s",
          "closed", "since_s", "until_s")  # fmt: skip
_STATES = ("purchased", "in_setup", "ready", "live", "paused", "suspended", "recovering", "cancelled")
_SQL = f"""
    SELECT {", ".join(_NAMES)} FROM {LIVE}.setups
    WHERE mode = %(mode)s AND (%(org)s::text IS NULL OR org = %(org)s)
      AND (%(state)s::text IS NULL OR state = %(state)s)
    ORDER BY account, placement LIMIT %(limit)s
"""


@click.group()
def setup() -> None:
    """See how far what was bought is set up; approve and reopen its steps."""


def _found(mode: Mode, org: str | None, state: str | None, limit: int) -> list[dict[str, object]]:
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(_SQL, {"mode": mode, "org": org, "state": state, "limit": limit}).fetchall()
    return [dict(zip(_NAMES, row, strict=True)) for row in rows]


@setup.command("list")
@click.option("--org", metavar="ORG", help="Only this organization's.")
@click.option("--state", type=click.Choice(_STATES), help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def list_setups(org: str | None, state: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List setup cases: everything that was bought under a plan with steps."""
    found = _found(mode, org, state, limit)
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (
        Column("bought", cut=True), Column("organization"), Column("plan"), Column("state"), Column("next step"),
        Column("by"), Column("account", wide=True),
    )  # fmt: skip
    say_table(
        columns,
        (
            (s["placement"], s["org"], f"{s['plan']}@{s['version']}", s["state"], s["next_step"], s["next_by"],
             s["account"])
            for s in found
        ),
    )  # fmt: skip


@setup.command("show")
@click.argument("org", metavar="ORG")
@mode_option
@json_option
def show(org: str, mode: Mode, as_json: bool) -> None:
    """Show ORG's setup cases: each step, who approved it, and on what."""
    found = _found(mode, org, None, 1_000)
    if as_json:
        say_json({"mode": mode, "org": org, "data": found})
        return
    if not found:
        say(f"{org} bought nothing that is to be set up")
    for case in found:
        say(f"{case['placement']} ({case['plan']}@{case['version']}): {case['state']}")
        for step in case["steps"]:  # type: ignore[attr-defined] # a list, as the read model has it
            given = step["approved"]
            how = f"open, by the {step['by']}"
            if given is not None:
                how = f"approved by {given['by']} at {iso(given['at_s'] * 1_000_000)[:16]}Z on {given['artefact']}"
            say(f"  {step['key']} ({step['title']}): {how}")


@setup.command("approve")
@click.argument("placement", metavar="BOUGHT")
@click.argument("step", metavar="STEP")
@click.option("--artefact", required=True, metavar="TEXT", help="What the approval rests on.")
@click.option("--authorizes", required=True, metavar="TEXT", help="What may be done from now on.")
@account_option
@mode_option
@act_options
@json_option
def approve(
    placement: str, step: str, artefact: str, authorizes: str, account: str, mode: Mode, asks: Asks, as_json: bool
) -> None:
    """Approve STEP of setting up BOUGHT: a subscription, a purchase or an agreement. The last one is go_live."""
    what = {"mode": mode, "account": account, "placement": placement, "step": step}
    with attached() as edge:
        done = edge.act("approve_setup_step", asks, **what, artefact=artefact, authorizes=authorizes)
    live = any(e.get("last") for e in done.events)
    said = f"{step} of {placement} {'is' if done.changed else 'was already'} approved ({mode})"
    say_done(done, as_json, f"{said}: it is live" if live else said, **what)


@setup.command("reopen")
@click.argument("placement", metavar="BOUGHT")
@click.argument("step", metavar="STEP")
@account_option
@mode_option
@act_options
@json_option
def reopen(placement: str, step: str, account: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Reopen STEP of BOUGHT and every later one: what was live is not any more."""
    what = {"mode": mode, "account": account, "placement": placement, "step": step}
    with attached() as edge:
        done = edge.act("reopen_setup_step", asks, **what)
    again = [s for e in done.events for s in e.get("reopened", ())]
    say_done(done, as_json, f"open again: {', '.join(again)}" if again else f"{step} was open already", **what)
