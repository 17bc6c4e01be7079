"""Comparing what we hold with what Stripe holds: who asks for it, when it is due, and what a difference means.

Pure: Stripe is asked elsewhere (`api.reconciling`). Refuses to know Stripe's payloads: what is compared are facts.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, Literal, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_account, require_mode
from ledger.events import Event
from ledger.ids import Mode, stripe_reconciliation_stream
from ledger.reconcile_events import (
    Drift,
    DriftClosed,
    DriftFound,
    EventsReconciled,
    ReconciliationDone,
    ReconciliationRequested,
)

#: How long Stripe lists an event: https://docs.stripe.com/api/events
LISTED_FOR_S = 30 * 86_400
#: What was created so shortly before a list was answered may still be missing from it.
UNSETTLED_S = 60
#: So far the next look goes back before the end of the last one, for the same reason.
OVERLAP_S = 3_600
_HOUR_S, _DAY_S = 3_600, 86_400

# ---- who asks ----------------------------------------------------------------------------------


class Reconcile(msgspec.Struct, frozen=True, kw_only=True):
    """Have what we hold compared with what Stripe holds."""

    id: str
    mode: Mode
    what: Literal["events", "objects"]
    account: str | None = None
    """None: every account of the mode."""
    repair: bool = False
    """Whether what Stripe holds is to be observed wherever it does not agree. Events that lack are always kept."""
    by: str
    why: str


class FinishReconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """Say that it was compared."""

    accounts: int
    refused: tuple[str, ...]
    differences: int
    mended: int
    at_s: int


#: What was asked for, and whether it was done.
Asked: TypeAlias = tuple[ReconciliationRequested | None, bool]


def reconciliation_id(person: str, idempotency_key: str) -> str:
    """The id of the comparison that a person asks for with this key: the same however often it is tried."""
    return "rcn_" + sha256(f"{len(person)}:{person}{idempotency_key}".encode()).hexdigest()[:24]


def evolve(state: Asked, event: Event) -> Asked:
    """What was asked for after an event."""
    if isinstance(event, ReconciliationRequested):
        return event, False
    assert isinstance(event, ReconciliationDone)
    return state[0], True


def decide(command: Reconcile | FinishReconciliation, state: Asked) -> tuple[Event, ...]:
    """Ask once, and finish once. Raises Invalid for a mode or an account that is none."""
    requested, done = state
    if isinstance(command, Reconcile):
        require_mode(command.mode)
        if command.account is not None:
            require_account(command.account)
        return () if requested else (ReconciliationRequested(**msgspec.structs.asdict(command)),)
    if requested is None or done:
        return ()
    done_with = msgspec.structs.asdict(command)
    return (ReconciliationDone(id=requested.id, mode=requested.mode, **done_with),)


RECONCILIATIONS: Decider[Reconcile | FinishReconciliation, Asked] = Decider((None, False), evolve, decide)
RECONCILE: Act[Reconcile, Asked] = Act(
    "reconcile",
    Reconcile,
    RECONCILIATIONS,
    lambda command: stripe_reconciliation_stream(command.id),
    lambda command: About("stripe", command.mode, command.account),
)

# ---- when ----------------------------------------------------------------------------------------


def is_due(last_s: int | None, now_s: int, hour: int) -> bool:
    """Whether the nightly comparison is due: it never was, or not since the last time that it was `hour` UTC."""
    newest = (now_s - hour * _HOUR_S) // _DAY_S * _DAY_S + hour * _HOUR_S
    return last_s is None or last_s < newest


def listed_from(history: Iterable[Event], now_s: int, *, whole: bool) -> int:
    """From when on Stripe's events must be listed so that no gap is left that can still be closed.

    `whole`: all that Stripe lists, whatever was compared before.
    """
    earliest = now_s - LISTED_FOR_S
    if whole:
        return earliest
    covered = max((e.to_s for e in history if isinstance(e, EventsReconciled)), default=earliest)
    return max(earliest, covered - OVERLAP_S)


# ---- what a difference means ---------------------------------------------------------------------

#: Statuses of a subscription that let its customer go on, and that do not.
_USABLE = frozenset({"active", "trialing", "past_due"})


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of which the two say different things, as `[ours, theirs]`. What either is silent about agrees."""
    return {name: [ours[name], said] for name, said in theirs.items() if name in ours and not _agree(ours[name], said)}


def _agree(one: Any, other: Any, *, inside: bool = False) -> bool:
    """API versions leave out different parts of what is inside: there null says nothing."""
    if inside and (one is None or other is None):
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(_agree(one[k], other[k], inside=True) for k in one.keys() & other.keys())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(_agree(a, b, inside=True) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def drift_of(object_type: str, ours: Mapping[str, Any] | None, theirs: Mapping[str, Any] | None) -> Drift:
    """What a difference means. None: there is no such object there, or we know of none."""
    if ours is None:
        return "missing_here"
    if theirs is None or (theirs.get("deleted") is True and ours.get("deleted") is not True):
        held = object_type == "subscription" and ours.get("status") in _USABLE
        return "unpaid_but_active" if held else "missing_there"
    here, there = ours.get("status"), theirs.get("status")
    if object_type == "subscription" and (here in _USABLE) != (there in _USABLE):
        return "unpaid_but_active" if here in _USABLE else "paid_but_blocked"
    if object_type == "invoice" and (here == "paid") != (there == "paid") and "void" not in (here, there):
        return "unpaid_but_active" if here == "paid" else "paid_but_blocked"
    if object_type == "entitlements.active_entitlement_summary":
        return _of_features(ours.get("entitlements") or (), theirs.get("entitlements") or ())
    return "stale"


def _of_features(ours: Iterable[Mapping[str, Any]], theirs: Iterable[Mapping[str, Any]]) -> Drift:
    here, there = ({e.get("lookup_key") for e in side} for side in (ours, theirs))
    if here - there:
        return "unpaid_but_active"
    return "paid_but_blocked" if there - here else "stale"


class SayDrift(msgspec.Struct, frozen=True, kw_only=True):
    """Say what was found of one object; `kind` of None: it agrees."""

    mode: Mode
    account: str
    object: str
    object_id: str
    kind: Drift | None
    fields: dict[str, Any] = {}
    customer: str | None = None
    seen_s: int


def _drift_after(open: DriftFound | None, event: Event) -> DriftFound | None:
    return event if isinstance(event, DriftFound) else None


def _decide_drift(command: SayDrift, open: DriftFound | None) -> tuple[Event, ...]:
    which: dict[str, Any] = {"mode": command.mode, "account": command.account}
    which |= {"object": command.object, "object_id": command.object_id}
    if command.kind is None:
        return (DriftClosed(**which, seen_s=command.seen_s),) if open is not None else ()
    if open is not None and (open.kind, open.fields) == (command.kind, command.fields):
        return ()
    found = DriftFound(
        **which, kind=command.kind, fields=command.fields, customer=command.customer, seen_s=command.seen_s
    )
    return (found,)


DRIFTS: Decider[SayDrift, DriftFound | None] = Decider(None, _drift_after, _decide_drift)
