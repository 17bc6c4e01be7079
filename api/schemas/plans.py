"""What answers about plans hold: a version of a plan, and what something is placed on."""

from api.schemas.shape import BOOL, INT, MAP, NOTES, TEXT, TEXTS, TIME, TIME_US, of_entries, of_table, one
from projections import MODELS

PLAN = of_table(
    "Plan",
    MODELS["plans"].table,
    "plan version catalogue account name tier model current retired effective_us lookup_keys price_ids definition"
    " stale",
    notes={
        "current": "false: a later version was published; what was sold under this one stays on it",
        "retired": "true: the plan is sold no more; who has it keeps it",
        "effective": "Since when the version is in force",
        "account": NOTES["account"],
        "definition": "All that it says: prices, features, quotas, gauges, credits, rates, trial, commitment, terms",
        "stale": NOTES["stale"],
    },
    definition=MAP, effective_us=TIME_US, stale=BOOL,
)  # fmt: skip
#: Who moved it and with which words is the audit's to tell.
WHY = of_entries(
    "PlacementWhy",
    {
        "by": "`sale`, `legacy_price`, `move` or `agreement`",
        "name": "The price's id or lookup key by which the plan was found",
    },
    by=TEXT, price=TEXT, name=TEXT, sold_s=TIME,
)  # fmt: skip
PLACEMENT = of_table(
    "Placement",
    MODELS["plan_placements"].table,
    "account subscription kind customer org plan version why since_s from_s until_s refunded also",
    notes={
        "account": NOTES["account"],
        "subscription": "Its id; or that of a checkout session, an invoice or an agreement",
        "kind": "`subscription`, `checkout`, `invoice` or `agreement`",
        "org": NOTES["org"],
        "since": "Since when it is on this version: sold, moved or agreed",
        "from": "Of a purchase or an agreement; a subscription's own dates say for themselves",
        "until": "The same; null: for ever, or until it is ended",
        "refunded": "Nothing is left of the payment of a purchase",
        "also": "Other plans that its prices belong to: a fault of the catalogue",
    },
    why=one(WHY), also=TEXTS, version=INT,
)  # fmt: skip
