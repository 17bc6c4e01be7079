"""An organization as Stripe's customer: made once an account, its billing address, its payment methods.

Each act is a call to Stripe that somebody waits for. Refuses to know who the customer is (`api.billing.customers` finds
it), and what a payment method holds beyond Stripe's id of it.
"""

from typing import Any, ClassVar, Literal

import msgspec

from commands.base import Decider
from commands.identifiers import require_account, require_mode, require_org
from commands.stripe_call_acts import call_act
from commands.stripe_calls import RequestCall, call_id
from ledger.errors import Invalid
from ledger.events import Event
from ledger.ids import Mode, billing_customer_stream
from ledger.stripe_call_events import BillingCustomerRequested

#: The key of Stripe's metadata under which an organization's id stands on what we make for it.
ORG_KEY = "recount_org"
MAX_EMAIL = 512

# ---- the customer itself ----------------------------------------------------------------------


class RequestCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """Have the organization's customer made, unless somebody did."""

    mode: Mode
    account: str
    org: str
    failed: str | None = None
    """The call that was to make it and failed; None: there was none."""


class BillingCustomer(msgspec.Struct, frozen=True):
    """Which call makes, or made, the customer."""

    call_id: str | None = None
    calls: int = 0


def _evolve(customer: BillingCustomer, event: Event) -> BillingCustomer:
    assert isinstance(event, BillingCustomerRequested)
    return BillingCustomer(event.call_id, customer.calls + 1)


def _decide(command: RequestCustomer, customer: BillingCustomer) -> tuple[Event, ...]:
    require_mode(command.mode)
    require_account(command.account)
    require_org(command.org)
    if customer.call_id != command.failed:  # somebody else was first
        return ()
    stream = billing_customer_stream(command.mode, command.account, command.org)
    id = call_id(f"{stream}/{customer.calls + 1}")
    return (BillingCustomerRequested(mode=command.mode, account=command.account, org=command.org, call_id=id),)


BILLING_CUSTOMERS: Decider[RequestCustomer, BillingCustomer] = Decider(BillingCustomer(), _evolve, _decide)


def customer_request(requested: BillingCustomerRequested, email: str | None, name: str | None) -> RequestCall:
    """The call that makes the customer. Its e-mail address and name are to be sealed."""
    told = {"email": email, "name": name}
    return RequestCall(
        call_id=requested.call_id,
        mode=requested.mode,
        account=requested.account,
        operation="customers.create",
        params={**{k: v for k, v in told.items() if v}, "metadata": {ORG_KEY: requested.org}},
        org=requested.org,
        awaited=True,
    )


# ---- what is done with it ---------------------------------------------------------------------


class OfCustomer(msgspec.Struct, frozen=True, kw_only=True):
    """What every act with a customer says."""

    PERSONAL: ClassVar[tuple[str, ...]] = ()
    """Fields that are sealed before the act is decided."""

    call_id: str
    mode: Mode
    account: str
    org: str
    customer: str


class SetBillingContact(OfCustomer, frozen=True, kw_only=True):
    """Say where an organization's invoices and receipts go."""

    PERSONAL: ClassVar[tuple[str, ...]] = ("email", "name")

    email: str
    name: str | None = None


class SetUpPaymentMethod(OfCustomer, frozen=True, kw_only=True):
    """Let an organization leave a payment method: the client secret of a SetupIntent, for Stripe Elements.

    The bank may want its customer to authenticate; Elements sees to that.
    https://docs.stripe.com/payments/save-and-reuse
    """

    usage: Literal["off_session", "on_session"] = "off_session"
    """Whether it is charged while nobody is there, such as for a subscription."""
    types: tuple[str, ...] = ()
    """Only these kinds, e.g. `card`; none: what the account's settings offer."""


class AttachPaymentMethod(OfCustomer, frozen=True, kw_only=True):
    """Keep a payment method for an organization."""

    payment_method: str


class DetachPaymentMethod(OfCustomer, frozen=True, kw_only=True):
    """Forget a payment method, for ever: Stripe never attaches it again."""

    payment_method: str


class SetDefaultPaymentMethod(OfCustomer, frozen=True, kw_only=True):
    """Charge this payment method for an organization's invoices from now on."""

    payment_method: str


def _request(command: OfCustomer, operation: str, params: dict[str, Any], *path: str) -> RequestCall:
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


def _contact(command: SetBillingContact) -> RequestCall:
    told = {"email": command.email, **({"name": command.name} if command.name else {})}
    return _request(command, "customers.update", told, command.customer)


def _set_up(command: SetUpPaymentMethod) -> RequestCall:
    offered: dict[str, Any] = {"allowed_payment_method_types": list(command.types)} if command.types else {}
    params = {"customer": command.customer, "usage": command.usage, "metadata": {ORG_KEY: command.org}, **offered}
    return _request(command, "setup_intents.create", params)


def _attach(command: AttachPaymentMethod) -> RequestCall:
    method = _method(command.payment_method)
    return _request(command, "payment_methods.attach", {"customer": command.customer}, method)


def _detach(command: DetachPaymentMethod) -> RequestCall:
    return _request(command, "payment_methods.detach", {}, _method(command.payment_method))


def _set_default(command: SetDefaultPaymentMethod) -> RequestCall:
    params = {"invoice_settings": {"default_payment_method": _method(command.payment_method)}}
    return _request(command, "customers.update", params, command.customer)


def _method(id: str) -> str:
    if not id.startswith(("pm_", "card_", "src_", "ba_")):
        raise Invalid(f"{id!r} is no payment method; its id begins with pm_", code="not_a_payment_method")
    return id


def require_email(email: str) -> None:
    """Raises Invalid("not_an_email") for what no mail can be sent to."""
    name, at, host = email.rpartition("@")
    sound = at and name and "." in host and email.isprintable() and not any(c.isspace() for c in email)
    if not sound or len(email) > MAX_EMAIL:
        raise Invalid("this is no e-mail address", code="not_an_email")


SET_BILLING_CONTACT = call_act("set_billing_contact", SetBillingContact, _contact)
SET_UP_PAYMENT_METHOD = call_act("set_up_payment_method", SetUpPaymentMethod, _set_up)
ATTACH_PAYMENT_METHOD = call_act("attach_payment_method", AttachPaymentMethod, _attach)
DETACH_PAYMENT_METHOD = call_act("detach_payment_method", DetachPaymentMethod, _detach)
SET_DEFAULT_PAYMENT_METHOD = call_act("set_default_payment_method", SetDefaultPaymentMethod, _set_default)
