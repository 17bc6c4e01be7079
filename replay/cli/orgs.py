"""`recount orgs link | unlink | list`: which organization a Stripe customer is billed for."""

import click

from ledger.ids import Mode
from replay import tables
from replay.cli.options import Asks, account_option, act_options, json_option, mode_option
from replay.cli.printing import Column, say_done, say_json, say_table
from replay.cli.service import attached
from replay.status import require_built


@click.group()
def orgs() -> None:
    """Link Stripe customers to organizations; list organizations."""


@orgs.command("link")
@click.argument("org", metavar="ORG")
@click.argument("customer", metavar="CUSTOMER")
@account_option
@mode_option
@act_options
@json_option
def link(org: str, customer: str, account: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Bill CUSTOMER (cus_…) for ORG, whatever metadata claims. Replaces an earlier link."""
    with attached() as edge:
        what = {"mode": mode, "account": account, "customer": customer, "org": org}
        done = edge.carry_out("link_organization", asks, **what)
    said = f"{customer} {'is' if done.changed else 'was already'} linked to {org} ({mode}, {account})"
    say_done(done, as_json, said, **what)


@orgs.command("unlink")
@click.argument("customer", metavar="CUSTOMER")
@account_option
@mode_option
@act_options
@json_option
def unlink(customer: str, account: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Take the link of CUSTOMER back: claims in metadata count again."""
    with attached() as edge:
        what = {"mode": mode, "account": account, "customer": customer}
        done = edge.carry_out("unlink_organization", asks, **what)
    say_done(done, as_json, f"{customer} is linked by no operator any more ({mode}, {account})", **what)


@orgs.command("list")
@mode_option
@click.option("--after", default="", metavar="ORG", help="Begin after this organization.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@json_option
def list_orgs(mode: Mode, after: str, limit: int, as_json: bool) -> None:
    """List organizations with their customers and subscriptions."""
    names = ("org", "customers", "accounts", "subscriptions", "delinquent", "created_s")
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(
            f"SELECT {', '.join(names)} FROM {tables.LIVE}.organizations WHERE mode = %s AND org > %s"
            " ORDER BY org LIMIT %s",
            [mode, after, limit],
        ).fetchall()
    found = [dict(zip(names, row, strict=True)) for row in rows]
    if as_json:
        say_json({"data": found})
        return
    columns = (Column("organization"), Column("customers", right=True), Column("subscriptions"), Column("standing"))
    say_table(
        columns,
        (
            (
                o["org"],
                len(o["customers"]),
                ", ".join(f"{n} {s}" for s, n in (o["subscriptions"] or {}).items()) or None,
                "delinquent" if o["delinquent"] else "good",
            )
            for o in found
        ),
    )
