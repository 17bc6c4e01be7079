"""`recount subscriptions …`: sell plans, and change, pause, resume and end subscriptions at Stripe."""

from typing import Any

import click

from replay.cli.invoices import do, of_org
from replay.cli.options import Asks, account_option, json_option, mode_option
from replay.cli.printing import Column, say, say_json, say_table
from replay.cli.service import attached

_subscription = click.argument("subscription", metavar="SUBSCRIPTION")
_plan = click.argument("plan", metavar="PLAN")
_interval = click.option(
    "--interval", type=click.Choice(("day", "week", "month", "year")), help="How often it is paid."
)
_currency = click.option("--currency", metavar="CURRENCY", help="The first that it is sold in, if not given.")
_quantity = click.option("--quantity", type=click.IntRange(0), help="How many.")
_many = click.option("--quantity", type=click.IntRange(1), default=1, show_default=True, help="How many.")
_after = click.option("--after", type=click.Choice(("release", "cancel")), default="release", help="What comes then.")
_version = click.option("--version", type=click.IntRange(1), help="Of the plan; the one in force, if not given.")
_PRORATION = ("create_prorations", "always_invoice", "none")
_proration = click.option("--proration", type=click.Choice(_PRORATION), default=_PRORATION[0], show_default=True)
_at = click.option("--prorated-at", "prorated_at_s", type=int, metavar="SECONDS", help="As the preview had it.")


@click.group()
def subscriptions() -> None:
    """Sell plans without a page; change, pause, resume and end subscriptions."""


@subscriptions.command("create")
@of_org(_plan, _interval, _currency, _many, click.option("--trial/--no-trial", default=True, help="The plan's trial."))
def create(asks: Asks, as_json: bool, **what: Any) -> None:
    """Sell PLAN to ORG."""
    do("create_subscription", "{subscription} to {plan} is {status}", asks, as_json, **what)


@subscriptions.command("commit")
@of_org(_plan, _interval, _currency, _many, _after)
def commit(asks: Asks, as_json: bool, **what: Any) -> None:
    """Sell PLAN to ORG with its commitment: so many months are paid, then months are free."""
    do("commit_subscription", "{subscription} to {plan} by {schedule}", asks, as_json, **what)


@subscriptions.command("change")
@of_org(
    _subscription, click.option("--plan", metavar="PLAN", help="Move to this plan."), _version, _interval, _quantity,
    _proration, _at,
)  # fmt: skip
def change(asks: Asks, as_json: bool, **what: Any) -> None:
    """Move SUBSCRIPTION of ORG to another plan, another version of it, or another quantity."""
    do("change_subscription", "{subscription} is {status}", asks, as_json, **what)


@subscriptions.command("preview")
@click.argument("org", metavar="ORG")
@click.option("--subscription", metavar="SUBSCRIPTION", help="What would change; without, a new one.")
@click.option("--plan", metavar="PLAN", help="The plan to move to, or of a new one.")
@_version
@_interval
@_currency
@_quantity
@_proration
@_at
@account_option
@mode_option
@json_option
def preview(as_json: bool, **what: Any) -> None:
    """Show the invoice that a change would come to, to the cent. Nothing happens."""
    with attached() as edge:
        found = edge.call("look_of_org", look="preview", **what)
    if as_json:
        say_json(found)
        return
    columns = (Column("line"), Column("amount", right=True))
    say_table(columns, ((each["description"], each["amount_minor"]) for each in found["lines"]))
    say(f"in all {found['total_minor']} {found['currency']}, of which the change {found['prorated_minor']}")


@subscriptions.command("pause")
@of_org(
    _subscription,
    click.option("--behavior", type=click.Choice(("void", "keep_as_draft", "mark_uncollectible")), default="void"),
    click.option("--resumes", "resumes_s", type=int, metavar="SECONDS", help="When it goes on by itself."),
)
def pause(asks: Asks, as_json: bool, **what: Any) -> None:
    """Collect nothing for SUBSCRIPTION of ORG for now."""
    do("pause_subscription", "{subscription} is paused: what falls due is {paused_collection}", asks, as_json, **what)


@subscriptions.command("resume")
@of_org(_subscription)
def resume(asks: Asks, as_json: bool, **what: Any) -> None:
    """Let SUBSCRIPTION of ORG go on."""
    do("resume_subscription", "{subscription} is {status}", asks, as_json, **what)


@subscriptions.command("cancel")
@of_org(
    _subscription,
    click.option("--now", "now", is_flag=True, help="Rather than at its period's end."),
    click.option("--prorate", is_flag=True, help="With --now: credit the rest of the period."),
    click.option("--invoice-now", is_flag=True, help="With --now: bill what is open at once."),
)
def cancel(asks: Asks, as_json: bool, now: bool, **what: Any) -> None:
    """End SUBSCRIPTION of ORG with its period, or now."""
    do("cancel_subscription", "{subscription} is {status}", asks, as_json, at_period_end=not now, **what)


@subscriptions.command("keep")
@of_org(_subscription)
def keep(asks: Asks, as_json: bool, **what: Any) -> None:
    """Take back that SUBSCRIPTION of ORG ends with its period."""
    do("keep_subscription", "{subscription} is {status}", asks, as_json, **what)


@subscriptions.command("trial")
@of_org(_subscription, click.option("--until", "trial_end_s", type=int, metavar="SECONDS", help="Now, if not given."))
def trial(asks: Asks, as_json: bool, **what: Any) -> None:
    """Have the trial of SUBSCRIPTION of ORG end then, or now."""
    what.setdefault("trial_end_s", None)
    do("set_trial_end", "{subscription} is {status}", asks, as_json, **what)
