"""How a checkout session looks before anybody buys: what was said, and what holds where nothing was said.

Refuses to know what a session sells, and what becomes of it.
"""

from typing import Any

from api.sandbox.errors import invalid
from api.sandbox.resources import intents
from api.sandbox.state import Object

_NO_TEXT = dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance"))
_BRANDING = {
    "background_color": "#ffffff",
    "border_style": "rounded",
    "button_color": "#0074d4",
    "display_name": "Recount Sandbox",
    "font_family": "default",
    "icon": None,
    "logo": None,
}


def plain(params: dict[str, Any], mode: str) -> Object:
    """What is shown as it was said, and what is nothing before somebody buys."""
    return {
        "adaptive_pricing": params.get("adaptive_pricing") or {"enabled": False},
        "after_expiration": None,
        "allow_promotion_codes": params.get("allow_promotion_codes"),
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": None,
        "amount_total": None,
        "billing_address_collection": params.get("billing_address_collection"),
        "branding_settings": {**_BRANDING, **(params.get("branding_settings") or {})},
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "consent": None,
        "consent_collection": params.get("consent_collection"),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict(_NO_TEXT),
        "customer_account": None,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": _invoice_creation(params, mode),
        "locale": params.get("locale"),
        "managed_payments": {"enabled": False},
        "origin_context": params.get("origin_context"),
        "payment_intent": None,
        "payment_method_configuration_details": intents.configuration(params),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}, **_options(params)},
        "permissions": None,
        "phone_number_collection": params.get("phone_number_collection") or {"enabled": False},
        "recovered_from": None,
        **({"return_url": params["return_url"]} if params.get("return_url") else {}),
        "saved_payment_method_options": None if mode == "setup" else _saved_methods(params),
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params.get("success_url"),
        "tax_id_collection": {
            "enabled": (params.get("tax_id_collection") or {}).get("enabled", False),
            "required": "never",
        },
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "wallet_options": None,
        "_discounts": [],
    }


def known(customer: Object) -> Object:
    """What is known of a customer before it fills anything in."""
    unsaid = dict.fromkeys(("address", "business_name", "individual_name", "name", "phone", "tax_ids"))
    return {**unsaid, "email": customer["email"], "tax_exempt": customer["tax_exempt"]}


def _options(params: dict[str, Any]) -> Object:
    said = params.get("payment_method_options") or {}
    return {name: {k: v for k, v in inner.items() if v is not None} for name, inner in said.items() if inner}


def _saved_methods(params: dict[str, Any]) -> Object | None:
    """Which saved methods are offered; to a customer that is known."""
    if params.get("customer") is None:
        return None
    plain = {"allow_redisplay_filters": ["always"], "payment_method_remove": "disabled", "payment_method_save": None}
    return {**plain, **(params.get("saved_payment_method_options") or {})}


def _invoice_creation(params: dict[str, Any], mode: str) -> Object | None:
    """Whether a payment gets an invoice; a subscription has one anyhow."""
    if mode != "payment":
        return None
    said = params.get("invoice_creation") or {}
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
    data = {**dict.fromkeys(names), "metadata": {}, **(said.get("invoice_data") or {})}
    return {"enabled": said.get("enabled", False), "invoice_data": data}


def check_urls(params: dict[str, Any], ui_mode: str) -> None:
    if ui_mode == "hosted_page" and params.get("return_url") is not None:
        raise invalid("`return_url` is for sessions that are embedded; use `success_url`.", "return_url")
    if ui_mode != "hosted_page" and params.get("success_url") is not None:
        raise invalid("`success_url` is for sessions with a page of Stripe's; use `return_url`.", "success_url")
    for name in ("success_url", "cancel_url", "return_url"):
        said = params.get(name)
        if said is not None and not said.startswith(("http://", "https://")):
            raise invalid("Not a valid URL", name, "url_invalid")


def automatic_tax(params: dict[str, Any]) -> Object:
    said = params.get("automatic_tax") or {}
    enabled = said.get("enabled", False)
    liability = {"type": "self"} if enabled else None
    return {
        "enabled": enabled,
        "liability": liability,
        "provider": "stripe" if enabled else None,
        "status": "requires_location_inputs" if enabled else None,
    }


def customer_creation(params: dict[str, Any], mode: str) -> str | None:
    if params.get("customer_creation") is not None and mode != "payment":
        raise invalid("`customer_creation` can only be used in `payment` mode.", "customer_creation")
    if params.get("customer") is not None:
        return None
    return params.get("customer_creation") or ("always" if mode == "subscription" else "if_required")


def method_collection(params: dict[str, Any], mode: str) -> str:
    if params.get("payment_method_collection") is not None and mode != "subscription":
        raise invalid(
            "`payment_method_collection` can only be used in `subscription` mode.", "payment_method_collection"
        )
    return params.get("payment_method_collection") or ("if_required" if mode == "payment" else "always")


def method_types(params: dict[str, Any]) -> list[str]:
    return params.get("payment_method_types") or params.get("allowed_payment_method_types") or ["card"]
