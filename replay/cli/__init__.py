"""The `recount` command: run the service, look at the log, replay it, act on it.

Everything that needs the edge (settings, the database, commands, the network) is reached through `replay.cli.service`.
"""

import sys
from importlib.metadata import version
from typing import Any

import click
import psycopg
import structlog

from ledger.codec import UnknownEvent
from ledger.errors import RecountError
from replay.cli.agreements import agreements
from replay.cli.approvals import approvals
from replay.cli.audit import audit
from replay.cli.calls import calls
from replay.cli.checkout import checkout
from replay.cli.customers import customers
from replay.cli.endpoints import endpoints
from replay.cli.entitlements import entitlements
from replay.cli.env import env
from replay.cli.events import events
from replay.cli.invoices import invoices, issuances
from replay.cli.keys import keys
from replay.cli.launch import launch
from replay.cli.options import WANTS_JSON
from replay.cli.orgs import orgs
from replay.cli.passthrough import passthrough
from replay.cli.plans import plans
from replay.cli.printing import say_json
from replay.cli.processes import bench, demo, doctor, sandbox, serve, worker
from replay.cli.quarantine import quarantine
from replay.cli.rates import rates
from replay.cli.reconcile import reconcile
from replay.cli.replaying import replay
from replay.cli.review import review
from replay.cli.service_control import service_control
from replay.cli.setup import setup
from replay.cli.simulation import simulate
from replay.cli.status import status
from replay.cli.stripe_setup import stripe
from replay.cli.subjects import subjects
from replay.cli.subscriptions import subscriptions

#: What went wrong is said in one line; drift and refused deliveries exit 1, errors exit 2.
FAILED = 2


class _Recount(click.Group):
    """Turns our errors into one line, or into JSON."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of use, not of the alphabet

    def invoke(self, ctx: click.Context) -> Any:
        try:
            result = super().invoke(ctx)
        except RecountError as error:
            code, message = error.code, str(error)
        except UnknownEvent as error:
            code, message = "unknown_event", f"the log holds {error}, of a newer release: install that release"
        except psycopg.errors.QueryCanceled:
            code, message = "store_unavailable", "the database took too long; nothing was changed, so try again"
        except psycopg.Error as error:
            first = str(error).strip().partition("\n")[0]
            code, message = "store_unavailable", f"the database failed: {first} (`recount doctor` looks closer)"
        else:
            return result
        if ctx.meta.get(WANTS_JSON):
            say_json({"error": {"code": code, "message": message}})
        else:
            click.echo(f"recount: {message}", err=True)
        return ctx.exit(FAILED)


@click.group(cls=_Recount, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(version("recount"), "--version", prog_name="recount", message="%(prog)s %(version)s")
def recount() -> None:
    """Recount: an event-sourced billing ledger for what is sold through Stripe.

    Settings come from the environment; `recount doctor` checks them all.
    """
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


for _command in (
    serve,
    worker,
    doctor,
    status,
    demo,
    sandbox,
    simulate,
    bench,
    events,
    quarantine,
    replay,
    reconcile,
    keys,
    orgs,
    endpoints,
    calls,
    checkout,
    customers,
    subscriptions,
    invoices,
    issuances,
    stripe,
    plans,
    agreements,
    env,
    rates,
    passthrough,
    entitlements,
    launch,
    setup,
    review,
    service_control,
    subjects,
    approvals,
    audit,
):
    recount.add_command(_command)


def main() -> None:
    """The console script."""
    recount(prog_name="recount")
