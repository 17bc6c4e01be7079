"""How a customer comes to pay with something new: setup intents, methods attached and detached, cards renewed.

Knows the order of what Stripe says; refuses to know what is paid.
"""

from collections.abc import Generator
from typing import Any

from replay.simulator.changes import previous_attributes
from replay.simulator.customers import Customer
from replay.simulator.methods import CARD, Method, debit_in, rendered_mandate, rendered_method, some_method
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

_DECLINED: Object = {
    "code": "setup_intent_authentication_failure",
    "message": "The latest attempt to set up the payment method has failed because authentication failed.",
    "type": "invalid_request_error",
}


def new_method(customer: Customer, *, first: bool = False) -> Generator[int, Any, None]:
    """A card or bank account is saved, and pays from now on; some attempts to save one fail. The first does not."""
    timeline, account = customer.timeline, customer.shop.account
    kind, debit = CARD, debit_in(customer.pays_in)
    if debit is not None and timeline.chance(timeline.scenario.bank_debits):
        kind = debit
    method = some_method(customer, kind)
    if method.slow or timeline.chance(0.3):
        saved = yield from _set_up(customer, method, fails=not first and timeline.chance(0.12))
        if not saved or customer.gone:
            return
    timeline.emit(account, "payment_method.attached", rendered_method(customer, method))
    if method.mandate is not None:
        _tell_mandate(customer, method, "pending", "active")
    old = customer.method
    customer.update(method=method)
    if old is not None and timeline.chance(0.4):
        detached = rendered_method(customer, old, attached=False)
        timeline.emit(account, "payment_method.detached", detached, {"customer": customer.id})
        if old.mandate is not None:
            _tell_mandate(customer, old, "active", "inactive")


def renew_card(customer: Customer) -> None:
    """The card has a new number and lives longer: its network says so, or the customer does."""
    timeline, account, old = customer.timeline, customer.shop.account, customer.method
    if old is None or old.kind != CARD:
        return
    shape = timeline.shape(account)
    new = old._replace(last4=f"{timeline.random.randrange(10_000):04d}", exp_year=old.exp_year + 3)
    before, after = rendered_method(customer, old), rendered_method(customer, new)
    customer.method = new
    how = "automatically_updated" if shape.phase_items else "card_automatically_updated"
    if timeline.chance(0.3):
        how = "updated"
    timeline.emit(account, f"payment_method.{how}", after, previous_attributes(before, after))


def _tell_mandate(customer: Customer, method: Method, was: str, status: str) -> None:
    rendered = rendered_mandate(customer, method, status)
    customer.timeline.emit(customer.shop.account, "mandate.updated", rendered, {"status": was})


def _set_up(customer: Customer, method: Method, *, fails: bool) -> Generator[int, Any, bool]:
    """Through a setup intent, with a visit to the bank or without. False when nothing came of it."""
    timeline, account = customer.timeline, customer.shop.account
    created_s = timeline.now_s
    id = timeline.ids.long("seti", created_s, account.token)

    def tell(type: str, status: str, **told: Any) -> None:
        rendered = _rendered(customer, method, timeline.shape(account), id, status, created_s)
        timeline.emit(account, f"setup_intent.{type}", rendered | told)

    tell("created", "requires_payment_method", payment_method=None, mandate=None)
    if fails or timeline.chance(0.2):
        yield timeline.now_s + timeline.random.randint(1, 5)
        tell(
            "requires_action",
            "requires_action",
            mandate=None,
            next_action={"type": "use_stripe_sdk", "use_stripe_sdk": {}},
        )
    if fails:
        yield timeline.now_s + timeline.random.randint(20, 200)
        tell("setup_failed", "requires_payment_method", payment_method=None, mandate=None, last_setup_error=_DECLINED)
        if timeline.chance(0.5):
            yield timeline.now_s + timeline.random.randint(20, 200)
            told = {"payment_method": None, "mandate": None, "cancellation_reason": "abandoned"}
            tell("canceled", "canceled", last_setup_error=_DECLINED, **told)
        return False
    yield timeline.now_s + timeline.random.randint(1, 90)
    tell("succeeded", "succeeded")
    return True


def _rendered(customer: Customer, method: Method, shape: Shape, id: str, status: str, created_s: int) -> Object:
    rendered: Object = {
        "id": id,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{id}_secret_{id[-12:]}",
        "created": created_s,
        "customer": customer.id,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": customer.timeline.livemode,
        "mandate": method.mandate,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": method.id,
        "payment_method_configuration_details": None,
        "payment_method_options": None,
        "payment_method_types": [method.kind],
        "single_use_mandate": None,
        "status": status,
        "usage": "off_session",
    }
    if shape.endive:
        rendered["allowed_payment_method_types"] = None
    return rendered
