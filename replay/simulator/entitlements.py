"""Stripe's own entitlements of a customer: the summary that Stripe sends when what it may use has changed.

The features are those of the products that its subscriptions are for. Refuses to know Recount's limits.
"""

from replay.simulator.changes import previous_attributes
from replay.simulator.customers import Customer
from replay.simulator.timeline import Object

_ENTITLING = frozenset({"active", "trialing", "past_due"})


def summarize(customer: Customer) -> None:
    """Emit the summary of a customer whose seller uses entitlements, if it is another than before."""
    had = customer.entitled
    if had is None:
        return
    features: dict[str, None] = {}
    for subscription in customer.subscriptions:
        if subscription.status in _ENTITLING:
            for item in subscription.items:
                listed = item.price.product.metadata.get("features", "")
                features |= dict.fromkeys(feature for feature in listed.split(",") if feature)
    if features.keys() == had.keys():
        return
    timeline, account = customer.timeline, customer.shop.account
    before = _rendered(customer, had)
    customer.entitled = {feature: had.get(feature) or f"ent_{timeline.ids.token(16)}" for feature in features}
    after = _rendered(customer, customer.entitled)
    previous = previous_attributes(before, after)
    timeline.emit(account, "entitlements.active_entitlement_summary.updated", after, previous)


def _rendered(customer: Customer, entitled: dict[str, str]) -> Object:
    """The summary; it has no id, and is alike in all versions."""
    livemode, token = customer.timeline.livemode, customer.shop.account.token
    data = [
        {
            "id": id,
            "object": "entitlements.active_entitlement",
            "feature": f"feat_{token}{feature}",
            "livemode": livemode,
            "lookup_key": feature,
        }
        for feature, id in entitled.items()
    ]
    url = f"/v1/customer/{customer.id}/entitlements"
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer.id,
        "entitlements": {"object": "list", "data": data, "has_more": False, "url": url},
        "livemode": livemode,
    }
