"""A year of one organization on the sandbox's clock, by the SDK: the same story in any API version.

Sign-up with a trial, upgrade, a card that fails and recovers, a refund, a dispute, a bank debit that fails late,
cancellation. Knows what is asked of Stripe; refuses to know what Recount makes of it.
"""

import calendar
from collections.abc import Callable
from typing import Any

import stripe

DAY = 86_400
ORG = "org_year"
#: The clock's seconds are the same whoever tells the story, and when.
START_S = calendar.timegm((2025, 11, 1, 12, 0, 0))


class Year:
    """The story, told step by step."""

    def __init__(self, url: str, version: str) -> None:
        self._client = stripe.StripeClient(
            "sk_test_theyear", base_addresses={"api": url}, stripe_version=version, max_network_retries=0
        )
        self.v1 = self._client.v1
        self.clock = ""
        self.customer = ""
        self.subscription = ""

    def tell(self, after: Callable[[str], None] = lambda step: None) -> None:
        """All of it; `after` each step its name is said."""
        steps = (self.open_shop, self.sign_up, self.upgrade, self.fail, self.recover, self.refund, self.dispute,
                 self.debit_that_fails_late, self.cancel)  # fmt: skip
        for step in steps:
            step()
            after(step.__name__)

    def open_shop(self) -> None:
        """Two plans with features, and the tax."""
        self.rate = self.v1.tax_rates.create({"display_name": "VAT", "percentage": 19, "inclusive": False}).id
        self.prices = {}
        for name, amount, features in (("basic", 2_000, ("agents",)), ("pro", 5_000, ("agents", "sso"))):
            product = self.v1.products.create({"name": name.title(), "metadata": {"features": ",".join(features)}})
            self.prices[name] = self.v1.prices.create(
                {
                    "product": product.id,
                    "currency": "usd",
                    "unit_amount": amount,
                    "recurring": {"interval": "month"},
                    "lookup_key": f"{name}_monthly",
                }
            ).id

    def sign_up(self) -> None:
        """A trial of two weeks, then the first payment."""
        self.clock = self.v1.test_helpers.test_clocks.create({"frozen_time": START_S}).id
        self.customer = self.v1.customers.create(
            {
                "test_clock": self.clock,
                "email": "ann@year.example",
                "metadata": {"org_id": ORG},
                "payment_method": "pm_card_visa",
                "invoice_settings": {"default_payment_method": "pm_card_visa"},
            }
        ).id
        self.subscription = self.v1.subscriptions.create(
            {
                "customer": self.customer,
                "items": [{"price": self.prices["basic"]}],
                "trial_period_days": 14,
                "default_tax_rates": [self.rate],
                "metadata": {"org_id": ORG},
            }
        ).id
        self.to(40)

    def upgrade(self) -> None:
        """To the dearer plan, in the middle of a period, billed at once."""
        item = self.held()["items"]["data"][0]["id"]
        self.v1.subscriptions.update(
            self.subscription,
            {"items": [{"id": item, "price": self.prices["pro"]}], "proration_behavior": "always_invoice"},
        )
        self.to(60)

    def fail(self) -> None:
        """A card that is declined at the next renewal."""
        self.use("pm_card_chargeCustomerFail")
        self.to(85)
        assert self.held()["status"] == "past_due", self.held()["status"]

    def recover(self) -> None:
        """Another card pays."""
        self.use("pm_card_visa")
        for invoice in self.v1.invoices.list({"customer": self.customer, "status": "open"}).data:
            assert invoice.id is not None
            self.v1.invoices.pay(invoice.id)
        assert self.held()["status"] == "active"
        self.to(110)

    def refund(self) -> None:
        """Part of the latest payment goes back."""
        charge = next(c for c in self.v1.charges.list({"customer": self.customer}).data if c.paid)
        self.v1.refunds.create({"charge": charge.id, "amount": 1_234})
        self.to(120)

    def dispute(self) -> None:
        """A single purchase is disputed, and the dispute lost."""
        self.v1.payment_intents.create(
            {
                "amount": 3_300,
                "currency": "usd",
                "customer": self.customer,
                "payment_method": "pm_card_createDispute",
                "confirm": True,
                "return_url": "https://year.example",
            }
        )
        self.to(121)
        dispute = self.v1.disputes.list().data[0]
        self.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": "losing_evidence"}, "submit": True})
        self.to(150)

    def debit_that_fails_late(self) -> None:
        """A bank account pays a renewal, days pass, and the bank takes it back; a card pays in its place."""
        self.use("pm_usBankAccount_insufficientFunds")
        self.to(172)
        assert self.held()["status"] == "past_due", self.held()["status"]
        self.use("pm_card_visa")
        for invoice in self.v1.invoices.list({"customer": self.customer, "status": "open"}).data:
            assert invoice.id is not None
            self.v1.invoices.pay(invoice.id)
        self.to(250)

    def cancel(self) -> None:
        """At the end of the period; the year goes on without."""
        self.v1.subscriptions.update(self.subscription, {"cancel_at_period_end": True})
        self.to(365)
        assert self.held()["status"] == "canceled"

    def held(self) -> dict[str, Any]:
        """The subscription."""
        found: dict[str, Any] = self.v1.subscriptions.retrieve(self.subscription).to_dict()
        return found

    def use(self, method: str) -> None:
        """Pay by another method from now on."""
        attached = self.v1.payment_methods.attach(method, {"customer": self.customer})
        self.v1.customers.update(self.customer, {"invoice_settings": {"default_payment_method": attached.id}})
        self.v1.subscriptions.update(self.subscription, {"default_payment_method": attached.id})

    def to(self, day: int) -> None:
        """Bring the clock to a day of the year."""
        self.v1.test_helpers.test_clocks.advance(self.clock, {"frozen_time": START_S + day * DAY})
