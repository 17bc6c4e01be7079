"""The `recount` command: run the service, look at the log, replay it, act on it.

Everything that needs the edge (settings, the database, commands, the network) is reached through `replay.cli.service`.
"""

import gc
from importlib import import_module
from typing import Any

import click

from ledger.errors import RecountError
from replay.cli.options import WANTS_JSON
from replay.cli.printing import say_json

#: What went wrong is said in one line; drift and refused deliveries exit 1, errors exit 2.
FAILED = 2


#: Every command in the order of use, with the module of this package that has it. A module is read once one of its
#: commands is asked for: most of the time that a short command takes goes into reading code.
_COMMANDS = {
    "serve": "processes",
    "worker": "processes",
    "doctor": "processes",
    "status": "status",
    "demo": "processes",
    "sandbox": "processes",
    "simulate": "simulation",
    "bench": "processes",
    "events": "events",
    "quarantine": "quarantine",
    "replay": "replaying",
    "reconcile": "reconcile",
    "keys": "keys",
    "orgs": "orgs",
    "endpoints": "endpoints",
    "calls": "calls",
    "checkout": "checkout",
    "customers": "customers",
    "subscriptions": "subscriptions",
    "invoices": "invoices",
    "issuances": "invoices",
    "tax": "tax",
    "stripe": "stripe_setup",
    "plans": "plans",
    "agreements": "agreements",
    "env": "env",
    "rates": "rates",
    "passthrough": "passthrough",
    "entitlements": "entitlements",
    "launch": "launch",
    "setup": "setup",
    "review": "review",
    "incident": "incident",
    "service": "service_control:service_control",
    "subjects": "subjects",
    "approvals": "approvals",
    "audit": "audit",
}


class _Recount(click.Group):
    """Finds its commands when they are asked for. Turns our errors into one line, or into JSON."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)  # in the order of use, not of the alphabet

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(import_module(f"replay.cli.{module}"), name or cmd_name)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            said = _said(error)
            if said is None:
                raise
        code, message = said
        if ctx.meta.get(WANTS_JSON):
            say_json({"error": {"code": code, "message": message}})
        else:
            click.echo(f"recount: {message}", err=True)
        return ctx.exit(FAILED)


def _said(error: Exception) -> tuple[str, str] | None:
    """The code and the line that an error is told with; None: it is for who mends Recount, with its traceback."""
    import psycopg  # here, as a command that went well may have needed neither

    from ledger.codec import UnknownEvent

    if isinstance(error, RecountError):
        return error.code, str(error)
    if isinstance(error, UnknownEvent):
        return "unknown_event", f"the log holds {error}, of a newer release: install that release"
    if isinstance(error, psycopg.errors.QueryCanceled):
        return "store_unavailable", "the database took too long; nothing was changed, so try again"
    if isinstance(error, psycopg.Error):
        first = str(error).strip().partition("\n")[0]
        return "store_unavailable", f"the database failed: {first} (`recount doctor` looks closer)"
    return None


@click.group(cls=_Recount, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(None, "--version", package_name="recount", prog_name="recount", message="%(prog)s %(version)s")
def recount() -> None:
    """Recount: an event-sourced billing ledger for what is sold through Stripe.

    Settings come from the environment; `recount doctor` checks them all.
    """


def main() -> None:
    """The console script."""
    gc.set_threshold(
        50_000, 20, 50
    )  # what is read at the start stays: looking through it again and again finds nothing
    recount(prog_name="recount")
