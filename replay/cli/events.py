"""`recount events list | show | tail | export`: what is in the log. Personal fields stay sealed unless asked."""

import contextlib
import signal
import threading
from typing import Any

import click
import msgspec
import psycopg

from ledger import store
from ledger.codec import decode_metadata
from ledger.errors import NotFound
from ledger.events import Recorded, StripeEventReceived
from ledger.ids import MODES
from ledger.sealing import is_sealed, open_token, subject_of_token
from replay.cli.finding import Criteria, find, named
from replay.cli.options import json_option
from replay.cli.printing import Column, raw_stdout, say, say_json, say_table, to_json
from replay.cli.service import Attached, attached
from replay.export import events as all_events
from replay.export import iso, line

_TAIL_ROWS = 1_000


@click.group()
def events() -> None:
    """List, show, follow and export the log."""


@events.command("list")
@click.option("--type", "kind", metavar="TYPE", help="A Stripe type or an event's name; customer.* for all of a kind.")
@click.option("--stream", metavar="STREAM", help="Only this stream.")
@click.option(
    "--state",
    type=click.Choice(("applied", "stored_only", "waiting", "quarantined", "conflict")),
    help="Only Stripe events of which this became.",
)
@click.option("--customer", metavar="CUSTOMER", help="Only what concerns this Stripe customer.")
@click.option("--mode", type=click.Choice(MODES), help="Only this mode.")
@click.option("--after", type=click.IntRange(min=0), metavar="POSITION", help="The first ones after this position.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@json_option
def list_events(limit: int, as_json: bool, **given: Any) -> None:
    """List events in the log's order.

    The newest ones, or with --after those that follow a position.
    """
    with attached() as edge, edge.reading() as conn:
        found = find(conn, Criteria(**given), limit)
        reasons = _reasons(conn, found) if given["state"] in ("waiting", "quarantined", "conflict") else {}
    if as_json:
        say_json({"data": [{**_summary(e), **({"why": reasons.get(e.stream)} if reasons else {})} for e in found]})
        return
    columns = (
        Column("position", right=True),
        Column("recorded", wide=True),
        Column("type"),
        Column("event", cut=True),
        *((Column("why"),) if reasons else ()),
        Column("mode", wide=True),
        Column("account", wide=True),
        Column("by", wide=True),
    )
    say_table(
        columns,
        (
            (
                e.position,
                iso(e.recorded_at_us)[:19],
                _kind(e),
                e.event.event_id if isinstance(e.event, StripeEventReceived) else e.stream,
                *((reasons.get(e.stream),) if reasons else ()),
                *_whose(e),
            )
            for e in found
        ),
    )


def _kind(recorded: Recorded) -> str:
    event = recorded.event
    return event.type if isinstance(event, StripeEventReceived) else str(event.NAME)


def _whose(e: Recorded) -> tuple[str | None, str | None, str]:
    metadata = decode_metadata(e.metadata)
    return metadata.mode, metadata.account, metadata.actor


def _summary(e: Recorded) -> dict[str, Any]:
    return {
        "position": e.position,
        "recorded_at": iso(e.recorded_at_us),
        "name": e.event.NAME,
        "type": _kind(e),
        "stream": e.stream,
        "version": e.version,
        "actor": decode_metadata(e.metadata).actor,
    }


def _reasons(conn: psycopg.Connection[Any], found: list[Recorded]) -> dict[str, str | None]:
    """Stream -> why its Stripe event is set aside."""
    rows = conn.execute(
        "SELECT 'stripe/' || mode || '/' || account || '/' || id, reason FROM read_models.stripe_events"
        " WHERE positions && %s::bigint[]",
        [[e.position for e in found]],
    )
    return dict(rows.fetchall())


@events.command("show")
@click.argument("what", metavar="ID_OR_POSITION")
@click.option("--open", "opened", is_flag=True, help="Open personal fields, with the key store.")
@json_option
def show(what: str, opened: bool, as_json: bool) -> None:
    """Show an event whole.

    By its position, by Stripe's id (evt_…) with all its renderings, or by its stream and version (stream@2); or all of
    a stream.
    """
    with attached() as edge:
        with edge.reading() as conn:
            found = named(conn, what)
        if not found:
            raise NotFound(f"the log holds no event {what}; `recount events list` shows what there is")
        whole = [msgspec.json.decode(line(e)) for e in found]
        if opened:
            whole = _open(edge, whole)
    if as_json:
        say_json({"data": whole})
        return
    for event in whole:
        say(f"position      {event['position']}")
        say(f"stream        {event['stream']} version {event['version']}")
        say(f"name          {event['name']}")
        say(f"recorded_at   {event['recorded_at']}")
        for name, value in event["metadata"].items():
            say(f"{name:<13} {value if isinstance(value, (str, int)) else msgspec.json.encode(value).decode()}")
        say(to_json(event["event"]))


def _open(edge: Attached, whole: list[Any]) -> list[Any]:
    """Personal fields in the clear; None where the key was destroyed."""
    found: set[str] = set()
    _walk(whole, lambda token: found.add(subject_of_token(token)))
    keys = edge.database.key_store(edge.settings)
    try:
        known = keys.open(sorted(found))
    finally:
        keys.close()
    opened = _walk(whole, lambda token: open_token(token, known.get(subject_of_token(token))))
    assert isinstance(opened, list)
    return opened


def _walk(value: Any, change: Any) -> Any:
    """`value` with every sealed token changed."""
    if isinstance(value, dict):
        return {k: _walk(v, change) for k, v in value.items()}
    if isinstance(value, list):
        return [_walk(v, change) for v in value]
    return change(value) if is_sealed(value) else value


@events.command("tail")
@click.option("--follow", "-f", is_flag=True, help="Go on printing what is appended, until Ctrl-C.")
@click.option(
    "--lines", "-n", type=click.IntRange(min=0), default=10, show_default=True, help="How many to begin with."
)
def tail(follow: bool, lines: int) -> None:
    """Print the newest events as JSON lines."""
    out = raw_stdout()
    with attached() as edge, edge.reading() as conn, contextlib.ExitStack() as stack:
        # listening begins before the first look, so that nothing falls between
        ear = store.Tail(store.as_role(edge.conninfo, "recount_reader")) if follow else None
        if ear is not None:
            stack.callback(ear.close)
        head = store.head(conn)
        for event in find(conn, Criteria(), lines) if lines else []:
            out.write(line(event) + b"\n")
            head = max(head, event.position)
        out.flush()
        if ear is not None:
            _follow(conn, ear, head)


def _follow(conn: psycopg.Connection[Any], ear: store.Tail, head: int) -> None:
    """Print what is appended after `head`, until SIGINT or SIGTERM."""
    out = raw_stdout()
    stopping = threading.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        # an exception in the middle of a query would leave the connection in no state to be closed properly
        signal.signal(sign, lambda *_: stopping.set())
    while not stopping.is_set():
        while batch := store.read(conn, head, _TAIL_ROWS):
            out.writelines(line(e) + b"\n" for e in batch)
            head = batch[-1].position
        out.flush()
        ear.wait()


@events.command("export")
@click.option("--after", type=click.IntRange(min=0), default=0, metavar="POSITION", help="Begin after this position.")
@click.option(
    "--upto", type=click.IntRange(min=0), metavar="POSITION", help="End with this position; the head unless told."
)
def export(after: int, upto: int | None) -> None:
    """Print all events as JSON lines.

    In the log's order, personal fields sealed.
    """
    out = raw_stdout()
    with attached() as edge, edge.reading() as conn:
        for event in all_events(conn, after, upto):
            out.write(line(event) + b"\n")
    out.flush()
