"""Issuances: what of our own lines was billed, what Stripe made of it, and what waits for a person."""

from api.resources.environments import of_org
from api.resources.filters import choice, equal
from api.resources.lists import Source
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas.stripe_money import ISSUANCE
from projections.issuances import STATES
from replay.tables import LIVE

ISSUANCES = Resource(
    "issuances",
    "an issuance",
    Source(
        ISSUANCE,
        f"{LIVE}.issuances t",
        {"overdue": "(t.invoice_status = 'open' AND t.due_s IS NOT NULL AND t.due_s < extract(epoch FROM now()))"},
        ("t.position",),
        of_org("org"),
        newest_first=True,
    ),
    filters=(
        choice("state", "In this state", STATES),
        equal("source_kind", "Of this kind of source, e.g. `hosting_invoice`"),
        equal("source", "Of this source"),
        equal("invoice", "That became this Stripe invoice"),
        equal("org", "Of this organization"),
    ),
    offers_org=False,
    account_beside=False,
)
issuances = published(ISSUANCES, "Issuances: our own lines on their way to one Stripe invoice")
