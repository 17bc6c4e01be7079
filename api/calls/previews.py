"""What a change of a subscription would cost, to the cent, before anything happens.

Stripe is asked within the request, and nothing is kept: a preview changes nothing, is no object of Stripe's that
anything could refer to, and asked a moment later comes to something else. So it is no call of the log.
"""

from typing import Any

from api.calls.client import NoAnswer, Request, StripeUnavailable
from api.calls.customers import Whom
from api.calls.desk import NOT_MADE_YET, Desk
from api.calls.owning import owned, told
from api.calls.plan_prices import current, priced
from api.calls.subscriptions import PATH, items_after, lines_of
from commands.stripe_subscriptions import items_of
from ledger.errors import Refused

_PREVIEW = "/v1/invoices/create_preview"


def preview(
    desk: Desk,
    whom: Whom,
    *,
    subscription: str | None = None,
    plan: str | None = None,
    version: int | None = None,
    interval: Any = None,
    currency: str | None = None,
    quantity: int | None = None,
    proration: str = "create_prorations",
    prorated_at_s: int | None = None,
) -> dict[str, Any]:
    """The invoice that a change of a subscription, or a new one, would come to. Raises NotFound, Refused, Invalid.

    `prorated_at_s`: when the change is to happen; the same given to the change comes to the same amounts.
    """
    if subscription is not None:
        held = owned(desk, whom, PATH, subscription)
        items = items_after(desk, whom.mode, held, plan=plan, version=version, interval=interval, quantity=quantity)
        details: dict[str, Any] = {"items": items_of(items), "proration_behavior": proration}
        if prorated_at_s is not None:
            details["proration_date"] = prorated_at_s
        params: dict[str, Any] = {"subscription": subscription, "subscription_details": details}
    else:
        params = _of_new(desk, whom, plan, interval, currency, quantity)
    return _shown(_asked(desk, whom, params), prorated_at_s)


def _of_new(
    desk: Desk, whom: Whom, plan: str | None, interval: Any, currency: str | None, quantity: int | None
) -> dict[str, Any]:
    if plan is None:
        raise Refused("name a subscription, or the plan of a new one", code="nothing_to_preview")
    sold = current(desk.conninfo, whom.mode, plan)
    bought = priced(desk.conninfo, desk.calls(whom.mode).maker, sold, interval=interval, currency=currency, trial=False)
    customer = desk.customers(whom.mode).known(whom)
    if customer in (None, NOT_MADE_YET):
        raise Refused("the organization is no customer in Stripe yet: have it be one first", code="no_customer")
    return {"customer": customer, "subscription_details": {"items": items_of(lines_of(bought, quantity or 1))}}


def _asked(desk: Desk, whom: Whom, params: dict[str, Any]) -> dict[str, Any]:
    try:
        reply = desk.calls(whom.mode).stripe.send(Request("POST", _PREVIEW, whom.account, params, urgency="live"))
    except NoAnswer as silence:
        raise StripeUnavailable("Stripe did not answer; ask again") from silence
    return told(reply)


def _shown(found: dict[str, Any], prorated_at_s: int | None) -> dict[str, Any]:
    lines = [_line(line) for line in (found.get("lines") or {}).get("data") or ()]
    return {
        "currency": found.get("currency"),
        "subtotal_minor": found.get("subtotal"),
        "total_minor": found.get("total"),
        "amount_due_minor": found.get("amount_due"),
        "prorated_minor": sum(line["amount_minor"] for line in lines if line["proration"]),
        "prorated_at_s": prorated_at_s,
        "lines_complete": not (found.get("lines") or {}).get("has_more"),
        "lines": lines,
    }


def _line(line: dict[str, Any]) -> dict[str, Any]:
    """A line, in any API version."""
    parent = line.get("parent") or {}
    of = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    pricing = (line.get("pricing") or {}).get("price_details") or {}
    period = line.get("period") or {}
    return {
        "description": line.get("description"),
        "amount_minor": line.get("amount") or 0,
        "quantity": line.get("quantity"),
        "price": pricing.get("price") or (line.get("price") or {}).get("id"),
        "proration": bool(line.get("proration") or of.get("proration")),
        "period_start_s": period.get("start"),
        "period_end_s": period.get("end"),
    }
