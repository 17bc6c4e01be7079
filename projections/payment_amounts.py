"""What a payment comes to: asked, received, refunded, lost, kept, still pending; and how the asking stands. Pure.

Both the intent and its charges tell what was received, each in its own time: words that are late must not mislead.
Amounts are minor units of the payment's currency.
"""

from collections.abc import Sequence
from typing import Any

from ledger.translations.dispute import CLOSED
from projections.base import Row
from projections.payment_trail import PENDING, SUCCEEDED

Json = dict[str, Any]

#: Of these an intent does not become `succeeded` by what a charge took.
_SETTLED = ("succeeded", "requires_capture", "canceled")
#: Of these a later failure of the charge makes `failed`.
_HOPEFUL = ("succeeded", "processing", "requires_capture")


def amounts(
    intent: Row | None,
    charges: Sequence[Row],
    tried: Sequence[Json],
    refunds: Sequence[Json],
    disputes: Sequence[Json],
) -> Json:
    """Every sum of a payment. `kept_minor` is what was received, less what was refunded and lost."""
    asking = intent if intent is not None else charges[-1]
    asked = asking.amount_minor
    open_disputes = [d for d in disputes if d["status"] not in CLOSED and d["currency"] == asking.currency]
    received = _received(intent, charges, tried)
    back = [r for r in refunds if not r["released"]]
    refunded = sum(r["amount_minor"] for r in back if r["status"] in SUCCEEDED)
    lost = sum(d["lost_minor"] for d in disputes)
    return {
        "status": _status(intent, charges, tried),
        "asked_minor": asked,
        "received_minor": received,
        "refunded_minor": refunded,
        "lost_minor": lost,
        "kept_minor": received - refunded - lost,
        "pending_minor": min(_pending(intent, charges, tried), max(0, asked - received)),
        "pending_refund_minor": sum(r["amount_minor"] for r in back if r["status"] in PENDING),
        "disputed_minor": sum(d["amount_minor"] for d in open_disputes),
    }


def _latest(intent: Row | None, charges: Sequence[Row]) -> Row | None:
    """The intent's latest charge, where its own word is known."""
    return next((c for c in charges if intent is not None and c.id == intent.latest_charge), None)


def _failed_since(intent: Row, charges: Sequence[Row]) -> bool:
    """Whether the latest charge failed after the intent last spoke: a debit may be taken back late."""
    latest = _latest(intent, charges)
    return latest is not None and latest.status == "failed" and latest.changed_s > intent.changed_s


def _received(intent: Row | None, charges: Sequence[Row], tried: Sequence[Json]) -> int:
    """What came in. Either word may be late: the greater one is the later, since nothing is received back."""
    by_charges = sum(int(a["captured_minor"]) for a in tried)
    if intent is None or _failed_since(intent, charges):
        return by_charges
    return max(by_charges, int(intent.amount_received_minor or 0))


def _pending(intent: Row | None, charges: Sequence[Row], tried: Sequence[Json]) -> int:
    """What is on its way or held: a debit in process, an authorization, a bank transfer that came in part."""
    by_charges = sum(_held(attempt) for attempt in tried)
    if intent is None:
        return by_charges
    if intent.status in ("succeeded", "canceled"):
        return 0
    if intent.status == "requires_capture":
        latest = _latest(intent, charges)
        capturable = intent.amount_capturable_minor
        if latest is not None and (latest.changed_s >= intent.changed_s or capturable is None):
            return by_charges
        return int(intent.amount_minor if capturable is None else capturable)
    by_intent = 0
    if intent.status == "processing" and not _failed_since(intent, charges):
        by_intent = intent.amount_minor
    elif intent.status == "requires_action" and intent.amount_remaining_minor is not None:
        by_intent = intent.amount_minor - intent.amount_remaining_minor
    return max(by_charges, by_intent)


def _held(attempt: Json) -> int:
    if attempt["status"] == "pending":
        return int(attempt["amount_minor"])
    if attempt["status"] == "succeeded" and attempt["captured"] is False:
        return int(attempt["amount_minor"]) - int(attempt["released_minor"])
    return 0


def _status(intent: Row | None, charges: Sequence[Row], tried: Sequence[Json]) -> str | None:
    """How the asking stands, in Stripe's words for intents; `failed` where only a charge tells, or told later."""
    if any(a["captured_minor"] for a in tried) and (intent is None or intent.status not in _SETTLED):
        return "succeeded"
    if intent is not None:
        return "failed" if intent.status in _HOPEFUL and _failed_since(intent, charges) else str(intent.status)
    last = tried[-1]
    if last["status"] == "succeeded" and last["captured"] is False:
        return "requires_capture" if _held(last) else "canceled"
    return "processing" if last["status"] == "pending" else last["status"]
