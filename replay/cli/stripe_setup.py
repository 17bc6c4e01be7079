"""`recount stripe setup | doctor | balance`: what the Stripe account has, and what is wrong between it and us."""

import sys
from typing import Any

import click

from ledger.ids import Mode
from replay.cli.options import Asks, account_option, act_options, json_option, mode_option
from replay.cli.printing import say, say_json
from replay.cli.service import attached


@click.group()
def stripe() -> None:
    """Make a Stripe account ready for the plan catalogue, and find out what is wrong with it."""


@stripe.command("setup")
@click.option("--url", metavar="URL", help="Where Stripe reaches this Recount: webhook endpoints go there.")
@click.option("--connect", is_flag=True, help="Also an endpoint for connected accounts.")
@click.option("--apply", is_flag=True, help="Make what is missing; without, it is only shown.")
@account_option
@mode_option
@act_options
@json_option
def setup(url: str | None, connect: bool, apply: bool, asks: Asks, as_json: bool, **where: Any) -> None:
    """Show what the published plans need in Stripe and lack: products, prices, features, meters, portal, webhooks.

    With --apply it is made, once: run again, it changes nothing. Prints the settings to copy.
    """
    with attached() as edge:
        found = edge.act("stripe_setup", asks, url=url, connect=connect, apply=apply, **where)
    if as_json:
        say_json(found)
        return
    for step in found.steps:
        made = found.made.get(step.key)
        say(f"{'made   ' if made else 'missing'} {step.kind} {step.name}{f': {made}' if made else ''}")
    for note in found.notes:
        say(f"mend    {note.about}: {note.said}")
    if not found.steps:
        say("nothing is missing")
    elif not apply:
        say("run it again with --apply to make these")
    if found.settings:
        say("")
    for name, value in found.settings.items():
        say(f"export {name}={value}")


@stripe.command("doctor")
@account_option
@json_option
def doctor(account: str, as_json: bool) -> None:
    """Look for what is wrong between this installation and Stripe, and say how to mend it.

    Exits 1 when something is wrong.
    """
    with attached() as edge:
        findings = edge.call("stripe_doctor", account=account)
    sound = all(f.ok for f in findings)
    if as_json:
        say_json({"ok": sound, "findings": findings})
    else:
        for finding in findings:
            say(f"{'ok   ' if finding.ok else 'FAULT'} {finding.name}: {finding.said}")
            if finding.mend and not finding.ok:
                say(f"      mend: {finding.mend}")
    sys.exit(0 if sound else 1)


@stripe.command("balance")
@account_option
@mode_option
@json_option
def balance(account: str, mode: Mode, as_json: bool) -> None:
    """Show what Stripe holds for an account, as it says now."""
    with attached() as edge:
        found = edge.call("look_of_org", look="balance", mode=mode, account=account)
    if as_json:
        say_json(found)
        return
    for kind, amounts in found.items():
        for amount in amounts if isinstance(amounts, list) else ():
            say(f"{kind:<17} {amount['amount_minor']:>14} {amount['currency']}")
