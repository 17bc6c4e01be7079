"""What one account sells, and how that changes in time: the shop opens, renames, adds a feature, retires a price.

Refuses to know who buys. Some ids are chosen by people, and so are the same in every account; their content differs.
"""

from replay.simulator.balances import Till
from replay.simulator.catalog import ADDONS, ONBOARDING, PLANS, USAGE, Offer, Price, Product, local_amount
from replay.simulator.changes import previous_attributes
from replay.simulator.coupons import Coupon, PromotionCode, TaxRate
from replay.simulator.people import BY_CODE, COUNTRIES
from replay.simulator.timeline import Account, Object, Process, Subject, Timeline

_DAY = 86_400
_CHOSEN_IDS = frozenset({"starter", "environments"})
_LATER_FEATURES = ("sso", "audit_log", "webhooks", "hosting", "sandboxes", "priority_support")


class Shop(Subject):
    """The products, prices, coupons and tax rates of one account, as they are now."""

    __slots__ = ("account", "alerted", "codes", "coupons", "currencies", "link", "offers", "platform", "portal",
                 "prices", "products", "tax_rates", "till", "timeline")  # fmt: skip

    def __init__(self, timeline: Timeline, account: Account, platform: "Shop | None" = None) -> None:
        """`platform` is that of a connected account."""
        super().__init__()
        self.timeline = timeline
        self.account = account
        self.platform = platform
        self.till = Till(timeline)
        self.codes: list[PromotionCode] = []
        self.link: str | None = None
        """Ids of the payment link and of the portal's configuration, once there are such."""
        self.portal: str | None = None
        self.alerted: set[str] = set()
        """The customers whose alert has been raised."""
        self.offers: tuple[Offer, ...] = (*PLANS, *ADDONS, USAGE, ONBOARDING)
        self.currencies = tuple(dict.fromkeys(country.currency for country in COUNTRIES))
        if account.id is not None:
            self.offers = (*sorted(timeline.random.sample(PLANS, 2), key=PLANS.index), ADDONS[0])
            self.currencies = (BY_CODE[account.country].currency,)
        self.products: dict[str, Product] = {}
        self.prices: dict[tuple[str, str, str], Price] = {}
        self.coupons: list[Coupon] = []
        self.tax_rates: dict[str, TaxRate] = {}

    @property
    def plans(self) -> list[Offer]:
        """The offers that a subscription can be for, cheapest first."""
        return [offer for offer in self.offers if offer in PLANS]

    def price(self, offer: Offer, interval: str, currency: str) -> Price:
        """What new buyers pay for an offer."""
        return self.prices[offer.key, interval, currency]

    def life(self) -> Process:
        """Open, then change something every few weeks."""
        yield from self._open()
        while True:
            yield self.timeline.now_s + self.timeline.random.randint(15 * _DAY, 45 * _DAY)
            change = self.timeline.random.choice(
                (self._add_feature, self._rename, self._replace_price, self._limit_price)
            )
            self.timeline.requested()
            change()

    def _open(self) -> Process:
        timeline = self.timeline
        for offer in self.offers:
            timeline.requested()
            self._create_product(offer)
            yield timeline.now_s + 1
            timeline.requested()
            product = self.products[offer.key]
            before = product.render(timeline.shape(self.account), timeline.livemode)
            product.default_price = self.price(offer, offer.intervals[0], self.currencies[0]).id
            self._emit_product(product, before, bare=False)
            yield timeline.now_s + 1
        timeline.requested()
        for coupon in _coupons(timeline.now_s, percent=20 if self.account.id is None else 15):
            self.coupons.append(coupon)
            timeline.emit(self.account, "coupon.created", coupon.render(timeline.livemode))
        for country in COUNTRIES:
            if country.tax_basis_points and country.currency in self.currencies:
                rate = TaxRate(timeline.ids.long("txr", timeline.now_s, self.account.token), country, timeline.now_s)
                self.tax_rates[country.code] = rate
                timeline.emit(self.account, "tax_rate.created", rate.render(timeline.livemode))

    def _create_product(self, offer: Offer) -> None:
        timeline = self.timeline
        id = f"prod_{offer.key}" if offer.key in _CHOSEN_IDS else timeline.ids.short("prod")
        product = self.products[offer.key] = Product(id, offer, timeline.now_s)
        if self.account.id is not None and "features" in product.metadata:
            product.metadata = {**product.metadata, "limit_agents": str(timeline.random.randrange(1, 30))}
        shape = timeline.shape(self.account)
        timeline.emit(self.account, "product.created", product.render(shape, timeline.livemode))
        for currency in self.currencies:
            for interval in offer.intervals:
                chosen_id = f"{offer.key}_{interval}_{currency}" if offer.key in _CHOSEN_IDS else None
                amount = local_amount(offer.month * (10 if interval == "year" else 1), currency)
                self._create_price(product, interval, currency, amount, chosen_id)

    def _create_price(
        self, product: Product, interval: str, currency: str, amount: int, chosen_id: str | None = None
    ) -> None:
        timeline, account = self.timeline, self.account
        price = Price(
            chosen_id or timeline.ids.long("price", timeline.now_s, account.token),
            product,
            currency,
            interval,
            amount=None if product.offer is USAGE else amount,
            created_s=timeline.now_s,
            livemode=timeline.livemode,
        )
        self.prices[product.offer.key, interval, currency] = price
        shape = timeline.shape(account)
        if price.interval == "once":
            timeline.emit(account, "price.created", price.render(shape))
            return
        if not shape.prices:
            timeline.emit(account, "plan.created", price.render_plan(shape))
            return
        if not shape.no_lists:
            timeline.emit(account, "plan.created", price.render_plan(shape), extra=True)
        timeline.emit(account, "price.created", price.render(shape))

    def _emit_product(self, product: Product, before: Object, *, bare: bool) -> None:
        timeline = self.timeline
        product.updated_s = timeline.now_s
        after = product.render(timeline.shape(self.account), timeline.livemode)
        previous = None if bare else previous_attributes(before, after)
        timeline.emit(self.account, "product.updated", after, previous)

    def _bare(self) -> bool:
        return self.timeline.chance(self.timeline.scenario.bare_updates)

    def _some_product(self) -> tuple[Product, Object]:
        product = self.timeline.random.choice(list(self.products.values()))
        return product, product.render(self.timeline.shape(self.account), self.timeline.livemode)

    def _add_feature(self) -> None:
        product, before = self._some_product()
        had = [feature for feature in product.metadata.get("features", "").split(",") if feature]
        new = self.timeline.random.choice(_LATER_FEATURES)
        if new not in had:
            product.metadata = {**product.metadata, "features": ",".join([*had, new])}
            self._emit_product(product, before, bare=self._bare())

    def _rename(self) -> None:
        product, before = self._some_product()
        name = product.offer.name
        product.name = f"{name} plan" if product.name == name else name
        self._emit_product(product, before, bare=self._bare())

    def _limit_price(self) -> None:
        """A price gets a limit of its own, which outranks its product's."""
        price = self.timeline.random.choice(list(self.prices.values()))
        limit = self.timeline.random.choice(("5", "25", "100", "unlimited"))
        if price.metadata.get("limit_agents") != limit:
            self._change_price(price, price.lookup_key, {**price.metadata, "limit_agents": limit}, active=True)

    def _replace_price(self) -> None:
        """New buyers get a dearer price under the old lookup key; old subscriptions keep the archived one."""
        product_key, interval, currency = key = self.timeline.random.choice(list(self.prices))
        price = self.prices[key]
        self._change_price(price, None, price.metadata, active=False)
        dearer = (price.amount or 0) + local_amount(100, currency)
        self._create_price(self.products[product_key], interval, currency, dearer)

    def _change_price(self, price: Price, lookup_key: str | None, metadata: dict[str, str], *, active: bool) -> None:
        timeline = self.timeline
        shape = timeline.shape(self.account)
        as_plan = not shape.prices and price.interval != "once"
        before = price.render_plan(shape) if as_plan else price.render(shape)
        price.change(lookup_key, metadata, active=active)
        after = price.render_plan(shape) if as_plan else price.render(shape)
        previous = None if self._bare() else previous_attributes(before, after)
        timeline.emit(self.account, "plan.updated" if as_plan else "price.updated", after, previous)


def _coupons(created_s: int, percent: int) -> tuple[Coupon, ...]:
    return (
        Coupon("WELCOME", f"{percent}% for three months", percent, None, None, "repeating", 3, created_s),
        Coupon("FRIENDS", "10% for friends", 10, None, None, "forever", None, created_s),
        Coupon("LAUNCH", "5 dollars off the first invoice", None, 500, "usd", "once", None, created_s),
    )
