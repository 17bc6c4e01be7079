"""What a shop shows to buyers and to Stripe: its customer portal, a payment link, its tax settings; and their changes.

Refuses to know who visits.
"""

from collections.abc import Callable

from replay.simulator.balances import DAY
from replay.simulator.catalog import ONBOARDING
from replay.simulator.changes import previous_attributes
from replay.simulator.coupons import TaxRate
from replay.simulator.people import BY_CODE
from replay.simulator.promotions import publish, retire_code
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object, Process


class Portal:
    """The configuration of a shop's customer portal, as it is now."""

    __slots__ = ("created_s", "id", "pausable", "shop", "updated_s")

    def __init__(self, shop: Shop) -> None:
        now_s = shop.timeline.now_s
        self.shop, self.pausable = shop, False
        self.id = shop.timeline.ids.long("bpc", now_s, shop.account.token)
        self.created_s = self.updated_s = now_s
        shop.timeline.emit(shop.account, "billing_portal.configuration.created", self.render())

    def render(self) -> Object:
        """The configuration; alike in all versions."""
        reasons = {"enabled": True, "options": ["too_expensive", "missing_features", "switched_service", "other"]}
        updates: Object = {"default_allowed_updates": ["price", "quantity"], "enabled": False, "products": []}
        return {
            "id": self.id,
            "object": "billing_portal.configuration",
            "active": True,
            "application": None,
            "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
            "created": self.created_s,
            "default_return_url": "https://shop.example.com/account",
            "features": {
                "customer_update": {"allowed_updates": ["address", "email", "tax_id"], "enabled": True},
                "invoice_history": {"enabled": True},
                "payment_method_update": {"enabled": True, "payment_method_configuration": None},
                "subscription_cancel": {
                    "cancellation_reason": reasons,
                    "enabled": True,
                    "mode": "at_period_end",
                    "proration_behavior": "none",
                },
                "subscription_pause": {"enabled": self.pausable},
                "subscription_update": {**updates, "proration_behavior": "create_prorations"},
            },
            "is_default": True,
            "livemode": self.shop.timeline.livemode,
            "login_page": {"enabled": False, "url": None},
            "metadata": {},
            "name": None,
            "updated": self.updated_s,
        }

    def change(self) -> None:
        """Customers may pause from now on, or may no more."""
        before = self.render()
        self.pausable, self.updated_s = not self.pausable, self.shop.timeline.now_s
        after = self.render()
        type = "billing_portal.configuration.updated"
        self.shop.timeline.emit(self.shop.account, type, after, previous_attributes(before, after))


class Link:
    """A payment link, by which something is bought once, as it is now."""

    __slots__ = ("active", "currency", "id", "shop")

    def __init__(self, shop: Shop, currency: str) -> None:
        timeline = shop.timeline
        self.shop, self.currency, self.active = shop, currency, True
        self.id = timeline.ids.long("plink", timeline.now_s, shop.account.token)
        timeline.emit(shop.account, "payment_link.created", self.render())

    def render(self) -> Object:
        """The link; alike in all versions."""
        nothing = dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"))
        return {
            "id": self.id,
            "object": "payment_link",
            "active": self.active,
            "after_completion": {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"},
            "allow_promotion_codes": False,
            "application": None,
            "application_fee_amount": None,
            "application_fee_percent": None,
            "automatic_tax": {"enabled": False, "liability": None},
            "billing_address_collection": "auto",
            "consent_collection": None,
            "currency": self.currency,
            "custom_fields": [],
            "custom_text": nothing,
            "customer_creation": "if_required",
            "inactive_message": None,
            "invoice_creation": {"enabled": False, "invoice_data": None},
            "livemode": self.shop.timeline.livemode,
            "metadata": {},
            "on_behalf_of": None,
            "payment_intent_data": None,
            "payment_method_collection": "always",
            "payment_method_types": None,
            "phone_number_collection": {"enabled": False},
            "restrictions": None,
            "shipping_address_collection": None,
            "shipping_options": [],
            "submit_type": "auto",
            "subscription_data": None,
            "tax_id_collection": {"enabled": False, "required": "never"},
            "transfer_data": None,
            "url": f"https://buy.example.com/{self.id}",
        }

    def change(self) -> None:
        """Switched off, or on again."""
        before = self.render()
        self.active = not self.active
        after = self.render()
        self.shop.timeline.emit(self.shop.account, "payment_link.updated", after, previous_attributes(before, after))


class InnerRate:
    """A tax rate that is inside the price; nobody uses it yet."""

    __slots__ = ("rate", "shop")

    def __init__(self, shop: Shop, rate: TaxRate) -> None:
        self.shop, self.rate = shop, rate
        shop.timeline.emit(shop.account, "tax_rate.created", rate.render(shop.timeline.livemode))

    def change(self) -> None:
        """Archived, or taken up again."""
        timeline = self.shop.timeline
        was, self.rate = self.rate, self.rate._replace(active=not self.rate.active)
        after = self.rate.render(timeline.livemode)
        timeline.emit(self.shop.account, "tax_rate.updated", after, {"active": was.active})


def settle_taxes(shop: Shop) -> None:
    """The seller says where it sits; the settings are the account's, and have no id."""
    timeline, account = shop.timeline, shop.account
    address = {"city": None, "country": account.country, "line1": "1 Market Street", "line2": None,
               "postal_code": "12345", "state": None}  # fmt: skip
    settings = {
        "object": "tax.settings",
        "defaults": {"provider": "stripe", "tax_behavior": "exclusive", "tax_code": "txcd_10103001"},
        "head_office": {"address": address},
        "livemode": timeline.livemode,
        "status": "active",
        "status_details": {"active": {}},
    }
    previous = {"head_office": None, "status": "pending", "status_details": {"active": None}}
    timeline.emit(account, "tax.settings.updated", settings, previous)


def keep(shop: Shop) -> Process:
    """Set it up once the shop is open, then change something every month or two."""
    timeline = shop.timeline
    timeline.requested()
    publish(shop)
    portal = Portal(shop)
    shop.portal = portal.id
    changes: list[Callable[[], None]] = [lambda: retire_code(shop), portal.change]
    if ONBOARDING in shop.offers:
        link = Link(shop, shop.currencies[0])
        shop.link = link.id
        changes.append(link.change)
    settle_taxes(shop)
    country = BY_CODE[shop.account.country]
    id = timeline.ids.long("txr", timeline.now_s, shop.account.token)
    if country.tax_basis_points:
        changes.append(InnerRate(shop, TaxRate(id, country, timeline.now_s, inclusive=True)).change)
    while True:
        yield timeline.now_s + timeline.random.randint(30 * DAY, 60 * DAY)
        timeline.requested()
        timeline.random.choice(changes)()
