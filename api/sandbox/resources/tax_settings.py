"""Where a seller is and is registered for tax: https://docs.stripe.com/api/tax/settings, .../tax/registrations.

Without an active registration automatic tax collects nothing, silently, as Stripe does it.
"""

from typing import Any

from stripe.params import tax as sdk

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

SETTINGS, REGISTRATION = "tax.settings", "tax.registration"
_ID = "the"
"""There is one of an account."""


def settings(desk: Desk) -> Object:
    """The account's settings; pending until its head office is known."""
    held = desk.held(SETTINGS, _ID)
    if held is not None:
        return held
    first: Object = {
        "id": _ID,
        "object": SETTINGS,
        "defaults": {"provider": "stripe", "tax_behavior": None, "tax_code": "txcd_10000000"},
        "head_office": None,
        "livemode": desk.livemode,
        "status": "pending",
        "status_details": {"pending": {"missing_fields": ["head_office"]}},
    }
    return desk.add(SETTINGS, first)


def retrieve_settings(desk: Desk, params: dict[str, Any]) -> Object:
    """The settings."""
    return settings(desk)


def update_settings(desk: Desk, params: dict[str, Any]) -> Object:
    """Defaults and head office."""
    held = settings(desk)
    changes: Object = {}
    if params.get("defaults"):
        changes["defaults"] = {**held["defaults"], **params["defaults"]}
    if params.get("head_office"):
        changes["head_office"] = {"address": {**_NO_ADDRESS, **params["head_office"]["address"]}}
        changes |= {"status": "active", "status_details": {"active": {}}}
    desk.change(held, changes, "tax.settings.updated")
    return held


_NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def present_settings(desk: Desk, held: Object) -> Object:
    """There is one of an account: it has no id."""
    return {name: value for name, value in held.items() if name != "id"}


def create_registration(desk: Desk, params: dict[str, Any]) -> Object:
    """A registration in a country, from a time on."""
    since = params["active_from"]
    since_s = desk.now_s if since == "now" else int(since)
    country = params["country"]
    options = {name: value for name, value in params["country_options"].items() if value is not None}
    if country.lower() not in options:
        raise invalid(f"country_options[{country.lower()}] is required for {country}.", "country_options")
    return desk.add(
        REGISTRATION,
        {
            "id": desk.new_id("taxreg", 14),
            "object": REGISTRATION,
            "active_from": since_s,
            "country": country,
            "country_options": options,
            "created": desk.now_s,
            "expires_at": params.get("expires_at"),
            "livemode": desk.livemode,
            "status": "active" if since_s <= desk.now_s else "scheduled",
        },
    )


def update_registration(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """From when until when it holds."""
    held = desk.get(REGISTRATION, id)
    if "active_from" in params:
        since = params["active_from"]
        held["active_from"] = desk.now_s if since == "now" else int(since)
    if "expires_at" in params:
        expires = params["expires_at"]
        held["expires_at"] = desk.now_s if expires == "now" else expires
    return held


def present_registration(desk: Desk, held: Object) -> Object:
    """Its status by the time."""
    expired = held["expires_at"] is not None and held["expires_at"] <= desk.now_s
    status = "expired" if expired else "active" if held["active_from"] <= desk.now_s else "scheduled"
    return {**held, "status": status}


def retrieve_registration(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The registration."""
    return desk.get(REGISTRATION, id)


def list_registrations(desk: Desk, params: dict[str, Any]) -> Object:
    """Registrations, newest first."""
    asked = params.get("status")
    found = (r for r in desk.scan(REGISTRATION) if asked in (None, "all", present_registration(desk, r)["status"]))
    return page(params, found, "/v1/tax/registrations")


def registered(desk: Desk, country: str) -> bool:
    """Whether tax of a country is collected now."""
    return any(present_registration(desk, r)["status"] == "active" for r in desk.scan(REGISTRATION, country=country))


ROUTES = (
    Route("GET", "/v1/tax/settings", None, retrieve_settings),
    Route("POST", "/v1/tax/settings", sdk.SettingsUpdateParams, update_settings),
    Route("POST", "/v1/tax/registrations", sdk.RegistrationCreateParams, create_registration),
    Route("GET", "/v1/tax/registrations", sdk.RegistrationListParams, list_registrations),
    Route("GET", "/v1/tax/registrations/{registration}", None, retrieve_registration),
    Route("POST", "/v1/tax/registrations/{registration}", sdk.RegistrationUpdateParams, update_registration),
)
PRESENTERS = {SETTINGS: present_settings, REGISTRATION: present_registration}
PREFIXES = {"taxreg": REGISTRATION}
