"""Invoices, payments and subscriptions of an organization, for a product's back end: each act asks Stripe, and waits.

Looks that only Stripe can answer (a preview, an invoice's pages, a balance) are made within the request; nothing of
them is kept.
"""

from typing import Any

from flask import Response, jsonify
from marshmallow import RAISE, Schema

from api.calls import invoices, previews, subscriptions
from api.calls.acts_of_org import place
from api.calls.billable import issue
from api.calls.customers import Whom
from api.calls.desk import Performed
from api.problems import of_act
from api.resources import acting
from api.resources.billing import PROBLEMS, asking, desk, publish, whom
from api.resources.billing_pages import billing as billing
from api.resources.context import context
from api.resources.lists import text
from api.resources.orgs import ORG_ROUTE
from api.resources.publish import _PROBLEM_CONTENT, act, named, read
from api.schemas import stripe_money as schemas
from api.schemas.billing_pages import Asks
from commands.acts import Asked
from ledger.errors import RecountError
from ledger.ids import PLATFORM

_INVOICE, _SUBSCRIPTION = "invoices/<string:invoice>", "subscriptions/<string:subscription>"
_SOLD = ("not_on_sale", "not_sold_so", "price_missing")


def change_subscription(desk: Any, of: Whom, asked: Asked, **given: Any) -> tuple[Performed, dict[str, Any]]:
    """Change it at Stripe, and where a version of a plan was named, on our side too."""
    performed, shown = subscriptions.change_subscription(desk, of, asked, **given)
    here = context()
    place(here.database, here.settings, of, asked, performed, given)
    return performed, shown


for _name, _rule, _body, _answer, _does, _said in (
    (
        "finalize_invoice", f"{_INVOICE}/finalize", schemas.InvoiceFinalize, schemas.InvoiceDone, invoices.ACTS,
        "Close a draft: from now on it is owed.",
    ),
    ("send_invoice", f"{_INVOICE}/send", Asks, schemas.InvoiceDone, invoices.ACTS, "Mail an invoice."),
    (
        "pay_invoice", f"{_INVOICE}/pay", schemas.InvoicePay, schemas.InvoiceDone, invoices.ACTS,
        "Try to take the money of an open invoice now.\n\nA payment method that is declined answers 402.",
    ),
    ("void_invoice", f"{_INVOICE}/void", Asks, schemas.InvoiceDone, invoices.ACTS, "Take an open invoice back."),
    (
        "mark_invoice_uncollectible", f"{_INVOICE}/mark-uncollectible", Asks, schemas.InvoiceDone, invoices.ACTS,
        "Write an open invoice off.",
    ),
    (
        "credit_invoice", f"{_INVOICE}/credit-notes", schemas.InvoiceCredit, schemas.CreditDone, invoices.ACTS,
        "Issue a credit note: an open invoice asks for less, of a paid one money goes back.",
    ),
    (
        "refund_payment", "payments/<string:payment_intent>/refunds", schemas.PaymentRefund, schemas.RefundDone,
        invoices.ACTS, "Give a payment back, all of it or a part.",
    ),
    (
        "create_subscription", "subscriptions", schemas.NewSubscription, schemas.NewSubscriptionDone,
        subscriptions.ACTS, "Sell an organization a plan, without a page.",
    ),
    (
        "commit_subscription", "commitments", schemas.SubscriptionCommitment, schemas.CommitmentDone,
        subscriptions.ACTS, "Sell a plan with its commitment: so many months are paid, then months are free.",
    ),
    (
        "change_subscription", f"{_SUBSCRIPTION}/change", schemas.SubscriptionChange, schemas.SubscriptionDone,
        {"change_subscription": change_subscription}, "Move a subscription to another plan, version or quantity.",
    ),
    (
        "pause_subscription", f"{_SUBSCRIPTION}/pause", schemas.SubscriptionPause, schemas.SubscriptionDone,
        subscriptions.ACTS, "Collect nothing for now.",
    ),
    (
        "resume_subscription", f"{_SUBSCRIPTION}/resume", Asks, schemas.SubscriptionDone, subscriptions.ACTS,
        "Let a subscription go on, whichever way it was paused.",
    ),
    (
        "cancel_subscription", f"{_SUBSCRIPTION}/cancel", schemas.SubscriptionCancel, schemas.SubscriptionDone,
        subscriptions.ACTS, "End a subscription: now, or when its period does.",
    ),
    (
        "keep_subscription", f"{_SUBSCRIPTION}/keep", Asks, schemas.SubscriptionDone, subscriptions.ACTS,
        "Take back that a subscription ends with its period.",
    ),
    (
        "set_trial_end", f"{_SUBSCRIPTION}/trial", schemas.TrialEnd, schemas.SubscriptionDone, subscriptions.ACTS,
        "Begin a trial, make it longer, or end it now.",
    ),
):  # fmt: skip
    publish(_name, _rule, _body, _answer, _does[_name], _said, _SOLD if "plan" in _body._declared_fields else ())


@act(billing, f"{ORG_ROUTE}/invoices", "billing_acts", schemas.IssuanceDone, body=schemas.Billable, problems=PROBLEMS)
def issue_invoice(given: dict[str, Any], org: str) -> Response:
    """Have billable lines become one Stripe invoice, once for their `source`, equal to the cent.

    It goes on by itself: follow it at `/v1/issuances/{issuance}`. What Stripe has otherwise than we do is held.
    """
    account, reason = given.pop("account"), given.pop("reason")
    here, whose = context(), whom(org, account)
    lines = [{k: v for k, v in line.items() if v is not None} for line in given.pop("lines")]
    done, id = issue(desk(), here.settings, here.keys, whose, asking(reason), lines=lines, **given)
    return acting.told(done, issuance=id)


def _look(found: Any) -> Response:
    try:
        return jsonify(found())
    except RecountError as error:
        raise of_act(error) from error


class OfAccount(Schema):
    account = text("The Stripe account; the key's own, else the platform's, if not given")


@read(
    billing, f"{ORG_ROUTE}/{_INVOICE}/pages", "billing_acts", schemas.InvoicePages, query=OfAccount,
    problems=("not_found", "stripe_unavailable"),
)  # fmt: skip
def get_invoice_pages(given: dict[str, Any], org: str, invoice: str) -> Response:
    """Get where an invoice is seen and paid, and its PDF, fresh from Stripe."""
    whose = whom(org, given["account"])
    return _look(lambda: invoices.invoice_pages(desk(), whose, invoice))


@read(
    billing, "/v1/balance", "calls", schemas.AccountBalance, query=OfAccount, problems=("stripe_unavailable",),
)  # fmt: skip
def get_balance(given: dict[str, Any]) -> Response:
    """Get what Stripe holds for an account, as it says now."""
    account = given["account"] or PLATFORM
    return _look(lambda: invoices.balance(desk(), acting.mode(), account))


def preview_invoice(given: dict[str, Any], org: str) -> Response:
    whose = whom(org, given.pop("account"))
    return _look(lambda: previews.preview(desk(), whose, **given))


_REFUSALS = ("401", "403", "404", "409", "422", "429", "503")


def _publish_preview() -> None:
    """A POST that changes nothing: no Idempotency-Key, nothing recorded."""
    said = "Preview the invoice that a change of a subscription would come to.\n\nTo the cent, and nothing happens."
    view = named(preview_invoice, "preview_invoice", said)
    refusals = {code: {"description": code, **_PROBLEM_CONTENT} for code in _REFUSALS}
    served: Any = billing.response(200, schemas.InvoicePreview)(view)
    served = billing.arguments(schemas.Previewed, location="json", unknown=RAISE)(served)
    served = billing.doc(responses=refusals, operationId="billing.preview_invoice")(served)
    served.resource = "billing_acts"
    billing.route(f"{ORG_ROUTE}/invoice-preview", methods=["POST"])(served)


_publish_preview()
