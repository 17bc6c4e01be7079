"""The customer portal: its configurations, and the sessions that open it: https://docs.stripe.com/customer-management."""

from typing import Any

from stripe.params import billing_portal as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

CONFIGURATION, SESSION = "billing_portal.configuration", "billing_portal.session"
HOST = "https://billing.stripe.com"
_REASONS = ["too_expensive", "missing_features", "switched_service", "unused", "other"]


def create_configuration(desk: Desk, params: dict[str, Any]) -> Object:
    """What customers can do in the portal. The first of an account is its default."""
    first = next(desk.scan(CONFIGURATION), None) is None
    return desk.add(
        CONFIGURATION,
        {
            "id": desk.new_id("bpc"),
            "object": CONFIGURATION,
            "active": True,
            "application": None,
            "business_profile": _profile(params.get("business_profile") or {}),
            "created": desk.now_s,
            "default_return_url": params.get("default_return_url"),
            "features": _features(params["features"], {}),
            "is_default": first,
            "livemode": desk.livemode,
            "login_page": {"enabled": (params.get("login_page") or {}).get("enabled", False), "url": None},
            "metadata": metadata(None, params.get("metadata") or {}),
            "name": params.get("name"),
            "updated": desk.now_s,
        },
        event="billing_portal.configuration.created",
    )


def _profile(said: dict[str, Any]) -> Object:
    return {name: said.get(name) for name in ("headline", "privacy_policy_url", "terms_of_service_url")}


def _features(said: dict[str, Any], held: Object) -> Object:
    def part(name: str, otherwise: Object) -> Object:
        return {**otherwise, **held.get(name, {}), **{k: v for k, v in (said.get(name) or {}).items() if v is not None}}

    cancel = part("subscription_cancel", {"enabled": False, "mode": "at_period_end", "proration_behavior": "none"})
    reasons = {"enabled": False, "options": _REASONS, **(cancel.get("cancellation_reason") or {})}
    update = part(
        "subscription_update",
        {
            "billing_cycle_anchor": None,
            "default_allowed_updates": [],
            "enabled": False,
            "products": [],
            "proration_behavior": "none",
            "schedule_at_period_end": {"conditions": []},
            "trial_update_behavior": "end_trial",
        },
    )
    return {
        "customer_update": part("customer_update", {"allowed_updates": [], "enabled": False}),
        "invoice_history": part("invoice_history", {"enabled": False}),
        "payment_method_update": part(
            "payment_method_update", {"enabled": False, "payment_method_configuration": None}
        ),
        "subscription_cancel": {**cancel, "cancellation_reason": reasons},
        "subscription_update": update,
    }


def update_configuration(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what is named."""
    held = desk.get(CONFIGURATION, id)
    changes: Object = {name: params[name] for name in ("active", "default_return_url", "name") if name in params}
    if params.get("active") is False and held["is_default"]:
        raise invalid("The default configuration cannot be deactivated.", "active")
    if params.get("business_profile"):
        changes["business_profile"] = {**held["business_profile"], **params["business_profile"]}
    if params.get("features"):
        changes["features"] = _features(params["features"], held["features"])
    if "metadata" in params:
        changes["metadata"] = metadata(held["metadata"], params["metadata"])
    if any(held.get(name) != value for name, value in changes.items()):
        desk.change(held, {**changes, "updated": desk.now_s}, "billing_portal.configuration.updated")
    return held


def retrieve_configuration(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The configuration."""
    return desk.get(CONFIGURATION, id)


def list_configurations(desk: Desk, params: dict[str, Any]) -> Object:
    """Configurations, newest first."""
    where = {name: params[name] for name in ("active", "is_default") if name in params}
    return page(params, desk.scan(CONFIGURATION, **where), "/v1/billing_portal/configurations")


def create_session(desk: Desk, params: dict[str, Any]) -> Object:
    """An address that opens the portal for a customer, if need be at one task."""
    if params.get("customer") is None:
        raise invalid("Missing required param: customer.", "customer", "parameter_missing")
    customer = desk.get("customer", params["customer"], "customer")
    if params.get("configuration") is not None:
        configuration = desk.get(CONFIGURATION, params["configuration"], "configuration")
    else:
        configuration = next(desk.scan(CONFIGURATION, is_default=True), {})
        if not configuration:
            raise invalid(
                "You can't create a portal session in test mode until you save your customer portal settings in test"
                " mode, or create a configuration.",
                "configuration",
            )
    id = desk.new_id("bps")
    return desk.add(
        SESSION,
        {
            "id": id,
            "object": SESSION,
            "configuration": configuration["id"],
            "created": desk.now_s,
            "customer": customer["id"],
            "customer_account": None,
            "flow": _flow(desk, params.get("flow_data"), configuration, customer),
            "livemode": desk.livemode,
            "locale": params.get("locale"),
            "on_behalf_of": params.get("on_behalf_of"),
            "return_url": params.get("return_url") or configuration["default_return_url"],
            "url": f"{HOST}/p/session/{id}",
        },
        event="billing_portal.session.created",
    )


def _flow(desk: Desk, said: dict[str, Any] | None, configuration: Object, customer: Object) -> Object | None:
    """One task of the portal: https://docs.stripe.com/customer-management/portal-deep-links."""
    if said is None:
        return None
    type = said["type"]
    feature = {
        "payment_method_update": "payment_method_update",
        "subscription_cancel": "subscription_cancel",
        "subscription_update": "subscription_update",
        "subscription_update_confirm": "subscription_update",
    }[type]
    if not configuration["features"][feature]["enabled"]:
        raise invalid(f"The feature {feature} is disabled in the portal's configuration.", "flow_data[type]")
    details = said.get(type)
    if type.startswith("subscription_"):
        named = (details or {}).get("subscription")
        subscription = desk.get("subscription", named, f"flow_data[{type}][subscription]")
        if subscription["customer"] != customer["id"]:
            raise invalid("The subscription is another customer's.", f"flow_data[{type}][subscription]")
    after = said.get("after_completion") or {"type": "portal_homepage"}
    completion = {"hosted_confirmation": None, "redirect": None, **after}
    tasks = dict.fromkeys(("subscription_cancel", "subscription_update", "subscription_update_confirm"))
    return {"after_completion": completion, **tasks, **({type: details} if type in tasks else {}), "type": type}


ROUTES = (
    Route("POST", "/v1/billing_portal/configurations", sdk.ConfigurationCreateParams, create_configuration),
    Route("GET", "/v1/billing_portal/configurations", sdk.ConfigurationListParams, list_configurations),
    Route("GET", "/v1/billing_portal/configurations/{configuration}", None, retrieve_configuration),
    Route(
        "POST",
        "/v1/billing_portal/configurations/{configuration}",
        sdk.ConfigurationUpdateParams,
        update_configuration,
    ),
    Route("POST", "/v1/billing_portal/sessions", sdk.SessionCreateParams, create_session),
)
PREFIXES = {"bpc": CONFIGURATION, "bps": SESSION}
