"""What is for sale: products, prices (plans), coupons and tax rates of one account, and how each is rendered.

Knows Recount's convention of features in metadata: `features` lists keys, `limit_<feature>` gives an integer or
"unlimited". Refuses to know who buys.
"""

from typing import NamedTuple

from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


class Offer(NamedTuple):
    """A product as the sellers think of it."""

    key: str
    name: str
    description: str
    month: int
    """The price of a month, or of once, in US cents; of a year it is ten times that."""
    metadata: dict[str, str]
    price_metadata: dict[str, str]
    marketing: tuple[str, ...]
    intervals: tuple[str, ...]
    """How often it can be billed; `once` is no subscription."""
    unit: str | None


_BOTH = ("month", "year")
_MONTHLY = ("month",)

PLANS = (
    Offer("starter", "Starter", "For one person and a first agent", 1900,
          {"features": "agents", "limit_agents": "2"}, {}, ("2 agents", "Community help"), _BOTH, None),
    Offer("team", "Team", "For a team that ships", 4900,
          {"features": "agents,hosting", "limit_agents": "10", "limit_hosting": "3"}, {},
          ("10 agents", "3 environments"), _BOTH, "seat"),
    Offer("business", "Business", "For a company with rules to follow", 14900,
          {"features": "agents,hosting,sso,audit_log", "limit_agents": "50", "limit_hosting": "20"},
          {"limit_agents": "60"}, (), _BOTH, "seat"),
    Offer("scale", "Scale", "For those who have outgrown the rest", 49900,
          {}, {"features": "agents,hosting,sso,audit_log,priority_support", "limit_agents": "unlimited",
               "limit_hosting": "unlimited"}, ("Everything, without limits",), _BOTH, None),
)  # fmt: skip
ADDONS = (
    Offer("environments", "Extra environments", "Five more hosted environments", 2500,
          {"features": "hosting", "limit_hosting": "5"}, {}, (), _MONTHLY, "pack"),
    Offer("support", "Priority support", "An answer within four hours", 9900,
          {"features": "priority_support"}, {}, ("Answers within four hours",), _MONTHLY, None),
)  # fmt: skip
USAGE = Offer("agent_runs", "Agent runs", "Each run of an agent", 2, {"features": "agents"}, {}, (), _MONTHLY, "run")
METER = "mtr_61agent_runs"
ONBOARDING = Offer("onboarding", "Onboarding", "Two days with an engineer", 150000, {}, {}, (), ("once",), None)

RATES = {"usd": (1, 1), "eur": (19, 20), "gbp": (4, 5), "jpy": (3, 2), "kwd": (31, 10)}
"""A US cent in minor units of each currency, as a ratio."""


def local_amount(us_cents: int, currency: str) -> int:
    """An amount in minor units of a currency, in steps that Stripe accepts (three-decimal ones end in 0)."""
    up, down = RATES[currency]
    amount = us_cents * up // down
    return amount - amount % 10 if currency == "kwd" else amount


class Product:
    """A product as it is now."""

    __slots__ = ("active", "created_s", "default_price", "id", "marketing", "metadata", "name", "offer", "updated_s")

    def __init__(self, id: str, offer: Offer, created_s: int) -> None:
        self.id, self.offer, self.name = id, offer, offer.name
        self.metadata = offer.metadata
        self.marketing = offer.marketing
        self.active = True
        self.default_price: str | None = None
        self.created_s = self.updated_s = created_s

    def render(self, shape: Shape, livemode: bool) -> Object:
        """The product in the shape of a version."""
        features = [{"name": name} for name in self.marketing]
        rendered: Object = {
            "id": self.id,
            "object": "product",
            "active": self.active,
            "attributes": [],
            "created": self.created_s,
            "default_price": self.default_price,
            "description": self.offer.description,
            "images": [],
            "livemode": livemode,
            "marketing_features" if shape.marketing_features else "features": features,
            "metadata": self.metadata,
            "name": self.name,
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": "txcd_10103001",
            "type": "service",
            "unit_label": self.offer.unit,
            "updated": self.updated_s,
            "url": None,
        }
        if shape.endive:
            rendered["tax_details"] = {"performance_location": None, "tax_code": "txcd_10103001"}
        return rendered


class Price:
    """A price as it is now. Renderings are kept until it changes: every subscription carries them."""

    __slots__ = ("_rendered", "active", "amount", "created_s", "currency", "id", "interval", "livemode", "lookup_key",
                 "metadata", "meter", "nickname", "product")  # fmt: skip

    def __init__(
        self,
        id: str,
        product: Product,
        currency: str,
        interval: str,
        *,
        amount: int | None,
        created_s: int,
        livemode: bool,
    ) -> None:
        """`amount` is None for usage, which costs less than a minor unit."""
        self.id, self.product, self.currency, self.interval = id, product, currency, interval
        self.amount, self.created_s, self.livemode = amount, created_s, livemode
        self.meter = METER if amount is None else None
        self.nickname = f"{product.offer.name}, once" if interval == "once" else f"{product.offer.name} {interval}ly"
        self.lookup_key: str | None = f"{product.offer.key}_{interval}_{currency}"
        self.metadata = product.offer.price_metadata
        self.active = True
        self._rendered: dict[tuple[str, str], Object] = {}

    @property
    def decimal(self) -> str:
        """The unit amount as decimal digits: usage costs a fifth of a minor unit."""
        return "0.2" if self.amount is None else str(self.amount)

    def change(self, lookup_key: str | None, metadata: dict[str, str], *, active: bool) -> None:
        """Change what can change in a price."""
        self.lookup_key, self.metadata, self.active = lookup_key, metadata, active
        self._rendered = {}

    def render(self, shape: Shape) -> Object:
        """The price in the shape of a version. Shared between all that embed it: do not change it."""
        rendered = self._rendered.get(("price", shape.version))
        if rendered is None:
            rendered = self._rendered["price", shape.version] = self._price(shape)
        return rendered

    def render_plan(self, shape: Shape) -> Object:
        """The price as the plan that older code knows. Shared likewise."""
        rendered = self._rendered.get(("plan", shape.version))
        if rendered is None:
            rendered = self._rendered["plan", shape.version] = self._plan(shape)
        return rendered

    def _price(self, shape: Shape) -> Object:
        recurring: Object = {
            "interval": self.interval,
            "interval_count": 1,
            "meter": self.meter,
            "trial_period_days": None,
            "usage_type": "licensed" if self.meter is None else "metered",
        }
        if not shape.basil:
            recurring["aggregate_usage"] = None
        once = self.interval == "once"
        return {
            "id": self.id,
            "object": "price",
            "active": self.active,
            "billing_scheme": "per_unit",
            "created": self.created_s,
            "currency": self.currency,
            "custom_unit_amount": None,
            "livemode": self.livemode,
            "lookup_key": self.lookup_key,
            "metadata": self.metadata,
            "nickname": self.nickname,
            "product": self.product.id,
            "recurring": None if once else recurring,
            "tax_behavior": "exclusive",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time" if once else "recurring",
            "unit_amount": self.amount,
            "unit_amount_decimal": self.decimal,
        }

    def _plan(self, shape: Shape) -> Object:
        rendered: Object = {
            "id": self.id,
            "object": "plan",
            "active": self.active,
            "amount": self.amount,
            "billing_scheme": "per_unit",
            "created": self.created_s,
            "currency": self.currency,
            "interval": self.interval,
            "interval_count": 1,
            "livemode": self.livemode,
            "metadata": self.metadata,
            "nickname": self.nickname,
            "product": self.product.id,
            "tiers_mode": None,
            "transform_usage": None,
            "trial_period_days": None,
            "usage_type": "licensed" if self.meter is None else "metered",
        }
        if not shape.basil:
            rendered["aggregate_usage"] = None
        if shape.prices:
            rendered |= {"amount_decimal": self.decimal, "meter": self.meter}
        else:
            rendered["tiers"] = None
        return rendered
