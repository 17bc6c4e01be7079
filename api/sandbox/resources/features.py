"""Features, the products that carry them, and what a customer is entitled to: https://docs.stripe.com/billing/entitlements.

Boolean alone. A customer is entitled to what the products of its active subscriptions carry; a product's change
counts for it from the next look on, which is the next change of a subscription.
"""

from typing import Any

from stripe import params as sdk
from stripe.params import entitlements as entitlement_sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid, missing
from api.sandbox.listing import page, whole
from api.sandbox.routes import Route
from api.sandbox.state import Object

FEATURE, PRODUCT_FEATURE, ACTIVE = "entitlements.feature", "product_feature", "entitlements.active_entitlement"
_ENTITLING = frozenset({"active", "trialing", "past_due"})


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A feature; its lookup key is for ever."""
    key = params["lookup_key"]
    if any(f["lookup_key"] == key for f in desk.scan(FEATURE)):
        raise invalid(f"A feature with the lookup_key {key} already exists.", "lookup_key", "resource_already_exists")
    feature: Object = {
        "id": desk.new_id("feat"),
        "object": FEATURE,
        "active": True,
        "livemode": desk.livemode,
        "lookup_key": key,
        "metadata": metadata(None, params.get("metadata") or {}),
        "name": params["name"],
        "created": desk.now_s,
    }
    return desk.add(FEATURE, feature, event="entitlements.feature.created")


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Its name, its metadata, and whether it can be used."""
    feature = desk.get(FEATURE, id)
    changes: Object = {name: params[name] for name in ("active", "name") if name in params}
    if "metadata" in params:
        changes["metadata"] = metadata(feature["metadata"], params["metadata"])
    desk.change(feature, changes, "entitlements.feature.updated")
    return feature


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The feature."""
    return desk.get(FEATURE, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Features, newest first."""
    where = {"lookup_key": params["lookup_key"]} if params.get("lookup_key") else {}
    return page(params, desk.scan(FEATURE, **where), "/v1/entitlements/features")


def attach(desk: Desk, params: dict[str, Any], product: str) -> Object:
    """Let a product carry a feature."""
    desk.get("product", product)
    feature = desk.get(FEATURE, params["entitlement_feature"], "entitlement_feature")
    if any(p["_feature"] == feature["id"] for p in desk.scan(PRODUCT_FEATURE, _parent=product)):
        raise invalid("This feature is already attached to this product.", "entitlement_feature")
    return desk.add(
        PRODUCT_FEATURE,
        {
            "id": desk.new_id("prodft"),
            "object": PRODUCT_FEATURE,
            "livemode": desk.livemode,
            "created": desk.now_s,
            "_feature": feature["id"],
            "_parent": product,
        },
    )


def detach(desk: Desk, params: dict[str, Any], product: str, id: str) -> Object:
    """Take a feature from a product."""
    _of(desk, product, id)
    desk.remove(PRODUCT_FEATURE, id)
    return {"id": id, "object": PRODUCT_FEATURE, "deleted": True}


def retrieve_attached(desk: Desk, params: dict[str, Any], product: str, id: str) -> Object:
    """A feature as a product carries it."""
    return _of(desk, product, id)


def list_attached(desk: Desk, params: dict[str, Any], product: str) -> Object:
    """The features that a product carries, newest first."""
    desk.get("product", product)
    return page(params, desk.scan(PRODUCT_FEATURE, _parent=product), f"/v1/products/{product}/features")


def _of(desk: Desk, product: str, id: str) -> Object:
    found = desk.get(PRODUCT_FEATURE, id)
    if found["_parent"] != product:
        raise missing(PRODUCT_FEATURE, id)
    return found


def list_active(desk: Desk, params: dict[str, Any]) -> Object:
    """What a customer is entitled to, newest first."""
    desk.get("customer", params["customer"], "customer")
    return page(params, desk.scan(ACTIVE, customer=params["customer"]), "/v1/entitlements/active_entitlements")


def retrieve_active(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """One of them."""
    return desk.get(ACTIVE, id)


def follow(desk: Desk, subscription: Object) -> None:
    """A subscription changed: what its customer is entitled to now, and the summary, if that changed."""
    customer = str(subscription["customer"])
    wanted = _entitled(desk, customer)
    held = {e["feature"]: e for e in desk.scan(ACTIVE, customer=customer)}
    if wanted.keys() == held.keys():
        return
    before = [held[id] for id in held]
    for id in held.keys() - wanted.keys():
        desk.remove(ACTIVE, held[id]["id"])
    for id in sorted(wanted.keys() - held.keys(), key=lambda id: wanted[id]["_seq"]):
        _grant(desk, customer, wanted[id])
    now = list(desk.scan(ACTIVE, customer=customer))
    desk.emit(
        "entitlements.active_entitlement_summary.updated",
        _summary(desk, customer, now),
        _summary(desk, customer, before),
    )


def _entitled(desk: Desk, customer: str) -> dict[str, Object]:
    """The features of the products that the customer pays for, by id."""
    products = {
        desk.get("price", item["_price"])["product"]
        for subscription in desk.scan("subscription", customer=customer)
        if subscription["status"] in _ENTITLING
        for item in desk.scan("subscription_item", subscription=subscription["id"])
    }
    carried = (p["_feature"] for product in sorted(products) for p in desk.scan(PRODUCT_FEATURE, _parent=product))
    return {id: desk.get(FEATURE, id) for id in carried}


def _grant(desk: Desk, customer: str, feature: Object) -> None:
    desk.add(
        ACTIVE,
        {
            "id": desk.new_id("ent"),
            "object": ACTIVE,
            "feature": feature["id"],
            "livemode": desk.livemode,
            "lookup_key": feature["lookup_key"],
            "customer": customer,
            "created": desk.now_s,
        },
    )


def _summary(desk: Desk, customer: str, entitlements: list[Object]) -> Object:
    return {
        "object": "entitlements.active_entitlement_summary",
        "customer": customer,
        "entitlements": whole(entitlements, f"/v1/customer/{customer}/entitlements"),
        "livemode": desk.livemode,
    }


def present_feature(desk: Desk, feature: Object) -> Object:
    """Stripe does not say when it was made."""
    return {**_without(feature, "created")}


def present_attached(desk: Desk, attached: Object) -> Object:
    """With the feature whole."""
    shown = _without(attached, "created")
    return {**shown, "entitlement_feature": present_feature(desk, dict(desk.get(FEATURE, attached["_feature"])))}


def present_active(desk: Desk, entitlement: Object) -> Object:
    """Without what it is looked for by."""
    return _without(entitlement, "customer", "created")


def _without(object: Object, *names: str) -> Object:
    return {name: value for name, value in object.items() if name not in names}


ROUTES = (
    Route("POST", "/v1/entitlements/features", entitlement_sdk.FeatureCreateParams, create),
    Route("GET", "/v1/entitlements/features", entitlement_sdk.FeatureListParams, listed),
    Route("GET", "/v1/entitlements/features/{id}", None, retrieve),
    Route("POST", "/v1/entitlements/features/{id}", entitlement_sdk.FeatureUpdateParams, update),
    Route("GET", "/v1/entitlements/active_entitlements", entitlement_sdk.ActiveEntitlementListParams, list_active),
    Route("GET", "/v1/entitlements/active_entitlements/{id}", None, retrieve_active),
    Route("POST", "/v1/products/{product}/features", sdk.ProductFeatureCreateParams, attach),
    Route("GET", "/v1/products/{product}/features", sdk.ProductFeatureListParams, list_attached),
    Route("GET", "/v1/products/{product}/features/{id}", None, retrieve_attached),
    Route("DELETE", "/v1/products/{product}/features/{id}", None, detach),
)
PRESENTERS = {FEATURE: present_feature, PRODUCT_FEATURE: present_attached, ACTIVE: present_active}
PREFIXES = {"feat": FEATURE, "ent": ACTIVE, "prodft": PRODUCT_FEATURE}
