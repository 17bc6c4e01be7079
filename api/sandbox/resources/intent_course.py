"""The course of a payment intent: https://docs.stripe.com/payments/paymentintents/lifecycle.

Knows what an attempt comes to and what is said of it, in Stripe's order; refuses to know what is paid for.
"""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.resources import aftermath, bank_debits, charges, intents, mandates, payment_methods, settled, settling
from api.sandbox.resources.cards import Decline
from api.sandbox.state import Object
from api.sandbox.times import date_of

KIND = "payment_intent"


def attempt(
    desk: Desk,
    intent: Object,
    method: Object,
    *,
    off_session: bool = False,
    authenticated: bool = False,
    said: dict[str, Any] | None = None,
) -> Object:
    """Try to take an intent's money by a method. The intent says what came of it."""
    said = said or {}
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    if method["type"] in bank_debits.DEBITS:
        return _debit(desk, intent, method, said)
    card = payment_methods.card_of(method)
    assert card is not None
    asked = intents.asks(desk, method, off_session=off_session) or _demanded(intent)
    if asked and not (authenticated or intent.pop("_authenticated", False)):
        if off_session:
            return fail(desk, intent, method, card.unseen)
        return _ask(desk, intent, said.get("return_url"))
    if card.declines is not None:
        return fail(desk, intent, method, card.declines)
    return _succeed(desk, intent, method, authenticated=authenticated)


def _demanded(intent: Object) -> bool:
    """Whether the seller wants strong authentication in any case."""
    card = intent["payment_method_options"].get("card", {})
    return card.get("request_three_d_secure") in ("any", "challenge")


def _ask(desk: Desk, intent: Object, return_url: str | None) -> Object:
    intent["status"] = "requires_action"
    intent["next_action"] = intents.next_action(intent, return_url)
    desk.emit("payment_intent.requires_action", intent)
    return intent


def ask_customer(desk: Desk, intent: Object, method: Object) -> Object:
    """The bank wanted to see a customer who was not there: the intent of an invoice waits until they are."""
    intent |= {"payment_method": method["id"], "last_payment_error": None}
    return _ask(desk, intent, None)


def _succeed(desk: Desk, intent: Object, method: Object, *, authenticated: bool) -> Object:
    _save(desk, intent, method)
    if intent["transfer_data"] is not None and intent["transfer_group"] is None:
        intent["transfer_group"] = f"group_{intent['id']}"
    charge = charges.made(desk, intent, method, status="succeeded", authenticated=authenticated)
    intent["latest_charge"] = charge["id"]
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        desk.emit("charge.succeeded", charge)
        desk.emit("payment_intent.amount_capturable_updated", intent)
        desk.later(desk.now_s + charges.AUTHORIZED_S, "payment_intent.expire", intent["id"])
        return intent
    return _received(desk, intent, charge, method)


def _received(desk: Desk, intent: Object, charge: Object, method: Object) -> Object:
    intent |= {"status": "succeeded", "amount_received": charge["amount_captured"]}
    if intent["capture_method"] == "automatic_async":
        clock, desk.clock = desk.clock, None
        desk.later(desk.wall_s, "charge.settle", charge["id"])
        desk.clock = clock
    else:
        settling.settle(desk, charge)
        _grouped(intent, charge)
    desk.emit("charge.succeeded", charge)
    desk.emit("payment_intent.succeeded", intent)
    aftermath.follow(desk, charge, method)
    return intent


def _grouped(intent: Object, charge: Object) -> None:
    if intent["transfer_group"] is None:
        intent["transfer_group"] = charge["transfer_group"]


def _save(desk: Desk, intent: Object, method: Object) -> None:
    """The method stays for later when the payment asked for it; one that is nobody's can be used no more."""
    if intent["setup_future_usage"] is not None and intent["customer"] is not None:
        payment_methods.attach_to(desk, method, intent["customer"])
        method["_set_up"] = True
    elif method["customer"] is None:
        method["_spent"] = True


def _debit(desk: Desk, intent: Object, method: Object, said: dict[str, Any]) -> Object:
    """A bank is asked to debit an account, and takes days."""
    _save(desk, intent, method)
    mandate = mandates.granted(desk, method, said.get("mandate_data"), named=said.get("mandate"))
    charge = charges.made(desk, intent, method, status="pending", mandate=mandate["id"])
    intent |= {"status": "processing", "latest_charge": charge["id"]}
    desk.emit("payment_intent.processing", intent)
    desk.emit("charge.pending", charge)
    mandates.spent(desk, mandate["id"])
    bank = bank_debits.bank_of(method["type"], method["_number"])
    if not bank.stays:
        days = bank_debits.TAKES_DAYS[method["type"]] + bank.later_days
        desk.later(desk.now_s + days * bank_debits.DAY_S, "payment_intent.settle", intent["id"])
    return intent


def fail(desk: Desk, intent: Object, method: Object, decline: Decline, charge: Object | None = None) -> Object:
    """The bank says no: at once, or (a `charge` that was pending) after days."""
    if charge is None:
        charge = charges.made(desk, intent, method, status="failed", decline=decline)
    else:
        charge |= {"status": "failed", "paid": False, "captured": False, "amount_captured": 0}
        charge |= {"failure_code": decline.code, "failure_message": decline.message}
        charge["outcome"] = charges.outcome_of(method, decline)
    intent |= {
        "status": "requires_payment_method",
        "payment_method": None,
        "latest_charge": charge["id"],
        "last_payment_error": intents.error_of(desk, decline, method, charge["id"]),
    }
    desk.emit("charge.failed", charge)
    desk.emit("payment_intent.payment_failed", intent)
    return intent


def debited(desk: Desk, id: str) -> None:
    """What came of a debit, days later."""
    intent = desk.get(KIND, id)
    if intent["status"] != "processing":
        return
    charge = desk.get("charge", intent["latest_charge"])
    method = desk.get(payment_methods.KIND, intent["payment_method"])
    bank = bank_debits.bank_of(method["type"], method["_number"])
    if bank.fails is not None:
        decline = Decline(bank.fails, None, bank_debits.failure_message(bank.fails))
        fail(desk, intent, method, decline, charge)
        if bank.fails == "debit_not_authorized":
            mandates.end(desk, method.get("_mandate"))
    else:
        charge |= {"status": "succeeded", "paid": True, "outcome": charges.outcome_of(method, None)}
        intent["status"] = "succeeded"
        intent["amount_received"] = charge["amount_captured"]
        if method["type"] == bank_debits.SEPA:
            charge["payment_method_details"][bank_debits.SEPA]["expected_debit_date"] = date_of(desk.now_s)
        settling.settle(desk, charge)
        _grouped(intent, charge)
        desk.emit("payment_intent.succeeded", intent)
        desk.emit("charge.succeeded", charge)
        aftermath.follow(desk, charge, method)
    settled.tell(desk, intent)


def expire(desk: Desk, id: str) -> None:
    """An authorization that was not captured in time is void."""
    intent = desk.get(KIND, id)
    if intent["status"] == "requires_capture":
        cancel(desk, intent, "automatic")
        desk.emit("charge.expired", desk.get("charge", intent["latest_charge"]))
        settled.tell(desk, intent)


def capture(desk: Desk, intent: Object, amount: int, fee: int | None) -> Object:
    """Take an authorized amount, or less of it; the rest goes back."""
    charge = desk.get("charge", intent["latest_charge"])
    if fee is not None:
        charge["application_fee_amount"] = intent["application_fee_amount"] = fee
    charge |= {"captured": True, "amount_captured": amount}
    settling.settle(desk, charge)
    _grouped(intent, charge)
    if amount < charge["amount"]:
        charge["amount_refunded"] = charge["amount"] - amount
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    desk.never("payment_intent.expire", intent["id"])
    desk.emit("charge.captured", charge)
    desk.emit("payment_intent.succeeded", intent)
    aftermath.follow(desk, charge, desk.get(payment_methods.KIND, intent["payment_method"]))
    return intent


def cancel(desk: Desk, intent: Object, reason: str | None) -> Object:
    """Give it up; what was authorized goes back."""
    held = desk.held("charge", intent["latest_charge"]) if intent["status"] == "requires_capture" else None
    if held is not None:
        held |= {"refunded": True, "amount_refunded": held["amount"]}
        desk.emit("charge.refunded", held)
        desk.never("payment_intent.expire", intent["id"])
    intent |= {"status": "canceled", "canceled_at": desk.now_s, "cancellation_reason": reason}
    intent |= {"next_action": None, "amount_capturable": 0}
    desk.emit("payment_intent.canceled", intent)
    return intent


JOBS = {"payment_intent.settle": debited, "payment_intent.expire": expire}
