"""Where events are delivered to: https://docs.stripe.com/api/webhook_endpoints."""

import base64
import hashlib
from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "webhook_endpoint"


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """An endpoint; its secret is shown this once."""
    _check_url(params["url"])
    id = desk.new_id("we")
    endpoint: Object = {
        "id": id,
        "object": KIND,
        "api_version": params.get("api_version"),
        "application": None,
        "created": desk.now_s,
        "description": params.get("description"),
        "enabled_events": params["enabled_events"],
        "livemode": desk.livemode,
        "metadata": metadata(None, params.get("metadata") or {}),
        "status": "enabled",
        "url": params["url"],
        "_connect": params.get("connect", False),
        "_secret": params.get("_secret") or secret_of(desk.account, id),
    }
    desk.add(KIND, endpoint)
    return {**endpoint, "secret": endpoint["_secret"]}


def secret_of(account: str, id: str) -> str:
    """An endpoint's signing secret: `whsec_…`. The same for the same endpoint, so that a test can foretell it."""
    return f"whsec_{base64.b32encode(hashlib.sha256(f'{account}/{id}'.encode()).digest())[:32].decode().lower()}"


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what is named; `disabled` stops deliveries."""
    endpoint = desk.get(KIND, id)
    if "url" in params:
        _check_url(params["url"])
    for name in ("description", "enabled_events", "url"):
        if name in params:
            endpoint[name] = params[name]
    if "disabled" in params:
        endpoint["status"] = "disabled" if params["disabled"] else "enabled"
    if "metadata" in params:
        endpoint["metadata"] = metadata(endpoint["metadata"], params["metadata"])
    return endpoint


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The endpoint, without its secret."""
    return desk.get(KIND, id)


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Deliver nothing there any more."""
    endpoint = desk.get(KIND, id)
    desk.remove(KIND, id)
    return {"id": endpoint["id"], "object": KIND, "deleted": True}


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Endpoints, newest first."""
    return page(params, desk.scan(KIND), "/v1/webhook_endpoints")


def _check_url(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise invalid("Invalid URL: An explicit scheme (such as https) must be provided.", "url", "url_invalid")


ROUTES = (
    Route("POST", "/v1/webhook_endpoints", sdk.WebhookEndpointCreateParams, create),
    Route("GET", "/v1/webhook_endpoints", sdk.WebhookEndpointListParams, listed),
    Route("GET", "/v1/webhook_endpoints/{webhook_endpoint}", None, retrieve),
    Route("POST", "/v1/webhook_endpoints/{webhook_endpoint}", sdk.WebhookEndpointUpdateParams, update),
    Route("DELETE", "/v1/webhook_endpoints/{webhook_endpoint}", None, delete),
)
PREFIXES = {"we": KIND}
