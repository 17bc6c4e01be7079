"""What a platform takes of its connected accounts' payments: https://docs.stripe.com/api/application_fees.

They are the platform's objects, of a charge that is the other account's; an account knows no other account's objects.
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid
from api.sandbox.listing import page, whole
from api.sandbox.resources import balance, worlds
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND, REFUND = "application_fee", "fee_refund"


def taken(desk: Desk, platform: Desk, charge: Object, amount: int) -> Object:
    """The fee of a charge of this desk's account, earned by the platform."""
    fee: Object = {
        "id": desk.new_id("fee"),
        "object": KIND,
        "account": desk.account_id,
        "amount": amount,
        "amount_refunded": 0,
        "application": worlds.APPLICATION,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": desk.now_s,
        "currency": charge["currency"],
        "fee_source": {"charge": charge["id"], "type": "charge"},
        "livemode": desk.livemode,
        "originating_transaction": None,
        "refunded": False,
    }
    days = balance.incoming_days(at_once=False)
    booked = balance.book(platform, "application_fee", fee["id"], amount, charge["currency"], days=days)
    fee["balance_transaction"] = booked["id"]
    platform.add(KIND, fee, event="application_fee.created")
    return fee


def part(fee: Object) -> Object:
    """A fee as a part of the fees of the charge it was taken of."""
    return {
        "amount": fee["amount"],
        "application": worlds.APPLICATION,
        "currency": fee["currency"],
        "description": "Recount Sandbox application fee",
        "type": "application_fee",
    }


def given_back(platform: Desk, fee: Object, amount: int | None, said: dict[str, Any] | None = None) -> Object:
    """Give back (the rest of) a fee to the account that paid it. Raises StripeError when there is less."""
    left = fee["amount"] - fee["amount_refunded"]
    if left == 0:
        raise invalid("This application fee has already been refunded.", code="charge_already_refunded")
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise invalid(f"Refund amount ({amount}) is greater than the fee that is left ({left}).", "amount")
    id = platform.new_id("fr")
    booked = balance.book(platform, "application_fee_refund", id, -amount, fee["currency"])
    refund: Object = {
        "id": id,
        "object": REFUND,
        "amount": amount,
        "balance_transaction": booked["id"],
        "created": platform.now_s,
        "currency": fee["currency"],
        "fee": fee["id"],
        "metadata": metadata(None, (said or {}).get("metadata") or {}),
        "_parent": fee["id"],
    }
    platform.add(REFUND, refund)
    seller = worlds.beside(platform, fee["account"])
    balance.book(seller, "application_fee_refund", id, amount, fee["currency"])
    refunded = fee["amount_refunded"] + amount
    platform.change(
        fee, {"amount_refunded": refunded, "refunded": refunded == fee["amount"]}, "application_fee.refunded"
    )
    return refund


def present(desk: Desk, fee: Object) -> Object:
    """The fee, with what was given back of it."""
    refunds = list(desk.scan(REFUND, _parent=fee["id"]))[::-1]
    return {**fee, "refunds": whole([dict(r) for r in refunds], f"/v1/application_fees/{fee['id']}/refunds", 10)}


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The fee."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Fees, newest first; of one charge."""
    where = {} if params.get("charge") is None else {"charge": params["charge"]}
    return page(params, desk.scan(KIND, **where), "/v1/application_fees")


def create_refund(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Give back a fee, or a part."""
    return given_back(desk, desk.get(KIND, id), params.get("amount"), params)


def refunds(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """What was given back of a fee."""
    desk.get(KIND, id)
    return page(params, desk.scan(REFUND, _parent=id), f"/v1/application_fees/{id}/refunds")


def refund(desk: Desk, params: dict[str, Any], id: str, refund: str) -> Object:
    """One of them."""
    desk.get(KIND, id)
    return desk.get(REFUND, refund)


def update_refund(desk: Desk, params: dict[str, Any], id: str, refund: str) -> Object:
    """Change its metadata."""
    desk.get(KIND, id)
    held = desk.get(REFUND, refund)
    held["metadata"] = metadata(held["metadata"], params.get("metadata", {}))
    desk.emit("application_fee.refund.updated", held)
    return held


_PATH = "/v1/application_fees/{fee}/refunds"
ROUTES = (
    Route("GET", "/v1/application_fees", sdk.ApplicationFeeListParams, listed),
    Route("GET", "/v1/application_fees/{fee}", None, retrieve),
    Route("POST", _PATH, sdk.ApplicationFeeRefundCreateParams, create_refund),
    Route("GET", _PATH, sdk.ApplicationFeeRefundListParams, refunds),
    Route("GET", _PATH + "/{refund}", None, refund),
    Route("POST", _PATH + "/{refund}", sdk.ApplicationFeeRefundUpdateParams, update_refund),
)
PRESENTERS = {KIND: present}
PREFIXES = {"fee": KIND, "fr": REFUND}
