"""`recount endpoints add | list | test | deliveries | redeliver | release | remove`: who is told of what happens."""

from typing import Any

import click

from ledger.ids import Mode
from replay import tables
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import Column, say, say_done, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built

STATES = ("due", "delivered", "dead", "canceled")
_ENDPOINT = ("id", "mode", "url", "types", "org", "label", "removed", "added_us")
_DELIVERIES = f"""
SELECT * FROM (
    SELECT d.endpoint, d.notice, d.type, d.org,
           CASE WHEN d.state = 'due' AND e.removed THEN 'canceled' ELSE d.state END AS state,
           d.attempts, d.status, d.fault, d.last_s, d.next_s, d.at_s, d.position, d.mode
    FROM {tables.LIVE}.deliveries d JOIN {tables.LIVE}.endpoints e ON (e.mode, e.id) = (d.mode, d.endpoint)
) t WHERE mode = %s AND (%s::text IS NULL OR endpoint = %s) AND (%s::text IS NULL OR state = %s)
ORDER BY position DESC, endpoint LIMIT %s
"""


@click.group()
def endpoints() -> None:
    """Tell other systems of what happens, by signed webhooks."""


@endpoints.command("add")
@click.argument("url", metavar="URL")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="Only notices of this type; may be repeated.")
@click.option("--org", metavar="ORG", help="Only notices about this organization.")
@click.option("--label", metavar="TEXT", help="What it is for.")
@mode_option
@act_options
@json_option
def add(
    url: str, types: tuple[str, ...], org: str | None, label: str | None, mode: Mode, asks: Asks, as_json: bool
) -> None:
    """Tell URL of what happens from now on. The secret that signs it is shown now and never again."""
    with attached() as edge:
        added = edge.act("add_endpoint", asks, mode=mode, url=url, types=types, org=org, label=label)
    if as_json:
        done = added.done
        told = {"endpoint_id": added.endpoint_id, "secret": added.secret, "mode": mode, "url": url}
        say_json({**told, "changed": done.changed, "position": done.position, "waiting": done.waiting})
        return
    if added.secret is None:
        say_done(added.done, False, f"{added.endpoint_id} was added before; its secret is shown no more")
        return
    say(f"{added.endpoint_id} {added.secret}")
    click.echo("This is the only time that the secret is shown.", err=True)
    if added.done.waiting is not None:
        say_done(added.done, False, "")


@endpoints.command("list")
@mode_option
@json_option
def list_endpoints(mode: Mode, as_json: bool) -> None:
    """List endpoints, removed ones included."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(
            f"SELECT {', '.join(_ENDPOINT)} FROM {tables.LIVE}.endpoints WHERE mode = %s ORDER BY added_us, id", [mode]
        ).fetchall()
    found = [{**dict(zip(_ENDPOINT[:-1], row, strict=False)), "added_at": iso(row[-1])} for row in rows]
    if as_json:
        say_json({"data": found})
        return
    columns = (Column("endpoint"), Column("url", cut=True), Column("told"), Column("state"), Column("label", wide=True))
    say_table(
        columns,
        (
            (
                e["id"],
                e["url"],
                " ".join([*(e["types"] or ["everything"]), *([f"of {e['org']}"] if e["org"] else [])]),
                "removed" if e["removed"] else "listening",
                e["label"],
            )
            for e in found
        ),
    )


@endpoints.command("test")
@click.argument("endpoint_id", metavar="ENDPOINT")
@mode_option
@act_options
@json_option
def test(endpoint_id: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Send a notice of the type `test` to ENDPOINT."""
    with attached() as edge:
        done = edge.act("test_endpoint", asks, endpoint_id=endpoint_id, mode=mode)
    id = next((e["notice_id"] for e in done.events if "notice_id" in e), None)
    say_done(done, as_json, f"{id} is sent; see: recount endpoints deliveries", notice_id=id, endpoint_id=endpoint_id)


@endpoints.command("deliveries")
@click.option("--endpoint", metavar="ENDPOINT", help="Only to this endpoint.")
@click.option("--state", type=click.Choice(STATES), help="Only in this state; `dead` are those that were given up.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def deliveries(endpoint: str | None, state: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List what endpoints were told, what waits and what was given up, the newest first."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        rows = conn.execute(_DELIVERIES, [mode, endpoint, endpoint, state, state, limit]).fetchall()
    found = [_delivery(row) for row in rows]
    if as_json:
        say_json({"data": found})
        return
    columns = (
        Column("delivery"),
        Column("type"),
        Column("about"),
        Column("state"),
        Column("attempts", right=True),
        Column("answer"),
        Column("next", wide=True),
    )
    say_table(
        columns,
        (
            (
                d["id"],
                d["type"],
                d["org"],
                d["state"],
                d["attempts"],
                d["fault"] or d["status"],
                (d["next_at"] or "-")[:19],
            )
            for d in found
        ),
    )


def _delivery(row: Any) -> dict[str, Any]:
    endpoint, notice, type, org, state, attempts, status, fault, last_s, next_s, at_s = row[:11]
    told = {"id": f"{endpoint}:{notice}", "endpoint": endpoint, "notice": notice, "type": type, "org": org}
    times = {"last_at": last_s, "next_at": next_s if state == "due" else None, "at": at_s}
    shown = {name: iso(s * 1_000_000) if s is not None else None for name, s in times.items()}
    return {**told, "state": state, "attempts": attempts, "status": status, "fault": fault, **shown}


@endpoints.command("redeliver")
@click.argument("delivery", metavar="DELIVERY")
@mode_option
@act_options
@json_option
def redeliver(delivery: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Send DELIVERY (as `recount endpoints deliveries` calls it) once more."""
    endpoint_id, _, notice_id = delivery.partition(":")
    with attached() as edge:
        done = edge.act("redeliver", asks, endpoint_id=endpoint_id, notice_id=notice_id, mode=mode)
    say_done(done, as_json, f"{delivery} is sent again", delivery=delivery)


@endpoints.command("release")
@click.argument("reaction", metavar="REACTION")
@click.option("--tell/--silent", required=True, help="Tell everybody, or pass over what is held and tell nobody.")
@mode_option
@act_options
@json_option
def release(reaction: str, tell: bool, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Let REACTION go on, whose differences were held because they were many; `recount status` shows it."""
    with attached() as edge:
        done = edge.act("release_differences", asks, reaction=reaction, mode=mode, silent=not tell)
    say_done(done, as_json, f"{reaction} goes on" + ("" if tell else ", and nobody is told"), reaction=reaction)


@endpoints.command("remove")
@click.argument("endpoint_id", metavar="ENDPOINT")
@mode_option
@act_options
@json_option
def remove(endpoint_id: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Tell ENDPOINT nothing more, for ever, and destroy its secret."""
    with attached() as edge:
        done = edge.act("remove_endpoint", asks, endpoint_id=endpoint_id, mode=mode)
    said = "is removed" if done.changed else "was removed already"
    say_done(done, as_json, f"{endpoint_id} {said}", endpoint_id=endpoint_id)
