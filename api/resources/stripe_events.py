"""The webhook ledger: which Stripe events came and what became of each. For operators, auditors and admins."""

from typing import Any

from flask import Response
from marshmallow import fields, validate

from api.resources import filters
from api.resources.answers import Concern, answer
from api.resources.context import caller, context, if_none_match, send
from api.resources.lists import (
    Condition,
    Read,
    ReadList,
    Source,
    bound_to_customer,
    list_of,
    moment,
    object_conditions,
    single,
    text,
)
from api.resources.publish import answered, listed, read, section
from api.schemas import STRIPE_EVENT
from replay.tables import LIVE

stripe_events = section("stripe-events", "The webhook ledger")

# An event about a customer names it as its object.
_CUSTOMER = "coalesce(t.customer, CASE WHEN t.object IN ('customer', 'customers') THEN t.object_id END)"
SOURCE = Source(
    STRIPE_EVENT,
    f"{LIVE}.stripe_events t LEFT JOIN {LIVE}.org_links l"
    f" ON l.mode = t.mode AND l.account = t.account AND l.customer = {_CUSTOMER}",
    {},
    ("t.created_s", "t.id", "t.account"),
    bound_to_customer,
    (Concern("org_links"),),
    newest_first=True,
)


class One(Read):
    account = text("The Stripe account it came from; the platform's own if not given")


class Filters(ReadList):
    account = text("Events of this Stripe account")
    type = text("Of this type; `invoice.*` is every type that begins so")
    state = fields.String(
        load_default=None,
        validate=validate.OneOf(("applied", "stored_only", "waiting", "quarantined", "conflict")),
        metadata={"description": "What became of it"},
    )
    customer = text("About this customer, or something of theirs")
    object_id = text("About this object")
    created_after = moment(filters.CREATED_AFTER)
    created_before = moment(filters.CREATED_BEFORE)


@read(
    stripe_events,
    "/v1/stripe-events",
    "stripe_events",
    listed(STRIPE_EVENT.schema),
    query=Filters,
    problems=("invalid_cursor",),
)
def list_stripe_events(given: dict[str, Any]) -> Response:
    """List Stripe events.

    Newest first, by Stripe's own time of them.
    """
    conditions = filters.equals(given, account="t.account", state="t.state", object_id="t.object_id")
    conditions += filters.created_between(given)
    if given["type"] is not None:
        wanted = given["type"]
        how = "starts_with(t.type, %s)" if wanted.endswith(".*") else "t.type = %s"
        conditions.append(Condition(how, (wanted.removesuffix("*"),)))
    if given["customer"] is not None:
        conditions.append(Condition("(t.customer = %s OR t.object_id = %s)", (given["customer"], given["customer"])))
    return send(answer(*list_of(context(), caller(), SOURCE, given, conditions), if_none_match()))


@read(
    stripe_events,
    "/v1/stripe-events/<string:event>",
    "stripe_events",
    answered(STRIPE_EVENT.schema),
    query=One,
    problems=("not_found",),
)
def get_stripe_event(given: dict[str, Any], event: str) -> Response:
    """Get what became of a Stripe event."""
    here, asks = context(), caller()
    conditions = object_conditions(asks, event, given["account"])
    return send(answer(*single(here, asks, SOURCE, conditions, given["min_position"]), if_none_match()))
