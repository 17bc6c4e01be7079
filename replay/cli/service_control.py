"""`recount service …`: who owes, what follows and when; what operators say of it; policies; the deployment system."""

from typing import Any

import click

from ledger.ids import Mode
from ledger.service_policy import POSTPAID, STATES
from replay import service_reading
from replay.cli.answers import when_of
from replay.cli.options import Asks, account_option, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.cli.service_policies import policies
from replay.export import iso
from replay.status import require_built

_LIMIT = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most."
)
_SERVICE = click.option(
    "--service",
    "which",
    default=POSTPAID,
    show_default=True,
    metavar="SERVICE",
    help="Which: postpaid, or account/subscription of what is paid in advance.",
)


@click.group("service")
def service_control() -> None:
    """See who owes and what follows; pause, resume, suspend, cancel, recover; set policies."""


service_control.add_command(policies)


@service_control.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only in this state.")
@_LIMIT
@mode_option
@json_option
def list_services(state: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List services: the work list of dunning."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = service_reading.services(conn, mode, state=state, limit=limit)
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (
        Column("organization"), Column("service", cut=True), Column("state"), Column("since"), Column("owed"),
        Column("next"), Column("strange", wide=True),
    )  # fmt: skip
    say_table(
        columns,
        (
            (s["org"], s["service"], _state(s), _time(s["since_s"]), _owed(s["owed"]), _next(s),
             " ".join(s["anomalies"]) or None)
            for s in found
        ),
    )  # fmt: skip


@service_control.command("show")
@click.argument("org", metavar="ORG")
@mode_option
@json_option
def show(org: str, mode: Mode, as_json: bool) -> None:
    """Show how ORG's services stand, why, and what follows when."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = service_reading.services(conn, mode, org=org)
    if as_json:
        say_json({"mode": mode, "org": org, "data": found})
        return
    if not found:
        say(f"{org} owes nothing, and nobody spoke of its service: it is active")
    for s in found:
        since = f" since {_time(s['since_s'])}" if s["since_s"] is not None else ""
        by = f", by the {s['by']}" if s["by"] else ""
        say(f"{s['service']}: {_state(s)}{since}{by}")
        for debt in s["debts"]:
            owed = _owed({debt["currency"]: debt["owed_minor"] or 0})
            why = f"{debt['why']} {_time(debt['start_s'])}" if debt["why"] else "retries go on"
            say(f"  {debt['account']}/{debt['invoice']}: {owed}, {debt['failed']} failed, {why}, {debt['policy']}")
        for segment in s["schedule"]:
            say(f"  from {_time(segment['from_s'])}: {segment['state']} ({segment['debt']})")
        if s["extended_until_s"] is not None:
            say(f"  no debt closes it before {_time(s['extended_until_s'])}")


def _state(service: dict[str, Any]) -> str:
    told = service["state"] != "active" and not service["enforced"]
    return f"{service['state']} (only told)" if told else str(service["state"])


def _owed(owed: dict[str, int]) -> str | None:
    return " ".join(f"{minor} {currency}" for currency, minor in sorted(owed.items())) or None


def _next(service: dict[str, Any]) -> str | None:
    """The first segment that is severer than what was done; whether its time has come, the reader's clock says."""
    worse = [s for s in service["schedule"] if STATES.index(s["state"]) > STATES.index(service["state"])]
    return f"{worse[0]['state']} {_time(worse[0]['from_s'])}" if worse else None


def _time(at_s: int | None) -> str | None:
    return iso(at_s * 1_000_000)[:16] + "Z" if at_s is not None else None


def _act(name: str, done_word: str, help: str, command: str) -> None:
    """An act on a service that takes nothing but the organization and which service."""

    @service_control.command(command, help=help)
    @click.argument("org", metavar="ORG")
    @_SERVICE
    @mode_option
    @act_options
    @json_option
    def carry_out(org: str, which: str, mode: Mode, asks: Asks, as_json: bool) -> None:
        what = {"mode": mode, "org": org, "service": which}
        with attached() as edge:
            done = edge.carry_out(name, asks, **what, reason=asks.reason or "")
        say_done(
            done, as_json, f"{which} of {org} {'is' if done.changed else 'was already'} {done_word} ({mode})", **what
        )


_act("pause_service", "paused", "Pause a service of ORG until it is resumed.", "pause")
_act("resume_service", "resumed", "Take back that a service of ORG was paused or suspended.", "resume")
_act("suspend_service", "suspended", "Suspend a service of ORG until it is resumed.", "suspend")
_act("cancel_service", "cancelled", "Cancel a service of ORG until it is recovered.", "cancel")
_act("recover_service", "recovered", "Open a service of ORG again; its debts begin their policy anew.", "recover")


@service_control.command("extend-grace")
@click.argument("org", metavar="ORG")
@click.argument("until", metavar="TIME")
@_SERVICE
@mode_option
@act_options
@json_option
def extend_grace(org: str, until: str, which: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Let no debt close a service of ORG before TIME. The last word counts."""
    what = {"mode": mode, "org": org, "service": which, "until_s": int(when_of(until, "TIME").timestamp())}
    with attached() as edge:
        done = edge.carry_out("extend_grace", asks, **what, reason=asks.reason or "")
    say_done(done, as_json, f"no debt closes {which} of {org} before {until} ({mode})", **what)


@service_control.command("write-off")
@click.argument("invoice", metavar="INVOICE")
@account_option
@mode_option
@act_options
@json_option
def write_off(invoice: str, account: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Let INVOICE count no more. What it is at Stripe, this does not change."""
    what = {"mode": mode, "account": account, "invoice": invoice}
    with attached() as edge:
        done = edge.carry_out("write_off_debt", asks, **what, reason=asks.reason or "")
    say_done(done, as_json, f"{invoice} {'is' if done.changed else 'was already'} written off ({mode})", **what)


@service_control.command("enforcements")
@click.option("--state", type=click.Choice(("asked", "acknowledged", "overdue")), help="Only in this state.")
@_LIMIT
@mode_option
@json_option
def list_enforcements(state: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List what the deployment system was asked about each environment."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = service_reading.enforcements(conn, mode, state=state, limit=limit)
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (
        Column("organization"), Column("environment"), Column("wanted"), Column("state"), Column("asked", right=True),
        Column("last"), Column("due"), Column("request", wide=True),
    )  # fmt: skip
    say_table(
        columns,
        (
            (e["org"], e["environment"], e["wanted"], e["state"], e["attempt"], _time(e["asked_s"]), _time(e["due_s"]),
             e["request"])
            for e in found
        ),
    )  # fmt: skip


@service_control.command("acknowledge")
@click.argument("org", metavar="ORG")
@click.argument("request", metavar="REQUEST")
@click.option("--environment", default="default", show_default=True, metavar="ID", help="Which environment.")
@mode_option
@act_options
@json_option
def acknowledge(org: str, request: str, environment: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Say that an environment of ORG is scaled as REQUEST asked for: where the deployment system cannot."""
    what = {"mode": mode, "org": org, "environment": environment, "request": request}
    with attached() as edge:
        done = edge.carry_out("acknowledge_enforcement", asks, **what)
    said = "is acknowledged" if done.changed else "was acknowledged already"
    say_done(done, as_json, f"{request} {said} ({mode})", **what)
