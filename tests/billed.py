"""A customer of the sandbox on a clock of their own, with a card, and what they are billed."""

from typing import Any

from sandboxes import ENDIVE, Asked

from api.sandbox.sandbox import Sandbox

DAY = 86_400
START_S = 1_763_000_000
"""13 November 2025."""
MONTH_S = 1_765_592_000
"""A month later."""


class Billed:
    """One seller, one customer, one clock."""

    def __init__(self, version: str = ENDIVE, card: str | None = "pm_card_visa", start_s: int = START_S) -> None:
        self.asked = Asked(Sandbox(wall=lambda: start_s), version)
        clock = self.asked.post("/v1/test_helpers/test_clocks", frozen_time=start_s)
        self.clock: str = clock["id"]
        self.start_s = start_s
        self.customer: str = self.asked.post(
            "/v1/customers", email="ann@shop.example", name="Ann", test_clock=self.clock
        )["id"]
        self.product: str = self.asked.post("/v1/products", name="Gold")["id"]
        if card is not None:
            self.card(card)

    def card(self, name: str) -> str:
        """Pay by this card from now on."""
        method: str = self.asked.post(f"/v1/payment_methods/{name}/attach", customer=self.customer)["id"]
        self.asked.post(f"/v1/customers/{self.customer}", invoice_settings={"default_payment_method": method})
        return method

    def price(self, amount: int = 2500, interval: str | None = "month", **said: Any) -> str:
        """A price of the product; recurring, unless the interval is None."""
        recurring = {} if interval is None else {"recurring": {"interval": interval}}
        terms = {"currency": "usd", "product": self.product, **recurring}
        if "tiers" not in said:
            terms["unit_amount"] = amount
        made: str = self.asked.post("/v1/prices", **{**terms, **said})["id"]
        return made

    def subscribe(self, *prices: str, **said: Any) -> dict[str, Any]:
        """A subscription to these, or to a plain monthly price."""
        items = [{"price": price} for price in prices or (self.price(),)]
        return self.asked.post("/v1/subscriptions", **{"customer": self.customer, "items": items, **said})

    def change(self, subscription: str, **said: Any) -> dict[str, Any]:
        """Change a subscription."""
        return self.asked.post(f"/v1/subscriptions/{subscription}", **said)

    def subscription(self, id: str) -> dict[str, Any]:
        """It, as it is now."""
        return self.asked.get(f"/v1/subscriptions/{id}")

    def to(self, at_s: int) -> None:
        """Bring the clock to a time, at most two months at once."""
        self.asked.post(f"/v1/test_helpers/test_clocks/{self.clock}/advance", frozen_time=at_s)

    def invoices(self, **said: Any) -> list[dict[str, Any]]:
        """The customer's, oldest first."""
        found: list[dict[str, Any]] = self.asked.get("/v1/invoices", customer=self.customer, limit=100, **said)["data"]
        return found[::-1]

    def latest(self, **said: Any) -> dict[str, Any]:
        """The customer's newest invoice."""
        return self.asked.get(f"/v1/invoices/{self.invoices()[-1]['id']}", **said)

    def happened(self, *prefixes: str) -> list[str]:
        """Types of events that begin so, in their order."""
        return [
            e["type"] for e in self.asked.events() if e["type"].startswith(prefixes or ("invoice.", "customer.sub"))
        ]

    def item(self, subscription: dict[str, Any]) -> str:
        """The only item's id."""
        [item] = subscription["items"]["data"]
        return str(item["id"])


def lines(invoice: dict[str, Any]) -> list[tuple[int, str]]:
    """Amounts and words of an invoice."""
    return [(line["amount"], line["description"]) for line in invoice["lines"]["data"]]
