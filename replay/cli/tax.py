"""`recount tax show | set | drop`: how what Recount bills by itself is taxed."""

from typing import Any

import click

from ledger.ids import PLATFORM, Mode
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say_done, say_json, say_table
from replay.cli.service import attached
from replay.status import require_built
from replay.tables import LIVE
from replay.tax_rates import rates_of

_NAMES = ("id", "org", "automatic_tax", "tax_behavior", "tax_code", "tax_rates", "tax_exempt")
_LIST = f"SELECT {', '.join(_NAMES)} FROM {LIVE}.tax_terms WHERE mode = %s ORDER BY id"
_whose = click.option("--org", metavar="ORG", help="This organization's own; everybody's, if not given.")


@click.group()
def tax() -> None:
    """Say how what Recount bills by itself (hosting, passed-through costs) is taxed."""


@tax.command("show")
@mode_option
@json_option
def show(mode: Mode, as_json: bool) -> None:
    """Show everybody's terms, and organizations' own."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = [dict(zip(_NAMES, row, strict=True)) for row in conn.execute(_LIST, [mode])]
    if as_json:
        say_json({"data": found})
        return
    say_table((Column("whose"), Column("tax", wide=True)), ((e["org"] or "everybody", _said(e)) for e in found))


def _said(terms: dict[str, Any]) -> str:
    if terms["automatic_tax"]:
        beside = [said for said in (terms["tax_behavior"], terms["tax_code"]) if said]
        return ", ".join(["computed by Stripe", *beside])
    rates = [f"{rate['percentage']} % ({rate['id']})" for rate in terms["tax_rates"]]
    return ", ".join([*rates, *(["exempt"] if terms["tax_exempt"] else [])]) or "none"


@tax.command("set")
@_whose
@click.option("--automatic", "automatic_tax", is_flag=True, help="Stripe computes the tax.")
@click.option("--behavior", type=click.Choice(("exclusive", "inclusive")), help="Of automatic tax: on top, or within.")
@click.option("--code", metavar="CODE", help="Of automatic tax: what is sold, e.g. txcd_10103001.")
@click.option("--rate", "rates", metavar="RATE", multiple=True, help="A tax rate of Stripe's (txr_…) on every line.")
@click.option("--exempt", is_flag=True, help="The rates are named, and come to nothing.")
@mode_option
@act_options
@json_option
def set_terms(mode: Mode, asks: Asks, as_json: bool, **given: Any) -> None:
    """Set how invoices are taxed that Recount makes from now on; without an option: not at all."""
    ids = list(given["rates"])
    what = {"mode": mode, "org": given["org"], "automatic_tax": given["automatic_tax"], "tax_rates": ids}
    what |= {"tax_behavior": given["behavior"], "tax_code": given["code"], "tax_exempt": given["exempt"]}
    with attached() as edge:
        with edge.reading() as conn:
            require_built(conn)
            found = rates_of(conn, mode, PLATFORM, ids)
        done = edge.carry_out("set_tax_terms", asks, **what, rates=found)
    say_done(done, as_json, "set" if done.changed else "set already", **what)


@tax.command("drop")
@_whose
@mode_option
@act_options
@json_option
def drop(org: str | None, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Drop an organization's own terms, so that everybody's hold; or everybody's, so that no tax is added."""
    with attached() as edge:
        done = edge.carry_out("drop_tax_terms", asks, mode=mode, org=org)
    say_done(done, as_json, "dropped" if done.changed else "there are none", mode=mode, org=org)
