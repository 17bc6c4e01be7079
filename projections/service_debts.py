"""Debts: each unpaid invoice, how far its payment has failed, and which policy it is under.

An invoice counts while it is open and something of it is left, by whatever tells so first: the invoice, its payments or
credit notes. Not any more: one that is paid, void, uncollectible or written off. Whether retries are over goes by the
invoice's own count of attempts. Refuses to know the states that follow: `service_states` has them.
"""

from collections.abc import Mapping, Sequence

from ledger.service_policy import POSTPAID, STANDARD
from projections.base import Column, Derivation, Hop, Input, Key, Lookup, Row, Table
from projections.service_retries import fresh_starts, retries_over
from projections.service_terms import plan_of, policy_key, policy_of, stages_of

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


def _derive(key: Key, rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    invoice = next(iter(rows["invoices"]), None)
    org = next((link.org for link in rows["org_links"]), None)
    if invoice is None or invoice.status != "open" or invoice.deleted or rows["debt_write_offs"]:
        return []
    if org is None and key[1] != "platform":
        return []  # what buyers owe a seller is no debt to us
    policy = policy_of(rows)
    told = policy.definition
    left = _left(invoice, rows)
    if left is not None and left <= told["tolerated_minor"].get(invoice.currency, 0):
        return []
    failed_s = [t for row in rows["payment_failures"] for t in row.first_s]
    start_s, why = retries_over(invoice, rows, told, failed_s) if left is not None else (None, None)
    fresh_s = fresh_starts(invoice, rows, told, start_s)
    stages = stages_of(told, rows)
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


def _service(key: Key, invoice: Row, rows: Mapping[str, Sequence[Row]]) -> str:
    if not invoice.subscription:
        return POSTPAID
    model = plan_of(rows).get("model")
    return POSTPAID if model is not None and model not in IN_ADVANCE else f"{key[1]}/{invoice.subscription}"


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
    return [(key[0], name) for name in dict.fromkeys((policy_key(rows), STANDARD))]


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
