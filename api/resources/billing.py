"""An organization's customer and payment methods, for a product's back end: each act asks Stripe, and waits for it.

Knows who may ask for whom. Refuses to know Stripe: `api.calls` asks it. A program's key may act here, under its own id.
"""

import threading
from typing import Any

from flask import Response, current_app
from marshmallow import Schema

from api.calls.billing import ACTS
from api.calls.customers import Whom
from api.calls.desk import Desk, Performed
from api.operations import asked_by
from api.problems import Problem
from api.resources import acting
from api.resources.context import caller, context
from api.resources.orgs import ORG_ROUTE
from api.resources.publish import act, named, section
from api.schemas.billing_pages import (
    Asks,
    Contact,
    CustomerDone,
    DefaultDone,
    FirstContact,
    MethodDone,
    SetUp,
    SetUpDone,
)
from commands.acts import Asked
from ledger.ids import PLATFORM

billing = section("billing", "Billing: an organization's customer, payment methods, checkouts and pages")

_DESK = "recount.desk"
_LOCK = threading.Lock()
#: What an act with an organization can be answered with, beside its own.
PROBLEMS = (
    "not_found",
    "refused",
    "invalid",
    "other_mode",
    "stripe_key_missing",
    "answer_gone",
    "payment_declined",
    "stripe_refused",
    "stripe_unavailable",
)


def desk() -> Desk:
    """Of this process; opened when it is used first."""
    here = context()
    with _LOCK:
        found: Desk | None = current_app.extensions.get(_DESK)
        if found is None:
            found = current_app.extensions[_DESK] = Desk(here.database, here.settings, here.keys, here.clock)
    return found


def asking(reason: str) -> Asked:
    """Who asks: the person whose key it is, or the key itself where it is a program's."""
    asks = caller()
    if asks.person is not None:
        return acting.asked(reason)
    how = acting.asked_with_key()
    who = f"key/{asks.key_id}"
    return asked_by(who, reason, idempotency_key=how.key, dry_run=how.dry_run, origin="api", key_id=asks.key_id)


def whom(org: str, account: str | None) -> Whom:
    """The organization in an account, where the caller may act for it. Raises Problem("not_found")."""
    asks = caller()
    account = account or asks.account or PLATFORM
    if asks.org not in (None, org) or asks.account not in (None, account):
        raise Problem("not_found")
    return Whom(acting.mode(), account, org)


def told(performed: Performed | None, shown: dict[str, Any], none: str) -> Response:
    """What came of an act. Where it needed no receipt, it says so as one that changed nothing."""
    if performed is None:
        bare = {"act": none, "changed": False, "events": [], "waiting": None, "position": None}
        return acting.answered_once({**bare, **shown}, repeated=False)
    return acting.told(performed.done, **shown)


def publish(
    name: str,
    rule: str,
    body: type[Schema],
    answer: type[Schema],
    does: Any,
    said: str,
    problems: tuple[str, ...] = (),
) -> None:
    """Put a billing act at its route below an organization."""

    def view(given: dict[str, Any], org: str, **path: str) -> Response:
        account, reason = given.pop("account"), given.pop("reason")
        whose = whom(org, account)
        performed, shown = does(desk(), whose, asking(reason), **given, **path)
        return told(performed, shown, name)

    act(billing, f"{ORG_ROUTE}/{rule}", "billing_acts", answer, body=body, problems=(*PROBLEMS, *problems))(
        named(view, name, said)
    )


_OF_METHOD = "payment-methods/<string:payment_method>"
for _name, _rule, _body, _answer, _said in (
    (
        "ensure_customer", "customer", FirstContact, CustomerDone,
        "Be a customer in Stripe: made for an organization at its first billing action, once an account.\n\n"
        "Asked again, it is the same one; nothing of it changes then.",
    ),
    (
        "set_billing_contact", "billing-contact", Contact, CustomerDone,
        "Say where an organization's invoices and receipts go.",
    ),
    (
        "set_up_payment_method", "setup-intents", SetUp, SetUpDone,
        "Let an organization leave a payment method, by Stripe Elements.\n\n"
        "Where its bank wants it, Elements has it authenticated.",
    ),
    (
        "attach_payment_method", f"{_OF_METHOD}/attach", Asks, MethodDone,
        "Keep a payment method for an organization.\n\nStripe refuses one that is another customer's.",
    ),
    (
        "detach_payment_method", f"{_OF_METHOD}/detach", Asks, MethodDone,
        "Forget a payment method of an organization, for ever.",
    ),
    (
        "set_default_payment_method", f"{_OF_METHOD}/default", Asks, DefaultDone,
        "Charge this payment method for an organization's invoices from now on.",
    ),
):  # fmt: skip
    publish(_name, _rule, _body, _answer, ACTS[_name], _said)
