"""`recount plans diff | apply | list | show | lint | placements | move | move-all`: what is sold, who is on what."""

from typing import IO, Any

import click

from ledger.errors import NotFound
from ledger.ids import Mode
from replay import plan_reading
from replay.cli.options import Asks, account_option, act_options, json_option, mode_option
from replay.cli.plan_lines import change_lines, definition_lines, finding_lines, sold_as
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached, service
from replay.plan_lint import lint, subject_of
from replay.status import require_built

#: What differs, or is found wrong, exits so; nothing does exits 0; an error exits 2.
DIFFERS = 1

_FILE = click.argument("file", metavar="FILE", type=click.File("r", encoding="utf-8"))


@click.group()
def plans() -> None:
    """Apply catalogues of plans; list and lint plans; move who is on them."""


@plans.command("diff")
@_FILE
@mode_option
@json_option
@click.pass_context
def show_diff(ctx: click.Context, file: IO[str], mode: Mode, as_json: bool) -> None:
    """Show what applying FILE would change. Exits 1 if it would change anything."""
    with attached() as edge:
        changes = service("plans_diff")(edge.database, edge.settings, text=file.read(), mode=mode)
    if as_json:
        say_json({"mode": mode, "changes": changes})
    else:
        for line in change_lines(changes):
            say(line)
    if changes:
        ctx.exit(DIFFERS)


@plans.command("apply")
@_FILE
@mode_option
@act_options
@json_option
def apply_file(file: IO[str], mode: Mode, asks: Asks, as_json: bool) -> None:
    """Make the plans what FILE says: all of it or nothing. What was sold stays as it was sold."""
    text = file.read()
    with attached() as edge:
        changes = service("plans_diff")(edge.database, edge.settings, text=text, mode=mode)
        done = edge.act("apply_plans", asks, text=text, mode=mode)
    said = "\n".join(change_lines(changes)) if done.changed else "nothing changes"
    say_done(done, as_json, said, mode=mode)


@plans.command("list")
@click.option("--all", "everything", is_flag=True, help="Versions of before and retired plans too.")
@mode_option
@json_option
def list_plans(everything: bool, mode: Mode, as_json: bool) -> None:
    """List plans, each in its newest version."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = plan_reading.plans(conn, mode, everything=everything)
        held = plan_reading.held(conn, mode)
    if as_json:
        say_json({"mode": mode, "data": [{**p, "placements": held.get(p["id"], 0)} for p in found]})
        return
    columns = (
        Column("plan"),
        Column("name", cut=True),
        Column("model"),
        Column("catalogue", wide=True),
        Column("sold as", cut=True),
        Column("on it", right=True),
        *((Column("state"),) if everything else ()),
    )
    rows = []
    for p in found:
        state = "retired" if p["retired"] else "current" if p["current"] else "replaced"
        cells = (p["id"], p["name"], p["model"], p["catalogue"], sold_as(p["definition"]), held.get(p["id"], 0))
        rows.append((*cells, *((state,) if everything else ())))
    say_table(columns, rows)


@plans.command("show")
@click.argument("plan", metavar="PLAN")
@click.option("--version", type=click.IntRange(1), help="This version; the newest, if not given.")
@mode_option
@json_option
def show(plan: str, version: int | None, mode: Mode, as_json: bool) -> None:
    """Show what a version of PLAN says."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = plan_reading.plans(conn, mode, everything=True, plan=plan)
        held = plan_reading.held(conn, mode)
    wanted = [p for p in found if (p["current"] if version is None else p["version"] == version)]
    if not wanted:
        raise NotFound(f"there is no plan {plan}{f' of version {version}' if version else ''} in {mode} mode")
    told = {**wanted[0], "placements": held.get(wanted[0]["id"], 0)}
    if as_json:
        say_json(told)
        return
    for line in definition_lines(told):
        say(line)


@plans.command("lint")
@click.argument("file", metavar="[FILE]", type=click.File("r", encoding="utf-8"), required=False)
@mode_option
@json_option
@click.pass_context
def show_lint(ctx: click.Context, file: IO[str] | None, mode: Mode, as_json: bool) -> None:
    """Hold the plans (of FILE, or those that are current) against the catalogue that Stripe told of.

    Exits 1 if anything is found.
    """
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        if file is not None:
            subjects = service("read_catalogue")(file.read(), mode)
            known = {s.plan for s in subjects}
        else:
            subjects, known = [], set()
        stored = plan_reading.plans(conn, mode, everything=False)
        subjects += [subject_of(p["definition"]) for p in stored if p["plan"] not in known]
        found = lint(subjects, *plan_reading.catalogue_of_stripe(conn, mode))
    if known:
        found = [f for f in found if f.plan in known or f.code == "price_on_two_plans"]
    if as_json:
        say_json({"mode": mode, "findings": found})
    else:
        for line in finding_lines(found):
            say(line)
    if found:
        ctx.exit(DIFFERS)


@plans.command("placements")
@click.option("--plan", metavar="PLAN", help="Only on this plan.")
@click.option("--org", metavar="ORG", help="Only this organization's.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def placements(plan: str | None, org: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List which plan each subscription, purchase and agreement is on, and why."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = plan_reading.placements(conn, mode, plan=plan, org=org, limit=limit)
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (Column("of", cut=True), Column("kind"), Column("plan"), Column("organization"), Column("why"))
    say_table(columns, ((p["subscription"], p["kind"], p["plan_id"], p["org"], _why(p["why"])) for p in found))


def _why(why: dict[str, Any]) -> str:
    if why["by"] in ("move", "agreement"):
        return f"{'moved' if why['by'] == 'move' else 'agreed'} by {why['person']}"
    return f"sold as {why['name'].removeprefix('plan:')}" + (", a price of old" if why["by"] == "legacy_price" else "")


@plans.command("move")
@click.argument("subscription", metavar="SUBSCRIPTION")
@click.argument("plan", metavar="PLAN")
@click.option("--version", type=click.IntRange(1), help="To this version; the newest, if not given.")
@account_option
@mode_option
@act_options
@json_option
def move(
    subscription: str, plan: str, version: int | None, account: str, mode: Mode, asks: Asks, as_json: bool
) -> None:
    """Move SUBSCRIPTION (or a purchase, or an agreement) to a version of PLAN, where it stays."""
    what = {"mode": mode, "account": account, "subscription": subscription, "plan": plan, "version": version}
    with attached() as edge:
        done = edge.act("move_subscription", asks, **what)
    to = f"{plan}@{done.events[0]['version']}" if done.events and "version" in done.events[0] else plan
    say_done(done, as_json, f"{subscription} {'is' if done.changed else 'was already'} on {to} ({mode})", **what)


@plans.command("move-all")
@click.argument("from_plan", metavar="FROM")
@click.argument("plan", metavar="PLAN")
@click.option("--from-version", type=click.IntRange(1), help="Only from this version of FROM.")
@click.option("--version", type=click.IntRange(1), help="To this version; the newest, if not given.")
@mode_option
@act_options
@json_option
def move_all(
    from_plan: str,
    plan: str,
    from_version: int | None,
    version: int | None,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Move all that are on FROM to a version of PLAN, in one act. FROM and PLAN may be the same."""
    what = {"mode": mode, "from_plan": from_plan, "from_version": from_version, "plan": plan, "version": version}
    with attached() as edge:
        come = edge.act("move_subscriptions", asks, **what)
    said = f"{come.moved} moved from {from_plan} to {plan} ({mode})"
    if come.left:
        said += f"; {come.left} are left, so run it again"
    say_done(come.done, as_json, said, moved=come.moved, left=come.left, **what)
