"""The story: what a Stripe event means to a customer, as one word and one plain sentence, with the amount it is about.

A pure table from event type to line; where an object "was updated", what changed decides. Refuses to know what the
object became later: a line tells its own event alone.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ledger.facts import ObjectFact, Translation
from ledger.translations import FAMILIES

Facts = Mapping[str, Any]


class Line(NamedTuple):
    """What an event type comes to in the story."""

    kind: str
    sentence: str
    amount: str | None = None
    """The field of the facts that tells the amount, in minor units of their `currency`."""
    added: bool = False
    """The field is a running sum: what the event added to it counts."""


class Told(NamedTuple):
    """One event's line."""

    kind: str
    sentence: str
    amount_minor: int | None
    currency: str | None


def line_of(event_type: str, said: Translation | None) -> Told:
    """The line of an event. `said`: what it says, where it could be translated."""
    now, was = _facts(said)
    line = LINES.get(event_type) or Line("other", f"Stripe reported {event_type}.")
    if event_type in _BY_CHANGE:
        line = _BY_CHANGE[event_type](now, was) or line
    amount: int | None = None
    if line.amount is not None:
        amount = now.get(line.amount)
        if line.added and amount is not None:
            amount -= was.get(line.amount) or 0
    return Told(line.kind, line.sentence, amount, now.get("currency") if amount is not None else None)


def _facts(said: Translation | None) -> tuple[Facts, Facts]:
    """The fields that were spoken of, and what changed ones held before, by name."""
    if not isinstance(said, ObjectFact):
        return {}, {}
    names = _FIELDS[said.model]
    spoken = [name for i, name in enumerate(names) if said.mask >> i & 1]
    return dict(zip(spoken, said.values, strict=True)), {names[i]: old for i, old in (said.was or {}).items()}


_FIELDS: dict[str, tuple[str, ...]] = {f.model: f.facts.__struct_fields__ for f in FAMILIES}

_STATUSES = {
    "active": Line("subscription_active", "A subscription became active."),
    "trialing": Line("trial_started", "A trial began."),
    "past_due": Line("subscription_past_due", "A subscription is past due."),
    "unpaid": Line("subscription_unpaid", "A subscription stays unpaid."),
    "paused": Line("subscription_paused", "A subscription was paused."),
    "canceled": Line("unsubscribed", "A subscription ended."),
    "incomplete": Line("subscription_incomplete", "A subscription waits for its first payment."),
    "incomplete_expired": Line("unsubscribed", "A subscription was never paid for and expired."),
}


def _of_subscription(now: Facts, was: Facts) -> Line | None:
    """Which of the many things that "updated" stands for happened; None: none that has a word of its own."""
    if "status" in was:
        return _STATUSES.get(now.get("status") or "")
    if "cancel_at_period_end" in was or "cancel_at_s" in was:
        ends = now.get("cancel_at_period_end") or now.get("cancel_at_s")
        return _CHANGES["cancellation_scheduled" if ends else "cancellation_withdrawn"]
    if "pause_behavior" in was:
        return _CHANGES["collection_resumed" if now.get("pause_behavior") is None else "collection_paused"]
    if _bought(was) is not None and _bought(was) != _bought(now):
        return _CHANGES["plan_changed"]
    return _CHANGES["renewed"] if "current_period_end_s" in was or "items" in was else None


_CHANGES = {
    kind: Line(kind, sentence)
    for kind, sentence in {
        "cancellation_scheduled": "A subscription was set to end.",
        "cancellation_withdrawn": "A subscription was set to go on after all.",
        "collection_paused": "Collecting for a subscription was paused.",
        "collection_resumed": "Collecting for a subscription was taken up again.",
        "plan_changed": "What a subscription is for changed.",
        "renewed": "A subscription's next period began.",
    }.items()
}


def _bought(facts: Facts) -> list[tuple[Any, Any]] | None:
    """Prices and quantities, where there is word of them."""
    items = facts.get("items")
    return None if items is None else sorted((i.get("price") or "", i.get("quantity") or 0) for i in items)


_BY_CHANGE: dict[str, Callable[[Facts, Facts], Line | None]] = {"customer.subscription.updated": _of_subscription}

#: Event type -> its line. What is not here is told as `other`.
LINES: dict[str, Line] = {
    # ---- the customer --------------------------------------------------------------------
    "customer.created": Line("customer_created", "The customer was created."),
    "customer.updated": Line("customer_changed", "The customer's details changed."),
    "customer.deleted": Line("customer_deleted", "The customer was deleted."),
    "customer.tax_id.created": Line("tax_id_added", "A tax id was added."),
    "customer.tax_id.updated": Line("tax_id_changed", "What is known of a tax id changed."),
    "customer.tax_id.deleted": Line("tax_id_removed", "A tax id was removed."),
    "customer.discount.created": Line("discounted", "A discount was given."),
    "customer.discount.updated": Line("discount_changed", "A discount changed."),
    "customer.discount.deleted": Line("discount_ended", "A discount ended."),
    # ---- subscriptions -------------------------------------------------------------------
    "customer.subscription.created": Line("subscribed", "A subscription was created."),
    "customer.subscription.updated": Line("subscription_changed", "A subscription changed."),
    "customer.subscription.deleted": Line("unsubscribed", "A subscription ended."),
    "customer.subscription.paused": Line("subscription_paused", "A subscription was paused."),
    "customer.subscription.resumed": Line("subscription_resumed", "A subscription was resumed."),
    "customer.subscription.trial_will_end": Line("trial_ending", "A trial ends in three days."),
    "customer.subscription.pending_update_applied": Line("plan_changed", "A change that waited for payment was made."),
    "customer.subscription.pending_update_expired": Line("change_expired", "A change was never paid for and expired."),
    "subscription_schedule.created": Line("schedule_created", "A schedule for a subscription was made."),
    "subscription_schedule.updated": Line("schedule_changed", "A schedule for a subscription changed."),
    "subscription_schedule.expiring": Line("schedule_ending", "A schedule ends within a week."),
    "subscription_schedule.completed": Line("schedule_completed", "A schedule ran to its end."),
    "subscription_schedule.released": Line("schedule_released", "A subscription goes on without its schedule."),
    "subscription_schedule.canceled": Line("schedule_canceled", "A schedule was canceled."),
    "subscription_schedule.aborted": Line("schedule_aborted", "A schedule was broken off over an unpaid invoice."),
    "entitlements.active_entitlement_summary.updated": Line(
        "features_changed", "The features that Stripe grants changed."
    ),
    "quote.created": Line("quote_drafted", "A quote was drafted.", "amount_total_minor"),
    "quote.finalized": Line("quote_offered", "A quote was offered.", "amount_total_minor"),
    "quote.accepted": Line("quote_accepted", "A quote was accepted.", "amount_total_minor"),
    "quote.canceled": Line("quote_canceled", "A quote was canceled.", "amount_total_minor"),
    # ---- invoices ------------------------------------------------------------------------
    "invoiceitem.created": Line("item_added", "An item was added to the next invoice.", "amount_minor"),
    "invoiceitem.updated": Line("item_changed", "An item of the next invoice changed.", "amount_minor"),
    "invoiceitem.deleted": Line("item_removed", "An item was taken off the next invoice.", "amount_minor"),
    "invoice.upcoming": Line("invoice_coming", "An invoice comes soon."),
    "invoice.created": Line("invoice_drafted", "An invoice was drafted.", "total_minor"),
    "invoice.updated": Line("invoice_changed", "An invoice changed.", "total_minor"),
    "invoice.deleted": Line("invoice_deleted", "A draft of an invoice was deleted.", "total_minor"),
    "invoice.finalized": Line("invoiced", "An invoice was issued.", "amount_due_minor"),
    "invoice.finalization_failed": Line("invoicing_failed", "An invoice could not be issued.", "total_minor"),
    "invoice.sent": Line("invoice_sent", "An invoice was sent.", "amount_due_minor"),
    "invoice.will_be_due": Line("invoice_due_soon", "An invoice is due soon.", "amount_remaining_minor"),
    "invoice.overdue": Line("invoice_overdue", "An invoice is overdue.", "amount_remaining_minor"),
    "invoice.paid": Line("invoice_paid", "An invoice was paid.", "amount_paid_minor"),
    "invoice.overpaid": Line("invoice_overpaid", "More than an invoice's amount was paid.", "amount_paid_minor"),
    "invoice.payment_succeeded": Line("invoice_payment_succeeded", "Paying an invoice worked.", "amount_paid_minor"),
    "invoice.payment_failed": Line("invoice_payment_failed", "Paying an invoice failed.", "amount_remaining_minor"),
    "invoice.payment_action_required": Line(
        "action_required", "An invoice's payment waits for the customer.", "amount_remaining_minor"
    ),
    "invoice.payment_attempt_required": Line(
        "payment_required", "An invoice waits for somebody to start its payment.", "amount_remaining_minor"
    ),
    "invoice.voided": Line("invoice_voided", "An invoice was voided.", "total_minor"),
    "invoice.marked_uncollectible": Line("written_off", "An invoice was written off.", "amount_remaining_minor"),
    "invoice_payment.paid": Line("invoice_paid_by", "A payment was counted towards an invoice.", "amount_paid_minor"),
    "credit_note.created": Line("credited", "A credit note was issued.", "total_minor"),
    "credit_note.updated": Line("credit_note_changed", "A credit note changed.", "total_minor"),
    "credit_note.voided": Line("credit_note_voided", "A credit note was voided.", "total_minor"),
    # ---- payments ------------------------------------------------------------------------
    "checkout.session.completed": Line("checked_out", "A checkout was completed.", "amount_total_minor"),
    "checkout.session.expired": Line("checkout_expired", "A checkout was left and expired.", "amount_total_minor"),
    "checkout.session.async_payment_succeeded": Line(
        "checkout_paid", "The late payment of a checkout arrived.", "amount_total_minor"
    ),
    "checkout.session.async_payment_failed": Line(
        "checkout_payment_failed", "The late payment of a checkout failed.", "amount_total_minor"
    ),
    "payment_intent.created": Line("payment_started", "A payment was started.", "amount_minor"),
    "payment_intent.processing": Line("payment_processing", "A payment is under way.", "amount_minor"),
    "payment_intent.requires_action": Line("action_required", "A payment waits for the customer.", "amount_minor"),
    "payment_intent.partially_funded": Line(
        "payment_partial", "A part of a payment arrived, and this much is still missing.", "amount_remaining_minor"
    ),
    "payment_intent.amount_capturable_updated": Line(
        "payment_authorized", "A payment was authorized.", "amount_capturable_minor"
    ),
    "payment_intent.succeeded": Line("payment_succeeded", "A payment succeeded.", "amount_received_minor"),
    "payment_intent.payment_failed": Line("payment_failed", "An attempt to pay failed.", "amount_minor"),
    "payment_intent.canceled": Line("payment_canceled", "A payment was canceled.", "amount_minor"),
    "charge.pending": Line("charge_pending", "A charge is pending.", "amount_minor"),
    "charge.succeeded": Line("charged", "A charge succeeded.", "amount_minor"),
    "charge.captured": Line("charge_captured", "An authorized charge was captured.", "amount_captured_minor"),
    "charge.failed": Line("charge_failed", "A charge failed.", "amount_minor"),
    "charge.expired": Line("charge_expired", "An authorized charge expired.", "amount_minor"),
    "charge.updated": Line("charge_changed", "What is known of a charge changed.", "amount_minor"),
    "charge.refunded": Line("refunded", "Money was refunded.", "amount_refunded_minor", added=True),
    "charge.refund.updated": Line("refund_changed", "A refund changed.", "amount_minor"),
    "refund.created": Line("refund_started", "A refund was started.", "amount_minor"),
    "refund.updated": Line("refund_changed", "A refund changed.", "amount_minor"),
    "refund.failed": Line("refund_failed", "A refund failed.", "amount_minor"),
    "charge.dispute.created": Line("disputed", "A charge was disputed.", "amount_minor"),
    "charge.dispute.updated": Line("dispute_changed", "A dispute changed.", "amount_minor"),
    "charge.dispute.closed": Line("dispute_closed", "A dispute was closed.", "amount_minor"),
    "charge.dispute.funds_withdrawn": Line("dispute_withdrawn", "A dispute took the money back.", "amount_minor"),
    "charge.dispute.funds_reinstated": Line("dispute_reinstated", "A dispute gave the money back.", "amount_minor"),
    "review.opened": Line("review_opened", "A payment is being reviewed."),
    "review.closed": Line("review_closed", "The review of a payment ended."),
    "radar.early_fraud_warning.created": Line("fraud_warning", "The card's issuer warns of fraud."),
    "radar.early_fraud_warning.updated": Line("fraud_warning_changed", "A warning of fraud changed."),
    # ---- ways to pay ---------------------------------------------------------------------
    "payment_method.attached": Line("payment_method_added", "A way to pay was added."),
    "payment_method.updated": Line("payment_method_changed", "A way to pay changed."),
    "payment_method.automatically_updated": Line("payment_method_changed", "A card was renewed by its issuer."),
    "payment_method.detached": Line("payment_method_removed", "A way to pay was removed."),
    "customer.source.created": Line("payment_method_added", "A way to pay was added."),
    "customer.source.updated": Line("payment_method_changed", "A way to pay changed."),
    "customer.source.expiring": Line("card_expiring", "A card expires at the end of the month."),
    "customer.source.deleted": Line("payment_method_removed", "A way to pay was removed."),
    "setup_intent.created": Line("setup_started", "Setting up a way to pay was started."),
    "setup_intent.requires_action": Line("action_required", "Setting up a way to pay waits for the customer."),
    "setup_intent.succeeded": Line("setup_succeeded", "A way to pay was set up."),
    "setup_intent.setup_failed": Line("setup_failed", "Setting up a way to pay failed."),
    "setup_intent.canceled": Line("setup_canceled", "Setting up a way to pay was canceled."),
    "mandate.updated": Line("mandate_changed", "A mandate to collect changed."),
    # ---- credit --------------------------------------------------------------------------
    "billing.credit_grant.created": Line("credit_granted", "Credit was granted.", "amount_minor"),
    "billing.credit_grant.updated": Line("credit_changed", "A grant of credit changed.", "amount_minor"),
    "billing.credit_balance_transaction.created": Line("credit_moved", "Credit was booked.", "amount_minor"),
    "billing.alert.triggered": Line("usage_alert", "Usage reached a threshold."),
    "customer_cash_balance_transaction.created": Line("cash_moved", "The cash balance moved.", "net_amount_minor"),
    "cash_balance.funds_available": Line("cash_arrived", "Money arrived in the cash balance."),
}
#: Every word that a line can have.
KINDS = tuple(sorted({"other", *(line.kind for line in (*LINES.values(), *_STATUSES.values(), *_CHANGES.values()))}))
