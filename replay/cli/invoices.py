"""`recount invoices …`, `recount issuances …`: acts with invoices at Stripe, and our own lines on their way there."""

from collections.abc import Callable
from typing import Any

import click

from ledger.ids import Mode
from projections.issuances import STATES
from replay import tables
from replay.cli.options import Asks, F, account_option, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.status import require_built

_COLUMNS = (
    "id", "state", "org", "source_kind", "source", "currency", "total_minor", "stripe_total_minor", "invoice",
    "invoice_status", "step", "failure", "discrepancies",
)  # fmt: skip
_LIST = f"""
SELECT {", ".join(_COLUMNS)} FROM {tables.LIVE}.issuances
WHERE mode = %s AND (%s::text IS NULL OR state = %s) AND (%s::text IS NULL OR org = %s)
ORDER BY position DESC LIMIT %s
"""


def of_org(*arguments: Any) -> Callable[[F], F]:
    """What every act with an organization takes: ORG, then its own arguments, where, who, and how."""

    def decorate(command: F) -> F:
        org = click.argument("org", metavar="ORG")
        for option in reversed((org, *arguments, account_option, mode_option, act_options, json_option)):
            command = option(command)
        return command

    return decorate


def do(act: str, said: str, asks: Asks, as_json: bool, **what: Any) -> None:
    """Do an act, and say what came of it. `said` may name anything that came."""
    with attached() as edge:
        done, shown = edge.act("act_of_org", asks, act=act, **what)
    say_done(done, as_json, said.format(**{**what, **shown}), **shown)


_invoice = click.argument("invoice", metavar="INVOICE")


@click.group()
def invoices() -> None:
    """Finalize, send, pay, void and credit invoices at Stripe; give payments back."""


@invoices.command("finalize")
@of_org(_invoice, click.option("--auto-advance/--no-auto-advance", default=True, help="Let Stripe collect it."))
def finalize(asks: Asks, as_json: bool, **what: Any) -> None:
    """Close the draft INVOICE of ORG: from now on it is owed."""
    do("finalize_invoice", "{invoice} is {status}", asks, as_json, **what)


@invoices.command("send")
@of_org(_invoice)
def send(asks: Asks, as_json: bool, **what: Any) -> None:
    """Mail INVOICE of ORG."""
    do("send_invoice", "{invoice} is sent", asks, as_json, **what)


@invoices.command("pay")
@of_org(
    _invoice,
    click.option("--payment-method", metavar="METHOD", help="Stripe's id; the one that is there, if not given."),
    click.option("--out-of-band", is_flag=True, help="It was paid elsewhere: nothing is taken."),
)
def pay(asks: Asks, as_json: bool, **what: Any) -> None:
    """Try to take the money of INVOICE of ORG now."""
    do("pay_invoice", "{invoice} is {status}", asks, as_json, **what)


@invoices.command("void")
@of_org(_invoice)
def void(asks: Asks, as_json: bool, **what: Any) -> None:
    """Take INVOICE of ORG back: nothing is owed."""
    do("void_invoice", "{invoice} is {status}", asks, as_json, **what)


@invoices.command("write-off")
@of_org(_invoice)
def write_off(asks: Asks, as_json: bool, **what: Any) -> None:
    """Mark INVOICE of ORG as uncollectible."""
    do("mark_invoice_uncollectible", "{invoice} is {status}", asks, as_json, **what)


@invoices.command("credit")
@of_org(
    _invoice,
    click.option("--amount", "amount_minor", type=click.IntRange(1), required=True, help="In minor units."),
    click.option("--back", type=click.Choice(("refund", "credit", "out_of_band")), help="Of what was paid: how."),
)
def credit(asks: Asks, as_json: bool, **what: Any) -> None:
    """Issue a credit note on INVOICE of ORG."""
    do("credit_invoice", "{id}: {amount_minor} {currency}", asks, as_json, **what)


@invoices.command("refund")
@of_org(
    click.argument("payment_intent", metavar="PAYMENT"),
    click.option("--amount", "amount_minor", type=click.IntRange(1), help="In minor units; all, if not given."),
)
def refund(asks: Asks, as_json: bool, **what: Any) -> None:
    """Give PAYMENT (pi_…) of ORG back."""
    do("refund_payment", "{id}: {amount_minor} {currency} {status}", asks, as_json, **what)


@invoices.command("pages")
@click.argument("org", metavar="ORG")
@_invoice
@account_option
@mode_option
@json_option
def pages(as_json: bool, **what: Any) -> None:
    """Show where INVOICE of ORG is seen and paid, fresh from Stripe."""
    with attached() as edge:
        found = edge.call("look_of_org", look="pages", **what)
    if as_json:
        say_json(found)
    else:
        say(f"{found['hosted_invoice_url'] or '-'}\n{found['invoice_pdf'] or '-'}")


@click.group()
def issuances() -> None:
    """Look at our own lines on their way to Stripe invoices, and settle what is held or failed."""


@issuances.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only in this state; `held` and `issue_failed` need a person.")
@click.option("--org", metavar="ORG", help="Only of this organization.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def list_issuances(state: str | None, org: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List issuances, the newest first."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(_LIST, [mode, state, state, org, org, limit]).fetchall()
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    if as_json:
        say_json({"data": found})
        return
    columns = (
        Column("issuance"), Column("for"), Column("of"), Column("state"), Column("ours", right=True),
        Column("Stripe's", right=True), Column("invoice"), Column("why", wide=True),
    )  # fmt: skip
    say_table(columns, (_row(each) for each in found))


def _row(each: dict[str, Any]) -> tuple[Any, ...]:
    why = each["failure"] or "; ".join(f"{d['what']}: {d['ours']} / {d['stripes']}" for d in each["discrepancies"])
    of = f"{each['source_kind']}/{each['source']}"
    ours, stripes = each["total_minor"], each["stripe_total_minor"]
    return (each["id"], each["org"], of, each["state"], ours, stripes, each["invoice"], why or None)


def _settle(name: str, act: str, said: str, explained: str, *more: Any) -> None:
    @issuances.command(name, help=explained)
    @click.argument("issuance", metavar="ISSUANCE")
    @mode_option
    @act_options
    @json_option
    def command(issuance: str, mode: Mode, asks: Asks, as_json: bool, **given: Any) -> None:
        with attached() as edge:
            done = edge.carry_out(act, asks, mode=mode, issuance=issuance, **given)
        say_done(done, as_json, said.format(issuance=issuance), issuance=issuance)

    for option in more:
        option(command)


_settle("finalize", "finalize_issuance", "{issuance} goes out", "Have a checked draft go out.")
_settle("retry", "retry_issuance", "{issuance} is tried again", "Try again what failed; look again at what is held.")
_settle(
    "release", "release_issuance", "{issuance} goes out as Stripe has it",
    "Let a held invoice go out as Stripe has it. Takes a second person.",
    click.option("--total", "total_minor", type=int, required=True, help="Stripe's total, as you saw it."),
)  # fmt: skip
_settle("void", "void_issuance", "{issuance} is taken back", "Do not bill it: a draft is deleted, an invoice voided.")
