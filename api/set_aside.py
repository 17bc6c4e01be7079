"""What an operator does about what is set aside, at the edge: look, decide, append, refold.

In this order, each step harmless when repeated: whatever a crash leaves undone is done by running it again. The event
is durable before a row changes, so that no row says more than the log.
"""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg

from api.database import Database
from api.operations import recording_denial
from api.settings import Settings
from commands.acts import Act, Asked, Done, carry_out
from commands.quarantine import DISMISS, RELEASE, Command, HandleEvent, HandleKey, Last
from ledger.errors import NotFound, StoreUnavailable
from ledger.events import StripeEventReceived
from ledger.facts import Quarantined
from ledger.ids import Mode, item_parts, stripe_stream
from ledger.store import as_role
from replay import tables, work_list
from replay.own_events import Place, of_streams, touched_by
from replay.refold import fault_of, refold


class Acted(NamedTuple):
    """What an act led to."""

    item: str
    done: Done
    refolded: int
    """How many keys of read models were made anew."""


def release(database: Database, settings: Settings | None, *, mode: Mode, item: str, asked: Asked) -> Acted:
    """Apply what was set aside, now that it can be: record who does it and why, and make the touched keys anew.

    Raises NotFound, Invalid("reason_required"), Refused (`not_set_aside`, `conflict_stays`, `still_quarantined`,
    `still_parked`, `needs_rebuild`), NotBuilt, StoreUnavailable.
    """
    return _act(database, mode, item, asked, RELEASE)


def dismiss(database: Database, settings: Settings | None, *, mode: Mode, item: str, asked: Asked) -> Acted:
    """Leave what was set aside as it is, for good: record who says so and why. Raises as `release` does."""
    return _act(database, mode, item, asked, DISMISS)


def prospect(conn: psycopg.Connection[Any], found: work_list.Item) -> str | None:
    """Why an item could not be released now; None: it could be. Changes nothing. Raises NeedsRebuild."""
    if not found.is_event:
        fault = fault_of(conn, [(found.model, tuple(found.key))])
        return f"it raises {fault}" if fault else None
    if found.state == "conflict":
        return "the same id came with two contents: the first counts, the other is never applied"
    read = _read(conn, found.mode, *found.key[1:])
    return read.lacks or (f"applying it raises {read.fault}" if read.fault else None)


class _Read(NamedTuple):
    """What a Stripe event comes to as it is read now."""

    versions: int
    lacks: str | None
    places: list[Place]
    fault: str | None


def _read(conn: psycopg.Connection[Any], mode: Mode, account: str, event_id: str) -> _Read:
    entries = of_streams(conn, [stripe_stream(mode, account, event_id)])
    sound = [e for e in entries if type(e.event) is StripeEventReceived]
    newest = max(sound, key=lambda e: (e.event.api_version or "", -e.position), default=None)  # type: ignore[attr-defined]
    if newest is not None and isinstance(newest.said, Quarantined):
        return _Read(len(entries), newest.said.reason, [], None)
    places = touched_by(conn, mode, account, event_id)
    return _Read(len(entries), None, places, fault_of(conn, places))


def _act(database: Database, mode: Mode, item: str, asked: Asked, act: Act[Command, Last]) -> Acted:
    with _unavailable():
        with psycopg.connect(as_role(database.conninfo, "recount_reader"), autocommit=True, connect_timeout=5) as conn:
            found = work_list.find(conn, mode, item)
            meant = _Meant(mode, act is RELEASE, asked.person, asked.reason)
            if found is not None and not found.is_event:
                command, places = _about_key(conn, found, meant)
            else:
                command, places = _about_event(conn, *_event_of(item), meant)
        given = {"mode": mode, "item": item}
        with database.log() as log, recording_denial(log, act.name, act.about(command), asked):
            done = carry_out(log, act, command, asked, given=given)
        refolded = len(refold(database.conninfo, places).places) if places and not asked.dry_run else 0
    return Acted(item, done, refolded)


class _Meant(NamedTuple):
    """What somebody wants done, and why."""

    mode: Mode
    release: bool
    by: str
    why: str


def _event_of(item: str) -> tuple[str, str]:
    parts = item_parts(item)
    if len(parts) != 2:
        raise NotFound(f"nothing of the name {item} is set aside; `recount quarantine list` shows what is")
    return parts[0], parts[1]


def _about_event(
    conn: psycopg.Connection[Any], account: str, event_id: str, meant: _Meant
) -> tuple[Command, list[Place]]:
    """The command, and what must be made anew once it is recorded."""
    row = conn.execute(
        f"SELECT state FROM {tables.LIVE}.stripe_events WHERE (mode, account, id) = (%s, %s, %s)",
        [meant.mode, account, event_id],
    ).fetchone()
    state = row[0] if row is not None else None
    read = _read(conn, meant.mode, account, event_id)
    command = HandleEvent(
        mode=meant.mode,
        account=account,
        event_id=event_id,
        release=meant.release,
        by=meant.by,
        why=meant.why,
        state=state,
        versions=read.versions,
        lacks=read.lacks,
        fault=read.fault,
    )
    return command, read.places if meant.release and state == "quarantined" else []


def _about_key(conn: psycopg.Connection[Any], found: work_list.Item, meant: _Meant) -> tuple[Command, list[Place]]:
    place = (found.model, tuple(found.key))
    parked = found.state == "parked"
    command = HandleKey(
        mode=meant.mode,
        model=found.model,
        key=place[1],
        release=meant.release,
        by=meant.by,
        why=meant.why,
        fault=(found.reason or "").partition(":")[0] if parked else None,
        still=fault_of(conn, [place]) if parked and meant.release else None,
    )
    return command, [place] if parked and meant.release else []


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise StoreUnavailable(f"the database did not answer, so run it again: {type(error).__name__}") from error
