"""`recount entitlements show | grant | deny | revoke-override | history | check`: who may use what, and why."""

from collections.abc import Sequence
from typing import Any

import click
import psycopg

from ledger.errors import NotFound
from ledger.ids import Mode
from projections.base import Row
from projections.entitlements import ENTITLEMENTS
from projections.entitlements_checks import REASONS, check
from replay import tables
from replay.cli.answers import when_of
from replay.cli.entitlement_lines import change_as_json, change_line, row_as_json, row_line, say_feature
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.entitlement_history import history
from replay.status import require_built


@click.group()
def entitlements() -> None:
    """Say who may use what, and why; grant and deny, whatever was bought."""


def _named(command: Any) -> Any:
    return click.argument("org", metavar="ORG")(click.argument("feature", metavar="FEATURE")(command))


def _period(command: Any) -> Any:
    until = click.option("--until", metavar="TIME", help="When it runs out; when it is ended, if not given.")
    return click.option("--from", "begins", metavar="TIME", help="From when; at once, if not given.")(until(command))


@entitlements.command("show")
@click.argument("org", metavar="ORG")
@click.argument("feature", metavar="FEATURE", required=False)
@click.option("--at", "at", metavar="TIME", help="At this time, by what is known now; now, if not given.")
@mode_option
@json_option
def show(org: str, feature: str | None, at: str | None, mode: Mode, as_json: bool) -> None:
    """Show what ORG may use now: each feature, or one with everything that decides it."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        now_s = when_of(at, "--at").timestamp() if at is not None else _now_s(conn)
        found = _stored(conn, mode, org)
        _must_exist(conn, mode, org)
    shown = [r for r in found if feature in (None, r.feature)]
    if as_json:
        say_json({"mode": mode, "org": org, "data": [row_as_json(r, now_s) for r in shown]})
        return
    if feature is None:
        columns = (Column("feature"), Column("state"), Column("limit", right=True), Column("until"), Column("why"))
        say_table(columns, [row_line(r, now_s) for r in shown])
        return
    if not shown:
        say(f"{feature}: nothing grants it to {org}")
    for row in shown:
        say_feature(row, now_s)


@entitlements.command("grant")
@_named
@click.option("--limit", type=click.IntRange(0), help="How much; without a limit, if not given.")
@_period
@mode_option
@act_options
@json_option
def grant(
    org: str,
    feature: str,
    limit: int | None,
    begins: str | None,
    until: str | None,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Grant FEATURE to ORG, whatever it has bought. Replaces an earlier override; needs a --reason."""
    what = {"mode": mode, "org": org, "feature": feature, "limit": limit, **_times(begins, until)}
    with attached() as edge:
        done = edge.carry_out("grant_override", asks, **what, reason=asks.reason or "")
    say_done(done, as_json, f"{feature} is granted to {org} ({mode})", **what)


@entitlements.command("deny")
@_named
@_period
@mode_option
@act_options
@json_option
def deny(org: str, feature: str, begins: str | None, until: str | None, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Deny FEATURE to ORG, whatever it has bought. Replaces an earlier override; needs a --reason."""
    what = {"mode": mode, "org": org, "feature": feature, **_times(begins, until)}
    with attached() as edge:
        done = edge.carry_out("deny_override", asks, **what, reason=asks.reason or "")
    say_done(done, as_json, f"{feature} is denied to {org} ({mode})", **what)


@entitlements.command("revoke-override")
@_named
@mode_option
@act_options
@json_option
def revoke_override(org: str, feature: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """End the override of FEATURE for ORG: what was bought counts again."""
    what = {"mode": mode, "org": org, "feature": feature}
    with attached() as edge:
        done = edge.carry_out("end_override", asks, **what)
    say_done(done, as_json, f"no override of {feature} stands for {org} any more ({mode})", **what)


@entitlements.command("history")
@_named
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def show_history(org: str, feature: str, limit: int, mode: Mode, as_json: bool) -> None:
    """Show every change of FEATURE for ORG and what caused it, newest first."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        _must_exist(conn, mode, org)
        found = list(history(conn, mode, org, feature, _reached(conn), _now_s(conn)))[::-1][:limit]
    if as_json:
        say_json({"mode": mode, "org": org, "feature": feature, "data": [change_as_json(c) for c in found]})
        return
    columns = (Column("at"), Column("state"), Column("limit", right=True), Column("cause"), Column("by", wide=True))
    say_table(columns, [change_line(c) for c in found])


@entitlements.command("check")
@_named
@click.option("--quantity", type=click.IntRange(0), default=1, show_default=True, help="How much is to be used.")
@mode_option
@json_option
def show_check(org: str, feature: str, quantity: int, mode: Mode, as_json: bool) -> None:
    """Check whether ORG may use so much of FEATURE now. Exits 1 if it may not."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        _must_exist(conn, mode, org)
        now_s = _now_s(conn)
        row = next((r for r in _stored(conn, mode, org) if r.feature == feature), None)
        stale = _is_parked(conn, mode, org)
    segments, sources = (row.segments, row.sources) if row is not None else ((), ())
    found = check(segments, sources, quantity=quantity, now_s=now_s, stale=stale)
    if as_json:
        because = [sources[i] for i in found.because]
        say_json({**found._asdict(), "feature": feature, "quantity": quantity, "because": because})
    else:
        say(f"{'allowed' if found.allowed else 'denied'}: {found.reason} ({REASONS[found.reason].lower()})")
    raise SystemExit(0 if found.allowed else 1)


# ---- reading ------------------------------------------------------------------------------------


def _stored(conn: psycopg.Connection[Any], mode: Mode, org: str) -> Sequence[Row]:
    found = tables.load_rows(conn, tables.LIVE, ENTITLEMENTS.table, ("mode", "org"), [(mode, org)])
    return sorted(found.get((mode, org), ()), key=lambda r: str(r.feature))


def _must_exist(conn: psycopg.Connection[Any], mode: Mode, org: str) -> None:
    where = f"{tables.LIVE}.organizations WHERE mode = %s AND org = %s"
    if conn.execute(f"SELECT FROM {where}", [mode, org]).fetchone() is None:
        raise NotFound(f"no organization {org} is known in {mode} mode; `recount orgs list` shows them")


def _is_parked(conn: psycopg.Connection[Any], mode: Mode, org: str) -> bool:
    where = f"{tables.LIVE}.parked WHERE model = 'entitlements' AND key = ARRAY[%s, %s]"
    return conn.execute(f"SELECT FROM {where}", [mode, org]).fetchone() is not None


def _now_s(conn: psycopg.Connection[Any]) -> float:
    """By the database's clock."""
    row = conn.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    return float(row[0])


def _reached(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute(f"SELECT position FROM {tables.LIVE}.checkpoints WHERE name = 'billing'").fetchone()
    return int(row[0]) if row is not None else 0


def _times(begins: str | None, until: str | None) -> dict[str, int | None]:
    return {
        "from_s": None if begins is None else int(when_of(begins, "--from").timestamp()),
        "until_s": None if until is None else int(when_of(until, "--until").timestamp()),
    }
