"""Options that several commands share, spelled and explained once."""

import getpass
from collections.abc import Callable
from typing import Any, TypeVar

import click

from ledger.ids import MODES, PLATFORM

F = TypeVar("F", bound=Callable[..., Any])

#: Where the outermost command finds whether errors are to be JSON.
WANTS_JSON = "recount.json"


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> bool:
    ctx.meta[WANTS_JSON] = value
    return value


def json_option(command: F) -> F:
    """`--json`, given as `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, is_eager=True, callback=_remember, help="Print JSON, errors included."
    )(command)


def mode_option(command: F) -> F:
    """`--mode`, test unless told."""
    return click.option(
        "--mode", type=click.Choice(MODES), default="test", show_default=True, help="Stripe's test or live mode."
    )(command)


def account_option(command: F) -> F:
    """`--account`, the platform's own unless told."""
    return click.option(
        "--account",
        default=PLATFORM,
        show_default=True,
        metavar="ACCOUNT",
        help="The Stripe account: platform, or a connected acct_….",
    )(command)


def act_options(command: F) -> F:
    """`--actor` and `--reason`, which are recorded with what is done."""
    command = click.option("--reason", metavar="TEXT", help="Why; recorded.")(command)
    return click.option(
        "--actor",
        metavar="NAME",
        default=_user,
        show_default="who is logged in",
        help="Who does it; recorded.",
    )(command)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"
