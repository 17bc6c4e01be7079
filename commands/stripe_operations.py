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


_CUSTOMER, _SETUP, _METHOD = "/v1/customers", "/v1/setup_intents", "/v1/payment_methods"
_SESSION, _PORTAL, _LINK = "/v1/checkout/sessions", "/v1/billing_portal/sessions", "/v1/payment_links"
_INTENT, _REFUND = "/v1/payment_intents", "/v1/refunds"

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
