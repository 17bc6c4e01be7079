"""Products: https://docs.stripe.com/api/products. Their prices are `prices`' matter."""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import StripeError, invalid
from api.sandbox.listing import page
from api.sandbox.resources.prices import new_price
from api.sandbox.routes import Route
from api.sandbox.state import Object

_PLAIN = ("description", "package_dimensions", "shippable", "statement_descriptor", "unit_label", "url")


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """A product, with its default price if one is described."""
    product = new_product(desk, params)
    described = params.get("default_price_data")
    if described is not None:
        price = new_price(desk, {**described, "product": product["id"]}, "default_price_data")
        desk.change(product, {"default_price": price["id"]}, "product.updated")
    return product


def new_product(desk: Desk, params: dict[str, Any]) -> Object:
    """Keep a product. Raises StripeError when its id is taken."""
    id = params.get("id") or desk.new_id("prod", 14)
    if desk.held("product", id) is not None:
        raise StripeError(
            400, "invalid_request_error", f"Product already exists: {id}", code="resource_already_exists", param="id"
        )
    if not params.get("name"):
        raise invalid("Missing required param: name.", "name", "parameter_missing")
    return desk.add(
        "product",
        {
            "id": id,
            "object": "product",
            "active": params.get("active", True),
            "created": desk.now_s,
            "default_price": None,
            "images": params.get("images") or [],
            "livemode": desk.livemode,
            "marketing_features": params.get("marketing_features") or [],
            "metadata": metadata(None, params.get("metadata") or {}),
            "name": params["name"],
            **{name: params.get(name) for name in _PLAIN},
            "package_dimensions": _measured(params.get("package_dimensions")),
            **_taxed(params, None),
            "type": params.get("type") or "service",
            "updated": desk.now_s,
        },
        event="product.created",
    )


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what is named."""
    product = _present(desk, id)
    changes: Object = {n: params[n] for n in (*_PLAIN, "active", "name") if n in params}
    if "package_dimensions" in params:
        changes["package_dimensions"] = _measured(params["package_dimensions"])
    for name in ("images", "marketing_features"):
        if name in params:
            changes[name] = params[name] or []
    if params.get("default_price") is not None:
        price = desk.get("price", params["default_price"], "default_price")
        if price["product"] != id:
            raise invalid("The price does not belong to this product.", "default_price")
        changes["default_price"] = price["id"]
    if "metadata" in params:
        changes["metadata"] = metadata(product["metadata"], params["metadata"])
    if "tax_code" in params or "tax_details" in params:
        changes |= _taxed(params, product)
    if any(product.get(name) != value for name, value in changes.items()):
        desk.change(product, {**changes, "updated": desk.now_s}, "product.updated")
    return product


def _measured(said: dict[str, Any] | None) -> Object | None:
    """Inches and ounces, as numbers."""
    return None if said is None else {name: float(value) for name, value in said.items()}


def _taxed(params: dict[str, Any], held: Object | None) -> Object:
    """Where its tax code stands: endive has it in `tax_details`, and still where it was."""
    details = params.get("tax_details") or {}
    code = details.get("tax_code", params.get("tax_code", None if held is None else held["tax_code"]))
    place = details.get("performance_location")
    shown = None if code is None and place is None else {"performance_location": place, "tax_code": code}
    return {"tax_code": code, "tax_details": shown}


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The product; one that was deleted as its stub."""
    return desk.get("product", id)


def delete(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Delete a product that has no prices."""
    product = _present(desk, id)
    if next(desk.scan("price", product=id), None) is not None:
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    desk.emit("product.deleted", product)
    product["deleted"] = True
    return product


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Products, newest first."""
    ids = params.get("ids")

    def asked(product: Object) -> bool:
        return ids is None or product["id"] in ids

    where = {name: params[name] for name in ("active", "shippable", "type", "url") if params.get(name) is not None}
    return page(params, desk.scan("product", asked, **where), "/v1/products")


def _present(desk: Desk, id: str) -> Object:
    product = desk.get("product", id)
    if product.get("deleted"):
        raise invalid(f"No such product: '{id}'", "id", "resource_missing")
    return product


ROUTES = (
    Route("POST", "/v1/products", sdk.ProductCreateParams, create),
    Route("GET", "/v1/products", sdk.ProductListParams, listed),
    Route("GET", "/v1/products/{product}", None, retrieve),
    Route("POST", "/v1/products/{product}", sdk.ProductUpdateParams, update),
    Route("DELETE", "/v1/products/{product}", None, delete),
)
PREFIXES = {"prod": "product"}
