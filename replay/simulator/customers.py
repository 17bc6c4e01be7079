"""A customer: who buys, in which shop, for which organization, and how it is rendered and updated.

Refuses to know subscriptions and invoices. How an organization can be told from the events is decided here: by the
customer's metadata (most), by its subscription's metadata (some), or not at all.
"""

from typing import TYPE_CHECKING, Any

from replay.simulator.changes import previous_attributes
from replay.simulator.coupons import Discount, TaxRate
from replay.simulator.people import BY_CODE, Country, some_address, some_company, some_country, some_person, some_phone
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object, Subject
from replay.simulator.versions import Shape

if TYPE_CHECKING:
    from replay.simulator.credits import Grant
    from replay.simulator.methods import Method
    from replay.simulator.payments import Payment
    from replay.simulator.subscriptions import Subscription

_CHANNELS = ("self-serve", "sales", "partner", "marketplace")


class Customer(Subject):
    """A customer as it is now."""

    __slots__ = ("address", "balance", "cash", "country", "created_s", "currency", "delinquent", "discount", "email",
                 "entitled", "gone", "grants", "id", "last_charge", "metadata", "method", "name", "number", "org_id",
                 "phone", "prefix", "sequence", "shop", "subscriptions", "tax_ids", "tax_rate",
                 "timeline")  # fmt: skip

    def __init__(self, shop: Shop, number: int, id: str) -> None:
        super().__init__()
        timeline, random = shop.timeline, shop.timeline.random
        self.shop, self.timeline, self.number, self.id = shop, timeline, number, id
        self.country: Country = _home(shop)
        self.currency: str | None = None
        self.created_s = timeline.now_s
        self.name = some_company(random, self.country)
        self.email = f"billing+{number}@example.com"
        self.phone: str | None = some_phone(random, self.country) if random.random() < 0.4 else None
        self.address = some_address(random, self.country)
        self.balance = 0
        self.delinquent = False
        self.cash: dict[str, int] = {}
        """What it has sent by bank transfer and nobody has used yet, by currency."""
        self.discount: Discount | None = None
        """On everything that it buys."""
        self.grants: list[Grant] = []
        self.method: Method | None = None
        """What it pays with."""
        self.tax_ids: tuple[tuple[str, str], ...] = ()
        """(type, value) of each."""
        self.prefix = timeline.ids.token(8).upper()
        self.sequence = 1
        linked = random.random()
        self.org_id = f"org_{number:06d}" if linked < 0.9 else None
        """The organization's id where anything says it; in the customer's metadata or only the subscription's."""
        self.metadata: dict[str, str] = {"segment": random.choice(("smb", "mid-market", "enterprise"))}
        if linked < 0.8:
            self.metadata = {"org_id": f"org_{number:06d}", **self.metadata, "channel": random.choice(_CHANNELS)}
        taxed = random.random() < 0.6
        self.tax_rate: TaxRate | None = shop.tax_rates.get(self.country.code) if taxed else None
        self.entitled: dict[str, str] | None = {} if random.random() < 0.3 else None
        """Ids of Stripe's own entitlements by feature; None when this customer's seller does not use them."""
        self.last_charge: Payment | None = None
        """The last one that could be refunded."""
        self.subscriptions: list[Subscription] = []
        self.gone = False

    @property
    def pays_in(self) -> str:
        """The currency of its country."""
        return self.country.currency

    def update(self, *, bare: bool = False, **changes: Any) -> None:
        """Set attributes and emit `customer.updated`; nothing when the rendering does not change, or it is gone."""
        if self.gone:
            return
        shape = self.timeline.shape(self.shop.account)
        before = self.render(shape)
        for attribute, value in changes.items():
            setattr(self, attribute, value)
        after = self.render(shape)
        previous = previous_attributes(before, after)
        if previous:
            self.timeline.emit(self.shop.account, "customer.updated", after, None if bare else previous)

    def render(self, shape: Shape) -> Object:
        """The customer in the shape of a version."""
        rendered: Object = {
            "id": self.id,
            "object": "customer",
            "address": self.address,
            "balance": self.balance,
            "created": self.created_s,
            "currency": self.currency,
            "default_source": None,
            "delinquent": self.delinquent,
            "description": None,
            "discount": None if self.discount is None else self.discount.render(shape, self.timeline.livemode),
            "email": self.email,
            "invoice_prefix": self.prefix,
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None if self.method is None else self.method.id,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": self.timeline.livemode,
            "metadata": self.metadata,
            "name": self.name,
            "next_invoice_sequence": self.sequence,
            "phone": self.phone,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
        if shape.clover:
            rendered["customer_account"] = None
        if not shape.collection:
            rendered["account_balance"] = rendered.pop("balance")
            url = f"/v1/customers/{self.id}/sources"
            rendered["sources"] = {"object": "list", "data": [], "has_more": False, "total_count": 0, "url": url}
        return rendered

    def moved(self) -> dict[str, Any]:
        """Some change that customers make to what is known of them."""
        random = self.timeline.random
        match random.randrange(5):
            case 0:
                person = some_person(random).split()[0].lower()
                return {"email": f"{person}.{self.number}.{random.randrange(100)}@example.com"}
            case 1:
                return {"name": some_company(random, self.country)}
            case 2:
                return {"address": some_address(random, self.country)}
            case 3:
                return {"phone": some_phone(random, self.country) if self.phone is None else None}
            case _:
                return {"metadata": self._noted()}

    def _noted(self) -> dict[str, str]:
        """Metadata with a note added, or with the note taken away."""
        metadata = dict(self.metadata)
        if metadata.pop("account_manager", None) is None:
            metadata["account_manager"] = some_person(self.timeline.random)
        return metadata


def _home(shop: Shop) -> Country:
    """Where the buyer sits: anywhere for the platform, in the seller's own country for a connected account."""
    if shop.account.id is None:
        return some_country(shop.timeline.random)
    return BY_CODE[shop.account.country]


def deleted_stub(customer: Customer) -> Object:
    """What some versions and paths send when a customer is deleted."""
    return {"id": customer.id, "object": "customer", "deleted": True}
