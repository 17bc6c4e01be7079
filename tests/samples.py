"""Stripe events of our own making: plain dictionaries in the shapes of two API versions, and how they are delivered.

Knows how events look from outside. Refuses to know how they are stored or folded.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

T = 1_760_000_000
MONTH = 2_592_000
ACACIA = "2024-12-18.acacia"
BASIL = "2025-06-30.basil"

Json = dict[str, Any]


class Delivery(NamedTuple):
    """A Stripe event as one of the two endpoints received it."""

    event: Json
    endpoint: str = "platform"

    @property
    def body(self) -> bytes:
        return json.dumps(self.event).encode()


def event(
    number: int | str,
    kind: str,
    obj: Json,
    *,
    at: int = T,
    version: str | None = BASIL,
    live: bool = False,
    account: str | None = None,
    previous: Json | None = None,
) -> Json:
    """A snapshot event around `obj`."""
    found: Json = {
        "id": f"evt_{number:04}" if isinstance(number, int) else number,
        "object": "event",
        "type": kind,
        "api_version": version,
        "created": at,
        "livemode": live,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": obj},
    }
    if account is not None:
        found["account"] = account
    if previous is not None:
        found["data"]["previous_attributes"] = previous
    return found


def customer(id: str = "cus_1", **fields: Any) -> Json:
    """A customer; with `org`, its metadata claims an organization."""
    org = fields.pop("org", None)
    return {
        "object": "customer",
        "id": id,
        "name": "Ada Lovelace",
        "email": f"{id}@example.com",
        "balance": 0,
        "currency": "eur",
        "delinquent": False,
        "created": T - 1000,
        "address": {"line1": "1 Analytical Row", "country": "GB", "postal_code": "N1 9GU"},
        "metadata": {"org_id": org} if org else {},
        **fields,
    }


def product(id: str = "prod_1", features: str = "agents", **fields: Any) -> Json:
    """A product whose metadata grants `features`."""
    limits = fields.pop("limits", {})
    return {
        "object": "product",
        "id": id,
        "active": True,
        "name": f"Plan {id}",
        "metadata": {"features": features, **{f"limit_{k}": v for k, v in limits.items()}},
        "created": T - 2000,
        "updated": T - 2000,
        **fields,
    }


def price(id: str = "price_1", product: str = "prod_1", **fields: Any) -> Json:
    """A monthly price."""
    return {
        "object": "price",
        "id": id,
        "product": product,
        "active": True,
        "currency": "eur",
        "unit_amount": 900,
        "unit_amount_decimal": "900",
        "type": "recurring",
        "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
        "lookup_key": None,
        "metadata": {},
        "created": T - 2000,
        **fields,
    }


def subscription(
    id: str = "sub_1", customer: str = "cus_1", price_id: str = "price_1", version: str = BASIL, **fields: Any
) -> Json:
    """A subscription to one price. Since basil the period stands on the item, before that on the subscription."""
    period = {"current_period_start": T, "current_period_end": T + MONTH}
    item = {
        "object": "subscription_item",
        "id": f"si_{id}",
        "quantity": fields.pop("quantity", 1),
        "price": price(price_id, fields.pop("product", "prod_1")),
        "metadata": {},
    }
    found: Json = {
        "object": "subscription",
        "id": id,
        "customer": customer,
        "status": "active",
        "currency": "eur",
        "items": {"object": "list", "data": [item], "has_more": False},
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "ended_at": None,
        "trial_start": None,
        "trial_end": None,
        "metadata": {},
        "start_date": T,
        "created": T,
    }
    if version == BASIL:
        item.update(period)
        found["billing_mode"] = {"type": "classic"}
        found["discounts"] = []
    else:
        found.update(period)
        found["discount"] = None
    return {**found, **fields}


def invoice(id: str = "in_1", customer: str = "cus_1", version: str = BASIL, **fields: Any) -> Json:
    """An invoice over 9 euros. Its subscription moved under `parent` in basil, its payment went away."""
    found: Json = {
        "object": "invoice",
        "id": id,
        "customer": customer,
        "status": "open",
        "currency": "eur",
        "amount_due": 900,
        "amount_paid": 0,
        "amount_remaining": 900,
        "subtotal": 900,
        "total": 900,
        "attempt_count": 0,
        "attempted": False,
        "lines": {"object": "list", "data": [], "has_more": False, "total_count": 0},
        "status_transitions": {
            "finalized_at": T,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "metadata": {},
        "created": T,
    }
    if version == BASIL:
        found["parent"] = {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}}
    else:
        found |= {"subscription": "sub_1", "charge": None, "payment_intent": "pi_1", "paid": False}
    return {**found, **fields}


def summary(customer: str = "cus_1", features: Iterable[str] = ("agents",)) -> Json:
    """Stripe's own word on what a customer is entitled to."""
    held = [
        {"object": "entitlements.active_entitlement", "id": f"ent_{f}", "feature": f"feat_{f}", "lookup_key": f}
        for f in features
    ]
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": {"object": "list", "data": held, "has_more": False},
    }


def small_shop() -> list[Delivery]:
    """A shop of two organizations, a buyer of a connected account, a trial, an upgrade, a cancellation and ties."""
    seller = "acct_seller"
    toggled = customer("cus_2", org="org_b", delinquent=True)
    told = [
        event(1, "product.created", product("prod_1", "agents, sso", limits={"agents": "5"}), at=T - 90),
        event(2, "product.created", product("prod_2", "agents", limits={"agents": "unlimited"}), at=T - 90),
        event(3, "price.created", price("price_1", "prod_1", lookup_key="basic"), at=T - 80),
        event(4, "price.created", price("price_2", "prod_2", metadata={"limit_seats": "3"}), at=T - 80),
        event(5, "plan.created", _plan("price_1"), at=T - 80, version=ACACIA),
        event(10, "customer.created", customer("cus_1", org="org_a"), at=T - 50),
        event(11, "customer.created", customer("cus_2", org="org_b"), at=T - 50),
        event(12, "customer.updated", toggled, at=T - 40, previous={"delinquent": False}),
        event(
            13, "customer.updated", customer("cus_2", org="org_b"), at=T - 40, previous={"delinquent": True}
        ),  # there and back within a second: nothing decides
        event(20, "customer.subscription.created", subscription("sub_1", status="incomplete"), at=T),
        event(21, "customer.subscription.updated", subscription("sub_1"), at=T, previous={"status": "incomplete"}),
        event(
            22,
            "customer.subscription.updated",
            subscription("sub_1", price_id="price_2", product="prod_2", quantity=3),
            at=T + 60,
            previous={"items": {"object": "list", "data": subscription("sub_1")["items"]["data"]}},
        ),
        event(
            23,
            "customer.subscription.created",
            subscription("sub_2", "cus_2", version=ACACIA, status="trialing", trial_end=T + 700, trial_start=T),
            at=T,
            version=ACACIA,
        ),
        event(
            24,
            "customer.subscription.updated",
            subscription("sub_2", "cus_2", status="trialing", trial_end=T + 700, cancel_at_period_end=True),
            at=T + 5,
            previous={"cancel_at_period_end": False},
        ),
        event(30, "invoice.finalized", invoice("in_1", version=ACACIA), at=T, version=ACACIA),
        event(31, "invoice.paid", invoice("in_1", status="paid", amount_paid=900, amount_remaining=0), at=T),
        event(
            40,
            "entitlements.active_entitlement_summary.updated",
            summary("cus_1", ("agents", "audit")),
            at=T + 2,
        ),
        event(50, "customer.created", customer("cus_1", org="org_stolen"), account=seller, at=T),
        event(51, "customer.subscription.created", subscription("sub_1"), account=seller, at=T),
        event(1, "customer.created", customer("cus_1", org="org_live"), live=True),
        event(60, "charge.succeeded", {"object": "charge", "id": "ch_1", "customer": "cus_1"}),
        event(61, "customer.created", {"object": "customer", "id": "cus_broken"}),
        event(70, "customer.subscription.created", subscription("sub_3", "cus_9"), at=T),
        event(71, "customer.subscription.deleted", subscription("sub_3", "cus_9", status="canceled", ended_at=T), at=T),
    ]
    renderings = [event(31, "invoice.paid", _acacia_paid(), at=T, version=ACACIA)]
    return [Delivery(e, "connect" if "account" in e else "platform") for e in told + renderings]


def _acacia_paid() -> Json:
    return invoice("in_1", version=ACACIA, status="paid", paid=True, amount_paid=900, amount_remaining=0, charge="ch_1")


def _plan(id: str) -> Json:
    return {
        "object": "plan",
        "id": id,
        "product": "prod_1",
        "active": True,
        "currency": "eur",
        "amount": 900,
        "interval": "month",
        "interval_count": 1,
        "usage_type": "licensed",
        "metadata": {},
        "created": T - 2000,
    }
