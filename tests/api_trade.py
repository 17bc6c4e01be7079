"""One of everything that moves or explains money, for each of a few customers: what the read API lists beside billing.

Each thing's id says whose it is: `ch_a` is the charge of org_a's customer on the platform. Knows what Stripe sends.
Refuses to know what answers should be.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from samples import T, event

Json = dict[str, Any]

#: Before anything else of the world happened.
BORN = T - 10_000


class Place(NamedTuple):
    """Where somebody buys: the end of every id, the customer, the seller, the mode."""

    end: str
    customer: str
    account: str | None = None
    live: bool = False


def trade(places: tuple[Place, ...]) -> list[Json]:
    """The events of everything at each place."""
    found = []
    for n, place in enumerate(places):
        how: dict[str, Any] = {"account": place.account, "live": place.live, "at": BORN}
        for m, (kind, thing) in enumerate(_things(place)):
            found.append(event(f"evt_trade_{n}_{m:02}", kind, {"created": BORN, "metadata": {}, **thing}, **how))
    return found


def _things(place: Place) -> Iterator[tuple[str, Json]]:
    end, of = place.end, {"customer": place.customer}
    eur = {"currency": "eur", "amount": 900}
    card = {"brand": "visa", "last4": "4242", "exp_month": 5, "exp_year": 2031, "country": "DE", "funding": "credit"}
    intent = {"object": "payment_intent", "id": f"pi_{end}", "status": "succeeded", "amount_received": 900, **eur, **of}
    yield "payment_intent.succeeded", {**intent, "latest_charge": f"ch_{end}"}
    charge = {"object": "charge", "id": f"ch_{end}", "status": "succeeded", "captured": True, "paid": True}
    yield (
        "charge.refunded",
        {**charge, **eur, **of, "payment_intent": f"pi_{end}", "amount_captured": 900, "amount_refunded": 200},
    )
    refund = {"object": "refund", "id": f"re_{end}", "status": "succeeded", "currency": "eur", "amount": 200}
    yield "refund.created", {**refund, "charge": f"ch_{end}"}
    dispute = {"object": "dispute", "id": f"dp_{end}", "status": "needs_response", "reason": "fraudulent", **eur}
    yield "charge.dispute.created", {**dispute, "charge": f"ch_{end}", "evidence_details": {"due_by": T + 500}}
    yield "payment_method.attached", {"object": "payment_method", "id": f"pm_{end}", "type": "card", "card": card, **of}
    bought = {"object": "checkout.session", "id": f"cs_{end}", "mode": "payment", "status": "complete", **of}
    yield (
        "checkout.session.completed",
        {
            **bought, "payment_status": "paid", "currency": "eur", "amount_total": 900, "amount_subtotal": 900,
            "customer_details": {"name": "Ada Lovelace", "email": "ada@example.com", "address": {"country": "GB"}},
            "total_details": {"amount_tax": 0, "amount_discount": 0, "amount_shipping": 0},
        },
    )  # fmt: skip
    note = {"object": "credit_note", "id": f"cn_{end}", "invoice": f"in_x{end}", "status": "issued", **eur, **of}
    line = {"object": "credit_note_line_item", "id": f"cnli_{end}", "type": "invoice_line_item", "amount": 900}
    yield (
        "credit_note.created",
        {**note, "total": 900, "subtotal": 900, "lines": {"object": "list", "data": [line], "has_more": False}},
    )
    phase = {"start_date": T, "end_date": T + 90, "items": [{"price": "price_1", "quantity": 1}]}
    schedule = {
        "object": "subscription_schedule",
        "id": f"sub_sched_{end}",
        "status": "active",
        "phases": [phase],
        **of,
    }
    yield "subscription_schedule.created", {**schedule, "current_phase": {"start_date": T, "end_date": T + 90}}
    worth = {"type": "monetary", "monetary": {"currency": "eur", "value": 5_000}}
    grant = {"object": "billing.credit_grant", "id": f"credgr_{end}", "amount": worth, "category": "paid", **of}
    yield "billing.credit_grant.created", {**grant, "effective_at": T}
    coupon = {"object": "coupon", "id": "SAVE", "percent_off": 20, "duration": "repeating"}
    less = {"object": "discount", "id": f"di_{end}", "coupon": coupon, "start": T, "end": T + 90, **of}
    yield "customer.discount.created", less
    yield from _of_account(place)


def _of_account(place: Place) -> Iterator[tuple[str, Json]]:
    """What an account has without any customer."""
    end, eur = place.end, {"currency": "eur", "amount": 700}
    seller = place.account or f"acct_{end}"
    yield (
        "billing.meter.created",
        {"object": "billing.meter", "id": f"mtr_{end}", "event_name": f"calls_{end}", "status": "active"},
    )
    yield (
        "account.updated",
        {
            "object": "account", "id": seller, "charges_enabled": True, "payouts_enabled": False, "country": "DE",
            "details_submitted": True, "requirements": {"currently_due": ["external_account"], "past_due": []},
        },
    )  # fmt: skip
    yield "payout.paid", {"object": "payout", "id": f"po_{end}", "status": "paid", "arrival_date": T, **eur}
    booked = {"object": "balance_transaction", "id": f"txn_{end}", "type": "payout", "source": f"po_{end}"}
    yield "balance_transaction.created", {**booked, "currency": "eur", "amount": -700, "fee": 0, "net": -700}
    fee = {"object": "application_fee", "id": f"fee_{end}", "currency": "eur", "amount": 90, "amount_refunded": 10}
    yield "application_fee.created", {**fee, "account": f"acct_{end}", "charge": f"ch_{end}", "refunded": False}
