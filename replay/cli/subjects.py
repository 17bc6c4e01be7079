"""`recount subjects erase`: make a person's or a customer's personal fields unreadable, everywhere and for ever."""

import click

from ledger.ids import Mode, subject_of
from replay.cli.options import Asks, account_option, act_options, json_option, mode_option
from replay.cli.printing import say_done
from replay.cli.service import attached


@click.group()
def subjects() -> None:
    """Erase personal fields."""


@subjects.command("erase")
@click.argument("whom", metavar="SUBJECT_OR_CUSTOMER")
@account_option
@mode_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@act_options
@json_option
def erase(whom: str, account: str, mode: Mode, yes: bool, asks: Asks, as_json: bool) -> None:
    """Destroy the key of a customer's personal fields.

    The subject is a Stripe customer (cus_…), or mode/account/owner as `recount events show` prints it. Names, e-mail,
    phone and addresses become unreadable in the log, the read models and every old backup; amounts and invoices stay.
    This cannot be undone, so a second person must approve it (`recount approvals approve`).
    """
    subject = whom if "/" in whom else subject_of(mode, account, whom)
    if not yes:
        click.confirm(f"Erase the personal fields of {subject} for ever?", abort=True, err=True)
    with attached() as edge:
        done = edge.carry_out("erase_subject", asks, subject=subject)
    say_done(done, as_json, f"{subject} {'is' if done.changed else 'was already'} erased", subject=subject)
