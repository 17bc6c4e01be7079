"""Debts: each unpaid invoice, how far its payment has failed, and which policy it is under.

An invoice counts while it is open and something of it is left, by whatever tells so first: the invoice, its payments or
credit notes. Not any more: one that is paid, void, uncollectible or written off. Whether retries are over goes by the
invoice's own count of attempts. Refuses to know the states that follow: `service_states` has them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ledger.service_policy import BUILT_IN, POSTPAID, STANDARD, written
from projections.base import Column, Derivation, Hop, Input, Key, Lookup, Row, Table
from projections.service_ladder import DAY_S

_TABLE = Table(
    "debts",
    ("mode", "account", "id"),
    (
        Column("mode", "text"),
        Column("account", "text"),
        Column("id", "text"),
        Column("org", "text"),
        Column("customer", "text"),
        Column("subscription", "text"),
        Column("service", "text"),
        Column("currency", "text"),
        Column("owed_minor", "bigint"),
        Column("failed", "bigint"),
        Column("failed_s", "bigint[]"),
        Column("start_s", "bigint"),
        Column("why", "text"),
        Column("fresh_s", "bigint[]"),
        Column("plan_id", "text"),
        Column("policy", "text"),
        Column("follows", "text[]"),  # it, and the one that counts where nobody knows it
        Column("policy_version", "bigint"),
        Column("enforced", "boolean"),
        Column("stages", "jsonb"),
        Column("retries_within_days", "bigint"),
        Column("scale_to_zero", "boolean"),
        Column("anomalies", "text[]"),
    ),
    indexes=("(mode, org)", "USING gin (follows)"),
)
#: What is paid in advance stands by itself: no other debt of its organization closes it.
IN_ADVANCE = frozenset({"subscription", "prepaid", "one_time"})
#: Declines after which Stripe itself does not retry, or only with another method.
#: https://docs.stripe.com/billing/revenue-recovery/smart-retries#nonretryable-payments-and-hard-declines
HARD_DECLINES = frozenset(
    {
        "authentication_required", "highest_risk_level", "incorrect_number", "lost_card", "pickup_card",
        "revocation_of_all_authorizations", "revocation_of_authorization", "stolen_card", "transaction_not_allowed",
    }
)  # fmt: skip


class _Policy(NamedTuple):
    key: str
    version: int
    enforced: bool
    definition: Mapping[str, Any]
    plan_id: str | None
    known: bool


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    invoice = next(iter(rows["invoices"]), None)
    org = next((link.org for link in rows["org_links"]), None)
    if invoice is None or invoice.status != "open" or invoice.deleted or rows["debt_write_offs"]:
        return []
    if org is None and key[1] != "platform":
        return []  # what buyers owe a seller is no debt to us
    policy = _policy(rows)
    told = policy.definition
    left = _left(invoice, rows)
    if left is not None and left <= told["tolerated_minor"].get(invoice.currency, 0):
        return []
    failed_s = [t for row in rows["payment_failures"] for t in row.first_s]
    start_s, why = _over(invoice, rows, told, failed_s) if left is not None else (None, None)
    fresh_s = _fresh(invoice, rows, told, start_s)
    stages = _stages(told, rows)
    anomalies = [
        name
        for name, found in (
            ("unknown_amount", left is None),
            ("unknown_policy", not policy.known),
            ("unlinked", org is None),
        )
        if found
    ]
    return [
        _TABLE.row(
            *key,
            org,
            invoice.customer,
            invoice.subscription,
            _service(key, invoice, rows),
            invoice.currency,
            left,
            len(failed_s),
            failed_s,
            start_s,
            why,
            fresh_s,
            policy.plan_id,
            policy.key,
            [policy.key] if policy.known else sorted({policy.key, STANDARD}),
            policy.version,
            policy.enforced,
            stages,
            told["retries_within_days"],
            told["scale_to_zero"],
            anomalies,
        )
    ]


def _left(invoice: Row, rows: Mapping[str, Sequence[Row]]) -> int | None:
    """What is still owed, by whoever knows more of it: the invoice, or its payments and credit notes."""
    left = invoice.amount_remaining_minor
    if left is None:
        return None
    paid = sum(p.amount_paid_minor or 0 for p in rows["invoice_payments"] if p.status == "paid")
    noted = sum(n.pre_payment_minor or 0 for n in rows["credit_notes"] if n.status == "issued")
    unseen = max(0, paid - (invoice.amount_paid_minor or 0))
    return int(left - unseen - max(0, noted - (invoice.pre_payment_credit_notes_minor or 0)))


def _plan(rows: Mapping[str, Sequence[Row]]) -> Mapping[str, Any]:
    return next((p.definition for p in rows["plans"]), {})


def _service(key: Key, invoice: Row, rows: Mapping[str, Sequence[Row]]) -> str:
    if not invoice.subscription:
        return POSTPAID
    model = _plan(rows).get("model")
    return POSTPAID if model is not None and model not in IN_ADVANCE else f"{key[1]}/{invoice.subscription}"


def _policy_key(rows: Mapping[str, Sequence[Row]]) -> str:
    return (_plan(rows).get("service_policy") or {}).get("policy") or STANDARD


def _policy(rows: Mapping[str, Sequence[Row]]) -> _Policy:
    """The policy that the plan names; one that nobody knows is told as that, and the standard one counts."""
    key = _policy_key(rows)
    published = {p.policy: p for p in rows["service_policies"]}
    known = key in published or key in BUILT_IN
    used = key if known else STANDARD
    plan_id = next((p.id for p in rows["plans"]), None)
    row = published.get(used)
    if row is None:
        return _Policy(key, 0, False, written(BUILT_IN[used]), plan_id, known)
    return _Policy(key, row.version, row.enforced, row.definition, plan_id, known)


def _stages(told: Mapping[str, Any], rows: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
    """The policy's stages, with the grace that the plan itself promises."""
    days = (_plan(rows).get("service_policy") or {}).get("grace_days")
    stages = [dict(s) for s in told["stages"]]
    for stage in stages[:-1]:
        if stage["state"] == "grace" and days is not None:
            stage["days"] = days
    return stages


def _over(
    invoice: Row, rows: Mapping[str, Sequence[Row]], told: Mapping[str, Any], failed_s: Sequence[int]
) -> tuple[int | None, str | None]:
    """When retries were over, or will be, and why: the earliest that holds."""
    if invoice.collection_method == "send_invoice":
        return (invoice.due_date_s, "due") if invoice.due_date_s is not None else (None, None)
    ends: list[tuple[int, str]] = []
    needed = 1 + told["failed_retries"]
    if len(failed_s) >= needed:
        ends.append((failed_s[needed - 1], "retries"))
    if failed_s and told["retries_within_days"] is not None:
        ends.append((failed_s[0] + told["retries_within_days"] * DAY_S, "time"))
    if failed_s and told["skip_useless_retries"]:
        hard_s = _hard_decline_s(rows)
        if hard_s is not None:
            ends.append((max(hard_s, failed_s[0]), "hard_decline"))
        if _nothing_to_charge(invoice, rows):
            ends.append((failed_s[0], "no_method"))
    return min(ends, default=(None, None))


def _hard_decline_s(rows: Mapping[str, Sequence[Row]]) -> int | None:
    """When the last charge was declined, if no retry can mend that."""
    charges = sorted((c for c in rows["charges"] if c.created_s is not None), key=lambda c: (c.created_s, c.id))
    last = charges[-1] if charges else None
    if last is None or last.status != "failed" or not {last.failure_code, last.outcome_reason} & HARD_DECLINES:
        return None
    return int(last.created_s)


def _nothing_to_charge(invoice: Row, rows: Mapping[str, Sequence[Row]]) -> bool:
    """Whether it is known that neither the invoice, nor its subscription, nor the customer has a default method."""
    customer = next(iter(rows["customers"]), None)
    if customer is None or invoice.default_payment_method or customer.default_payment_method:
        return False
    return not any(s.default_payment_method for s in rows["subscriptions"])


def _fresh(invoice: Row, rows: Mapping[str, Sequence[Row]], told: Mapping[str, Any], start_s: int | None) -> list[int]:
    """When partial payments and new payment methods began the stages anew: the first of them, as many as may."""
    if start_s is None:
        return []
    times = {
        p.paid_at_s
        for p in rows["invoice_payments"]
        if p.status == "paid" and p.paid_at_s is not None and _enough(p, invoice, told)
    }
    times |= {m.created_s for m in rows["payment_methods"] if m.created_s is not None and not (m.detached or m.deleted)}
    return sorted(t for t in times if t > start_s)[: told["fresh_starts"]]


def _enough(payment: Row, invoice: Row, told: Mapping[str, Any]) -> bool:
    due = invoice.amount_due_minor or 0
    return bool((payment.amount_paid_minor or 0) * 100 >= due * told["partial_payment_percent"])


# ---- which rows it reads ------------------------------------------------------------------------

_ID = ("mode", "account", "id")
_CUSTOMER = ("mode", "account", "customer")


def _its_customer(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(*key[:2], i.customer) for i in rows["invoices"] if i.customer and i.status == "open"]


def _its_subscription(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(*key[:2], i.subscription) for i in rows["invoices"] if i.subscription and i.status == "open"]


def _its_payments(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    named = [p for i in rows["invoices"] if i.status == "open" for p in (i.payment_intent, i.charge)]
    named += [n for p in rows["invoice_payments"] for n in (p.payment_intent, p.charge)]
    return [(*key[:2], name) for name in dict.fromkeys(named) if name]


def _its_plan(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(key[0], p.plan_id) for p in rows["plan_placements"]]


def _its_policies(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Key]:
    return [(key[0], name) for name in dict.fromkeys((_policy_key(rows), STANDARD))]


_WITHIN = (("mode", "mode"), ("account", "account"))
_OF_CUSTOMER = Lookup((Hop("invoices", (*_WITHIN, ("customer", "customer"))),), _ID)

DEBTS = Derivation(
    "debts",
    1,
    _TABLE,
    _ID,
    inputs=(
        Input(
            "invoices",
            _ID,
            lambda key, _: [key],
            (
                "status",
                "deleted",
                "customer",
                "subscription",
                "currency",
                "amount_due_minor",
                "amount_paid_minor",
                "amount_remaining_minor",
                "pre_payment_credit_notes_minor",
                "collection_method",
                "due_date_s",
                "payment_intent",
                "charge",
                "default_payment_method",
            ),
        ),
        Input("payment_failures", _ID, lambda key, _: [key], ("first_s",)),
        Input("debt_write_offs", ("mode", "account", "invoice"), lambda key, _: [key]),
        Input(
            "invoice_payments",
            ("mode", "account", "invoice"),
            lambda key, _: [key],
            ("status", "amount_paid_minor", "paid_at_s", "payment_intent", "charge"),
        ),
        Input("credit_notes", ("mode", "account", "invoice"), lambda key, _: [key], ("status", "pre_payment_minor")),
        Input("org_links", _CUSTOMER, _its_customer, ("org",)),
        Input("customers", _ID, _its_customer, ("default_payment_method",)),
        Input("payment_methods", _CUSTOMER, _its_customer, ("created_s", "detached", "deleted")),
        Input("subscriptions", _ID, _its_subscription, ("default_payment_method",)),
        Input(
            "charges",
            ("mode", "account", "payment"),
            _its_payments,
            ("id", "status", "failure_code", "outcome_reason", "created_s"),
        ),
        Input("plan_placements", ("mode", "account", "subscription"), _its_subscription, ("plan_id",)),
        Input("plans", ("mode", "id"), _its_plan, ("definition",)),
        Input("service_policies", ("mode", "policy"), _its_policies),
    ),
    affects={
        # only an open one is a debt: most invoices are paid when they are first told of
        "invoices": lambda row: [(row.mode, row.account, row.id)] if row.status == "open" else [],
        "debt_write_offs": lambda row: [(row.mode, row.account, row.invoice)],
        "payment_failures": lambda row: [(row.mode, row.account, row.id)],
        "invoice_payments": lambda row: [(row.mode, row.account, row.invoice)] if row.invoice else [],
        "credit_notes": lambda row: [(row.mode, row.account, row.invoice)] if row.invoice else [],
        "org_links": (_OF_CUSTOMER,),
        "customers": (Lookup((Hop("invoices", (*_WITHIN, ("customer", "id"))),), _ID),),
        "payment_methods": (_OF_CUSTOMER,),
        "subscriptions": (Lookup((Hop("invoices", (*_WITHIN, ("subscription", "id"))),), _ID),),
        "charges": (
            Lookup((Hop("invoices", (*_WITHIN, ("id", "invoice"))),), _ID),
            Lookup(
                (
                    Hop("invoice_payments", (*_WITHIN, ("payment_intent", "payment_intent"))),
                    Hop("invoices", (*_WITHIN, ("id", "invoice"))),
                ),
                _ID,
            ),
        ),
        "plan_placements": (Lookup((Hop("invoices", (*_WITHIN, ("subscription", "subscription"))),), _ID),),
        "service_policies": (
            Lookup(
                (
                    Hop("debts", (("mode", "mode"),), ("follows", "policy")),
                    Hop("invoices", (*_WITHIN, ("id", "id"))),
                ),
                _ID,
                wide=True,
            ),
        ),
    },
    derive=_derive,
)
