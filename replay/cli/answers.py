"""An organization's answer as of a time, for people and for programs."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from ledger import store
from ledger.errors import Invalid
from projections.base import Row
from replay.as_of import AsOf
from replay.cli.printing import Column, number, say, say_json, say_table
from replay.export import time_of


def when_of(given: str, option: str) -> datetime:
    """A time as people write it. Raises Invalid("not_a_time")."""
    try:
        when = datetime.fromisoformat(given)
    except ValueError as error:
        raise Invalid(
            f"{option}: {given!r} is no time; write 2025-03-31, or 2025-03-31T12:00:00Z", code="not_a_time"
        ) from error
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def print_as_of(
    conn: psycopg.Connection[Any], found: AsOf, mode: str, org: str, when: datetime | int, *, as_json: bool
) -> None:
    """Print the entitlements, subscriptions and links that `found` holds for the organization."""
    moment = when if isinstance(when, datetime) else _moment(conn, found.position)
    links = [link for link in found.rows["org_links"] if link.org == org]
    customers = {(link.account, link.customer) for link in links}
    subscriptions = [s for s in found.rows["subscriptions"] if (s.account, s.customer) in customers]
    entitlements = found.rows["entitlements"]
    if as_json:
        say_json(
            {
                "position": found.position,
                "as_of": moment.isoformat().replace("+00:00", "Z"),
                "mode": mode,
                "org": org,
                "entitlements": [{**e._asdict(), **_standing(e, moment)} for e in entitlements],
                "subscriptions": subscriptions,
                "org_links": links,
            }
        )
        return
    say(f"{org} ({mode}) as of {moment:%Y-%m-%d %H:%M:%S} UTC, position {number(found.position)}")
    _section("Entitlements", _ENTITLEMENTS, [_entitlement(e, moment) for e in entitlements])
    _section("Subscriptions", _SUBSCRIPTIONS, [_subscription(s) for s in subscriptions])
    _section("Links", _LINKS, [(k.customer, k.account, k.claimed_by) for k in links])


_ENTITLEMENTS = (Column("feature"), Column("state"), Column("limit", right=True), Column("until"))
_SUBSCRIPTIONS = (
    Column("subscription"),
    Column("status"),
    Column("customer", wide=True),
    Column("period ends"),
    Column("prices", wide=True),
)
_LINKS = (Column("customer"), Column("account"), Column("claimed by"))


def _section(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> None:
    say("")
    say(f"{title}: {len(rows) or 'none'}")
    if rows:
        say_table(columns, rows)


def _moment(conn: psycopg.Connection[Any], position: int) -> datetime:
    """When the newest event up to a position was recorded."""
    events = store.read_positions(conn, [position])
    return time_of(events[0].recorded_at_us) if events else datetime.fromtimestamp(0, UTC)


def _standing(entitlement: Row, moment: datetime) -> dict[str, Any]:
    """What its schedule says for one moment."""
    now_s = moment.timestamp()
    for segment in entitlement.segments:
        begun = segment["from_s"] is None or segment["from_s"] <= now_s
        if begun and (segment["until_s"] is None or now_s < segment["until_s"]):
            return {k: segment[k] for k in ("state", "granted", "limit", "unlimited", "until_s")}
    return {"state": "not_yet", "granted": False, "limit": 0, "unlimited": False, "until_s": None}


def _entitlement(entitlement: Row, moment: datetime) -> tuple[Any, ...]:
    standing = _standing(entitlement, moment)
    limit = "unlimited" if standing["unlimited"] else standing["limit"]
    return entitlement.feature, standing["state"], limit if standing["granted"] else None, _day(standing["until_s"])


def _subscription(s: Row) -> tuple[Any, ...]:
    prices = s.price_ids or ()
    return s.id, s.status, s.customer, _day(s.current_period_end_s), " ".join(prices) or None


def _day(seconds: int | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
