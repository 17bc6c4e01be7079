"""Transfers: money that a platform hands on to a connected account, and takes back.

https://docs.stripe.com/api/transfers. In the other account a transfer arrives as a payment (`py_…`).
"""

from typing import Any

from stripe import params as sdk

from api.sandbox.desk import Desk, metadata
from api.sandbox.errors import invalid, missing
from api.sandbox.listing import page, whole
from api.sandbox.resources import balance, worlds
from api.sandbox.resources.received import received
from api.sandbox.routes import Route
from api.sandbox.state import Object

KIND, REVERSAL = "transfer", "transfer_reversal"


def create(desk: Desk, params: dict[str, Any]) -> Object:
    """Hand money on: what is available, or what a charge will bring (`source_transaction`)."""
    amount, currency = params.get("amount"), params["currency"].lower()
    if amount is None:
        raise invalid("Missing required param: amount.", "amount", "parameter_missing")
    if amount < 1:
        raise invalid("This value must be greater than or equal to 1.", "amount", "parameter_invalid_integer")
    destination(desk, params["destination"])
    source = params.get("source_transaction")
    charge = None if source is None else desk.get("charge", source, "source_transaction")
    if charge is not None:
        handed = sum(t["amount"] for t in desk.scan(KIND, source_transaction=source))
        if handed + amount > charge["amount"]:
            raise invalid("Transfers of a charge cannot be of more than its amount.", "amount", "balance_insufficient")
    elif balance.available(desk, currency) < amount:
        raise invalid(
            "You have insufficient available funds in your Stripe account. Try adding funds directly to your available"
            " balance by creating Charges using the 4000000000000077 test card."
            " See: https://stripe.com/docs/testing#available-balance",
            code="balance_insufficient",
        )
    group = params.get("transfer_group") or (None if charge is None else charge["transfer_group"])
    if charge is not None and group is None:
        group = f"group_{charge['payment_intent'] or charge['id']}"
        charge["transfer_group"] = group
    return made(desk, params["destination"], amount, currency, said=params, source=source, group=group)


def destination(desk: Desk, id: str, param: str = "destination") -> Object:
    """The account that shall get it. Raises StripeError: `resource_missing`, or it may not receive transfers."""
    account = desk.held("account", id)
    if account is None or account.get("deleted"):
        raise missing("destination", id, param)
    requested = account["_requested"] or account["type"] != "standard"
    if account.get("_rejected") or (requested and account["capabilities"].get("transfers") != "active"):
        raise invalid(
            "Your destination account needs to have at least one of the following capabilities enabled: transfers,"
            " crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )
    return account


def made(
    desk: Desk,
    to: str,
    amount: int,
    currency: str,
    *,
    said: dict[str, Any] | None = None,
    source: str | None = None,
    group: str | None = None,
    fee: int | None = None,
) -> Object:
    """A transfer that has left this account and come to the other; `fee`: what the platform keeps of it there."""
    said = said or {}
    id = desk.new_id("tr")
    days = balance.incoming_days(at_once=source is None)
    left = balance.book(desk, "transfer", id, -amount, currency, days=days, description=said.get("description"))
    other = worlds.beside(desk, to)
    payment = received(desk, other, id, amount, currency, days=days, fee=fee)
    transfer: Object = {
        "id": id,
        "object": KIND,
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": left["id"],
        "created": desk.now_s,
        "currency": currency,
        "description": said.get("description"),
        "destination": to,
        "destination_payment": payment["id"],
        "livemode": desk.livemode,
        "metadata": metadata(None, said.get("metadata") or {}),
        "reversed": False,
        "source_transaction": source,
        "source_type": said.get("source_type") or "card",
        "transfer_group": group,
    }
    return desk.add(KIND, transfer, event="transfer.created")


def of_charge(desk: Desk, charge: Object) -> None:
    """Hand on a charge to its destination: all of it, or `transfer_data[amount]`."""
    data = charge["transfer_data"]
    amount = charge["amount_captured"] if data["amount"] is None else data["amount"]
    if charge["transfer_group"] is None:
        charge["transfer_group"] = f"group_{charge['payment_intent']}"
    fee = charge["application_fee_amount"]
    transfer = made(
        desk,
        data["destination"],
        amount,
        charge["currency"],
        source=charge["id"],
        group=charge["transfer_group"],
        fee=fee,
    )
    charge["transfer"] = transfer["id"]
    if fee:
        payment = desk.beside(data["destination"]).held("charge", transfer["destination_payment"])
        charge["application_fee"] = None if payment is None else payment["application_fee"]


def reverse(desk: Desk, transfer: Object, amount: int | None, said: dict[str, Any] | None = None) -> Object:
    """Take back (the rest of) a transfer. Raises StripeError when there is less."""
    left = transfer["amount"] - transfer["amount_reversed"]
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise invalid(
            f"Reversal amount ({amount}) is greater than the unreversed amount on the transfer ({left}).", "amount"
        )
    said = said or {}
    id = desk.new_id("trr")
    currency = transfer["currency"]
    back = balance.book(desk, "transfer_refund", id, amount, currency)
    other = worlds.beside(desk, transfer["destination"])
    refund = other.new_id("pyr")
    balance.book(other, "payment_refund", refund, -amount, currency)
    reversal: Object = {
        "id": id,
        "object": REVERSAL,
        "amount": amount,
        "balance_transaction": back["id"],
        "created": desk.now_s,
        "currency": currency,
        "destination_payment_refund": refund,
        "metadata": metadata(None, said.get("metadata") or {}),
        "source_refund": said.get("_refund"),
        "transfer": transfer["id"],
        "_parent": transfer["id"],
    }
    desk.add(REVERSAL, reversal)
    reversed = transfer["amount_reversed"] + amount
    desk.change(
        transfer, {"amount_reversed": reversed, "reversed": reversed == transfer["amount"]}, "transfer.reversed"
    )
    return reversal


def present(desk: Desk, transfer: Object) -> Object:
    """The transfer, with what was taken back of it."""
    found = [dict(r) for r in desk.scan(REVERSAL, _parent=transfer["id"])][::-1]
    return {**transfer, "reversals": whole(found, f"/v1/transfers/{transfer['id']}/reversals", 10)}


def update(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Change what is noted of it."""
    transfer = desk.get(KIND, id)
    changes: Object = {name: params[name] for name in ("description",) if name in params}
    if "metadata" in params:
        changes["metadata"] = metadata(transfer["metadata"], params["metadata"])
    desk.change(transfer, changes, "transfer.updated")
    return transfer


def retrieve(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """The transfer."""
    return desk.get(KIND, id)


def listed(desk: Desk, params: dict[str, Any]) -> Object:
    """Transfers, newest first."""
    where = {name: params[name] for name in ("destination", "transfer_group") if params.get(name) is not None}
    return page(params, desk.scan(KIND, **where), "/v1/transfers")


def create_reversal(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """Take back a transfer, or a part."""
    return reverse(desk, desk.get(KIND, id), params.get("amount"), params)


def reversals(desk: Desk, params: dict[str, Any], id: str) -> Object:
    """What was taken back of a transfer."""
    desk.get(KIND, id)
    return page(params, desk.scan(REVERSAL, _parent=id), f"/v1/transfers/{id}/reversals")


def reversal(desk: Desk, params: dict[str, Any], id: str, reversal: str) -> Object:
    """One of them."""
    desk.get(KIND, id)
    return desk.get(REVERSAL, reversal)


_PATH = "/v1/transfers/{transfer}/reversals"
ROUTES = (
    Route("POST", "/v1/transfers", sdk.TransferCreateParams, create),
    Route("GET", "/v1/transfers", sdk.TransferListParams, listed),
    Route("GET", "/v1/transfers/{transfer}", None, retrieve),
    Route("POST", "/v1/transfers/{transfer}", sdk.TransferUpdateParams, update),
    Route("POST", _PATH, sdk.TransferReversalCreateParams, create_reversal),
    Route("GET", _PATH, sdk.TransferReversalListParams, reversals),
    Route("GET", _PATH + "/{reversal}", None, reversal),
)
PRESENTERS = {KIND: present}
PREFIXES = {"tr": KIND, "trr": REVERSAL}
