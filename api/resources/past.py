"""The past: an organization as it stood at a position of the log, or at a time (what was known then)."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from api.auth import Caller
from api.problems import Problem
from api.readers import query
from api.resources import seller
from api.resources.answers import WAIT_S, Fresh
from api.resources.context import Context
from api.schemas import iso_of
from ledger.errors import NotFound
from projections import MODELS
from projections.base import Derivation, Key, Row
from replay.as_of import AsOf, organization_as_of, position_of

_RECORDED_AT = query("recorded_at")
_CHECKPOINT = query("checkpoint")
_POLL_S = 0.02
_EPOCH = datetime.fromtimestamp(0, UTC)


class Past(NamedTuple):
    """An organization as it stood."""

    known: AsOf
    mode: str
    org: str
    account: str | None
    """The seller's account whose rows alone count; None: all."""
    when_s: float
    fresh: Fresh

    def rows(self, model: str) -> list[Row]:
        """The organization's rows of a derivation, as this caller may see them."""
        derivation = MODELS[model]
        assert isinstance(derivation, Derivation)
        key: Key = (self.mode, self.org)
        return list(seller.derived(derivation, key, seller.kept(self.known.rows), self.account))

    def linked(self, model: str) -> list[Row]:
        """Rows of a model of Stripe's that belong to the organization's customers."""
        mine = {(r.account, r.customer) for r in self.known.rows["org_links"] if r.org == self.org}
        return [
            r for r in self.known.rows[model] if (r.account, r.customer) in mine and self.account in (None, r.account)
        ]


def past(context: Context, caller: Caller, org: str, as_of: str) -> Past:
    """The organization as it stood at `as_of`: digits are a position, anything else an ISO 8601 time.

    Raises Problem: `invalid_query` for what is neither or lies in the future, `not_yet` for a position that the read
    models have not reached, `not_found` when there was no such organization for this caller.
    """
    when = _parsed(as_of, context.clock())
    if isinstance(when, int):
        _reach(context, when)
    with context.readers.connection() as conn:
        # The index that the fold starts from goes as far as the checkpoint.
        reached = conn.execute(_CHECKPOINT, ["billing"]).fetchone()
        if reached is None:
            raise Problem("not_built")
        position = min(position_of(conn, when), reached[0])
        recorded = conn.execute(_RECORDED_AT, [position]).fetchone()
        asked = org if caller.org in (None, org) else ""  # no organization has an empty name
        known = organization_as_of(conn, caller.mode, asked, position)
    sellers = {r.account for r in known.rows["org_links"] if r.org == asked}
    if caller.account not in (None, *sellers) or not known.rows["organizations"]:
        raise NotFound()
    at = when if isinstance(when, datetime) else (recorded[0] if recorded is not None else _EPOCH)
    return Past(known, caller.mode, org, caller.account, at.timestamp(), Fresh(position, iso_of(at.astimezone(UTC))))


def _parsed(as_of: str, now_s: float) -> int | datetime:
    if as_of.isascii() and as_of.isdigit() and len(as_of) < 19:
        return int(as_of)
    try:
        when = datetime.fromisoformat(as_of)
    except ValueError:
        raise _refused("Neither a position nor an ISO 8601 time.") from None
    if when.tzinfo is None:
        raise _refused("Say the offset of the time, or Z.")
    if when.timestamp() > now_s:
        raise _refused("The time lies in the future.")
    return when


def _refused(message: str) -> Problem:
    return Problem("invalid_query", errors=[{"parameter": "as_of", "message": message}])


def _reach(context: Context, position: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        rows = context.readers.rows(_CHECKPOINT, ("billing",))
        if rows and rows[0][0] >= position:
            return
        if time.monotonic() > deadline:
            raise Problem("not_yet")
        time.sleep(_POLL_S)


def alone(given: Mapping[str, Any]) -> None:
    """`as_of` answers everything at once: it goes with no filter, page or position. Raises Problem."""
    beside = sorted(k for k, v in given.items() if v is not None and k not in ("as_of", "limit"))
    if beside:
        raise Problem(
            "invalid_query", errors=[{"parameter": k, "message": "Does not go together with as_of."} for k in beside]
        )
