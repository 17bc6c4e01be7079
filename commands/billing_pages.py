"""The customer portal and payment links: Stripe's pages beside the checkout.

A portal session is for one organization's customer. A payment link is for anybody: who buys there is nobody's
organization until somebody says so, whatever the link's address was made to claim.
"""

from typing import Any, Literal

import msgspec

from commands.checkout import Line, called, line_item, plan_said, require_url, trial_of
from commands.customers import OfCustomer
from commands.stripe_call_acts import call_act
from commands.stripe_calls import RequestCall
from ledger.errors import Invalid

#: Kinds of portal visits that go straight to one thing.
#: https://docs.stripe.com/customer-management/portal-deep-links
Flow = Literal["payment_method_update", "subscription_cancel", "subscription_update"]


class OpenPortal(OfCustomer, frozen=True, kw_only=True):
    """Let an organization look after its billing on Stripe's page."""

    return_url: str
    flow: Flow | None = None
    """Straight to this; None: to the portal's beginning."""
    subscription: str | None = None
    configuration: str | None = None
    """Which of the account's portal configurations; None: its default."""


class CreatePaymentLink(msgspec.Struct, frozen=True, kw_only=True):
    """Make an address at which anybody buys a plan. Who buys there is not known to be anybody's organization."""

    call_id: str
    mode: Literal["live", "test"]
    account: str
    org: str | None = None
    plan: str
    version: int
    lines: tuple[Line, ...]
    purpose: Literal["payment", "subscription"] = "subscription"
    trial_days: int | None = None
    adjustable_quantity: bool = False
    promotion_codes: bool = False
    automatic_tax: bool = False


class ClosePaymentLink(msgspec.Struct, frozen=True, kw_only=True):
    """Sell nothing more at a payment link."""

    call_id: str
    mode: Literal["live", "test"]
    account: str
    org: str | None = None
    link: str


def _portal(command: OpenPortal) -> RequestCall:
    require_url(command.return_url)
    params: dict[str, Any] = {"customer": command.customer, "return_url": command.return_url}
    if command.configuration is not None:
        params["configuration"] = command.configuration
    if command.flow is not None:
        params["flow_data"] = _flow(command.flow, command.subscription, command.return_url)
    elif command.subscription is not None:
        raise Invalid("say what is to be done with the subscription: `flow`", code="bad_flow")
    return called(command, "portal_sessions.create", params)


def _flow(flow: Flow, subscription: str | None, return_url: str) -> dict[str, Any]:
    about = flow.startswith("subscription_")
    if about != (subscription is not None):
        raise Invalid(f"{flow} is {'about one subscription: name it' if about else 'about none'}", code="bad_flow")
    back = {"type": "redirect", "redirect": {"return_url": return_url}}
    return {"type": flow, "after_completion": back, **({flow: {"subscription": subscription}} if about else {})}


def _link(command: CreatePaymentLink) -> RequestCall:
    if not command.lines:
        raise Invalid("a payment link sells something", code="bad_quantity")
    named = plan_said(command.plan, command.version)
    adjusts = {"adjustable_quantity": {"enabled": True}} if command.adjustable_quantity else {}
    lines = [{**line_item(line, 1), **({} if line.metered else adjusts)} for line in command.lines]
    params: dict[str, Any] = {"line_items": lines, "metadata": named}
    if command.purpose == "subscription":
        params["subscription_data"] = {"metadata": named, **trial_of(command.trial_days, "cancel")}
    if command.promotion_codes:
        params["allow_promotion_codes"] = True
    if command.automatic_tax:
        params["automatic_tax"] = {"enabled": True}
    return _of_link(command, "payment_links.create", params)


def _of_link(
    command: CreatePaymentLink | ClosePaymentLink, operation: str, params: dict[str, Any], *path: str
) -> RequestCall:
    return RequestCall(
        call_id=command.call_id,
        mode=command.mode,
        account=command.account,
        operation=operation,
        path=path,
        params=params,
        org=command.org,
        awaited=True,
    )


OPEN_PORTAL = call_act("open_portal", OpenPortal, _portal)
CREATE_PAYMENT_LINK = call_act("create_payment_link", CreatePaymentLink, _link)
CLOSE_PAYMENT_LINK = call_act(
    "close_payment_link",
    ClosePaymentLink,
    lambda command: _of_link(command, "payment_links.update", {"active": False}, command.link),
)
