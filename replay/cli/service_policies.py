"""`recount service policies list | diff | apply | enforce | soften`: which debts count, and what follows from them."""

from typing import IO, Any

import click

from ledger.ids import Mode
from replay import service_reading
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached, service
from replay.status import require_built

#: What differs exits so; nothing does exits 0; an error exits 2.
DIFFERS = 1

_FILE = click.argument("file", metavar="FILE", type=click.File("r", encoding="utf-8"))


@click.group()
def policies() -> None:
    """Apply files of service policies; enforce them, or let them only tell."""


@policies.command("list")
@mode_option
@json_option
def list_policies(mode: Mode, as_json: bool) -> None:
    """List service policies in their newest version."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        found = service_reading.policies(conn, mode)
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    columns = (
        Column("policy"), Column("version", right=True), Column("is"), Column("retries", right=True), Column("stages"),
    )  # fmt: skip
    say_table(
        columns,
        (
            (p["policy"], p["version"], "enforced" if p["enforced"] else "only told",
             p["definition"]["failed_retries"], _stages(p["definition"]["stages"]))
            for p in found
        ),
    )  # fmt: skip


def _stages(stages: list[dict[str, Any]]) -> str:
    return ", ".join(f"{s['state']} {s['days']} d" if s["days"] is not None else s["state"] for s in stages)


@policies.command("diff")
@_FILE
@mode_option
@json_option
@click.pass_context
def show_diff(ctx: click.Context, file: IO[str], mode: Mode, as_json: bool) -> None:
    """Show what applying FILE would change. Exits 1 if it would change anything."""
    with attached() as edge:
        changes = service("policies_diff")(edge.database, edge.settings, text=file.read(), mode=mode)
    if as_json:
        say_json({"mode": mode, "changes": changes})
    else:
        for line in _lines(changes):
            say(line)
    if changes:
        ctx.exit(DIFFERS)


@policies.command("apply")
@_FILE
@mode_option
@act_options
@json_option
def apply_file(file: IO[str], mode: Mode, asks: Asks, as_json: bool) -> None:
    """Make service policies what FILE says. Those that it does not have stay as they are."""
    text = file.read()
    with attached() as edge:
        changes = service("policies_diff")(edge.database, edge.settings, text=text, mode=mode)
        done = edge.act("apply_policies", asks, text=text, mode=mode)
    say_done(done, as_json, "\n".join(_lines(changes)), mode=mode)


def _lines(changes: list[dict[str, Any]]) -> list[str]:
    if not changes:
        return ["nothing changes"]
    found = []
    for change in changes:
        found.append(f"{change['policy']} becomes version {change['version']}")
        for d in change["differences"]:
            found.append(f"  {d['field']}: {_shown(d['before'])} → {_shown(d['after'])}")
    return found


def _shown(value: Any) -> str:
    stages = isinstance(value, list) and all(isinstance(v, dict) and "state" in v for v in value)
    return _stages([{"days": None, **v} for v in value]) if stages else str(value)


@policies.command("enforce")
@click.argument("policy", metavar="POLICY")
@mode_option
@act_options
@json_option
def enforce(policy: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Do from now on what POLICY says."""
    _switch("enforce_policy", policy, "enforced", mode, asks, as_json)


@policies.command("soften")
@click.argument("policy", metavar="POLICY")
@mode_option
@act_options
@json_option
def soften(policy: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Only tell from now on what POLICY says; whom it had closed is open again."""
    _switch("soften_policy", policy, "only told", mode, asks, as_json)


def _switch(name: str, policy: str, how: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    what = {"mode": mode, "policy": policy}
    with attached() as edge:
        done = edge.carry_out(name, asks, **what)
    say_done(done, as_json, f"{policy} {'is' if done.changed else 'was already'} {how} ({mode})", **what)
