"""Options that several commands share, spelled and explained once."""

import functools
import getpass
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

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


class Asks(NamedTuple):
    """Who asks for an act, and how."""

    person: str
    reason: str | None
    idempotency_key: str | None
    dry_run: bool


def act_options(command: F) -> F:
    """`--actor`, `--reason`, `--idempotency-key` and `--dry-run`, given together as `asks`."""

    @functools.wraps(command)
    def asking(
        *args: Any, actor: str, reason: str | None, idempotency_key: str | None, dry_run: bool, **given: Any
    ) -> Any:
        return command(*args, asks=Asks(actor, reason, idempotency_key, dry_run), **given)

    options = (
        click.option(
            "--actor",
            metavar="NAME",
            default=_user,
            show_default="who is logged in",
            help="Who does it; recorded.",
        ),
        click.option("--reason", metavar="TEXT", help="Why; recorded."),
        click.option("--idempotency-key", metavar="KEY", help="Do it once for this key, however often it is asked."),
        click.option("--dry-run", is_flag=True, help="Show the events that would be appended, and append none."),
    )
    for option in reversed(options):
        asking = option(asking)
    return cast("F", asking)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "operator"
