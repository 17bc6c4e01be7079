"""What an organization's payment methods and customer are for: the acts with them, and what they come to in our words.

What Stripe answered leaves here cut to what was asked for: of a card its brand, last four digits and expiry.
"""

from collections.abc import Callable, Mapping
from typing import Any

from api.calls.asking import Answered
from api.calls.client import NoAnswer, StripeUnavailable
from api.calls.customers import Whom
from api.calls.desk import NOT_MADE_YET, Desk, Performed, opened
from api.calls.verdict import Succeeded, verdict
from api.database import Database
from api.settings import Settings
from commands.acts import Asked, Done
from commands.customers import (
    ATTACH_PAYMENT_METHOD,
    DETACH_PAYMENT_METHOD,
    SET_BILLING_CONTACT,
    SET_DEFAULT_PAYMENT_METHOD,
    SET_UP_PAYMENT_METHOD,
    require_email,
)
from ledger.errors import Invalid, NotFound
from ledger.ids import PLATFORM, Mode

Shown = dict[str, Any]
#: What is told of a payment method, of whatever kind it is.
_OF_METHOD = ("brand", "last4", "exp_month", "exp_year")


def customer_for(desk: Desk, whom: Whom, asked: Asked) -> str:
    """The organization's customer, made at its first billing action; of a dry run a stand-in."""
    customers = desk.customers(whom.mode)
    return customers.known(whom) or NOT_MADE_YET if asked.dry_run else customers.ensured(whom, asked)


def ensure_customer(
    desk: Desk, whom: Whom, asked: Asked, *, email: str | None = None, name: str | None = None
) -> tuple[Performed | None, Shown]:
    """The organization's customer, made where it has none. Asked again, it is the same; that needs no receipt."""
    customers = desk.customers(whom.mode)
    if asked.dry_run:
        return None, {"customer": customers.known(whom)}
    return None, {"customer": customers.ensured(whom, asked, email=email, name=name)}


def set_billing_contact(
    desk: Desk, whom: Whom, asked: Asked, *, email: str, name: str | None = None
) -> tuple[Performed, Shown]:
    """Say where invoices and receipts go. Raises Invalid("not_an_email")."""
    require_email(email)
    customer = customer_for(desk, whom, asked)
    given = {"email": email, **({"name": name} if name else {})}
    return desk.perform(SET_BILLING_CONTACT, whom, asked, given, customer=customer), {"customer": customer}


def set_up_payment_method(
    desk: Desk, whom: Whom, asked: Asked, *, usage: str = "off_session", types: tuple[str, ...] = ()
) -> tuple[Performed, Shown]:
    """Let a payment method be left: the client secret is for Stripe Elements, and shown to whoever asks alone."""
    customer = customer_for(desk, whom, asked)
    given = {"usage": usage, "types": tuple(types)}
    done = desk.perform(SET_UP_PAYMENT_METHOD, whom, asked, given, customer=customer)
    names = {"setup_intent": "id", "client_secret": "client_secret", "status": "status"}
    return done, {"customer": customer, **{ours: done.object.get(its) for ours, its in names.items()}}


def attach_payment_method(desk: Desk, whom: Whom, asked: Asked, *, payment_method: str) -> tuple[Performed, Shown]:
    """Keep a payment method. Stripe refuses one that is another customer's."""
    customer = customer_for(desk, whom, asked)
    done = desk.perform(ATTACH_PAYMENT_METHOD, whom, asked, {"payment_method": payment_method}, customer=customer)
    return done, {"customer": customer, **_method(payment_method, done.object)}


def detach_payment_method(desk: Desk, whom: Whom, asked: Asked, *, payment_method: str) -> tuple[Performed, Shown]:
    """Forget a payment method of the organization's. Raises NotFound for one that is not."""
    customer = _owner(desk, whom, asked, payment_method)
    done = desk.perform(DETACH_PAYMENT_METHOD, whom, asked, {"payment_method": payment_method}, customer=customer)
    return done, {"customer": customer, **_method(payment_method, done.object)}


def set_default_payment_method(desk: Desk, whom: Whom, asked: Asked, *, payment_method: str) -> tuple[Performed, Shown]:
    """Charge this payment method from now on. Raises NotFound for one that is not the organization's."""
    customer = _owner(desk, whom, asked, payment_method)
    done = desk.perform(SET_DEFAULT_PAYMENT_METHOD, whom, asked, {"payment_method": payment_method}, customer=customer)
    return done, {"customer": customer, "default_payment_method": payment_method}


def _owner(desk: Desk, whom: Whom, asked: Asked, method: str) -> str:
    """The customer whose payment method it is, as Stripe says now: one of the organization's. Raises NotFound."""
    theirs = desk.customers(whom.mode).every(whom)
    if desk.was_asked(whom.mode, asked):  # it was theirs then; and a detached one is nobody's any more
        return min(theirs, default=NOT_MADE_YET)
    if not method.isascii() or not method.replace("_", "").isalnum():
        raise Invalid(f"{method!r} is no payment method; its id begins with pm_", code="not_a_payment_method")
    try:
        reply = desk.calls(whom.mode).maker.fetch(f"/v1/payment_methods/{method}", whom.account, urgency="live")
    except NoAnswer as silence:
        raise StripeUnavailable("Stripe did not answer; ask again with the same idempotency key") from silence
    if reply.status == 404:
        raise NotFound()
    found = verdict(reply)
    if not isinstance(found, Succeeded):
        raise StripeUnavailable("Stripe did not tell whose payment method it is; ask again")
    customer = found.object.get("customer")
    if customer not in theirs:
        raise NotFound()
    return str(customer)


def _method(id: str, shown: Mapping[str, Any]) -> Shown:
    kind = shown.get("type")
    told = shown.get(kind) if isinstance(kind, str) else None
    told = told if isinstance(told, dict) else {}
    return {"payment_method": id, "type": kind, **{name: told.get(name) for name in _OF_METHOD}}


#: What the command line and the API can ask for: name -> how it is done.
Does = Callable[..., tuple[Performed | None, Shown]]
ACTS: dict[str, Does] = {
    "ensure_customer": ensure_customer,
    "set_billing_contact": set_billing_contact,
    "set_up_payment_method": set_up_payment_method,
    "attach_payment_method": attach_payment_method,
    "detach_payment_method": detach_payment_method,
    "set_default_payment_method": set_default_payment_method,
}


def billing(
    database: Database,
    settings: Settings,
    *,
    act: str,
    mode: Mode,
    org: str,
    asked: Asked,
    account: str = PLATFORM,
    **given: Any,
) -> tuple[Done | None, Shown]:
    """Carry out a billing act from the command line. Raises as it does."""
    with opened(database, settings) as desk:
        performed, shown = ACTS[act](desk, Whom(mode, account, org), asked, **given)
    return performed.done if performed is not None else None, shown


__all__ = ["ACTS", "Answered", "Done", "billing", "customer_for"]
