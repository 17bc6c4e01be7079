"""What waits for a person, across subjects: why, since when, how much it weighs, whose it is, and what settles it.

One row a kind and item; what is settled has no row. Approvals and what is set aside have lists of their own, which
whoever reads the queue joins to it (`replay.review_queue`). No clock: a reader knows how old a row is, and whether it
is over by time alone.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.ids import item_parts, key_of
from projections.base import Column, Derivation, Input, Key, Row, Table

_TABLE = Table(
    "operator_reviews",
    ("mode", "kind", "item"),
    (
        Column("mode", "text"),
        Column("kind", "text"),
        Column("item", "text"),
        Column("org", "text"),
        Column("weight", "bigint"),
        Column("owner", "text"),
        Column("said", "text"),
        Column("settles", "text"),
        Column("since_s", "bigint", digested=False),
        Column("until_s", "bigint"),  # from then on it waits for nobody
    ),
    indexes=("(mode, weight, since_s)", "(mode, org)"),
)


class Waiting(NamedTuple):
    """Why a row waits for a person."""

    org: str | None
    said: str
    settles: str
    since_s: int
    owner: str = "operator"
    until_s: int | None = None


class Source(NamedTuple):
    """Rows of which some wait for a person."""

    kind: str
    model: str
    by: tuple[str, ...]
    """The model's key, mode first; without the mode it is the item's."""
    columns: tuple[str, ...]
    weight: int
    waits: Callable[[Row], Waiting | None]


def _recount(*words: str) -> str:
    """A command as one types it: an organization's id may hold blanks."""
    return shlex.join(("recount", *words))


def _at(account: str) -> tuple[str, ...]:
    return () if account == "platform" else ("--account", account)


def _setup(row: Row) -> Waiting | None:
    if row.next_step is None:
        return None
    settles = _recount("setup", "approve", row.placement, row.next_step, *_at(row.account))
    said = f"{row.placement} waits for {row.next_step}"
    return Waiting(row.org, said, settles, row.since_s, row.next_by, row.until_s)


def _call(row: Row) -> Waiting | None:
    if row.state != "unknown":
        return None
    said = f"whether Stripe did {row.operation} is not known: {row.why}"
    return Waiting(row.org, said, _recount("calls", "resolve", row.id), row.unknown_s)


def _issuance(row: Row) -> Waiting | None:
    if row.state == "held":
        said = "Stripe's invoice is not what we meant to bill"
        return Waiting(row.org, said, _recount("issuances", "release", row.id), row.requested_us // 1_000_000)
    if row.state == "issue_failed":
        said = f"Stripe refused {row.step}"
        return Waiting(row.org, said, _recount("issuances", "retry", row.id), row.requested_us // 1_000_000)
    return None


def _enforcement(row: Row) -> Waiting | None:
    if row.state != "overdue":
        return None
    said = f"nobody acknowledged that {row.environment} is scaled {row.wanted}"
    settles = _recount("service", "acknowledge", row.org, row.request, "--environment", row.environment)
    return Waiting(row.org, said, settles, row.first_s)


def _charge(row: Row) -> Waiting | None:
    if row.status != "held":
        return None
    said = f"{row.provider}/{row.reference} of {row.category} is held: {row.held}"
    return Waiting(row.org, said, _recount("passthrough", "propose", row.org, row.category), row.occurred_s)


def _batch(row: Row) -> Waiting | None:
    if row.state != "in_review":
        return None
    said = f"provider costs of {row.period} are in review"
    return Waiting(row.org, said, _recount("passthrough", "approve", row.org, row.batch), row.opened_s)


def _stop(row: Row) -> Waiting | None:
    if row.stopped_s is None or row.acknowledged_s is not None:
        return None
    said = f"{row.category} reached its cap of {row.period}"
    settles = _recount("passthrough", "acknowledge", row.org, row.category, row.period, row.currency)
    return Waiting(row.org, said, settles, row.stopped_s)


def _policy(row: Row) -> Waiting | None:
    if row.status != "proposed":
        return None
    said = f"{row.proposed_by} proposes version {row.version} of what is passed through of {row.category}"
    settles = _recount("passthrough", "approve-policy", row.org, row.category, str(row.version))
    return Waiting(row.org, said, settles, row.proposed_us // 1_000_000)


def _drift(row: Row) -> Waiting | None:
    said = f"{row.object} {row.object_id} is not as Stripe holds it: {row.kind}"
    return Waiting(None, said, _recount("reconcile", "objects", "--repair", *_at(row.account)), row.seen_s)


def _delivery(row: Row) -> Waiting | None:
    if row.state != "dead":
        return None
    said = f"{row.type} was not taken: {row.fault or row.status}"
    settles = _recount("endpoints", "redeliver", f"{row.endpoint}:{row.notice}")
    return Waiting(row.org, said, settles, row.at_s)


def _area(row: Row) -> Waiting | None:
    if not row.reopened:
        return None
    said = f"{row.area} must be proven and signed off anew: {'; '.join(row.reopened)}"
    return Waiting(None, said, _recount("launch", "sign-off", row.area), row.reopened_us // 1_000_000)


#: The registry: one line a kind, the weightiest first.
SOURCES: tuple[Source, ...] = (
    Source(
        "unknown_call", "stripe_calls", ("mode", "id"), ("state", "operation", "why", "org", "unknown_s"), 80, _call
    ),
    Source("stuck_issuance", "issuances", ("mode", "id"), ("state", "step", "org", "requested_us"), 70, _issuance),
    Source(
        "overdue_enforcement",
        "enforcements",
        ("mode", "org", "environment"),
        ("state", "wanted", "request", "first_s"),
        70,
        _enforcement,
    ),
    Source("fallen_area", "launch_areas", ("mode", "area"), ("reopened", "reopened_us"), 60, _area),
    Source(
        "spending_stop",
        "pass_through_budgets",
        ("mode", "org", "category", "period", "currency"),
        ("stopped_s", "acknowledged_s"),
        50,
        _stop,
    ),
    Source(
        "proposed_policy",
        "cost_policies",
        ("mode", "org", "id"),
        ("status", "category", "version", "proposed_by", "proposed_us"),
        50,
        _policy,
    ),
    Source(
        "held_charge",
        "provider_charges",
        ("mode", "record", "reference"),
        ("status", "held", "provider", "category", "org", "occurred_s"),
        40,
        _charge,
    ),
    Source(
        "batch_in_review",
        "reconciliation_batches",
        ("mode", "org", "batch"),
        ("state", "period", "opened_s"),
        40,
        _batch,
    ),
    Source(
        "setup_step",
        "setups",
        ("mode", "account", "placement"),
        ("org", "next_step", "next_by", "since_s", "until_s"),
        40,
        _setup,
    ),
    Source("drift", "drift", ("mode", "account", "object", "object_id"), ("kind", "seen_s"), 30, _drift),
    Source(
        "failed_delivery",
        "deliveries",
        ("mode", "notice", "endpoint"),
        ("state", "type", "org", "fault", "status", "at_s"),
        20,
        _delivery,
    ),
)
_BY_KIND = {s.kind: s for s in SOURCES}


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    source, mode = _BY_KIND[key[1]], " --mode live" if key[0] == "live" else ""
    return [
        _TABLE.row(*key, it.org, source.weight, it.owner, it.said, it.settles + mode, it.since_s, it.until_s)
        for it in map(source.waits, rows[source.model])
        if it is not None
    ]


def _input(source: Source) -> Input:
    def wanted(key: Key, _: Mapping[str, Sequence[Row]]) -> list[Key]:
        return [(key[0], *item_parts(key[2]))] if key[1] == source.kind else []

    return Input(source.model, source.by, wanted, source.columns)


def _affects(source: Source) -> Callable[[Row], list[Key]]:
    def keys(row: Row) -> list[Key]:
        if source.waits(row) is None:  # most rows wait for nobody: they cost no key
            return []
        return [(row.mode, source.kind, key_of(getattr(row, c) for c in source.by[1:]))]

    return keys


_OF: dict[str, Any] = {s.model: _affects(s) for s in SOURCES}

REVIEWS = Derivation(
    "operator_reviews", 2, _TABLE, ("mode", "kind", "item"), tuple(_input(s) for s in SOURCES), _OF, _derive
)
