"""Checkouts, portal visits and payment links: the acts, and what they come to in our words.

A page's address is for whoever asked, and kept nowhere. That somebody came back from it proves nothing: `look_at` asks
Stripe what became of a session, and keeps what it says.
"""

from collections.abc import Mapping
from typing import Any

from api.calls.billing import Shown, customer_for
from api.calls.client import NoAnswer, Reply, StripeUnavailable
from api.calls.customers import Whom
from api.calls.desk import Desk, Performed
from api.calls.plan_prices import Priced, Sold, current, priced
from api.calls.verdict import Succeeded, answered_s, verdict
from api.launch_gate import require_open
from api.observing import Observer
from commands.acts import Asked
from commands.billing_pages import CLOSE_PAYMENT_LINK, CREATE_PAYMENT_LINK, OPEN_PORTAL
from commands.checkout import CREATE_CHECKOUT, CREATE_SETUP_CHECKOUT, EXPIRE_CHECKOUT, REQUEST_PAYMENT
from ledger.errors import Invalid, NotFound
from ledger.ids import Mode
from ledger.observing import Look, open_sighting

#: What a session brought about, by which access and books go: the field that names it, and where it is.
_BROUGHT_ABOUT = {
    "subscription": "/v1/subscriptions/{}",
    "payment_intent": "/v1/payment_intents/{}",
    "invoice": "/v1/invoices/{}",
}
_OF_SESSION = ("url", "status", "payment_status", "expires_at")


def create_checkout(
    desk: Desk,
    whom: Whom,
    asked: Asked,
    *,
    plan: str,
    interval: Any = None,
    currency: str | None = None,
    trial: bool = True,
    **given: Any,
) -> tuple[Performed, Shown]:
    """Sell an organization a plan on Stripe's page, in the account whose prices the plan has.

    Raises NotFound, Refused (`not_on_sale`, `checkout_closed`, `not_sold_so`, `price_missing`), Invalid, and what
    asking Stripe raises.
    """
    sold = current(desk.conninfo, whom.mode, plan)
    whom = whom._replace(account=sold.plan.account)
    chosen = {"plan": plan, "interval": interval, "currency": currency, "trial": trial, **given}
    _must_be_open(desk, whom.mode, asked)
    maker = desk.calls(whom.mode).maker
    bought = priced(desk.conninfo, maker, sold, interval=interval, currency=currency, trial=trial)
    found = {"customer": customer_for(desk, whom, asked), **_found(sold, bought)}
    done = desk.perform(CREATE_CHECKOUT, whom, asked, given, chosen=chosen, plan=plan, **found)
    return done, {"plan": f"{plan}@{sold.version}", **_session(done.object)}


def _must_be_open(desk: Desk, mode: Mode, asked: Asked) -> None:
    """The one place where a sale begins: what was begun before under this key is answered again, closed or not."""
    journal = desk.calls(mode).journal
    if not desk.was_asked(mode, asked):
        require_open(desk.conninfo, journal, mode, asked.now_s)


def _found(sold: Sold, bought: Priced) -> dict[str, Any]:
    return {
        "version": sold.version,
        "purpose": bought.offer.purpose,
        "lines": bought.lines,
        "trial_days": bought.offer.trial_days,
        "without_payment_method": bought.offer.without_payment_method,
        "terms": sold.plan.terms.terms_of_service is not None,
    }


def create_setup_checkout(desk: Desk, whom: Whom, asked: Asked, **given: Any) -> tuple[Performed, Shown]:
    """Let an organization leave a payment method on Stripe's page."""
    done = desk.perform(CREATE_SETUP_CHECKOUT, whom, asked, given, customer=customer_for(desk, whom, asked))
    return done, _session(done.object)


def request_payment(desk: Desk, whom: Whom, asked: Asked, **given: Any) -> tuple[Performed, Shown]:
    """Ask an organization for one payment on Stripe's page."""
    done = desk.perform(REQUEST_PAYMENT, whom, asked, given, customer=customer_for(desk, whom, asked))
    return done, _session(done.object)


def expire_checkout(desk: Desk, whom: Whom, asked: Asked, *, session: str) -> tuple[Performed, Shown]:
    """Close a session of the organization's. Raises NotFound for one that is not."""
    customer = _owner(desk, whom, session)
    done = desk.perform(EXPIRE_CHECKOUT, whom, asked, {"session": session}, customer=customer)
    return done, {**_session(done.object), "session": session}


def open_portal(desk: Desk, whom: Whom, asked: Asked, **given: Any) -> tuple[Performed, Shown]:
    """Let an organization look after its billing: an address that is good for minutes."""
    done = desk.perform(OPEN_PORTAL, whom, asked, given, customer=customer_for(desk, whom, asked))
    return done, {"url": done.object.get("url")}


def create_payment_link(
    desk: Desk,
    mode: Mode,
    asked: Asked,
    *,
    plan: str,
    interval: Any = None,
    currency: str | None = None,
    **given: Any,
) -> tuple[Performed, Shown]:
    """Make an address at which anybody buys a plan."""
    sold = current(desk.conninfo, mode, plan)
    whom = Whom(mode, sold.plan.account, "")
    _must_be_open(desk, mode, asked)
    bought = priced(desk.conninfo, desk.calls(mode).maker, sold, interval=interval, currency=currency)
    found = {n: v for n, v in _found(sold, bought).items() if n not in ("without_payment_method", "terms")}
    chosen = {"plan": plan, "interval": interval, "currency": currency, **given}
    done = desk.perform(CREATE_PAYMENT_LINK, whom, asked, given, chosen=chosen, plan=plan, **found)
    return done, {"payment_link": done.object.get("id"), "url": done.object.get("url")}


def close_payment_link(desk: Desk, mode: Mode, asked: Asked, *, link: str, account: str) -> tuple[Performed, Shown]:
    """Sell nothing more at a payment link."""
    done = desk.perform(CLOSE_PAYMENT_LINK, Whom(mode, account, ""), asked, {"link": link})
    return done, {"payment_link": link, "url": done.object.get("url")}


def look_at(desk: Desk, whom: Whom, session: str) -> Shown:
    """What became of a session of the organization's, and of what it brought about, as Stripe says now; it is kept.

    Raises NotFound, StripeUnavailable, StoreUnavailable.
    """
    reply, shown = _fetched(desk, whom, f"/v1/checkout/sessions/{_id(session)}")
    if shown.get("customer") not in desk.customers(whom.mode).every(whom):
        raise NotFound()
    told = {**_session(shown), "subscription": shown.get("subscription"), "customer": shown.get("customer")}
    seen = [(reply, shown)]
    for field, where in _BROUGHT_ABOUT.items():
        id = shown.get(field)
        if isinstance(id, str):
            seen.append(_fetched(desk, whom, where.format(id)))
    calls = desk.calls(whom.mode)
    sightings = []
    for answer, its in seen:
        at_s = answered_s(answer.headers)
        if at_s is not None:
            look = Look(whom.mode, whom.account, at_s, calls.stripe.api_version, "fetch")
            sightings.append(open_sighting(its, look))
    Observer(calls.journal, calls.keys).keep(sightings)
    return told


def receipt(desk: Desk, whom: Whom, charge: str) -> Shown:
    """Where the payer reads the receipt of a charge. Whoever has the address reads it: it is fetched, and kept nowhere.

    Raises NotFound for a charge that is not the organization's, StripeUnavailable.
    """
    _, shown = _fetched(desk, whom, f"/v1/charges/{_id(charge)}")
    if shown.get("customer") not in desk.customers(whom.mode).every(whom):
        raise NotFound()
    return {"charge": charge, "receipt_url": shown.get("receipt_url"), "receipt_number": shown.get("receipt_number")}


def _owner(desk: Desk, whom: Whom, session: str) -> str:
    _, shown = _fetched(desk, whom, f"/v1/checkout/sessions/{_id(session)}")
    customer = shown.get("customer")
    if customer not in desk.customers(whom.mode).every(whom):
        raise NotFound()
    return str(customer)


def _fetched(desk: Desk, whom: Whom, path: str) -> tuple[Reply, dict[str, Any]]:
    try:
        reply = desk.calls(whom.mode).maker.fetch(path, whom.account, urgency="live")
    except NoAnswer as silence:
        raise StripeUnavailable("Stripe did not answer; ask again") from silence
    if reply.status == 404:
        raise NotFound()
    found = verdict(reply)
    if not isinstance(found, Succeeded):
        raise StripeUnavailable("Stripe did not tell; ask again")
    return reply, found.object


def _id(given: str) -> str:
    if not (0 < len(given) <= 255 and given.isascii() and given.replace("_", "").isalnum()):
        raise Invalid("this is no id of an object of Stripe's", code="not_an_object")
    return given


def _session(shown: Mapping[str, Any]) -> Shown:
    return {"session": shown.get("id"), **{name: shown.get(name) for name in _OF_SESSION}}
