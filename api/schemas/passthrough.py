"""What answers about pass-through hold: policies, charges, reservations, budgets, batches, and the charges in them.

A cost is exact, as text: its minor units may have decimals. What is billed is whole minor units.
"""

from api.schemas.shape import BOOL, INT, TEXT, TEXTS, TIME, TIME_US, many, of_entries, of_table
from projections import MODELS

_COST = "Exact, in minor units, as text: it may have up to six decimals"

POLICY = of_table(
    "CostPolicy",
    MODELS["cost_policies"].table,
    "id category version status billing_owner currency cap_minor warn_percent stop_rule markup_bps from_s until_s"
    " proposed_by proposed_why settled_by settled_why ended_by ended_why proposed_us settled_us stale",
    notes={
        "id": "The category and the version: `inference@2`",
        "status": "`proposed`, `approved` or `rejected`; an approved one holds from `from` until `until`",
        "billing_owner": "Who is invoiced: a Stripe customer",
        "cap_minor": "Of costs before markup, in a calendar month (UTC); null: explicitly none",
        "warn_percent": "Of the cap; null: nobody is warned",
        "stop_rule": "What happens when the cap is reached: `notify`, `block_new` or `halt`",
        "markup_bps": "In hundredths of a percent",
        "from": "null while it is proposed: from when it is approved",
        "until": "null: until it is ended",
        "settled_by": "Who approved or rejected it",
    },
    proposed_us=TIME_US, settled_us=TIME_US, stale=BOOL,
)  # fmt: skip
CHARGE = of_table(
    "ProviderCharge",
    MODELS["provider_charges"].table,
    "provider reference category period occurred_s currency cost_minor status held policy_version batch"
    " billed_cost_minor reservation source recorded_us",
    notes={
        "reference": "The provider's own; claimed once for ever",
        "period": "The calendar month (UTC) that it occurred in",
        "cost_minor": _COST,
        "status": "`held`, `matched`, `accepted`, `adjusted` or `rejected`",
        "held": "Why it may not be billed: `no_policy`, `outside_dates`, `other_currency` or `above_cap`",
        "policy_version": "Under which it may be billed, or is",
        "batch": "The reconciliation batch that it is in",
        "billed_cost_minor": "What is billed of it, before markup; exact",
        "reservation": "The reservation that it was spent under",
        "source": "`api` or `import`",
    },
    recorded_us=TIME_US,
)  # fmt: skip
RESERVATION = of_table(
    "Reservation",
    MODELS["reservations"].table,
    "id category period currency policy_version status estimate_minor cost_minor charged_minor over_minor late until_s"
    " made_s settled_s by stale",
    notes={
        "status": "`open`, `settled`, `released` or `expired`",
        "estimate_minor": _COST,
        "cost_minor": "What it was settled at; null: it was not",
        "charged_minor": "What providers charged under it",
        "over_minor": "By how much it cost more than was reserved",
        "late": "Whether it was settled after it had run out",
        "until": "Until when it holds what it reserves",
        "by": "Who asked: a person, or a key's id",
    },
    stale=BOOL,
)  # fmt: skip
HOLD = of_entries("BudgetHold", until_s=TIME, amount_minor=TEXT)
BUDGET = of_table(
    "PassThroughBudget",
    MODELS["pass_through_budgets"].table,
    "category period currency cap_minor settled_minor recorded_minor holds warned stop_rule stop_notice stopped_s"
    " acknowledged_by acknowledged_s moved_s stale",
    notes={
        "cap_minor": "As the policy said when it moved last; null: it has none, or none was in force",
        "settled_minor": "What was spent: what reservations cost, and what was charged without one; exact",
        "recorded_minor": "Everything that providers charged; exact",
        "holds": "What is reserved, by when that ends",
        "warned": "Of which thresholds, in minor units, somebody was warned",
        "stopped": "When what was spent reached the cap",
        "acknowledged_by": "Who said that they heard of it",
    },
    holds=many(HOLD), warned=TEXTS, stale=BOOL,
)  # fmt: skip
STATEMENT = of_entries(
    "ProviderStatement",
    {"recorded_minor": "What was recorded of the provider in the month", "difference_minor": "Total less recorded"},
    provider=TEXT, total_minor=TEXT, recorded_minor=TEXT, difference_minor=TEXT,
)  # fmt: skip
INVOICE_LINE = of_entries(
    "ReadyInvoiceLine",
    {"amount_minor": "The exact cost with its markup, rounded once, half away from zero"},
    category=TEXT, policy_version=INT, charges=INT, cost_minor=TEXT, markup_bps=INT, amount_minor=INT,
)  # fmt: skip
BATCH = of_table(
    "ReconciliationBatch",
    MODELS["reconciliation_batches"].table,
    "batch period number currency state charges undecided accepted adjusted rejected deferred cost_minor"
    " billed_cost_minor statements opened_by opened_s reviewers approved_by approved_why approved_s policies"
    " billing_owner lines total_minor invoice fault credited_minor",
    notes={
        "batch": "The month and a number: `2025-10.1`",
        "state": "`collecting`, `in_review`, `approved`, `invoice_ready`, `issuing`, `issue_failed`, `issued`, `paid`,"
        " `overdue`, `void`, `credited` or `discarded`",
        "undecided": "Charges that no reviewer decided on",
        "cost_minor": "What its charges come to; exact",
        "billed_cost_minor": "What is billed of that, before markup; exact",
        "policies": "The versions that it bills under, each `category@version`",
        "lines": "Of the invoice to be: one a category and version",
        "total_minor": "What the lines sum to; null: not approved",
        "fault": "Why the invoice could not be issued",
    },
    statements=many(STATEMENT), reviewers=TEXTS, policies=TEXTS, lines=many(INVOICE_LINE),
)  # fmt: skip
LINE = of_table(
    "BatchCharge",
    MODELS["reconciliation_lines"].table,
    "provider reference category occurred_s cost_minor decision billed_cost_minor policy_version by why",
    notes={
        "cost_minor": _COST,
        "decision": "`accept`, `adjust`, `reject` or `defer`; null: nobody decided",
        "by": "Who decided",
    },
)
