"""The catalogue: products with their prices, features and limits."""

from api.auth import Caller
from api.resources.filters import flag, holding
from api.resources.lists import Condition, Source
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas import PRODUCT
from ledger.ids import PLATFORM
from replay.tables import LIVE


def on_offer(caller: Caller) -> list[Condition]:
    """What is sold: an organization sees the platform's, and that of the sellers that it buys from."""
    conditions = []
    if caller.account is not None:
        conditions.append(Condition("t.account = %s", (caller.account,)))
    elif caller.org is not None:
        links = f"SELECT l.account FROM {LIVE}.org_links l WHERE l.mode = %s AND l.org = %s"
        conditions.append(Condition(f"(t.account = '{PLATFORM}' OR t.account IN ({links}))", (caller.mode, caller.org)))
    return conditions


CATALOG = Resource(
    "catalog",
    "a product with its prices",
    Source(
        PRODUCT,
        f"{LIVE}.catalog t",
        {},
        ("t.account", "t.product"),
        on_offer,
        id="t.product",
        derivation="catalog",
    ),
    filters=(
        holding("lookup_key", "The product that has a price with this lookup key", "lookup_keys"),
        flag("active", "Only products that are, or are not, sold"),
    ),
    offers_org=False,
    words="products",
    singular="product",
)
catalog = published(CATALOG, "The catalogue: products and prices")
