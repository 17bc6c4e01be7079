"""When the retries of an unpaid invoice are over, and what begins the stages of its policy anew.

Refuses to know which policy counts, and what follows from it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from projections.base import Row
from projections.service_ladder import DAY_S

#: Declines after which Stripe itself does not retry, or only with another method.
#: https://docs.stripe.com/billing/revenue-recovery/smart-retries#nonretryable-payments-and-hard-declines
HARD_DECLINES = frozenset(
    {
        "authentication_required", "highest_risk_level", "incorrect_number", "lost_card", "pickup_card",
        "revocation_of_all_authorizations", "revocation_of_authorization", "stolen_card", "transaction_not_allowed",
    }
)  # fmt: skip


def retries_over(
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


def fresh_starts(
    invoice: Row, rows: Mapping[str, Sequence[Row]], told: Mapping[str, Any], start_s: int | None
) -> list[int]:
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
