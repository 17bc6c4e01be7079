"""`recount env …`: environments, where things are placed, what it costs, and what is owed for it."""

import click

from ledger.ids import Mode
from replay.cli.answers import when_of
from replay.cli.env_costs import COMMANDS, act, how_many, rows_of
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say_done, say_json, say_table
from replay.cli.service import attached
from replay.tables import LIVE

_NAMES = ("id", "org", "name", "is_default", "state", "rate_card", "shared_with", "owners", "outages")
_LIST = f"""
SELECT {", ".join(_NAMES)} FROM {LIVE}.environments
WHERE mode = %s AND (%s::text IS NULL OR orgs @> ARRAY[%s::text]) ORDER BY org, id LIMIT %s
"""


@click.group()
def env() -> None:
    """Environments: whose they are, what is in them, what they cost, and what is owed for that."""


def seconds(given: str, option: str) -> int:
    """A time as people write it, in seconds since the epoch. Raises Invalid("not_a_time")."""
    return int(when_of(given, option).timestamp())


@env.command("list")
@click.option("--org", metavar="ORG", help="Only those that ORG owns, owned, or shares.")
@how_many
@mode_option
@json_option
def list_environments(org: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List environments."""
    found = rows_of(_LIST, _NAMES, [mode, org, org, limit])
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (
        Column("environment"),
        Column("organization"),
        Column("name", cut=True),
        Column("state"),
        Column("rates"),
    )
    say_table(columns, ((e["id"], e["org"], e["name"], e["state"], e["rate_card"]) for e in found))


@env.command("create")
@click.argument("org", metavar="ORG")
@click.argument("name", metavar="NAME")
@click.option("--rate-card", default="standard", show_default=True, metavar="CARD", help="By which it is priced.")
@mode_option
@act_options
@json_option
def create(org: str, name: str, rate_card: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Make an environment for ORG. Prints its id."""
    what = {"mode": mode, "org": org, "name": name, "rate_card": rate_card}
    with attached() as edge:
        done = edge.act("hosting", asks, what="create_environment", **what)
    made = next((e["environment"] for e in done.events if "environment" in e), "it was made already")
    say_done(done, as_json, made, **what)


@env.command("rename")
@click.argument("environment", metavar="ENVIRONMENT")
@click.argument("name", metavar="NAME")
@mode_option
@act_options
@json_option
def rename(environment: str, name: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Give ENVIRONMENT another name."""
    said = f"{environment} is called {name}"
    act("rename_environment", asks, as_json, said, mode=mode, environment=environment, name=name)


@env.command("share")
@click.argument("environment", metavar="ENVIRONMENT")
@click.argument("org", metavar="ORG")
@click.option("--stop", is_flag=True, help="Share it with ORG no more.")
@mode_option
@act_options
@json_option
def share(environment: str, org: str, stop: bool, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Share ENVIRONMENT with ORG; its owner goes on paying."""
    name, said = ("unshare_environment", "not shared with") if stop else ("share_environment", "shared with")
    act(name, asks, as_json, f"{environment} is {said} {org}", mode=mode, environment=environment, org=org)


@env.command("move")
@click.argument("environment", metavar="ENVIRONMENT")
@click.argument("org", metavar="ORG")
@click.option("--at", required=True, metavar="TIME", help="From when ORG pays; it may be past.")
@mode_option
@act_options
@json_option
def move(environment: str, org: str, at: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Move ENVIRONMENT to ORG, who pays for what is used from an instant on."""
    said = f"{environment} is {org}'s from {at} on"
    at_s = seconds(at, "--at")
    act("move_environment", asks, as_json, said, mode=mode, environment=environment, org=org, at_s=at_s)


@env.command("rate-card")
@click.argument("environment", metavar="ENVIRONMENT")
@click.argument("rate_card", metavar="CARD")
@click.option("--at", required=True, metavar="TIME", help="From when it is priced by CARD; it may be past.")
@mode_option
@act_options
@json_option
def rate_card(environment: str, rate_card: str, at: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Price ENVIRONMENT by another rate card, from an instant on."""
    said = f"{environment} is priced by {rate_card} from {at} on"
    given = {"mode": mode, "environment": environment, "rate_card": rate_card, "at_s": seconds(at, "--at")}
    act("change_rate_card", asks, as_json, said, **given)


@env.command("archive")
@click.argument("environment", metavar="ENVIRONMENT")
@mode_option
@act_options
@json_option
def archive(environment: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Archive ENVIRONMENT: nothing more is placed in it."""
    act("archive_environment", asks, as_json, f"{environment} is archived", mode=mode, environment=environment)


@env.command("place")
@click.argument("kind", type=click.Choice(("namespace", "project")))
@click.argument("id", metavar="ID")
@click.option("--environment", metavar="ENVIRONMENT", help="In this one.")
@click.option("--org", metavar="ORG", help="In the default environment of ORG, which is made if need be.")
@click.option("--nowhere", is_flag=True, help="In none from then on.")
@click.option("--at", metavar="TIME", help="From when; now, if not given. It may be past.")
@mode_option
@act_options
@json_option
def place(
    kind: str,
    id: str,
    environment: str | None,
    org: str | None,
    nowhere: bool,
    at: str | None,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Place a namespace or a project, or cut it over, from an instant on."""
    if sum((environment is not None, org is not None, nowhere)) != 1:
        raise click.UsageError("say one of --environment, --org and --nowhere")
    at_s = seconds(at, "--at") if at is not None else None
    what = {"mode": mode, "kind": kind, "id": id, "environment": environment, "org": org, "at_s": at_s}
    with attached() as edge:
        done = edge.act("hosting", asks, what="place", **what)
    say_done(done, as_json, f"the {kind} {id} {'is placed' if done.changed else 'was there already'}", **what)


@env.command("credit")
@click.argument("environment", metavar="ENVIRONMENT")
@click.argument("outage", metavar="OUTAGE")
@click.option("--from", "begins", metavar="TIME", help="When it began.")
@click.option("--until", metavar="TIME", help="When it was over.")
@click.option("--percent", default="100", show_default=True, metavar="DECIMAL", help="What is taken off.")
@click.option("--withdraw", is_flag=True, help="Take the credit back.")
@mode_option
@act_options
@json_option
def credit(
    environment: str,
    outage: str,
    begins: str | None,
    until: str | None,
    percent: str,
    withdraw: bool,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Let what ENVIRONMENT used during OUTAGE cost less."""
    which = {"mode": mode, "environment": environment, "outage": outage}
    if withdraw:
        act("withdraw_outage", asks, as_json, f"the credit for {outage} is taken back", **which)
        return
    if begins is None or until is None:
        raise click.UsageError("say --from and --until")
    period = {"from_s": seconds(begins, "--from"), "until_s": seconds(until, "--until")}
    told = {**which, **period, "percent": percent, "reason": asks.reason or ""}
    act("credit_outage", asks, as_json, f"{outage} is credited with {percent} percent", **told)


for _command in COMMANDS:
    env.add_command(_command)
