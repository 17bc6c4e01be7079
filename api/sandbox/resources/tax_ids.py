"""Tax numbers of customers: https://docs.stripe.com/api/customer_tax_ids.

The authority says of one with `111111111` that it is not so, and verifies all others:
https://docs.stripe.com/billing/customer/tax-ids#testing.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk
from api.sandbox.errors import invalid, missing
from api.sandbox.listing import page
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND = "tax_id"
_COUNTRY_OF = {"ch_vat": "CH", "gb_vat": "GB", "us_ein": "US", "no_vat": "NO", "au_abn": "AU", "in_gst": "IN"}
_UNVERIFIED = "111111111"
_WAIT_S = 60


def create(desk: Desk, params: dict[str, Any], customer: str) -> Object:
    """A number of a customer; those that can be verified are, a minute later."""
    desk.get("customer", customer)
    value, type = params["value"], params["type"]
    if not value or len(value) < 4:
        raise invalid("Invalid value for this type of tax id.", "value", "tax_id_invalid")
    tax_id: Object = {
        "id": desk.new_id("txi"),
        "object": KIND,
        "country": value[:2].upper() if type == "eu_vat" else _COUNTRY_OF.get(type),
        "created": desk.now_s,
        "customer": customer,
        "customer_account": None,
        "livemode": desk.livemode,
        "owner": {"customer": customer, "customer_account": None, "type": "customer"},
        "type": type,
        "value": value,
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }
    desk.add(KIND, tax_id, event="customer.tax_id.created")
    desk.later(desk.now_s + _WAIT_S, "verify_tax_id", str(tax_id["id"]))
    return tax_id


def verify(desk: Desk, id: str) -> None:
    """What the authority says of a number."""
    tax_id = desk.held(KIND, id)
    if tax_id is None:
        return
    status = "unverified" if _UNVERIFIED in tax_id["value"] else "verified"
    desk.change(tax_id, {"verification": {**tax_id["verification"], "status": status}}, "customer.tax_id.updated")


def retrieve(desk: Desk, params: dict[str, Any], customer: str, id: str) -> Object:
    """The number."""
    tax_id = desk.get(KIND, id)
    if tax_id["customer"] != customer:
        raise missing(KIND, id)
    return tax_id


def delete(desk: Desk, params: dict[str, Any], customer: str, id: str) -> Object:
    """Forget a number."""
    tax_id = retrieve(desk, params, customer, id)
    desk.emit("customer.tax_id.deleted", tax_id)
    desk.remove(KIND, id)
    return {"id": id, "object": KIND, "deleted": True}


def listed(desk: Desk, params: dict[str, Any], customer: str) -> Object:
    """A customer's numbers, newest first."""
    desk.get("customer", customer)
    return page(params, desk.scan(KIND, customer=customer), f"/v1/customers/{customer}/tax_ids")


ROUTES = (
    Route("POST", "/v1/customers/{customer}/tax_ids", sdk.CustomerTaxIdCreateParams, create),
    Route("GET", "/v1/customers/{customer}/tax_ids", sdk.CustomerTaxIdListParams, listed),
    Route("GET", "/v1/customers/{customer}/tax_ids/{id}", None, retrieve),
    Route("DELETE", "/v1/customers/{customer}/tax_ids/{id}", None, delete),
)
JOBS = {"verify_tax_id": verify}
PREFIXES = {"txi": KIND}
