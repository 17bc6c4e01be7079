"""`recount checkout …`: Stripe's pages for an organization: checkouts, payments, the portal, links, receipts."""

from typing import Any

import click

from replay.cli.options import account_option, act_options, json_option, mode_option
from replay.cli.printing import say, say_done, say_json
from replay.cli.service import attached

_INTERVALS = ("day", "week", "month", "year", "once")


@click.group()
def checkout() -> None:
    """Make Stripe's pages on which organizations pay. A page's address is shown to you, and kept nowhere."""


def _act(command: Any) -> Any:
    """What every command here takes."""
    for option in reversed((account_option, mode_option, act_options, json_option)):
        command = option(command)
    return command


def _back(command: Any) -> Any:
    for option in (
        click.option("--cancel-url", metavar="URL", help="Where the buyer goes who does not want to."),
        click.option("--success-url", required=True, metavar="URL", help="Where the buyer comes to afterwards."),
    ):
        command = option(command)
    return command


def _plan(command: Any) -> Any:
    for option in (
        click.option("--currency", metavar="CODE", help="Of the plan's prices; the first one's unless told."),
        click.option("--interval", type=click.Choice(_INTERVALS), help="The plan's first unless told."),
        click.argument("plan", metavar="PLAN"),
    ):
        command = option(command)
    return command


def _do(act: str, said: str, asks: Any, as_json: bool, **what: Any) -> None:
    """Do it, and say what came of it. `said` may name anything that came."""
    with attached() as edge:
        done, shown = edge.act("pages", asks, act=act, **what)
    if done is not None:
        say_done(done, as_json, said.format(**{**what, **shown}), **shown)
    elif as_json:
        say_json(shown)
    else:
        say(said.format(**{**what, **shown}))


@checkout.command("plan")
@click.argument("org", metavar="ORG")
@_plan
@click.option("--quantity", type=click.IntRange(1), default=1, show_default=True, help="How many, e.g. seats.")
@click.option("--no-trial", is_flag=True, help="Begin without the plan's trial.")
@_back
@_act
def plan(no_trial: bool, asks: Any, as_json: bool, **what: Any) -> None:
    """Sell ORG a plan on Stripe's page."""
    _do("create_checkout", "{session} {url}", asks, as_json, trial=not no_trial, **what)


@checkout.command("payment")
@click.argument("org", metavar="ORG")
@click.option("--amount-minor", type=click.IntRange(1), required=True, help="In minor units, e.g. cents.")
@click.option("--currency", required=True, metavar="CODE", help="Three lower-case letters.")
@click.option("--description", required=True, metavar="TEXT", help="What it is for, as the buyer reads it.")
@_back
@_act
def payment(asks: Any, as_json: bool, **what: Any) -> None:
    """Ask ORG for one payment on Stripe's page."""
    _do("request_payment", "{session} {url}", asks, as_json, **what)


@checkout.command("setup")
@click.argument("org", metavar="ORG")
@click.option("--currency", required=True, metavar="CODE", help="Three lower-case letters.")
@_back
@_act
def setup(asks: Any, as_json: bool, **what: Any) -> None:
    """Let ORG leave a payment method on Stripe's page."""
    _do("create_setup_checkout", "{session} {url}", asks, as_json, **what)


@checkout.command("look")
@click.argument("org", metavar="ORG")
@click.argument("session", metavar="SESSION")
@_act
def look(asks: Any, as_json: bool, **what: Any) -> None:
    """Ask Stripe what became of SESSION, and keep it."""
    _do("look_at", "{session} is {status}, {payment_status}", asks, as_json, **what)


@checkout.command("expire")
@click.argument("org", metavar="ORG")
@click.argument("session", metavar="SESSION")
@_act
def expire(asks: Any, as_json: bool, **what: Any) -> None:
    """Close SESSION: nobody pays on it any more."""
    _do("expire_checkout", "{session} is {status}", asks, as_json, **what)


@checkout.command("portal")
@click.argument("org", metavar="ORG")
@click.option("--return-url", required=True, metavar="URL", help="Where the page's way back leads.")
@click.option(
    "--flow",
    type=click.Choice(("payment_method_update", "subscription_cancel", "subscription_update")),
    help="Straight to one thing.",
)
@click.option("--subscription", metavar="SUB", help="The one that the flow is about.")
@_act
def portal(asks: Any, as_json: bool, **what: Any) -> None:
    """Let ORG look after its billing on Stripe's page."""
    _do("open_portal", "{url}", asks, as_json, **what)


@checkout.command("link")
@_plan
@click.option("--adjustable-quantity", is_flag=True, help="The buyer says how many.")
@_act
def link(asks: Any, as_json: bool, **what: Any) -> None:
    """Make an address at which anybody buys a plan."""
    _do("create_payment_link", "{payment_link} {url}", asks, as_json, **what)


@checkout.command("close-link")
@click.argument("link", metavar="LINK")
@_act
def close_link(asks: Any, as_json: bool, **what: Any) -> None:
    """Sell nothing more at LINK (plink_…)."""
    _do("close_payment_link", "{payment_link} sells nothing more", asks, as_json, **what)


@checkout.command("receipt")
@click.argument("org", metavar="ORG")
@click.argument("charge", metavar="CHARGE")
@_act
def receipt(asks: Any, as_json: bool, **what: Any) -> None:
    """Show where the receipt of CHARGE is read."""
    _do("receipt", "{receipt_url}", asks, as_json, **what)
