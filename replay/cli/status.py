"""`recount status`: how far the read models are, what waits, what is set aside."""

import click

from replay.cli.options import json_option
from replay.cli.printing import Column, number, say, say_json, say_table
from replay.cli.service import attached
from replay.outgoing import Outgoing
from replay.status import GroupStatus, Status
from replay.status import status as look

#: States of the webhook ledger that ask for a person.
_ASIDE = ("waiting", "quarantined", "conflict")


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show position, lag, and what is set aside."""
    with attached() as edge, edge.reading() as conn:
        found = look(conn)
    if as_json:
        say_json(_as_json(found))
    else:
        _print(found)


def _as_json(found: Status) -> dict[str, object]:
    billing = found.groups[0]
    return {
        "position": billing.position,
        "head": found.head,
        "lag": {"events": billing.lag_events, "seconds": billing.lag_seconds},
        "groups": {g.name: {k: v for k, v in g._asdict().items() if k != "name"} for g in found.groups},
        "dirty": found.dirty,
        "spreading": found.spreading,
        "parked": {"count": found.parked_count, "keys": found.parked},
        "open": found.open,
        "stripe_events": {**dict.fromkeys(("applied", "stored_only", *_ASIDE), 0), **found.stripe_events},
        "outgoing": found.outgoing,
        "models": {m.name: {"version": m.version, "rows": m.rows} for m in found.models},
    }


def _print(found: Status) -> None:
    say(f"The log's head is at position {number(found.head)}.")
    groups = (Column("group"), Column("position", right=True), Column("behind"), Column("worker"))
    say_table(groups, (_group(g) for g in found.groups), always_titled=True)
    say("")
    say(f"Waiting to be derived: {number(found.dirty)} keys, {number(found.spreading)} wide changes.")
    states = ", ".join(f"{number(n)} {state.replace('_', ' ')}" for state, n in found.stripe_events.items())
    say(f"Stripe events: {states or 'none'}.")
    if found.stripe_events.get("waiting"):
        say("  see those that wait with: recount events list --state waiting")
    kinds = ", ".join(f"{number(n)} {kind}" for kind, n in found.open.items() if n)
    say(f"Set aside, and asking for a person: {kinds or 'nothing'}.")
    if kinds:
        say("  see them with: recount quarantine list")
    say(f"Parked keys: {number(found.parked_count)}.")
    for parked in found.parked:
        say(f"  {parked.model} {'/'.join(parked.key)} at {parked.position}: {parked.error}")
    if found.outgoing is not None:
        _print_outgoing(found.outgoing)
    say("")
    columns = (Column("model"), Column("version", right=True), Column("rows", right=True))
    say_table(columns, ((m.name, m.version, number(m.rows)) for m in found.models), always_titled=True)


def _print_outgoing(out: Outgoing) -> None:
    told = f"{number(out.due)} deliveries wait, {number(out.dead)} were given up"
    say(f"Endpoints that listen: {number(out.endpoints)}; {told}.")
    if out.dead:
        say("  see them with: recount endpoints deliveries --state dead")
    calls = out.calls
    sent = f"{number(calls.begun)} were sent without an answer, {number(calls.unknown)} are unknown"
    say(f"Calls to Stripe: {number(calls.waiting)} wait, {sent}.")
    if calls.unknown:
        say("  see them with: recount calls list --state unknown")
    for mode in calls.stopped:
        say(f"  Stripe refuses the {mode} key, so no call is made: mend STRIPE_SECRET_KEY, then restart the worker")
    for reaction in out.reactions:
        if reaction.fault is not None:
            say(f"  {reaction.name} stands still: {reaction.fault}")
        if reaction.held:
            say(f"  {reaction.name} ({reaction.mode}) holds {number(reaction.waiting)} differences: release them with")
            say(f"    recount endpoints release {reaction.name} --mode {reaction.mode} --tell (or --silent)")


def _group(group: GroupStatus) -> tuple[str | None, ...]:
    worker = "follows" if group.leader else "none: start `recount worker`"
    if group.position is None:
        return group.name, None, "not built yet", worker
    behind = f"{number(group.lag_events)} events, {number(group.lag_seconds)} s" if group.lag_events else "nothing"
    return group.name, number(group.position), behind, worker
