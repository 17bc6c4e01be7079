"""Setup: for everything that was bought under a plan with steps, how far its case is, and whether it may be live.

A case is there because of the purchase, not because an event opened it: so late and reordered facts cannot derail it.
Nothing is live before every step of the plan is approved, and the operator's go-live last. No clock: when a purchase
ends by time alone stands beside.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ledger.service_policy import POSTPAID
from ledger.setup_events import SetupStepApproved, SetupStepReopened
from projections.base import Column, Derivation, Entry, Hop, Input, Key, Lookup, Projection, Row, Table

#: The approval that comes last, whatever the plan says; a plan may give it a title of its own.
GO_LIVE = "go_live"
STATES = ("purchased", "in_setup", "ready", "live", "paused", "suspended", "recovering", "cancelled")
#: Where a case goes from each state. Nothing leads to `live` or beyond it but the last approval, from `ready`.
LINES: dict[str, frozenset[str]] = {
    "purchased": frozenset({"in_setup", "ready", "cancelled"}),
    "in_setup": frozenset({"purchased", "ready", "cancelled"}),
    "ready": frozenset({"purchased", "in_setup", "live", "cancelled"}),
    "live": frozenset({"purchased", "in_setup", "ready", "paused", "suspended", "recovering", "cancelled"}),
    "paused": frozenset({"purchased", "in_setup", "ready", "live", "suspended", "recovering", "cancelled"}),
    "suspended": frozenset({"purchased", "in_setup", "ready", "live", "paused", "recovering", "cancelled"}),
    "recovering": frozenset({"purchased", "in_setup", "ready", "live", "paused", "suspended", "cancelled"}),
    "cancelled": frozenset({"purchased", "in_setup", "ready"}),  # what was given back is paid for again
}
_IN_ADVANCE = frozenset({"subscription", "prepaid", "one_time"})
_OVER = frozenset({"canceled", "incomplete_expired"})
#: A subscription whose first payment was not made: nothing is bought yet.
_NOT_BOUGHT = frozenset({"incomplete"})

_KEY = (Column("mode", "text"), Column("account", "text"), Column("placement", "text"))
_WORDS = Table("setup_words", ("mode", "account", "placement"), (*_KEY, Column("approvals", "jsonb")))
_TABLE = Table(
    "setups",
    ("mode", "account", "placement"),
    (
        *_KEY,
        Column("org", "text"),
        Column("kind", "text"),
        Column("plan", "text"),
        Column("version", "bigint"),
        Column("state", "text"),
        Column("steps", "jsonb"),  # in their order, each with its approval
        Column("next_step", "text"),
        Column("next_by", "text"),
        Column("live_s", "bigint"),  # since when every step is approved; null: it may not be live
        Column("closed", "text"),  # cancelled or refunded
        Column("since_s", "bigint"),
        Column("until_s", "bigint"),  # when the purchase ends by time alone
    ),
    indexes=("(mode, org)", "(mode, state)"),
)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, dict[str, Any]]).decode


def _keys(entry: Entry) -> tuple[Key, ...]:
    said = entry.event
    assert isinstance(said, (SetupStepApproved, SetupStepReopened))
    return ((said.mode, said.account, said.placement),)


def _apply(state: bytes | None, entry: Entry) -> bytes:
    said, known = entry.event, _decode(state) if state is not None else {}
    if isinstance(said, SetupStepReopened):
        return _encode({step: told for step, told in known.items() if step not in said.reopened})
    assert isinstance(said, SetupStepApproved)
    told = {n: getattr(said, n) for n in ("artefact", "authorizes", "by", "why", "at_s")}
    return _encode({**known, said.step: told})


SETUP_WORDS = Projection(
    "setup_words",
    1,
    _WORDS,
    (SetupStepApproved.NAME, SetupStepReopened.NAME),
    _keys,
    _apply,
    lambda key, state: _WORDS.row(*key, _decode(state)),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    for placement in rows["plan_placements"]:
        definition = next((p.definition for p in rows["plans"]), None) or {}
        status = next((s.status for s in rows["subscriptions"]), None)
        if placement.org is None or not definition.get("setup_steps") or status in _NOT_BOUGHT:
            continue
        approvals: dict[str, Any] = next((w.approvals for w in rows["setup_words"]), {})
        steps = _steps(definition["setup_steps"], approvals)
        left = [s for s in steps if s["approved"] is None]
        undone = placement.refunded or (bool(left) and _given_back(rows["payments"]))
        closed = "refunded" if undone else "cancelled" if status in _OVER else None
        live_s = None if left else steps[-1]["approved"]["at_s"]
        state = _state(steps, left, closed, _service(key, definition, rows["service_states"]))
        ends_s = placement.until_s if placement.kind != "subscription" else None
        following = left[0] if left and closed is None else {"key": None, "by": None}
        told = (placement.org, placement.kind, placement.plan, placement.version, state, steps)
        return [
            _TABLE.row(
                *key, *told, following["key"], following["by"], live_s, closed, placement.since_s, ends_s
            )
        ]  # fmt: skip
    return []


def _given_back(payments: Sequence[Row]) -> bool:
    """Whether nothing is left of what was paid for a subscription. Before it is live, that undoes the purchase."""
    received, kept = sum(p.received_minor or 0 for p in payments), sum(p.kept_minor or 0 for p in payments)
    return received > 0 and kept <= 0


def _steps(told: Sequence[Mapping[str, Any]], approvals: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The plan's steps in its order, and going live last, each with its approval."""
    last = next((s for s in told if s["key"] == GO_LIVE), {"key": GO_LIVE, "title": "It goes live", "by": "operator"})
    every = [*(s for s in told if s["key"] != GO_LIVE), {**last, "by": "operator"}]
    return [{"key": s["key"], "title": s["title"], "by": s["by"], "approved": approvals.get(s["key"])} for s in every]


def _state(
    steps: Sequence[Mapping[str, Any]], left: Sequence[Mapping[str, Any]], closed: str | None, service: Row | None
) -> str:
    if closed is not None:
        return "cancelled"
    if left:
        return "ready" if len(left) == 1 and left[0] is steps[-1] else _begun(steps, left)
    if service is None:
        return "live"
    if service.enforced and service.state in ("paused", "suspended"):
        return str(service.state)
    if service.enforced and service.state == "cancelled":
        return "suspended"  # the service is closed; what was bought is not over before Stripe says so
    return "recovering" if service.by == "operator" and service.debts else "live"


def _begun(steps: Sequence[Mapping[str, Any]], left: Sequence[Mapping[str, Any]]) -> str:
    return "purchased" if len(left) == len(steps) else "in_setup"


def _service(key: Key, definition: Mapping[str, Any], services: Sequence[Row]) -> Row | None:
    """The service that it is, if anything was ever done about that."""
    alone = definition.get("model") in (None, *_IN_ADVANCE)
    name = f"{key[1]}/{key[2]}" if alone else POSTPAID
    return next((s for s in services if s.service == name), None)


def _placed(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(key[0], p.plan_id) for p in rows["plan_placements"]]


def _billed(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    """Only of a subscription that is to be set up; what is bought once says itself that it was refunded."""
    waits = any((p.definition or {}).get("setup_steps") for p in rows["plans"])
    return [key] if waits and any(p.kind == "subscription" for p in rows["plan_placements"]) else []


def _paid(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(*key[:2], invoice.id) for invoice in rows["invoices"]]


def _org(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(key[0], p.org) for p in rows["plan_placements"] if p.org is not None]


_PLACED = ("kind", "org", "plan", "version", "plan_id", "refunded", "since_s", "until_s")
_OF_PLAN = Hop("plan_placements", (("mode", "mode"), ("plan_id", "id")))
_OF_ORG = Hop("plan_placements", (("mode", "mode"), ("org", "org")))
_PLACEMENT = ("mode", "account", "subscription")
_WITHIN = (("mode", "mode"), ("account", "account"))
_OF_INVOICE = Hop("plan_placements", (*_WITHIN, ("subscription", "subscription")))

SETUPS = Derivation(
    "setups",
    2,
    _TABLE,
    ("mode", "account", "placement"),
    inputs=(
        Input("plan_placements", _PLACEMENT, lambda key, _: [key], _PLACED),
        Input("plans", ("mode", "id"), _placed, ("definition",)),
        Input("setup_words", ("mode", "account", "placement"), lambda key, _: [key], ("approvals",)),
        Input("subscriptions", ("mode", "account", "id"), lambda key, _: [key], ("status",)),
        Input("invoices", _PLACEMENT, _billed, ("id",)),
        Input("payments", ("mode", "account", "invoice"), _paid, ("received_minor", "kept_minor")),
        Input("service_states", ("mode", "org"), _org, ("service", "state", "by", "enforced", "debts")),
    ),
    affects={
        "plan_placements": lambda row: [(row.mode, row.account, row.subscription)],
        "setup_words": lambda row: [(row.mode, row.account, row.placement)],
        "subscriptions": (
            Lookup((Hop("plan_placements", (*_WITHIN, ("subscription", "id"))),), _PLACEMENT),
        ),
        "invoices": (Lookup((_OF_INVOICE,), _PLACEMENT),),
        "payments": (Lookup((Hop("invoices", (*_WITHIN, ("id", "invoice"))), _OF_INVOICE), _PLACEMENT),),
        "plans": (Lookup((_OF_PLAN,), _PLACEMENT),),  # a version is new, and nobody is on it yet
        "service_states": (Lookup((_OF_ORG,), _PLACEMENT),),
    },
    derive=_derive,
)  # fmt: skip
