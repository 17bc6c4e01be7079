"""What we ask of Stripe: every operation, where it is, and how to find out whether it happened when no answer came.

Pure, and a registry: nothing else of Recount's is ever asked of Stripe, reads aside. Refuses to know keys and the
network (`api.calls`), and what became of a call (`commands.stripe_calls`).

Sources: https://docs.stripe.com/api, https://docs.stripe.com/api/idempotent_requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from ledger.errors import Invalid

#: The version of Stripe's API that we speak unless told: the one that the SDK is made for.
API_VERSION = "2026-10-28.endive"
#: Under this key of an object's metadata stands the call that made it, or changed it last.
MARK = "recount_call"
#: How long after a call began it is repeated under its idempotency key. Stripe may forget a key after 24 hours:
#: https://docs.stripe.com/api/idempotent_requests
KEY_KEPT_S = 23 * 3600


class InList(NamedTuple):
    """What the call makes is listed: the object that carries the call's mark is it, and if none does, there is none."""

    path: str
    carried: tuple[str, ...] = ()
    """Parameters of the call that narrow the list."""
    beside: tuple[tuple[str, str], ...] = ()
    """What is asked for besides, e.g. objects of every status."""
    by_time: bool = True
    """Whether the list can be narrowed to when the call was made (`created`)."""


class InObject(NamedTuple):
    """The object that the call acts on says it: it carries the call's mark, or is as the call would have left it."""

    path: str
    is_now: tuple[tuple[str, tuple[Any, ...]], ...] = ()
    """Field -> what it holds after the call."""
    same: tuple[tuple[str, str], ...] = ()
    """Field -> the call's parameter that it equals after the call."""
    tells_absence: bool = False
    """Whether an object that says neither proves that the call never happened."""
    gone: bool = False
    """Whether the object is there no more after the call."""


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked of Stripe."""

    name: str
    method: Literal["POST", "DELETE"]
    path: str
    """With `{}` for each part that a call names."""
    object: str
    """Stripe's type of what comes back: by it, personal fields among the parameters are known."""
    look_up: InList | InObject | None
    """None: only a person can find out."""
    moves_money: bool = False
    """Whether doing it twice takes, gives or promises money twice."""
    marks: bool = True
    """Whether it takes metadata, which then carries the call's id."""
    retrieve: str | None = None
    """Where what came back is fetched anew, with `{}` for its id; None: it cannot be."""

    @property
    def places(self) -> int:
        """How many parts of its address a call names."""
        return self.path.count("{}")

    def address(self, path: tuple[str, ...]) -> str:
        """The address of a call, below Stripe's base address."""
        return self.path.format(*path)


def _made(name: str, path: str, object: str, *carried: str, money: bool = False, **how: Any) -> Operation:
    """An object that is made in a collection, which lists it."""
    beside, by_time = how.pop("beside", ()), how.pop("by_time", True)
    listed = InList(path, carried, beside, by_time)
    return Operation(name, "POST", path, object, listed, money, **{"retrieve": f"{path}/{{}}", **how})


def _changed(name: str, path: str, object: str, *, at: str = "", money: bool = False, **how: Any) -> Operation:
    """An object that is changed, and tells by its mark which call did it last."""
    found = InObject(path, how.pop("is_now", ()), how.pop("same", ()), how.pop("tells_absence", False))
    method = how.pop("method", "POST")
    return Operation(name, method, path + at, object, found, money, **{"retrieve": path, **how})


def _deleted(name: str, path: str, object: str) -> Operation:
    """An object that is gone afterwards."""
    found = InObject(path, is_now=(("deleted", (True,)),), tells_absence=True, gone=True)
    return Operation(name, "DELETE", path, object, found, marks=False, retrieve=path)


_CUSTOMER, _SETUP, _METHOD = "/v1/customers", "/v1/setup_intents", "/v1/payment_methods"
_SESSION, _PORTAL, _LINK = "/v1/checkout/sessions", "/v1/billing_portal/sessions", "/v1/payment_links"
_INTENT, _REFUND = "/v1/payment_intents", "/v1/refunds"
_INVOICE, _ITEM, _NOTE = "/v1/invoices", "/v1/invoiceitems", "/v1/credit_notes"
_SUBSCRIPTION, _SCHEDULE = "/v1/subscriptions", "/v1/subscription_schedules"
_PORTAL_SET, _WEBHOOK = "/v1/billing_portal/configurations", "/v1/webhook_endpoints"

#: The registry: one line an operation.
_OPERATIONS: tuple[Operation, ...] = (
    _made("customers.create", _CUSTOMER, "customer"),
    _changed("customers.update", f"{_CUSTOMER}/{{}}", "customer"),
    _made("setup_intents.create", _SETUP, "setup_intent", "customer"),
    _changed(
        "setup_intents.cancel", f"{_SETUP}/{{}}", "setup_intent", at="/cancel", marks=False,
        is_now=(("status", ("canceled",)),), tells_absence=True,
    ),
    _changed(
        "payment_methods.attach", f"{_METHOD}/{{}}", "payment_method", at="/attach", marks=False,
        same=(("customer", "customer"),), tells_absence=True,
    ),
    _changed(
        "payment_methods.detach", f"{_METHOD}/{{}}", "payment_method", at="/detach", marks=False,
        is_now=(("customer", (None,)),), tells_absence=True,
    ),
    _made("checkout_sessions.create", _SESSION, "checkout.session", "customer"),
    _changed(
        "checkout_sessions.expire", f"{_SESSION}/{{}}", "checkout.session", at="/expire", marks=False,
        is_now=(("status", ("expired",)),), tells_absence=True,
    ),
    Operation("portal_sessions.create", "POST", _PORTAL, "billing_portal.session", None, marks=False),
    _made("payment_links.create", _LINK, "payment_link", by_time=False),
    _changed("payment_links.update", f"{_LINK}/{{}}", "payment_link"),
    _made("payment_intents.create", _INTENT, "payment_intent", "customer", money=True),
    _changed(
        "payment_intents.capture", f"{_INTENT}/{{}}", "payment_intent", at="/capture", money=True,
        is_now=(("status", ("succeeded",)),),
    ),
    _changed(
        "payment_intents.cancel", f"{_INTENT}/{{}}", "payment_intent", at="/cancel", marks=False,
        is_now=(("status", ("canceled",)),), tells_absence=True,
    ),
    _made("refunds.create", _REFUND, "refund", "charge", "payment_intent", money=True),
    _made("invoices.create", _INVOICE, "invoice", "customer"),
    _made("invoiceitems.create", _ITEM, "invoiceitem", "customer", "invoice", money=True),
    _deleted("invoiceitems.delete", f"{_ITEM}/{{}}", "invoiceitem"),
    _changed(
        "invoices.finalize", f"{_INVOICE}/{{}}", "invoice", at="/finalize", marks=False, money=True,
        is_now=(("status", ("open", "paid", "uncollectible", "void")),), tells_absence=True,
    ),
    Operation(
        "invoices.send", "POST", f"{_INVOICE}/{{}}/send", "invoice", None, marks=False, retrieve=f"{_INVOICE}/{{}}"
    ),
    _changed(
        "invoices.pay", f"{_INVOICE}/{{}}", "invoice", at="/pay", marks=False, money=True,
        is_now=(("status", ("paid",)),),
    ),
    _changed(
        "invoices.void", f"{_INVOICE}/{{}}", "invoice", at="/void", marks=False,
        is_now=(("status", ("void",)),), tells_absence=True,
    ),
    _changed(
        "invoices.mark_uncollectible", f"{_INVOICE}/{{}}", "invoice", at="/mark_uncollectible", marks=False,
        is_now=(("status", ("uncollectible",)),), tells_absence=True,
    ),
    _deleted("invoices.delete", f"{_INVOICE}/{{}}", "invoice"),
    _made("credit_notes.create", _NOTE, "credit_note", "invoice", money=True),
    _made("subscriptions.create", _SUBSCRIPTION, "subscription", "customer", money=True, beside=(("status", "all"),)),
    _changed("subscriptions.update", f"{_SUBSCRIPTION}/{{}}", "subscription", money=True),
    _changed(
        "subscriptions.cancel", f"{_SUBSCRIPTION}/{{}}", "subscription", method="DELETE", marks=False, money=True,
        is_now=(("status", ("canceled",)),), tells_absence=True,
    ),
    _changed(
        "subscriptions.resume", f"{_SUBSCRIPTION}/{{}}", "subscription", at="/resume", marks=False, money=True,
        is_now=(("status", ("active", "past_due", "unpaid")),), tells_absence=True,
    ),
    _made("subscription_schedules.create", _SCHEDULE, "subscription_schedule", "customer", money=True),
    _changed("subscription_schedules.update", f"{_SCHEDULE}/{{}}", "subscription_schedule", money=True),
    _changed(
        "subscription_schedules.release", f"{_SCHEDULE}/{{}}", "subscription_schedule", at="/release", marks=False,
        is_now=(("status", ("released",)),), tells_absence=True,
    ),
    _made("products.create", "/v1/products", "product"),
    _made("prices.create", "/v1/prices", "price", "product"),
    _changed("prices.update", "/v1/prices/{}", "price"),
    _made("features.create", "/v1/entitlements/features", "entitlements.feature", by_time=False),
    Operation("product_features.create", "POST", "/v1/products/{}/features", "product_feature", None, marks=False),
    Operation(
        "meters.create", "POST", "/v1/billing/meters", "billing.meter", None, marks=False,
        retrieve="/v1/billing/meters/{}",
    ),
    _made("portal_configurations.create", _PORTAL_SET, "billing_portal.configuration", by_time=False),
    _made("webhook_endpoints.create", _WEBHOOK, "webhook_endpoint", by_time=False),
    _changed("webhook_endpoints.update", f"{_WEBHOOK}/{{}}", "webhook_endpoint"),
)  # fmt: skip
OPERATIONS: dict[str, Operation] = {o.name: o for o in _OPERATIONS}


def operation(name: str) -> Operation:
    """The operation of this name. Raises Invalid("unknown_operation")."""
    found = OPERATIONS.get(name)
    if found is None:
        raise Invalid(f"{name!r} is nothing that we ask of Stripe", code="unknown_operation")
    return found


def marked(asked: Operation, call_id: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as they are sent: with the call's mark, where the object takes metadata."""
    if not asked.marks:
        return dict(params)
    return {**params, "metadata": {**(params.get("metadata") or {}), MARK: call_id}}
