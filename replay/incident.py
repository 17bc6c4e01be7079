"""The view of an incident: everything that happened to an organization, was asked of Stripe, told and done, as a table.

Looks only. Stripe's events by Stripe's time, all else by when it was recorded. Refuses to know what an event of our own
means: its line tells its plain fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import psycopg

from ledger import store
from ledger.codec import decode_metadata
from ledger.events import NoticeRaised, Recorded
from ledger.ids import Mode
from ledger.sealing import is_sealed
from replay.export import iso
from replay.hanging import events_of_organizations
from replay.tables import LIVE

SYSTEM = "system"
KINDS = ("event", "call", "answer", "notice", "act")
#: Streams whose names go on with an organization: what is said of it by itself.
_OF_ORG = (
    "service", "override", "enforcement", "accrual", "hosting_invoice", "spending_limit", "cost_policy", "reservation",
    "budget", "reconciliation",
)  # fmt: skip
#: Read models that know every organization of which such a stream can speak.
_KNOWING = (
    "organizations", "overrides", "agreements", "environments", "cost_policies", "spending_limits", "service_states",
    "enforcements", "pass_through_budgets", "reconciliation_batches", "plan_placements",
)  # fmt: skip


def _spelled(column: str) -> str:
    """A part of a stream's name, as `ledger.ids` spells it; percent signs are doubled."""
    return f"replace(replace(replace({column}, '%%', '%%25'), '/', '%%2F'), ':', '%%3A')"


class _Thing(NamedTuple):
    """Something of an organization's that has a stream of its own, or acts about it."""

    rows: str
    """What follows FROM; it has `mode` and `org`, as `r`."""
    stream: str
    """The name of its stream."""
    subject: str | None = None
    """What the audit calls it, where acts about it do not say whose it is."""


def _rows(model: str) -> str:
    return f"{LIVE}.{model} r"


_ORGS = "(" + " UNION ".join(f"SELECT mode, org FROM {LIVE}.{model} WHERE org IS NOT NULL" for model in _KNOWING) + ")"
_AT = "r.account || '/' || "
_THINGS = (
    _Thing(
        f"(SELECT e.mode, e.id, o.org FROM {LIVE}.environments e CROSS JOIN unnest(e.orgs) o (org)) r",
        "'environment/' || r.mode || '/' || r.id",
        "'environment/' || r.id",
    ),
    _Thing(_rows("issuances"), "'issuance/' || r.mode || '/' || r.id", "'issuance/' || r.id"),
    _Thing(_rows("agreements"), "'agreement/' || r.mode || '/' || r.id", "'agreement/' || r.id"),
    _Thing(_rows("setups"), f"'setup/' || r.mode || '/' || {_AT}r.placement"),
    _Thing(_rows("plan_placements"), f"'subscription_plan/' || r.mode || '/' || {_AT}r.subscription"),
    _Thing(_rows("org_links"), f"'org_link/' || r.mode || '/' || {_AT}r.customer", f"'customer/' || {_AT}r.customer"),
    _Thing(f"{_ORGS} r", f"'tax_terms/' || r.mode || '/org/' || {_spelled('r.org')}"),
    _Thing(
        f"(SELECT o.mode, o.org, a.account FROM {LIVE}.organizations o CROSS JOIN unnest(o.accounts) a (account)) r",
        f"'billing_customer/' || r.mode || '/' || {_AT}{_spelled('r.org')}",
    ),
    _Thing(
        f"(SELECT DISTINCT k.mode, k.org, split_part(k.key_id, '.', 1) AS id FROM {LIVE}.api_keys k) r",
        "'api_key/' || r.id",
        "'api_key/' || r.id",
    ),
    _Thing(
        f"(SELECT m.mode, a.org, a.id FROM {LIVE}.approvals a JOIN (VALUES ('live'), ('test')) m (mode)"
        " ON a.mode IN (m.mode, 'both')) r",
        "'approval/' || r.id",
    ),
    _Thing(_rows("endpoints"), "'endpoint/' || r.id", "'endpoint/' || r.id"),
    _Thing(
        f"(SELECT d.mode, n.org, d.endpoint, d.notice FROM {LIVE}.notices n JOIN {LIVE}.deliveries d"
        " ON (d.mode, d.notice) = (n.mode, n.id)) r",
        "'delivery/' || r.endpoint || '/' || r.notice",
        "'delivery/' || r.endpoint || ':' || r.notice",
    ),
    _Thing(
        f"(SELECT DISTINCT l.mode, l.org, o.account, o.object_id FROM {LIVE}.org_links l JOIN {LIVE}.observations o"
        " ON (o.mode, o.account, o.customer) = (l.mode, l.account, l.customer)) r",
        f"'observed/' || r.mode || '/' || {_AT}r.object_id",
    ),
    _Thing(
        f"(SELECT l.mode, l.org, i.account, i.id FROM {LIVE}.org_links l JOIN {LIVE}.invoices i"
        " ON (i.mode, i.account, i.customer) = (l.mode, l.account, l.customer)) r",
        f"'debt/' || r.mode || '/' || {_AT}r.id",
        f"'invoice/' || {_AT}r.id",
    ),
    _Thing(
        f"(SELECT l.mode, l.org, e.account, e.id FROM {LIVE}.org_links l JOIN {LIVE}.stripe_events e"
        " ON (e.mode, e.account, e.customer) = (l.mode, l.account, l.customer) WHERE e.handled IS NOT NULL) r",
        f"'quarantine/' || r.mode || '/' || {_AT}r.id",
        f"'set_aside/' || {_spelled('r.account')} || ':' || r.id",
    ),
)


_OWN = (
    "extract(epoch FROM e.recorded_at)::bigint, 'event', {org}, split_part(e.topic, '/', 1),"
    " e.originator_id || '@' || e.originator_version, '', NULL, NULL, e.notification_id"
)


def _own() -> Iterator[str]:
    """SELECTs of our own events."""
    kinds = ", ".join(f"('{kind}')" for kind in _OF_ORG)
    name = f"k.kind || '/' || o.mode || '/' || {_spelled('o.org')}"
    end = ' COLLATE "C"'
    yield (
        f"SELECT o.mode, {_OWN.format(org='o.org')} FROM {_ORGS} o CROSS JOIN (VALUES {kinds}) k (kind)"
        # a colon and what follows, or nothing: `;` is the character behind `:`
        f" CROSS JOIN LATERAL (SELECT * FROM ledger.events WHERE originator_id = ({name}){end} UNION ALL"
        f" SELECT * FROM ledger.events WHERE originator_id >= ({name} || ':'){end}"
        f" AND originator_id < ({name} || ';'){end}) e"
    )
    for thing in _THINGS:
        yield (
            f"SELECT r.mode, {_OWN.format(org='r.org')} FROM {thing.rows}"
            f' JOIN ledger.events e ON e.originator_id = ({thing.stream}) COLLATE "C"'
        )


_ACT = (
    "a.at_us / 1000000, 'act', {org}, a.act, a.id, '', a.person, coalesce(a.code, a.outcome) ||"
    " coalesce(': ' || a.reason, ''), a.position"
)


def _acts() -> Iterator[str]:
    """SELECTs of acts: those that say whose they are, and those about something of an organization's."""
    modes = "(VALUES ('live'), ('test')) m (mode)"
    yield (
        f"SELECT m.mode, {_ACT.format(org='a.org')} FROM {LIVE}.audit_log a JOIN {modes}"
        " ON a.mode IN (m.mode, 'both') WHERE a.org IS NOT NULL"
    )
    for thing in _THINGS:
        if thing.subject is not None:
            yield (
                f"SELECT r.mode, {_ACT.format(org='r.org')} FROM {thing.rows} JOIN {LIVE}.audit_log a"
                f" ON a.subject = {thing.subject} AND a.mode IN (r.mode, 'both') WHERE a.org IS NULL"
            )


_OF_STRIPE = "e.created_s, 'event', l.org, e.type, e.id, e.account, NULL, e.state, e.positions[1]"
_CALL = "c.id, c.account, NULL"
#: Everything, as a table to be read with parameters (percent signs are doubled).
LINES = f"""(
    SELECT NULL::text AS mode, NULL::bigint AS at_s, NULL::text AS kind, NULL::text AS org, NULL::text AS type,
           NULL::text AS id, NULL::text AS account, NULL::text AS by, NULL::text AS said, NULL::bigint AS position
    WHERE false
    UNION ALL
    {events_of_organizations(f"l.mode, {_OF_STRIPE}")}
    UNION ALL
    {" UNION ALL ".join(_own())}
    UNION ALL
    SELECT c.mode, c.requested_us / 1000000, 'call', c.org, c.operation, {_CALL}, c.state, c.position
    FROM {LIVE}.stripe_calls c WHERE c.org IS NOT NULL
    UNION ALL
    SELECT c.mode, coalesce(c.answered_s, c.unknown_s), 'answer', c.org, c.operation, {_CALL},
           concat_ws(': ', c.state, coalesce(c.decline_code, c.code, c.type, c.why, c.object_id)), c.position
    FROM {LIVE}.stripe_calls c WHERE c.org IS NOT NULL AND coalesce(c.answered_s, c.unknown_s) IS NOT NULL
    UNION ALL
    SELECT n.mode, n.at_s, 'notice', n.org, n.type, n.id, '', NULL, NULL, n.position
    FROM {LIVE}.notices n WHERE n.org IS NOT NULL
    UNION ALL
    {" UNION ALL ".join(_acts())}
)"""
NAMES = ("at_s", "kind", "org", "type", "id", "by", "said", "position")
ORDER = ("at_s", "position", "kind", "id", "account")
_SPAN = f"""
    SELECT {", ".join(NAMES)} FROM {LINES} t
    WHERE t.mode = %(mode)s AND t.org = %(org)s AND t.at_s >= %(from_s)s AND t.at_s < %(to_s)s
      AND (%(kind)s::text IS NULL OR t.kind = %(kind)s)
    ORDER BY {", ".join(f"t.{name}" for name in ORDER)} LIMIT %(limit)s
"""


def incident(
    conn: psycopg.Connection[Any],
    mode: Mode,
    org: str,
    from_s: int,
    to_s: int,
    *,
    kind: str | None = None,
    limit: int = 1_000,
) -> list[dict[str, Any]]:
    """What happened to an organization from a time on and before another one, the oldest first."""
    told = {"mode": mode, "org": org, "from_s": from_s, "to_s": to_s, "kind": kind, "limit": limit}
    with conn.transaction():
        # the log is long, and its planner knows little of names that are put together: every branch has an index
        conn.execute("SET LOCAL enable_seqscan = off")
        rows = conn.execute(_SPAN, told).fetchall()
    return spelled_out(conn, [dict(zip(NAMES, row, strict=True)) for row in rows])


def spelled_out(conn: psycopg.Connection[Any], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same lines; notices and our own events with what they say themselves."""
    positions = sorted({line["position"] for line in lines if line["said"] is None})
    found = {r.position: r for r in store.read_positions(conn, positions)} if positions else {}
    return [{**line, **_said(found[line["position"]])} if line["said"] is None else line for line in lines]


#: Fields that stand elsewhere in the line.
_ELSEWHERE = frozenset({"mode", "org", "by", "account", "at_s"})
_MOST = 300


def _said(recorded: Recorded) -> dict[str, Any]:
    """Who did it, and what it says."""
    event = recorded.event
    by = getattr(event, "by", None) or decode_metadata(recorded.metadata).actor
    told = event.said if isinstance(event, NoticeRaised) else msgspec.structs.asdict(event)
    return {"by": None if by == SYSTEM else by, "said": in_words(told)[:_MOST]}


def in_words(fields: Mapping[str, Any]) -> str:
    """Plain fields as words: no lists, nothing that is sealed, nothing that is null or false; times as ISO 8601."""
    parts = []
    for name, value in fields.items():
        if name in _ELSEWHERE or value in (None, "", False) or is_sealed(value):
            continue
        if isinstance(value, Mapping):
            parts.append(in_words({f"{name}.{inner}": one for inner, one in value.items()}))
        elif value is True:
            parts.append(name)
        elif isinstance(value, int) and name.endswith("_s"):
            parts.append(f"{name.removesuffix('_s')} {iso(value * 1_000_000)[:19]}Z")
        elif isinstance(value, (str, int)):
            parts.append(f"{name} {value}")
    return ", ".join(part for part in parts if part)
