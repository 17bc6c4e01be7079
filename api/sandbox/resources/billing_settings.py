"""How an account's invoices are collected: at Stripe set in the dashboard, here by a route of the sandbox's own.

https://docs.stripe.com/billing/revenue-recovery/smart-retries, https://docs.stripe.com/billing/automations.
"""

from typing import Any, Literal, NotRequired, TypedDict

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "sandbox.billing_settings"
_ID = "the"
"""There is one of an account."""
_MOST_RETRIES = 8


class BillingSettingsParams(TypedDict):
    """Whatever is left out stays."""

    retry_days: NotRequired[list[int]]
    """Days from each failed attempt to the next; after the last the collection is over."""
    after_retries: NotRequired[Literal["cancel", "unpaid", "past_due"]]
    """What becomes of a subscription whose invoice was not paid in the end."""
    invoice_after_retries: NotRequired[Literal["open", "uncollectible"]]
    """What becomes of that invoice."""
    finalize_after_s: NotRequired[int]
    """How long an invoice that made itself stays a draft."""
    upcoming_days: NotRequired[int]
    """How many days before a renewal `invoice.upcoming` comes."""
    account_country: NotRequired[str]
    """Where the seller is, as invoices say it."""
    account_name: NotRequired[str]
    """Who the seller is, as invoices say it."""


def settings(desk: Desk) -> Object:
    """The account's settings. Stripe's own, where nobody changed them: four attempts within two weeks."""
    held = desk.held(KIND, _ID)
    if held is not None:
        return held
    return {
        "id": _ID,
        "object": KIND,
        "account_country": "US",
        "account_name": "Recount sandbox",
        "after_retries": "cancel",
        "finalize_after_s": 3600,
        "invoice_after_retries": "open",
        "livemode": desk.livemode,
        "retry_days": [3, 5, 7],
        "upcoming_days": 7,
    }


def retrieve(desk: Desk, params: dict[str, Any]) -> Object:
    """The settings."""
    return settings(desk)


def update(desk: Desk, params: dict[str, Any]) -> Object:
    """Change what is named."""
    retries = params.get("retry_days", [])
    if len(retries) > _MOST_RETRIES or any(days < 1 for days in retries):
        raise invalid(f"At most {_MOST_RETRIES} retries, each after a day or more.", "retry_days")
    for name in ("finalize_after_s", "upcoming_days"):
        if params.get(name, 0) < 0:
            raise invalid("Invalid non-negative integer", name, "parameter_invalid_integer")
    return desk.add(KIND, {**settings(desk), **params})


ROUTES = (
    Route("GET", "/v1/sandbox/billing_settings", None, retrieve),
    Route("POST", "/v1/sandbox/billing_settings", BillingSettingsParams, update),
)
