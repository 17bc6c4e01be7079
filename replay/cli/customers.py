"""`recount customers …`: who an organization is in Stripe, and how it pays. Each asks Stripe at once."""

from typing import Any

import click

from replay.cli.options import Asks, account_option, act_options, json_option, mode_option
from replay.cli.printing import say, say_done, say_json
from replay.cli.service import attached


@click.group()
def customers() -> None:
    """Have organizations be customers in Stripe, and keep their payment methods."""


def _org(command: Any) -> Any:
    """What every command here takes."""
    options = (click.argument("org", metavar="ORG"), account_option, mode_option, act_options, json_option)
    for option in reversed(options):
        command = option(command)
    return command


def _do(act: str, said: str, asks: Asks, as_json: bool, **what: Any) -> None:
    """Do a billing act, and say what came of it. `said` may name anything that came."""
    with attached() as edge:
        done, shown = edge.act("billing", asks, act=act, **what)
    if done is not None:
        say_done(done, as_json, said.format(**{**what, **shown}), **shown)
    elif as_json:
        say_json(shown)
    else:
        say(said.format(**{**what, **shown}))


@customers.command("ensure")
@click.option("--email", metavar="ADDRESS", help="Of a customer that is made now.")
@click.option("--name", metavar="TEXT", help="Of a customer that is made now.")
@_org
def ensure(email: str | None, name: str | None, asks: Asks, as_json: bool, **what: Any) -> None:
    """Make ORG a customer in Stripe, unless it is one."""
    _do("ensure_customer", "{org} is {customer}", asks, as_json, email=email, name=name, **what)


@customers.command("contact")
@click.option("--email", required=True, metavar="ADDRESS", help="Where invoices and receipts go.")
@click.option("--name", metavar="TEXT", help="Whose they are.")
@_org
def contact(email: str, name: str | None, asks: Asks, as_json: bool, **what: Any) -> None:
    """Say where ORG's invoices and receipts go."""
    _do("set_billing_contact", "{customer} is written to there", asks, as_json, email=email, name=name, **what)


@customers.command("setup")
@click.option("--usage", type=click.Choice(("off_session", "on_session")), default="off_session", show_default=True)
@_org
def setup(usage: str, asks: Asks, as_json: bool, **what: Any) -> None:
    """Let ORG leave a payment method: a client secret for Stripe Elements, shown to you alone."""
    _do("set_up_payment_method", "{setup_intent} {client_secret}", asks, as_json, usage=usage, **what)


@customers.command("attach")
@_org
@click.argument("payment_method", metavar="METHOD")
def attach(payment_method: str, asks: Asks, as_json: bool, **what: Any) -> None:
    """Keep METHOD (pm_…) for ORG."""
    said = "{payment_method} ({brand} {last4}) is kept for {org}"
    _do("attach_payment_method", said, asks, as_json, payment_method=payment_method, **what)


@customers.command("detach")
@_org
@click.argument("payment_method", metavar="METHOD")
def detach(payment_method: str, asks: Asks, as_json: bool, **what: Any) -> None:
    """Forget METHOD of ORG, for ever."""
    _do("detach_payment_method", "{payment_method} is forgotten", asks, as_json, payment_method=payment_method, **what)


@customers.command("default")
@_org
@click.argument("payment_method", metavar="METHOD")
def default(payment_method: str, asks: Asks, as_json: bool, **what: Any) -> None:
    """Charge METHOD for ORG's invoices from now on."""
    said = "{default_payment_method} is charged for {org}"
    _do("set_default_payment_method", said, asks, as_json, payment_method=payment_method, **what)
