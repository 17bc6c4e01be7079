"""`recount reconcile events | objects | coverage | drift | wanted`: is what we hold what Stripe holds?"""

from typing import Any

import click
import psycopg

from ledger.errors import Invalid
from ledger.ids import Mode
from replay import tables
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, number, say, say_done, say_json, say_table
from replay.cli.service import attached, service
from replay.coverage import coverage
from replay.export import iso
from replay.fetches_wanted import fetches_wanted
from replay.status import require_built

_DRIFT = f"""
SELECT account, object, object_id, kind, customer, fields, seen_s FROM {tables.LIVE}.drift
WHERE mode = %s AND (%s::text IS NULL OR kind = %s) ORDER BY kind, account, object, object_id LIMIT %s
"""
KINDS = ("unpaid_but_active", "paid_but_blocked", "missing_here", "missing_there", "stale")


@click.group()
def reconcile() -> None:
    """Compare what we hold with what Stripe holds, and mend it."""


@reconcile.command("events")
@click.option("--account", metavar="ACCOUNT", help="Only this Stripe account: platform, or a connected acct_….")
@mode_option
@act_options
@json_option
def compare_events(account: str | None, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Append every event that Stripe lists (of 30 days) and the log lacks."""
    _compare("events", account, mode, asks, as_json, repair=False)


@reconcile.command("objects")
@click.option("--account", metavar="ACCOUNT", help="Only this Stripe account: platform, or a connected acct_….")
@click.option("--repair", is_flag=True, help="Observe what Stripe holds wherever it does not agree.")
@mode_option
@act_options
@json_option
def compare_objects(account: str | None, repair: bool, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Compare customers, prices, subscriptions, invoices and entitlements with what we believe of them.

    Nothing is edited: a repair appends what was seen, in your name and with your reason. Exits 1 where something does
    not agree and was not repaired.
    """
    if repair and asks.reason is None:
        raise Invalid("say why: a repair is recorded with its --reason", code="reason_required")
    _compare("objects", account, mode, asks, as_json, repair=repair)


def _compare(what: str, account: str | None, mode: Mode, asks: Asks, as_json: bool, *, repair: bool) -> None:
    with attached() as edge:
        done, result = edge.act("reconcile", asks, mode=mode, what=what, account=account, repair=repair)
    compared = [_told(c) for c in result.compared] if result is not None else []
    refused = list(result.refused) if result is not None else []
    if as_json or result is None:
        say_done(done, as_json, "It was compared before, under this key.", compared=compared, refused=refused)
        return
    for each in compared:
        say(_events_line(each) if what == "events" else _objects_line(each))
    for each in refused:
        say(f"{each}: Stripe does not show it to us.")
    left = sum(sum(c.get("found", {}).values()) - c.get("repaired", 0) for c in compared)
    if left:
        say("See what differs with: recount reconcile drift; mend it with: recount reconcile objects --repair")
        raise SystemExit(1)


def _told(compared: Any) -> dict[str, Any]:
    return {name: getattr(compared, name) for name in compared.__struct_fields__ if name not in ("mode", "request")}


def _events_line(it: dict[str, Any]) -> str:
    whole = f"no gap from {_at(it['from_s'])} to {_at(it['to_s'])}"
    if not it["appended"]:
        return f"{it['account']}: {number(it['listed'])} events listed, none was missing; {whole}."
    span = f"between {_at(it['first_missing_s'])} and {_at(it['last_missing_s'])}"
    many = f"{number(it['appended'])} events were missing {span} and are"
    one = f"1 event was missing at {_at(it['first_missing_s'])} and is"
    return f"{it['account']}: {one if it['appended'] == 1 else many} in the log now; {whole}."


def _objects_line(it: dict[str, Any]) -> str:
    compared = ", ".join(f"{number(n)} {kind}" for kind, n in it["compared"].items() if n) or "nothing"
    found = ", ".join(f"{number(n)} {kind.replace('_', ' ')}" for kind, n in it["found"].items()) or "all agree"
    mended = f"; {number(it['repaired'])} mended" if it["found"] else ""
    return f"{it['account']}: compared {compared}: {found}{mended}."


@reconcile.command("coverage")
@mode_option
@json_option
def show_coverage(mode: Mode, as_json: bool) -> None:
    """Show from when to when no event is missing, and what of the rest Stripe can still tell."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        every = coverage(conn, _now_s(conn), mode)
    if as_json:
        data = [
            {
                "account": c.account,
                "covered": [{"from": _at(a), "to": _at(b)} for a, b in c.spans],
                "gaps": [{"from": _at(g.from_s), "to": _at(g.to_s), "healable": g.healable} for g in c.gaps],
                "listed": c.listed,
                "appended": c.appended,
                "appended_ever": c.appended_ever,
                "reconciled_at": iso(c.reconciled_us),
            }
            for c in every
        ]
        say_json({"data": data})
        return
    if not every:
        say("No events were compared yet; do it with: recount reconcile events")
    for c in every:
        spans = ", ".join(f"{_at(a)} to {_at(b)}" for a, b in c.spans)
        say(f"{c.account}: whole {spans}; {number(c.appended_ever)} events were appended by comparing.")
        for gap in c.gaps:
            mend = "close it with: recount reconcile events" if gap.healable else "Stripe lists it no more"
            say(f"  gap {_at(gap.from_s)} to {_at(gap.to_s)}: {mend}")


@reconcile.command("drift")
@click.option("--kind", type=click.Choice(KINDS), help="Only differences of this kind.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many at most.")
@mode_option
@json_option
def show_drift(kind: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List objects of which we believe something else than Stripe says."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(_DRIFT, [mode, kind, kind, limit]).fetchall()
    names = ("account", "object", "object_id", "kind", "customer", "fields", "seen")
    found = [dict(zip(names, (*row[:-1], _at(row[-1])), strict=True)) for row in rows]
    if as_json:
        say_json({"data": found})
        return
    columns = (Column("kind"), Column("object"), Column("id"), Column("customer"), Column("differs in", wide=True))
    say_table(columns, ((f["kind"], f["object"], f["object_id"], f["customer"], ", ".join(f["fields"])) for f in found))


@reconcile.command("wanted")
@mode_option
@json_option
def show_wanted(mode: Mode, as_json: bool) -> None:
    """List objects that must be looked at, and those that were looked at in vain."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        wants = fetches_wanted(conn, service("readable")(), _now_s(conn), mode)
    if as_json:
        names = ("account", "object", "object_id", "why", "looks", "status", "code")
        given = ({n: getattr(w, n) for n in names} | {"next": _next(w.next_s)} for w in wants)
        say_json({"data": list(given)})
        return
    columns = (Column("object"), Column("id"), Column("account"), Column("why"), Column("looks"), Column("next"))
    say_table(
        columns,
        (
            (w.object, w.object_id, w.account, ", ".join(w.why), str(w.looks), _next(w.next_s) or "given up")
            for w in wants
        ),
    )


def _now_s(conn: psycopg.Connection[Any]) -> float:
    row = conn.execute("SELECT extract(epoch FROM now())::float8").fetchone()
    assert row is not None
    return float(row[0])


def _next(at_s: int | None) -> str | None:
    return "now" if at_s == 0 else _at(at_s) if at_s is not None else None


def _at(seconds: int | None) -> str | None:
    return iso(seconds * 1_000_000)[:16].replace("T", " ") if seconds is not None else None
