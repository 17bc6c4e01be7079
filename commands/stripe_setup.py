"""What the plan catalogue needs in a Stripe account, and what of it is missing there. Pure.

Nothing that is there is changed or taken away: a price's terms never change in Stripe, so one that differs is said.
Source: https://docs.stripe.com/products-prices/manage-prices#lookup-keys.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.plan_definition import PlanDefinition, Price, Rate
from commands.stripe_calls import CALLS, Call, RequestCall, evolve
from ledger.ids import Mode, call_stream

#: On a product: the plan whose it is. On a portal configuration: that we made it.
PLAN_KEY, PORTAL_KEY = "recount_plan", "recount_portal"
#: Stands in parameters for the id of what another step makes: `@meter:tokens`.
_LATER = "@"
#: What customers may do on Stripe's portal, to begin with: https://docs.stripe.com/customer-management
_PORTAL: dict[str, Any] = {
    "features": {
        "invoice_history": {"enabled": True},
        "payment_method_update": {"enabled": True},
        "customer_update": {"enabled": True, "allowed_updates": ["email", "address", "tax_id"]},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
    },
    "metadata": {PORTAL_KEY: "default"},
}


class There(msgspec.Struct, frozen=True, kw_only=True):
    """What the account has."""

    products: tuple[dict[str, Any], ...] = ()
    prices: tuple[dict[str, Any], ...] = ()
    features: tuple[dict[str, Any], ...] = ()
    attached: frozenset[tuple[str, str]] = frozenset()
    """(product, feature's lookup key)."""
    meters: tuple[dict[str, Any], ...] = ()
    portals: tuple[dict[str, Any], ...] = ()
    endpoints: tuple[dict[str, Any], ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is missing, and the call that makes it."""

    kind: str
    name: str
    operation: str
    path: tuple[str, ...] = ()
    params: dict[str, Any] = {}

    @property
    def key(self) -> str:
        """By which other steps refer to what it makes."""
        return f"{_LATER}{self.kind}:{self.name}"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What only a person can mend."""

    about: str
    said: str


class MakeInStripe(msgspec.Struct, frozen=True, kw_only=True):
    """Make what is missing in a Stripe account."""

    call_id: str
    mode: Mode
    account: str
    kind: str
    name: str
    operation: str
    path: tuple[str, ...]
    params: dict[str, Any]


def missing(
    plans: Sequence[PlanDefinition], there: There, webhooks: Iterable[tuple[str, bool]] = (), api_version: str = ""
) -> tuple[list[Step], list[Note]]:
    """What is to be made, each after what it needs, and what only a person can mend.

    `webhooks`: addresses that Stripe is to deliver to, and whether those are for connected accounts.
    """
    steps: list[Step] = []
    notes: list[Note] = []
    by_lookup = {p["lookup_key"]: p for p in there.prices if p.get("lookup_key") and p.get("active")}
    meters = {m["event_name"]: str(m["id"]) for m in there.meters if m.get("status") != "inactive"}
    features = {f["lookup_key"]: str(f["id"]) for f in there.features}
    for name in sorted({p.meter for plan in plans for p in plan.prices if p.meter} - meters.keys()):
        steps.append(_meter(name))
    for key in sorted({f for plan in plans for f in plan.features} - features.keys()):
        steps.append(
            Step(kind="feature", name=key, operation="features.create", params={"lookup_key": key, "name": key})
        )
    for plan in plans:
        product = _product_of(plan, there, by_lookup)
        if product is None and (plan.features or any(p.lookup_key not in by_lookup for p in plan.prices)):
            product = product_id(plan)
            params = {"id": product, "name": plan.name, "metadata": {PLAN_KEY: plan.key}}
            steps.append(Step(kind="product", name=plan.key, operation="products.create", params=params))
        if product is not None:
            steps += _of_plan(plan, product, there, features)
            _prices(plan, product, by_lookup, meters, steps, notes)
        notes += _by_id(plan, there)
    if not any((p.get("metadata") or {}).get(PORTAL_KEY) or p.get("is_default") for p in there.portals):
        steps.append(Step(kind="portal", name="default", operation="portal_configurations.create", params=_PORTAL))
    steps += _webhooks(webhooks, there, api_version)
    return steps, notes


def product_id(plan: PlanDefinition) -> str:
    """The id of the product that is made for a plan: the same whoever makes it, and however often."""
    sound = "".join(c if c.isascii() and c.isalnum() else "_" for c in plan.key)
    return f"recount_{sound}"


def _meter(name: str) -> Step:
    params = {
        "display_name": name,
        "event_name": name,
        "default_aggregation": {"formula": "sum"},
        "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
        "value_settings": {"event_payload_key": "value"},
    }
    return Step(kind="meter", name=name, operation="meters.create", params=params)


def _product_of(plan: PlanDefinition, there: There, by_lookup: Mapping[str, dict[str, Any]]) -> str | None:
    """The product that the plan has already: by its own mark, else that of a price of it."""
    for product in there.products:
        if product["id"] == product_id(plan) or (product.get("metadata") or {}).get(PLAN_KEY) == plan.key:
            return str(product["id"])
    found = next((by_lookup[key] for key in plan.names if key in by_lookup), None)
    return str(found["product"]) if found is not None else None


def _of_plan(plan: PlanDefinition, product: str, there: There, features: Mapping[str, str]) -> list[Step]:
    steps = []
    for key in plan.features:
        if (product, key) not in there.attached:
            feature = features.get(key, f"{_LATER}feature:{key}")
            steps.append(
                Step(
                    kind="product_feature",
                    name=f"{plan.key}/{key}",
                    operation="product_features.create",
                    path=(product,),
                    params={"entitlement_feature": feature},
                )
            )
    return steps


def _prices(
    plan: PlanDefinition,
    product: str,
    by_lookup: Mapping[str, dict[str, Any]],
    meters: Mapping[str, str],
    steps: list[Step],
    notes: list[Note],
) -> None:
    for price in plan.prices:
        if price.lookup_key is None:
            continue
        known = by_lookup.get(price.lookup_key)
        if known is not None:
            notes += _differs(price, known)
            continue
        amount = _amount(plan, price)
        if amount is None:
            said = "the catalogue does not say what it costs: add amount_minor, or make the price in Stripe"
            notes.append(Note(about=price.lookup_key, said=said))
            continue
        params: dict[str, Any] = {
            "product": product,
            "currency": price.currency,
            "lookup_key": price.lookup_key,
            **amount,
            "metadata": {PLAN_KEY: plan.key},
        }
        if price.interval != "once":
            recurring: dict[str, Any] = {"interval": price.interval, "interval_count": price.interval_count}
            if price.meter is not None:
                meter = meters.get(price.meter, f"{_LATER}meter:{price.meter}")
                recurring |= {"usage_type": "metered", "meter": meter}
            params["recurring"] = recurring
        steps.append(Step(kind="price", name=price.lookup_key, operation="prices.create", params=params))


def _amount(plan: PlanDefinition, price: Price) -> dict[str, Any] | None:
    if price.amount_minor is not None:
        return {"unit_amount": price.amount_minor}
    rate: Rate | None = None
    if price.meter is not None:
        rate = (plan.overage.get(price.meter) or plan.usage_rates.get(price.meter) or {}).get(price.currency)
    if rate is None:
        return None
    exact = Decimal(rate.amount_minor) / Decimal(rate.per)
    return {"unit_amount_decimal": format(exact.normalize(), "f")}


def _differs(price: Price, known: Mapping[str, Any]) -> list[Note]:
    recurring = known.get("recurring") or {}
    theirs = {
        "currency": known.get("currency"),
        "interval": recurring.get("interval", "once"),
        "amount_minor": known.get("unit_amount"),
    }
    ours = {"currency": price.currency, "interval": price.interval, "amount_minor": price.amount_minor}
    if price.amount_minor is None:
        del ours["amount_minor"]
    wrong = [f"{name} is {theirs[name]} in Stripe, {value} in the catalogue" for name, value in ours.items()
             if theirs[name] != value]  # fmt: skip
    said = "; ".join(wrong) + ": a price's terms never change, so give the lookup key to a new price"
    return [Note(about=str(price.lookup_key), said=said)] if wrong else []


def _by_id(plan: PlanDefinition, there: There) -> list[Note]:
    ids = {p["id"] for p in there.prices}
    gone = [p.price for p in plan.prices if p.price is not None and p.price not in ids]
    return [Note(about=id, said=f"plan {plan.key} names this price, and Stripe has none such") for id in gone]


def _webhooks(webhooks: Iterable[tuple[str, bool]], there: There, api_version: str) -> list[Step]:
    known = {e.get("url") for e in there.endpoints if e.get("status") != "disabled"}
    steps = []
    for url, connect in webhooks:
        if url not in known:
            version = {"api_version": api_version} if api_version else {}
            params = {"url": url, "enabled_events": ["*"], "connect": connect, **version}
            steps.append(Step(kind="webhook", name=url, operation="webhook_endpoints.create", params=params))
    return steps


def resolved(params: Any, made: Mapping[str, str]) -> Any:
    """Parameters with what other steps made in the places that wait for it."""
    if isinstance(params, dict):
        return {name: resolved(value, made) for name, value in params.items()}
    if isinstance(params, str) and params.startswith(_LATER):
        return made[params]
    return params


def _request(command: MakeInStripe) -> RequestCall:
    return RequestCall(
        call_id=command.call_id,
        mode=command.mode,
        account=command.account,
        operation=command.operation,
        path=command.path,
        params=command.params,
        awaited=True,
    )


MAKE_IN_STRIPE: Act[MakeInStripe, Call] = Act(
    "make_in_stripe",
    MakeInStripe,
    Decider(Call(), evolve, lambda command, call: CALLS.decide(_request(command), call)),
    lambda command: call_stream(command.mode, command.call_id),
    lambda command: About(f"stripe_setup/{command.kind}/{command.name}", command.mode, command.account),
    20,
)
