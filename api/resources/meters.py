"""Meters: what is counted, and how, for what is billed by use."""

from api.resources.catalog import on_offer
from api.resources.filters import CREATED, equal
from api.resources.resource import Resource, of_accounts
from api.resources.routes import published
from api.schemas.billing import METER

METERS = Resource(
    "meters",
    "a meter",
    of_accounts(METER, "meters")._replace(visible=on_offer),
    filters=(
        equal("status", "`active` or `inactive`"),
        equal("event_name", "That counts events of this name"),
        *CREATED,
    ),
    offers_org=False,
)
meters = published(METERS, "Meters: what is counted")
