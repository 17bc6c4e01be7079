"""Checkouts, the portal, payment links and receipts, for a product's back end. Each asks Stripe, and waits for it."""

from typing import Any

from flask import Response

from api.auth import Caller
from api.calls import checkout
from api.calls.tokens import Handoff, Tokens
from api.problems import Problem
from api.resources import acting
from api.resources.billing import PROBLEMS, asking, desk, publish, told, whom
from api.resources.billing import billing as billing
from api.resources.context import caller, context
from api.resources.orgs import ORG_ROUTE
from api.resources.publish import act, read
from api.schemas.billing_pages import (
    Asks,
    Bought,
    CheckoutDone,
    LinkDone,
    LinkWanted,
    Looked,
    PlanCheckoutDone,
    PortalDone,
    Receipt,
    Requested,
    SetupWanted,
    Token,
    TokenWanted,
    Visit,
    Where,
)
from commands.checkout import require_context, require_url
from ledger.ids import PLATFORM

_SOLD = ("not_on_sale", "not_sold_so", "price_missing")


for _name, _rule, _body, _answer, _does, _how in (
    (
        "create_checkout", "checkouts", Bought, PlanCheckoutDone, checkout.create_checkout,
        "Sell an organization a plan on Stripe's page.\n\nIn the account whose prices the plan has. That the buyer"
        " comes back proves nothing: Stripe's event does, or that somebody looked.",
    ),
    (
        "create_setup_checkout", "setup-checkouts", SetupWanted, CheckoutDone, checkout.create_setup_checkout,
        "Let an organization leave a payment method on Stripe's page.",
    ),
    (
        "request_payment", "payment-requests", Requested, CheckoutDone, checkout.request_payment,
        "Ask an organization for one payment on Stripe's page.",
    ),
    (
        "expire_checkout", "checkouts/<string:session>/expire", Asks, CheckoutDone, checkout.expire_checkout,
        "Close a checkout that is open: nobody pays on it any more.",
    ),
    (
        "open_portal", "portal-sessions", Visit, PortalDone, checkout.open_portal,
        "Let an organization look after its billing on Stripe's page.",
    ),
):  # fmt: skip
    publish(_name, _rule, _body, _answer, _does, _how, _SOLD)


@act(
    billing,
    f"{ORG_ROUTE}/checkouts/<string:session>/look",
    "billing_acts",
    Looked,
    body=Asks,
    problems=PROBLEMS,
)
def look_at_checkout(given: dict[str, Any], org: str, session: str) -> Response:
    """Ask Stripe what became of a session.

    What it says is kept, so that nobody needs to wait for Stripe's event: entitlements follow.
    """
    whose = whom(org, given["account"])
    asking(given["reason"])
    return acting.answered_once(checkout.look_at(desk(), whose, session), repeated=False)


@act(billing, f"{ORG_ROUTE}/checkout-tokens", "billing_acts", Token, body=TokenWanted, problems=PROBLEMS)
def make_checkout_token(given: dict[str, Any], org: str) -> Response:
    """Make a token with which a browser begins a checkout for an organization.

    It is signed, and kept nowhere: `POST /checkout/{plan}` takes it without a key.
    """
    here, whose = context(), whom(org, given["account"])
    asking(given["reason"])
    for url in filter(None, (given["success_url"], given["cancel_url"])):
        require_url(url)
    require_context(given["context"])
    handoff = Handoff(
        mode=whose.mode,
        org=org,
        until_s=int(here.clock()) + given["lasts_s"],
        success_url=given["success_url"],
        cancel_url=given["cancel_url"],
        plans=tuple(given["plans"]),
        context=given["context"],
        key_id=caller().key_id,
    )
    token = Tokens(here.settings.master()).make(handoff)
    return acting.answered_once({"token": token, "until": handoff.until_s}, repeated=False)


def _unbound() -> Caller:
    """A payment link is nobody's organization's: a key that is bound to one makes none. Raises Problem("forbidden")."""
    asks = caller()
    if asks.org is not None or asks.account is not None:
        raise Problem("forbidden")
    return asks


@act(billing, "/v1/payment-links", "billing_acts", LinkDone, body=LinkWanted, problems=(*PROBLEMS, *_SOLD))
def create_payment_link(given: dict[str, Any]) -> Response:
    """Make an address at which anybody buys a plan.

    Who buys there is not known to be anybody's organization, whatever the address was made to claim.
    """
    _unbound()
    how = asking(given.pop("reason"))
    return told(*checkout.create_payment_link(desk(), acting.mode(), how, **given), "create_payment_link")


@act(
    billing,
    "/v1/payment-links/<string:link>/close",
    "billing_acts",
    LinkDone,
    body=Asks,
    problems=PROBLEMS,
)
def close_payment_link(given: dict[str, Any], link: str) -> Response:
    """Sell nothing more at a payment link."""
    _unbound()
    account, how = given["account"] or PLATFORM, asking(given["reason"])
    done = checkout.close_payment_link(desk(), acting.mode(), how, link=link, account=account)
    return told(*done, "close_payment_link")


@read(
    billing,
    f"{ORG_ROUTE}/charges/<string:charge>/receipt",
    "charges",
    Receipt,
    query=Where,
    problems=("not_found", "other_mode", "stripe_unavailable"),
)
def get_receipt(given: dict[str, Any], org: str, charge: str) -> Response:
    """Get the address of a charge's receipt, from Stripe."""
    found = checkout.receipt(desk(), whom(org, given["account"]), charge)
    return acting.answered_once(found, repeated=False)
