"""Which plan, in which version, every subscription, one-time purchase and agreement has, and why.

A subscription is placed on the version that was in force when its plan was first sold to it, by Stripe's own times,
and stays there whatever is published later (grandfathering), until an operator moves it or its customer buys another
plan. A version is found by the id of a price, by any lookup key that the price ever had, or by what a catalogue says
of prices of old. Where none was in force yet, the first one counts.

What no plan names has no row. Refuses to know whether it is paid: what a placement is worth, entitlements say.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ledger.ids import PLATFORM
from projections.base import Column, Derivation, Hop, Input, Key, Lookup, Row, Table
from projections.plan_matching import Found, Names, Sold, ending_s, place_purchase, place_subscription
from projections.plans import plan_itself, version_id

_TABLE = Table(
    "plan_placements",
    ("mode", "account", "subscription"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("subscription", "text"),
        Column("kind", "text"),
        Column("customer", "text"),
        Column("org", "text"),
        Column("plan", "text"),
        Column("version", "bigint"),
        Column("plan_id", "text"),
        Column("why", "jsonb"),
        Column("since_s", "bigint"),
        Column("from_s", "bigint"),  # of a purchase or an agreement; a subscription has a schedule of its own
        Column("until_s", "bigint"),
        Column("refunded", "boolean"),
        Column("also", "text[]"),  # other plans that its prices belong to: a fault of the catalogue
    ),
    indexes=("(mode, org)", "(mode, account, customer)", "(mode, plan)", "(mode, plan_id)"),
)


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    if rows["subscriptions"]:
        subscription = rows["subscriptions"][0]
        sold = place_subscription(subscription, [h for r in rows["subscription_sales"] for h in r.held], Names(rows))
        return _placed(key, rows, "subscription", subscription.customer, sold, None, None)
    if rows["plan_purchases"]:
        return _purchase(key, rows, rows["plan_purchases"][0])
    return [_agreed(key, rows, agreement) for agreement in rows["agreements"]]


def _purchase(key: Key, rows: Mapping[str, Sequence[Row]], purchase: Row) -> list[Row]:
    sold = place_purchase(purchase, Names(rows))
    until_s = ending_s(sold.found, purchase.sold_s) if sold is not None else None
    return _placed(key, rows, purchase.kind, purchase.customer, sold, purchase.sold_s, until_s)


def _placed(
    key: Key,
    rows: Mapping[str, Sequence[Row]],
    kind: str,
    customer: str | None,
    sold: Sold | None,
    from_s: int | None,
    until_s: int | None,
) -> list[Row]:
    """A placement by a move, or by what was sold where that is a later word."""
    move = rows["plan_moves"][0] if rows["plan_moves"] else None
    if move is not None and sold is not None and _sold_since(move, sold):
        move = None
    if move is not None:
        plan, version, since_s = move.plan, move.version, move.moved_us // 1_000_000
        why = _moved(move, (sold.found.plan, sold.found.version) if sold is not None else None)
    elif sold is not None:
        found = sold.found
        plan, version, since_s, why = found.plan, found.version, found.sold_s, _by_sale(found)
    else:
        return []
    org = next((link.org for link in rows["org_links"]), None)
    refunded = any(p.received_minor and p.kept_minor <= 0 for p in rows["payments"])
    id, also = version_id(plan, version), list(sold.also) if sold is not None else []
    return [_TABLE.row(*key, kind, customer, org, plan, version, id, why, since_s, from_s, until_s, refunded, also)]


def _sold_since(move: Row, sold: Sold) -> bool:
    """Whether the customer bought another plan after the move."""
    return sold.found.plan != move.plan and sold.away_s is not None and sold.found.sold_s * 1_000_000 > move.moved_us


def _by_sale(found: Found) -> dict[str, Any]:
    by = "legacy_price" if found.legacy else "sale"
    price = None if found.price == plan_itself(found.plan) else found.price
    return {"by": by, "price": price, "name": found.name, "sold_s": found.sold_s}


def _moved(move: Row, instead: tuple[str, int] | None) -> dict[str, Any]:
    otherwise = None if instead is None else {"plan": instead[0], "version": instead[1]}
    return {"by": "move", "person": move.by, "reason": move.reason, "instead_of": otherwise}


def _agreed(key: Key, rows: Mapping[str, Sequence[Row]], agreement: Row) -> Row:
    it, move = agreement, rows["plan_moves"][0] if rows["plan_moves"] else None
    if move is not None:
        plan, version, since_s = move.plan, move.version, move.moved_us // 1_000_000
        why = _moved(move, (it.plan, it.version))
    else:
        plan, version, since_s = it.plan, it.version, it.from_s
        why = {"by": "agreement", "person": it.made_by, "reason": it.made_why, "reference": it.reference}
    id = version_id(plan, version)
    return _TABLE.row(
        *key, "agreement", None, it.org, plan, version, id, why, since_s, it.from_s, it.until_s, False, []
    )


# ---- which rows it reads ------------------------------------------------------------------------

_ID = ("mode", "account", "id")


def _bought(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [] if rows["subscriptions"] else [key]


def _agreement(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    mode, account, id = key
    return [(mode, id)] if account == PLATFORM and not rows["subscriptions"] and not rows["plan_purchases"] else []


def _prices(rows: Mapping[str, Sequence[Row]]) -> list[str]:
    return [p for r in rows["subscription_sales"] for p in r.price_ids] + [
        name for r in rows["plan_purchases"] for name in r.names
    ]


def _price_keys(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(*key[:2], p) for p in _prices(rows)]


def _names(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    keys = [k for r in rows["price_lookup_keys"] for k in r.lookup_keys]
    return [(*key[:2], name) for name in (*_prices(rows), *keys)]


def _plan_names(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [*_names(key, rows), *((*key[:2], r.name) for r in rows["legacy_prices"])]


def _customer(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    found = (*rows["subscriptions"], *rows["plan_purchases"])
    return [(*key[:2], r.customer) for r in found if r.customer]


def _payment(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(*key[:2], r.payment) for r in rows["plan_purchases"] if r.payment]


_WITHIN = (("mode", "mode"), ("account", "account"))
_SAME = Hop("subscriptions", (*_WITHIN, ("id", "id")))
_SAME_PURCHASE = Hop("plan_purchases", (*_WITHIN, ("id", "id")))


def _by_price(name: str) -> tuple[Lookup, ...]:
    """Whatever was sold under a name, which may be a price's id or a lookup key that it had."""
    keys = Hop("price_lookup_keys", _WITHIN, ("lookup_keys", name))
    return (
        Lookup((Hop("subscription_sales", _WITHIN, ("price_ids", name)), _SAME), _ID, wide=True),
        Lookup((Hop("plan_purchases", _WITHIN, ("names", name)), _SAME_PURCHASE), _ID, wide=True),
        Lookup((keys, Hop("subscription_sales", _WITHIN, ("price_ids", "id")), _SAME), _ID, wide=True),
        Lookup((keys, Hop("plan_purchases", _WITHIN, ("names", "id")), _SAME_PURCHASE), _ID, wide=True),
    )


def _by_plan() -> tuple[Lookup, ...]:
    """The same where a price of old leads from the plan's own name to what was sold."""
    legacy = Hop("legacy_prices", (*_WITHIN, ("name", "name")))
    keys = Hop("price_lookup_keys", _WITHIN, ("lookup_keys", "price"))
    return (
        Lookup((legacy, Hop("subscription_sales", _WITHIN, ("price_ids", "price")), _SAME), _ID, wide=True),
        Lookup((legacy, Hop("plan_purchases", _WITHIN, ("names", "price")), _SAME_PURCHASE), _ID, wide=True),
        Lookup((legacy, keys, Hop("subscription_sales", _WITHIN, ("price_ids", "id")), _SAME), _ID, wide=True),
        Lookup((legacy, keys, Hop("plan_purchases", _WITHIN, ("names", "id")), _SAME_PURCHASE), _ID, wide=True),
    )


_OF_PURCHASE = (*_WITHIN, ("payment", "payment"))
_OF_CUSTOMER = (*_WITHIN, ("customer", "customer"))

PLAN_PLACEMENTS = Derivation(
    "plan_placements",
    1,
    _TABLE,
    ("mode", "account", "subscription"),
    inputs=(
        Input("subscriptions", _ID, lambda key, _: [key], ("customer", "items", "created_s")),
        Input("subscription_sales", _ID, lambda key, _: [key], ("price_ids", "held")),
        Input("plan_purchases", _ID, _bought, ("kind", "customer", "payment", "names", "sold_s")),
        Input("agreements", ("mode", "id"), _agreement),
        Input("plan_moves", _ID, lambda key, _: [key]),
        Input("price_lookup_keys", _ID, _price_keys, ("lookup_keys", "since_s")),
        Input("legacy_prices", ("mode", "account", "price"), _names, ("plan", "version", "name")),
        Input(
            "plan_names",
            ("mode", "account", "name"),
            _plan_names,
            ("plan", "version", "lasts_months", "lasts_days", "effective_us"),
        ),
        Input("org_links", ("mode", "account", "customer"), _customer, ("org",)),
        Input("payments", ("mode", "account", "payment"), _payment, ("received_minor", "kept_minor")),
    ),
    affects={
        "subscriptions": lambda row: [(row.mode, row.account, row.id)],
        "subscription_sales": lambda row: [(row.mode, row.account, row.id)],
        "plan_purchases": lambda row: [(row.mode, row.account, row.id)],
        "agreements": lambda row: [(row.mode, PLATFORM, row.id)],
        "plan_moves": lambda row: [(row.mode, row.account, row.id)],
        "price_lookup_keys": _by_price("id")[:2],
        "legacy_prices": _by_price("price"),
        "plan_names": (*_by_price("name"), *_by_plan()),
        "org_links": (
            Lookup((Hop("subscriptions", _OF_CUSTOMER),), _ID),
            Lookup((Hop("plan_purchases", _OF_CUSTOMER),), _ID),
        ),
        "payments": (Lookup((Hop("plan_purchases", _OF_PURCHASE),), _ID),),
    },
    derive=_derive,
)
