"""The demo's sample: what many organizations do in half a year, lived through in the sandbox in a moment.

So that everything which Recount is told there exists in a Stripe that it can ask. Drawn by chance from a seed. Refuses
to know Recount.
"""

import time
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import stripe

from api.sandbox.events import shown
from api.sandbox.running import SECRET_KEY
from api.sandbox.sandbox import PLATFORM_ACCOUNT, Sandbox
from api.sandbox.state import Object

DAY = 86_400
_DAYS = 180
_VERSIONS = ("2025-02-24.acacia", "2025-10-29.clover", "2026-10-28.endive")
"""The endpoint's API version is raised twice on the way."""


class Plan(NamedTuple):
    """What is sold, and for how much a month, in minor units."""

    name: str
    month: int
    features: str
    agents: str


_PLANS = (
    Plan("Starter", 1_900, "agents", "1"),
    Plan("Team", 4_900, "agents,hosting", "5"),
    Plan("Scale", 19_900, "agents,hosting,sso", "unlimited"),
)
_GOOD, _FAILING, _DISPUTED = "pm_card_visa", "pm_card_chargeCustomerFail", "pm_card_createDispute"


class Story:
    """Tells it. `url`: the sandbox's."""

    def __init__(self, url: str, seed: int) -> None:
        self._asked = stripe.StripeClient(SECRET_KEY, base_addresses={"api": url}, max_network_retries=0).v1
        self._random = Random(seed)
        self._start_s = int(time.time()) // DAY * DAY - (_DAYS + 1) * DAY
        self._prices: dict[tuple[str, str], str] = {}

    def tell(self, organizations: int, progress: Callable[[int], None]) -> None:
        """All of it; progress is told after each organization."""
        rate = self._open_shop()
        for number in range(1, organizations + 1):
            self._live(number, rate)
            progress(number)

    def _open_shop(self) -> str:
        for plan in _PLANS:
            product = self._asked.products.create(
                {"name": plan.name, "metadata": {"features": plan.features, "limit_agents": plan.agents}}
            )
            for interval, amount in (("month", plan.month), ("year", plan.month * 10)):
                made = self._asked.prices.create(
                    {
                        "product": product.id,
                        "currency": "usd",
                        "unit_amount": amount,
                        "recurring": {"interval": interval},
                        "lookup_key": f"{plan.name.lower()}_{interval}",
                    }
                )
                self._prices[plan.name, interval] = made.id
        return self._asked.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False}).id

    def _live(self, number: int, rate: str) -> None:
        """One organization: it signs up on some day, and what then becomes of it."""
        chance, org = self._random.random, f"org_{number:06d}"
        day = self._random.randrange(0, 120)
        clock = self._asked.test_helpers.test_clocks.create({"frozen_time": self._start_s + day * DAY}).id
        customer = self._asked.customers.create(
            {
                "test_clock": clock,
                "name": f"Organization {number}",
                "email": f"billing@{org.replace('_', '-')}.example",
                "metadata": {"org_id": org},
                "payment_method": _GOOD,
                "invoice_settings": {"default_payment_method": _GOOD},
            }
        ).id
        said: dict[str, Any] = {
            "customer": customer,
            "items": [
                {"price": self._prices[self._random.choice(_PLANS).name, "month" if chance() < 0.85 else "year"]}
            ],
        }
        if chance() < 0.4:
            said["trial_period_days"] = 14
        if chance() < 0.3:
            said["default_tax_rates"] = [rate]
        subscription = self._asked.subscriptions.create(said).id  # type: ignore[arg-type]
        steps = (self._upgrade, self._dispute, self._refund, self._fail, self._recover, self._cancel)
        for step, likely in zip(steps, (0.4, 0.05, 0.15, 0.25, 0.7, 0.15), strict=True):
            day += self._random.randrange(15, 35)
            if day > _DAYS:
                break
            self._asked.test_helpers.test_clocks.advance(clock, {"frozen_time": self._start_s + day * DAY + number})
            if chance() < likely and self._stands(subscription):
                step(customer, subscription)
        end_s = self._start_s + (_DAYS + 1) * DAY
        self._asked.test_helpers.test_clocks.advance(clock, {"frozen_time": end_s})

    def _stands(self, subscription: str) -> bool:
        return self._asked.subscriptions.retrieve(subscription).status in ("active", "trialing", "past_due")

    def _upgrade(self, customer: str, subscription: str) -> None:
        item = self._asked.subscriptions.retrieve(subscription).to_dict()["items"]["data"][0]
        interval = item["price"]["recurring"]["interval"]
        price = self._prices["Scale", interval]
        self._asked.subscriptions.update(subscription, {"items": [{"id": item["id"], "price": price}]})

    def _fail(self, customer: str, subscription: str) -> None:
        """From now on its card is declined."""
        self._use(customer, _FAILING)

    def _recover(self, customer: str, subscription: str) -> None:
        """Another card pays what is open."""
        if self._asked.subscriptions.retrieve(subscription).status == "past_due":
            self._use(customer, _GOOD)
            for invoice in self._asked.invoices.list({"customer": customer, "status": "open"}).data:
                assert invoice.id is not None
                self._asked.invoices.pay(invoice.id)

    def _use(self, customer: str, method: str) -> None:
        attached = self._asked.payment_methods.attach(method, {"customer": customer})
        self._asked.customers.update(customer, {"invoice_settings": {"default_payment_method": attached.id}})

    def _dispute(self, customer: str, subscription: str) -> None:
        self._asked.payment_intents.create(
            {
                "amount": 2_500,
                "currency": "usd",
                "customer": customer,
                "payment_method": _DISPUTED,
                "confirm": True,
                "return_url": "https://shop.example",
            }
        )

    def _refund(self, customer: str, subscription: str) -> None:
        paid = [
            c
            for c in self._asked.charges.list({"customer": customer}).data
            if c.paid and not (c.refunded or c.disputed)
        ]
        if paid:
            self._asked.refunds.create({"charge": paid[0].id, "amount": paid[0].amount // 2})

    def _cancel(self, customer: str, subscription: str) -> None:
        self._asked.subscriptions.update(subscription, {"cancel_at_period_end": True})


def events(sandbox: Sandbox) -> list[Object]:
    """All that happened so far on the platform's account, in order of time, as its endpoint would have been told."""
    account = f"{PLATFORM_ACCOUNT}/test"
    with sandbox.lock:
        held = [sandbox.state.objects[account, "event", id] for id in sandbox.state.ids(account, "event")]
    held.sort(key=lambda event: (event["created"], event["_seq"]))
    span = max(len(held) // len(_VERSIONS), 1)
    return [shown(e, _VERSIONS[min(i // span, len(_VERSIONS) - 1)], pending=1) for i, e in enumerate(held)]
