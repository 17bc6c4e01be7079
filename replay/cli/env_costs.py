"""What environments cost, on the command line: accruals, invoices, breakdowns, limits, closing, reconciling."""

from typing import Any

import click

from ledger.ids import Mode
from replay.cli.env_lines import breakdown_lines, compared_lines, invoice_lines
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import Attached, attached, service
from replay.status import require_built
from replay.tables import LIVE

#: Something differs, or is wrong.
DIFFERS = 1
ASPECTS = ("project", "namespace", "resource", "environment", "day", "month")
_ACCRUED = ("org", "environment", "day", "number", "currency", "amount", "entries", "position")
_ACCRUALS = f"""
SELECT org, environment, day, number::bigint, currency, amount, entries, position FROM {LIVE}.accruals
WHERE mode = %s AND org = %s AND (%s::text IS NULL OR environment = %s) AND (%s::text IS NULL OR day LIKE %s || '-%%')
ORDER BY day, environment, number LIMIT %s
"""
_INVOICED = (
    "id", "org", "month", "currency", "state", "total_minor", "opening", "accrued", "closing", "lines",
    "issuance", "invoice", "invoiced_minor", "credited_minor",
)  # fmt: skip
_INVOICES = f"""
SELECT {", ".join(_INVOICED)} FROM {LIVE}.hosting_invoices
WHERE mode = %s AND (%s::text IS NULL OR org = %s) AND (%s::text IS NULL OR month = %s)
ORDER BY month DESC, org, currency LIMIT %s
"""

how_many = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most."
)


def tell(edge: Attached, **what: Any) -> Any:
    """What the edge tells of hosting."""
    return service("hosting")(edge.database, edge.settings, **what)


def rows_of(sql: str, names: tuple[str, ...], asked: list[Any]) -> list[dict[str, Any]]:
    """Rows of a read model by column."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        return [dict(zip(names, row, strict=True)) for row in conn.execute(sql, asked)]


def act(name: str, asks: Asks, as_json: bool, said: str, /, **what: Any) -> None:
    """Carry an act out, and say what came of it."""
    with attached() as edge:
        done = edge.carry_out(name, asks, **what)
    say_done(done, as_json, said if done.changed else f"{said} already", **what)


@click.command("accruals")
@click.argument("org", metavar="ORG")
@click.option("--environment", metavar="ENVIRONMENT", help="Only of this one.")
@click.option("--month", metavar="YYYY-MM", help="Only of this month's days.")
@how_many
@mode_option
@json_option
def accruals(org: str, environment: str | None, month: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List what ORG's environments cost, day by day, adjustments included."""
    asked = [mode, org, environment, environment, month, month, limit]
    found = rows_of(_ACCRUALS, _ACCRUED, asked)
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (Column("day"), Column("environment"), Column("number", right=True), Column("amount", right=True))
    say_table(columns, ((a["day"], a["environment"], a["number"], f"{a['amount']} {a['currency']}") for a in found))


@click.command("invoices")
@click.option("--org", metavar="ORG", help="Only ORG's.")
@click.option("--month", metavar="YYYY-MM", help="Only of this month.")
@click.option("--open", "still_open", is_flag=True, help="What ORG's would be if the month were closed now.")
@how_many
@mode_option
@json_option
def invoices(org: str | None, month: str | None, still_open: bool, limit: int, mode: Mode, as_json: bool) -> None:
    """List invoices of hosting; with --open, of a month that is not closed."""
    if still_open:
        if org is None or month is None:
            raise click.UsageError("say --org and --month")
        with attached() as edge:
            told = tell(edge, what="open_invoices", mode=mode, org=org, month=month)
        found = [{n: getattr(i, n) for n in _INVOICED[1:] if hasattr(i, n)} for i in told]
        for each in found:
            each["lines"] = [{n: getattr(line, n) for n in line.__struct_fields__} for line in each["lines"]]
    else:
        found = rows_of(_INVOICES, _INVOICED, [mode, org, org, month, month, limit])
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    for line in invoice_lines(found):
        say(line)


@click.command("breakdown")
@click.argument("org", metavar="ORG")
@click.option("--by", type=click.Choice(ASPECTS), default="namespace", show_default=True)
@click.option("--month", metavar="YYYY-MM", help="Only of this month.")
@click.option("--top", type=click.IntRange(1, 1_000), help="So many, and the others as one.")
@mode_option
@json_option
def breakdown(org: str, by: str, month: str | None, top: int | None, mode: Mode, as_json: bool) -> None:
    """Show what ORG's hosting cost, the largest first. Shares sum to the total."""
    with attached() as edge:
        told = tell(edge, what="breakdown", mode=mode, org=org, by=by, month=month, top=top)
    if as_json:
        say_json({"mode": mode, "org": org, "by": by, "data": [_plainly(t) for t in told]})
        return
    for line in breakdown_lines(told):
        say(line)


def _plainly(told: Any) -> dict[str, Any]:
    broken = told.broken
    shares = [{**share._asdict(), "amount": f"{share.amount:f}"} for share in broken.shares]
    return {
        "currency": told.currency,
        "total": f"{broken.total:f}",
        "total_minor": broken.total_minor,
        "shares": shares,
    }


@click.command("limit")
@click.argument("org", metavar="ORG")
@click.argument("minor", metavar="[MINOR]", type=click.IntRange(1), required=False)
@click.option("--currency", metavar="CUR", help="Of MINOR, e.g. eur.")
@click.option("--hard-stop", is_flag=True, help="Stop ORG's hosting when it is reached.")
@click.option("--unlimited", is_flag=True, help="Explicitly without a limit.")
@mode_option
@act_options
@json_option
def limit_of(
    org: str,
    minor: int | None,
    currency: str | None,
    hard_stop: bool,
    unlimited: bool,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Show ORG's hosting limit in a month, or set it to MINOR minor units, or to none (--unlimited)."""
    if minor is None and not unlimited:
        names = ("limit_minor", "currency", "hard_stop", "month", "reached", "spent", "stopped")
        sql = f"SELECT {', '.join(names)} FROM {LIVE}.spending_limits WHERE mode = %s AND org = %s"
        found = next(iter(rows_of(sql, names, [mode, org])), None)
        if as_json:
            say_json({"mode": mode, "org": org, "set": found is not None, **(found or {})})
        elif found is None or found["limit_minor"] is None:
            say(f"{org} has no limit" + ("" if found is None else ", explicitly"))
        else:
            say(f"{org}: {found['limit_minor']} {found['currency']} a month{', then stopped' * found['hard_stop']}")
        return
    told = {"mode": mode, "org": org, "limit_minor": minor, "currency": currency, "hard_stop": hard_stop}
    act("set_spending_limit", asks, as_json, f"the limit of {org} is {minor if minor else 'none'}", **told)


@click.command("accrue")
@mode_option
@json_option
def accrue(mode: Mode, as_json: bool) -> None:
    """Book what is missing of the days that are over. The worker does so by itself, every minute."""
    with attached() as edge:
        done = tell(edge, what="accrue", mode=mode)
    if as_json:
        say_json(done)
        return
    say(f"{done.bookings} bookings of {len(done.days)} days, through position {done.through}")
    for namespace in done.unpaid:
        say(f"nobody pays for all that {namespace} used: place it, or publish rates")


@click.command("close-month")
@click.argument("month", metavar="YYYY-MM")
@mode_option
@act_options
@json_option
def close_month(month: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Close a month and make its invoices. The worker does so by itself, some days after its end."""
    with attached() as edge:
        done = edge.act("hosting", asks, what="close_month", mode=mode, month=month)
        made = [] if asks.dry_run or done.waiting else tell(edge, what="invoices", mode=mode)
    count = sum(each.invoices for each in made)
    say_done(done, as_json, f"{month} is closed; {count} invoices made", mode=mode, month=month, invoices=count)


@click.command("reconcile")
@click.option("--source", required=True, metavar="FILE|URL", help="The provider's own usage ledger.")
@click.option("--book", is_flag=True, help="Ask for the differences to be booked; a second person approves.")
@mode_option
@act_options
@json_option
@click.pass_context
def reconcile(ctx: click.Context, source: str, book: bool, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Hold what was reported against a provider's own usage ledger, by namespace and day. Exits 1 if anything differs.

    The ledger has the columns namespace, day, resource and quantity: CSV with a header, or JSON lines.
    """
    with attached() as edge:
        if book:
            done = edge.act("hosting", asks, what="book", mode=mode, source=source)
            say_done(done, as_json, "booked: the next accrual adjusts what it concerns", mode=mode, source=source)
            return
        found = tell(edge, what="compare", mode=mode, source=source)
    if as_json:
        say_json({"mode": mode, "source": source, "days": found.days, "differences": found.lines})
    else:
        for line in compared_lines(found):
            say(line)
    if found.lines:
        ctx.exit(DIFFERS)


@click.command("claims")
@mode_option
@json_option
@click.pass_context
def claims(ctx: click.Context, mode: Mode, as_json: bool) -> None:
    """Compare the claims of cost events with the log. Exits 1 if anything differs."""
    with attached() as edge:
        found = tell(edge, what="claims", mode=mode)
    if as_json:
        say_json({"mode": mode, "records": found.records, "wrong": found.wrong})
    else:
        say(f"{found.records} cost events; {len(found.wrong) or 'none'} claimed otherwise than the log says")
        for id in found.wrong:
            say(id)
    if found.wrong:
        ctx.exit(DIFFERS)


#: What `recount env` has of it.
COMMANDS: tuple[click.Command, ...] = (accruals, invoices, breakdown, limit_of, accrue, close_month, reconcile, claims)
