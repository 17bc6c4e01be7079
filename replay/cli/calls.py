"""`recount calls list | show | retry | resolve`: what was asked of Stripe, and what came of it."""

from typing import Any

import click

from ledger.errors import Invalid, NotFound
from ledger.ids import Mode, call_stream
from projections.stripe_calls import STATES
from replay import tables
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built

_COLUMNS = (
    "id", "state", "operation", "account", "org", "urgency", "object", "object_id", "status", "type", "code",
    "decline_code", "param", "request_id", "why", "known_by", "instead_of", "api_version", "begun_s", "unknown_s",
    "answered_s", "requested_us",
)  # fmt: skip
_LIST = f"""
SELECT {", ".join(_COLUMNS)} FROM {tables.LIVE}.stripe_calls
WHERE mode = %s AND (%s::text IS NULL OR state = %s) AND (%s::text IS NULL OR org = %s)
ORDER BY position DESC LIMIT %s
"""


@click.group()
def calls() -> None:
    """Look at what was asked of Stripe, and settle what is not known."""


@calls.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only in this state; `unknown` ones may need a person.")
@click.option("--org", metavar="ORG", help="Only for this organization.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def list_calls(state: str | None, org: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List calls, the newest first."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(_LIST, [mode, state, state, org, org, limit]).fetchall()
    found = [_call(row) for row in rows]
    if as_json:
        say_json({"data": found})
        return
    columns = (
        Column("call"), Column("operation"), Column("for"), Column("state"), Column("came of it"),
        Column("requested", wide=True),
    )  # fmt: skip
    say_table(
        columns,
        ((c["id"], c["operation"], c["org"], c["state"], _outcome(c), c["requested_at"][:19]) for c in found),
    )


@calls.command("show")
@click.argument("call", metavar="CALL")
@mode_option
@json_option
def show(call: str, mode: Mode, as_json: bool) -> None:
    """Show a call: what was asked, what came of it, and how that is known. What is personal stays sealed."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        row = conn.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM {tables.LIVE}.stripe_calls WHERE (mode, id) = (%s, %s)", [mode, call]
        ).fetchone()
    if row is None:
        raise NotFound(f"there is no call {call} in {mode} mode; `recount calls list` shows them")
    found = _call(row)
    if as_json:
        say_json({**found, "mode": mode, "stream": call_stream(mode, call)})
        return
    for name, value in found.items():
        if value is not None:
            say(f"{name.replace('_', ' '):<13} {value}")
    say(f"{'stream':<13} {call_stream(mode, call)}")
    if found["state"] == "unknown":
        say(f"It is looked up every hour; if you know more: recount calls resolve {call} --found ID (or --never)")
    if found["state"] == "failed":
        say(f"Asked again as a new call with: recount calls retry {call}")


@calls.command("retry")
@click.argument("call", metavar="CALL")
@mode_option
@act_options
@json_option
def retry(call: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Ask Stripe again, as a new call, for what it refused or what never happened."""
    with attached() as edge:
        done = edge.act("retry_call", asks, mode=mode, call_id=call)
    new = next((e["call_id"] for e in done.events if "call_id" in e), None)
    say_done(done, as_json, f"{new or call} is asked for; see: recount calls show {new or call}", call_id=new)


@calls.command("resolve")
@click.argument("call", metavar="CALL")
@click.option("--found", metavar="ID", help="It happened: the id of what it made or changed.")
@click.option("--never", is_flag=True, help="It never happened.")
@mode_option
@act_options
@json_option
def resolve(call: str, found: str | None, never: bool, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Say what became of a call that is unknown, after looking in Stripe's dashboard."""
    if (found is None) != never:
        raise Invalid("say either --found ID or --never", code="invalid_input")
    with attached() as edge:
        done = edge.act("resolve_call", asks, mode=mode, call_id=call, found=found)
    said = f"{call} made or changed {found}" if found else f"{call} never happened"
    say_done(done, as_json, said, call_id=call)


def _call(row: Any) -> dict[str, Any]:
    found = dict(zip(_COLUMNS, row, strict=True))
    times = {f"{n}_at": found.pop(f"{n}_s") for n in ("begun", "unknown", "answered")}
    requested = iso(found.pop("requested_us"))
    return {
        **found,
        "requested_at": requested,
        **{n: iso(s * 1_000_000) if s is not None else None for n, s in times.items()},
    }


def _outcome(call: dict[str, Any]) -> str | None:
    if call["state"] == "succeeded":
        return str(call["object_id"] or "done")
    if call["state"] == "failed":
        return str(call["decline_code"] or call["code"] or call["type"])
    return str(call["why"]) if call["state"] == "unknown" else None
