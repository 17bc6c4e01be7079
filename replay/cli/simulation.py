"""`recount simulate`: a realistic history of Stripe events, written as JSON lines or delivered as signed webhooks."""

import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from ledger.errors import Invalid
from ledger.ids import Mode
from replay.cli.options import json_option, mode_option
from replay.cli.printing import number, progress, raw_stdout, say, say_json
from replay.cli.service import service
from replay.simulator import DEFAULT_VERSIONS, Event, Scenario, disturb, encode
from replay.simulator import simulate as history


class _Delivery(NamedTuple):
    """What the edge delivers (`api.deliver.Delivery`)."""

    body: bytes
    connected: bool


_chance = click.FloatRange(0, 1)


@click.command()
@click.option("--orgs", type=click.IntRange(min=0), default=10, show_default=True, help="How many organizations.")
@click.option("--months", type=click.IntRange(min=1), default=12, show_default=True, help="How many months of history.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds give equal histories.")
@click.option(
    "--api-version",
    "versions",
    multiple=True,
    metavar="V",
    help="Stripe API versions that the account passes through, in this order; repeatable.",
)
@mode_option
@click.option("--connected-accounts", type=click.IntRange(min=0), metavar="N", help="How many sellers.")
@click.option("--shuffle", is_flag=True, help="Deliver in random order (holds all events in memory).")
@click.option("--duplicate", type=_chance, default=0.0, metavar="P", help="Chance that an event comes twice.")
@click.option("--drop", type=_chance, default=0.0, metavar="P", help="Chance that an event never comes.")
@click.option("--deliver", "url", metavar="URL", help="Send them signed to this webhook endpoint.")
@click.option("--secret", metavar="WHSEC", help="Signing secret; STRIPE_WEBHOOK_SECRET unless told.")
@click.option("--connect-url", metavar="URL", help="Where connected accounts' events go; URL/connect unless told.")
@click.option(
    "--connect-secret",
    metavar="WHSEC",
    help="Signing secret there; STRIPE_CONNECT_WEBHOOK_SECRET unless told, else that of the platform.",
)
@click.option("--connections", type=click.IntRange(1, 256), default=8, show_default=True, help="How many at a time.")
@json_option
def simulate(
    orgs: int,
    months: int,
    seed: int,
    versions: tuple[str, ...],
    mode: Mode,
    connected_accounts: int | None,
    shuffle: bool,
    duplicate: float,
    drop: float,
    as_json: bool,
    **delivery: Any,
) -> None:
    """Write or deliver a realistic history of Stripe events.

    As JSON lines; or, with --deliver, as signed webhooks: any handler of Stripe's webhooks can be tested so, and the
    exit code is 1 when an event was not accepted.

    Trials, upgrades with proration, failed payments and recovery, bank debits, refunds, disputes, credit notes,
    schedules, quotes, usage credit, payouts, cancellations, connected accounts with fees, several API versions and
    currencies.
    """
    scenario = Scenario(
        orgs=orgs,
        months=months,
        seed=seed,
        api_versions=versions or DEFAULT_VERSIONS,
        livemode=mode == "live",
        connected_accounts=connected_accounts,
    )
    events = disturb(history(scenario), seed=seed, shuffle=shuffle, duplicate=duplicate, drop=drop)
    if delivery["url"] is None:
        out = raw_stdout()
        for event in events:
            out.write(encode(event) + b"\n")
        return
    _deliver(events, mode, as_json=as_json, **delivery)


def _deliver(
    events: Iterator[Event],
    mode: Mode,
    *,
    url: str,
    secret: str | None,
    connect_url: str | None,
    connect_secret: str | None,
    connections: int,
    as_json: bool,
) -> None:
    settings = service("settings")()
    platform_key = secret.encode() if secret else _configured(settings.platform_secrets, mode)
    connect_key = connect_secret.encode() if connect_secret else _configured(settings.connect_secrets, mode)
    if platform_key is None:
        raise Invalid("say which secret signs: --secret whsec_…, or set STRIPE_WEBHOOK_SECRET", code="no_secret")
    with progress("delivering", "events") as advance:
        done = service("deliver")(
            (_Delivery(encode(e), "account" in e) for e in events),
            url,
            platform_key,
            connect_url=connect_url,
            connect_secret=connect_key,
            connections=connections,
            progress=lambda n: advance(n, None),
        )
    if as_json:
        say_json(done)
    else:
        answers = ", ".join(f"{number(n)} {'x ' if s.isdigit() else ''}{s}" for s, n in done.statuses.items())
        rate = done.events / max(done.seconds, 0.001)
        say(f"delivered {number(done.events)} events in {done.seconds:.1f} s, {number(rate)}/s: {answers or 'none'}")
        if done.retries:
            say(f"{number(done.retries)} tries were repeated")
    sys.exit(0 if done.accepted == done.events else 1)


def _configured(secrets: Any, mode: Mode) -> bytes | None:
    """The first secret of the settings that is for this mode."""
    return next((s.secret for s in secrets if s.mode in (None, mode)), None)
