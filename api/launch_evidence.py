"""Looking for what proves an area of the launch gate end to end: rows that say so, and the events behind them.

Each finds the newest one; an organization narrows it down. Nothing that a person only says is found here.
"""

from collections.abc import Sequence
from typing import Any

import psycopg

from commands.base import Journal
from ledger.events import Recorded
from ledger.ids import Mode, service_stream, setup_stream, stripe_stream
from ledger.launch_events import END_TO_END
from ledger.service_events import ServiceRecovered, ServiceStepped
from ledger.setup_events import SetupStepApproved
from projections.entitlements_schedule import GRANTED
from replay.tables import LIVE

#: A purchase that entitles, by its own word and with effect, and the signed event that began it: no override, no
#: agreement, nothing that was only listed.
_ENTITLED = f"""
    SELECT p.org, p.account, p.subscription, e.feature, began.id
    FROM {LIVE}.plan_placements p
    JOIN {LIVE}.entitlements e ON (e.mode, e.org) = (p.mode, p.org)
    CROSS JOIN LATERAL (
        SELECT v.id FROM {LIVE}.stripe_events v
        WHERE (v.object_id, v.account, v.mode) = (p.subscription, p.account, p.mode)
          AND v.state = 'applied' AND v.endpoint <> 'list'
        ORDER BY v.created_s, v.type NOT LIKE '%%.created', v.id LIMIT 1) began
    WHERE p.mode = %(mode)s AND p.kind <> 'agreement' AND (%(org)s::text IS NULL OR p.org = %(org)s)
      AND EXISTS (
        SELECT FROM jsonb_array_elements(e.sources) s, jsonb_array_elements(s -> 'segments') g
        WHERE s ->> 'by' = 'plan' AND s ->> 'placement' = p.subscription AND s ->> 'account' = p.account
          AND g ->> 'state' = ANY(%(granted)s))
      AND EXISTS (SELECT FROM jsonb_array_elements(e.segments) g WHERE (g ->> 'granted')::boolean)
    ORDER BY p.since_s DESC, p.account, p.subscription, e.feature LIMIT 1
"""
_LIVE_CASES = f"""
    SELECT org, account, placement FROM {LIVE}.setups
    WHERE mode = %(mode)s AND live_s IS NOT NULL AND (%(org)s::text IS NULL OR org = %(org)s)
    ORDER BY live_s DESC, account, placement
"""
#: Services that took a step, the newest first: what their streams say is looked at.
_STEPPED = f"""
    SELECT org, service FROM {LIVE}.service_steps
    WHERE mode = %(mode)s AND (%(org)s::text IS NULL OR org = %(org)s)
    ORDER BY at_s DESC, org, service
"""
_CLOSED = frozenset({"paused", "suspended", "cancelled"})
_OWING = frozenset({"past_due", "grace", *_CLOSED})

Found = tuple[dict[str, Any], ...]


def evidence_of(conn: psycopg.Connection[Any], journal: Journal, area: str, mode: Mode, org: str | None) -> Found:
    """The events that prove an area in a mode; nothing: ()."""
    if area == "entitlements":
        return _entitled(conn, mode, org)
    if area == "setup_gating":
        return _gated(conn, journal, mode, org)
    return _served(conn, journal, area, mode, org) if area in END_TO_END else ()


def _event(stream: str, version: int, name: str, shows: str) -> dict[str, Any]:
    return {"stream": stream, "version": version, "event": name, "shows": shows}


def _entitled(conn: psycopg.Connection[Any], mode: Mode, org: str | None) -> Found:
    row = conn.execute(_ENTITLED, {"mode": mode, "org": org, "granted": sorted(GRANTED)}).fetchone()
    if row is None:
        return ()
    whose, account, bought, feature, began = row
    shows = f"{whose} bought {bought}, and may use {feature}"
    return (_event(stripe_stream(mode, account, began), 1, "stripe.event_received", shows),)


def _gated(conn: psycopg.Connection[Any], journal: Journal, mode: Mode, org: str | None) -> Found:
    for whose, account, placement in conn.execute(_LIVE_CASES, {"mode": mode, "org": org}).fetchall():
        stream = setup_stream(mode, account, placement)
        last = [r for r in journal.read_stream(stream) if isinstance(r.event, SetupStepApproved) and r.event.last]
        if last:  # a version with other steps may have made it live without
            shows = f"{placement} of {whose} went live with the last approval"
            return (_event(stream, last[-1].version, last[-1].event.NAME, shows),)
    return ()


def _served(conn: psycopg.Connection[Any], journal: Journal, area: str, mode: Mode, org: str | None) -> Found:
    for whose, service in conn.execute(_STEPPED, {"mode": mode, "org": org}).fetchall():
        stream = service_stream(mode, whose, service)
        steps = [r for r in journal.read_stream(stream) if isinstance(r.event, (ServiceStepped, ServiceRecovered))]
        found = _proving(area, steps)
        if found:
            return tuple(_event(stream, r.version, r.event.NAME, _shows(whose, service, r.event)) for r in found)
    return ()


def _proving(area: str, steps: Sequence[Recorded]) -> list[Recorded]:
    """Of a service's steps, those that prove an area: a closing must have had an effect, and a recovery follow one."""
    taken = [r for r in steps if isinstance(r.event, ServiceStepped)]
    if area == "failed_payment":
        return [r for r in taken if r.event.state in _OWING and r.event.because.get("failed")][:1]
    closed = [r for r in taken if r.event.state in _CLOSED and r.event.enforced]
    if area == "suspension" or not closed:
        return closed[:1] if area == "suspension" else []
    opened = [r for r in steps if r.version > closed[0].version and _recovers(r.event)]
    if not opened:
        return []
    return [max((r for r in closed if r.version < opened[0].version), key=lambda r: r.version), opened[0]]


def _recovers(event: Any) -> bool:
    """Whether a service is whole again: to be past due once more is not that."""
    return isinstance(event, ServiceRecovered) or event.state == "active"


def _shows(org: str, service: str, event: Any) -> str:
    if isinstance(event, ServiceRecovered):
        return f"an operator recovered {service} of {org}"
    return f"{service} of {org} went from {event.before} to {event.state}"
