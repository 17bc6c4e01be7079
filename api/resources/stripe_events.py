"""The webhook ledger: which Stripe events came and what became of each. For operators, auditors and admins."""

from typing import Any

from api.auth import Caller
from api.resources.answers import Concern
from api.resources.context import Context
from api.resources.filters import CREATED, Filter, choice, equal
from api.resources.lists import Condition, Source, bound_to_customer, text
from api.resources.resource import Resource
from api.resources.routes import published
from api.schemas import STRIPE_EVENT
from replay.tables import LIVE

STATES = ("applied", "stored_only", "waiting", "quarantined", "conflict")

# An event about a customer names it as its object.
_CUSTOMER = "coalesce(t.customer, CASE WHEN t.object IN ('customer', 'customers') THEN t.object_id END)"


def _of_type(here: Context, asks: Caller, wanted: str) -> Condition:
    how = "starts_with(t.type, %s)" if wanted.endswith(".*") else "t.type = %s"
    return Condition(how, (wanted.removesuffix("*"),))


OF_TYPE = Filter("type", text("Of this type; `invoice.*` is every type that begins so"), _of_type)


def _about_customer(here: Context, asks: Caller, customer: Any) -> Condition:
    return Condition("(t.customer = %s OR t.object_id = %s)", (customer, customer))


STRIPE_EVENTS = Resource(
    "stripe_events",
    "what became of a Stripe event",
    Source(
        STRIPE_EVENT,
        f"{LIVE}.stripe_events t LEFT JOIN {LIVE}.org_links l"
        f" ON l.mode = t.mode AND l.account = t.account AND l.customer = {_CUSTOMER}",
        {},
        ("t.created_s", "t.id", "t.account"),
        bound_to_customer,
        (Concern("org_links"),),
        newest_first=True,
    ),
    filters=(
        OF_TYPE,
        choice("state", "What became of it", STATES),
        Filter("customer", text("About this customer, or something of theirs"), _about_customer),
        equal("object_id", "About this object"),
        *CREATED,
    ),
    offers_org=False,
    words="Stripe events",
    parameter="event",
)
stripe_events = published(STRIPE_EVENTS, "The webhook ledger")
