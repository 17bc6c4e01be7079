"""The eleven areas of the launch gate: whether each is proven, by which checks, and who answers for it.

Proven is what every check says; ready is what is proven and signed off. Nothing is proven by a sign-off. No clock: when
a sign-off ends stands beside, and in which spans cost policies hold. Before a plan is published there is nothing to
launch, and no row.
"""

from collections.abc import Callable, Mapping, Sequence

from ledger.ids import item_parts, key_of
from ledger.launch_events import PATHS
from projections.base import Column, Derivation, Input, Key, Row, Table
from projections.launch_checks import account_of, checks, on_sale, spans_of

_TABLE = Table(
    "launch_areas",
    ("mode", "area"),
    (
        Column("mode", "text"),
        Column("area", "text"),
        Column("path", "text"),
        Column("proven", "boolean"),
        Column("ready", "boolean"),
        Column("checks", "jsonb"),
        Column("failing", "text[]"),
        Column("evidence", "jsonb"),
        Column("proven_in", "text"),
        Column("signed", "boolean"),
        Column("signed_by", "text"),
        Column("signed_why", "text"),
        Column("until_s", "bigint"),
        Column("reopened", "text[]"),
        Column("reopened_us", "bigint", digested=False),
        Column("holds", "jsonb"),  # the spans in which it does; null: no date bounds it
    ),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    if not rows["launch_words"]:
        return []
    word = rows["launch_words"][0]
    found = checks(key[1], rows)
    failing = [c.said for c in found if not c.passed]
    proven = not failing
    return [
        _TABLE.row(
            *key,
            PATHS[key[1]],
            proven,
            proven and word.signed,
            [c._asdict() for c in found],
            failing,
            word.evidence,
            word.proven_in,
            word.signed,
            word.signed_by,
            word.signed_why,
            word.until_s,
            word.reopened,
            word.reopened_us,
            spans_of(key[1], rows),
        )
    ]


def _in(*areas: str) -> Callable[[Key, Mapping[str, Sequence[Row]]], list[Key]]:
    """Rows of the mode, for these areas alone."""
    return lambda key, _: [key[:1]] if key[1] in areas else []


def _accounts(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    if key[1] not in ("products", "prices"):
        return []
    return sorted({(key[0], account_of(d)) for d in on_sale(rows)})


def _products(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    if key[1] != "products":
        return []
    return sorted({(p.mode, p.account, p.product) for p in rows["prices"] if p.product})


def _touches(*areas: str) -> Callable[[Row], list[Key]]:
    return lambda row: [(row.mode, area) for area in areas]


_OF_PLANS = ("products", "prices", "setup_gating")
_OF_POLICIES = ("failed_payment", "suspension")

LAUNCH_AREAS = Derivation(
    "launch_areas",
    2,
    _TABLE,
    ("mode", "area"),
    inputs=(
        Input("launch_words", ("mode", "area"), lambda key, _: [key]),
        Input("plans", ("mode",), _in(*_OF_PLANS), ("id", "current", "retired", "definition")),
        Input(
            "prices",
            ("mode", "account"),
            _accounts,
            ("id", "lookup_key", "active", "deleted", "currency", "unit_amount_minor", "product"),
        ),
        Input("products", ("mode", "account", "id"), _products, ("active", "deleted")),
        Input("tax_registrations", ("mode",), _in("tax_posture"), ("id", "country", "status")),
        Input("portal_configurations", ("mode",), _in("portal_settings"), ("id", "active")),
        Input("launch_verified", ("mode",), _in("webhook_signing"), ("account",)),
        Input("event_coverage", ("mode",), _in("webhook_signing"), ("account", "appended")),
        Input("service_policies", ("mode",), _in(*_OF_POLICIES), ("policy", "enforced")),
        Input("cost_policies", ("mode",), _in("pass_through"), ("status", "from_s", "until_s")),
    ),
    affects={
        "launch_words": lambda row: [(row.mode, row.area)],
        "plans": _touches(*_OF_PLANS),
        "prices": _touches("products", "prices"),
        "products": _touches("products"),
        "tax_registrations": _touches("tax_posture"),
        "portal_configurations": _touches("portal_settings"),
        "launch_verified": _touches("webhook_signing"),
        "event_coverage": _touches("webhook_signing"),
        "service_policies": _touches(*_OF_POLICIES),
        "cost_policies": lambda row: [(row.mode, "pass_through")] if row.status == "approved" else [],
    },
    derive=_derive,
)

_REACTION = "launch_regressions"
_REGRESSIONS = Table(
    _REACTION,
    ("mode", "area"),
    (
        Column("mode", "text"),
        Column("area", "text"),
        Column("was", "jsonb"),
        Column("now", "jsonb"),
        Column("closed", "bigint"),
    ),
)


def _regressed(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    closed = next((r.closed for r in rows["closed_differences"]), 0)
    return [_REGRESSIONS.row(*key, None, a.failing, closed) for a in rows["launch_areas"] if a.signed and not a.proven]


#: Areas that somebody answers for, and that are not proven any more: gone as soon as they are reopened.
LAUNCH_REGRESSIONS = Derivation(
    _REACTION,
    1,
    _REGRESSIONS,
    ("mode", "area"),
    inputs=(
        Input("launch_areas", ("mode", "area"), lambda key, _: [key], ("signed", "proven", "failing")),
        Input(
            "closed_differences",
            ("mode", "reaction", "item"),
            lambda key, _: [(key[0], _REACTION, key_of(key[1:]))],
            ("closed",),
        ),
    ),
    affects={
        "launch_areas": lambda row: [(row.mode, row.area)],
        "closed_differences": lambda row: [(row.mode, *item_parts(row.item))] if row.reaction == _REACTION else [],
    },
    derive=_regressed,
)
