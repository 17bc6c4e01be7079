"""`recount subjects erase`: make a person's or a customer's personal fields unreadable, everywhere and for ever."""

import click

from ledger.ids import Mode, subject_of
from replay.cli.options import account_option, act_options, json_option, mode_option
from replay.cli.printing import say, say_json
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
def erase(whom: str, account: str, mode: Mode, yes: bool, actor: str, reason: str | None, as_json: bool) -> None:
    """Destroy the key of a customer's personal fields.

    The subject is a Stripe customer (cus_…), or mode/account/owner as `recount events show` prints it. Names, e-mail,
    phone and addresses become unreadable in the log, the read models and every old backup; amounts and invoices stay.
    This cannot be undone.
    """
    subject = whom if "/" in whom else subject_of(mode, account, whom)
    if not yes:
        click.confirm(f"Erase the personal fields of {subject} for ever?", abort=True, err=True)
    with attached() as edge:
        erased = edge.act("erase_subject", subject=subject, actor=actor, reason=reason)
    if as_json:
        say_json(erased)
    elif erased.key_destroyed:
        say(f"{subject} is erased; recorded at position {erased.position}")
    else:
        say(f"{subject} was erased already{'' if erased.position is None else '; recorded only now'}")
