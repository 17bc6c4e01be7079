"""What existed before a recording began, made by the sandbox's own means from what the recording shows of it.

A price, a customer, a connected account; also what the recording only looks at: a charge, an intent, an invoice.
"""

from collections.abc import Callable
from typing import Any, Protocol

from api.sandbox.desk import Desk
from api.sandbox.resources.accounts import onboard
from api.sandbox.sandbox import PLATFORM_ACCOUNT, Sandbox

Json = dict[str, Any]
_DAY_S = 86_400
_MANDATE = {"customer_acceptance": {"type": "offline"}}


class Maker(Protocol):
    """As much of a replay as seeds need."""

    sandbox: Sandbox
    now_s: int

    def make(self, method: str, path: str, account: str | None = None, **said: Any) -> Json:
        """Ask the sandbox, which must say 200."""
        ...

    def known(self, value: str, on: str | None) -> str:
        """Our id for a recorded one, made if it is not there."""
        ...


def seed(maker: Maker, id: str, object: Json, on: str | None) -> str | None:
    """Make the object of a recorded id, `on` a connected account or the platform's; None where nobody knows how."""
    kind = object.get("object") or _BY_PREFIX.get(id.rpartition("_")[0], "")
    make = _SEEDS.get(kind)
    return None if make is None else str(make(maker, object, on))


_BY_PREFIX = {"acct": "account", "cus": "customer", "pm": "payment_method", "price": "price"}


def _account(maker: Maker, object: Json, on: str | None) -> Any:
    """It may do all that it is asked to: whoever owns it has told Stripe all that Stripe wanted."""
    asked = object.get("capabilities") or {"card_payments": "active", "transfers": "active"}
    said: Json = {
        "type": object.get("type", "standard"),
        "country": object.get("country", "US"),
        "capabilities": {name: {"requested": True} for name in asked},
        **{name: object[name] for name in ("business_type", "email") if object.get(name)},
    }
    if object.get("business_profile"):
        said["business_profile"] = {k: v for k, v in object["business_profile"].items() if v is not None}
    if object.get("individual"):
        said["individual"] = {name: object["individual"][name] for name in ("first_name", "last_name")}
    id = maker.make("POST", "/v1/accounts", **said)["id"]
    desk = Desk(maker.sandbox.state, f"{PLATFORM_ACCOUNT}/test", maker.sandbox.wall_s)
    onboard(desk, id)
    desk.work.commit()
    return id


def _customer(maker: Maker, object: Json, on: str | None) -> Any:
    said = {name: object[name] for name in ("email", "name") if object.get(name)}
    return maker.make("POST", "/v1/customers", on, **said)["id"]


def _ready_made(object: Json) -> str:
    if object.get("type") == "us_bank_account":
        return "pm_usBankAccount_success"
    return "pm_card_" + (object.get("card") or {}).get("brand", "visa")


def _method(maker: Maker, object: Json, on: str | None) -> Any:
    """A customer's, when the recording says whose."""
    if not object.get("customer"):
        return maker.make("GET", f"/v1/payment_methods/{_ready_made(object)}", on)["id"]
    customer = maker.known(object["customer"], on)
    return maker.make("POST", f"/v1/payment_methods/{_ready_made(object)}/attach", on, customer=customer)["id"]


def _price(maker: Maker, object: Json, on: str | None) -> Any:
    """Of a price or a plan; of one that no recording shows, something."""
    object = object or {"object": "price", "currency": "usd", "unit_amount": 1000, "nickname": None, "recurring": None}
    said: Json = {
        "product": maker.make("POST", "/v1/products", on, name="What is sold")["id"],
        "currency": object["currency"],
        "unit_amount": object["unit_amount"] if "unit_amount" in object else object["amount"],
        "nickname": object["nickname"] or "",
    }
    period = object if object["object"] == "plan" else object["recurring"]
    if period is not None:
        said["recurring"] = {name: period[name] for name in ("interval", "interval_count")}
    return maker.make("POST", "/v1/prices", on, **said)["id"]


def _coupon(maker: Maker, object: Json, on: str | None) -> Any:
    names = ("id", "amount_off", "percent_off", "currency", "duration", "name")
    return maker.make("POST", "/v1/coupons", on, **{n: object[n] for n in names if object.get(n)})["id"]


def _setup_intent(maker: Maker, object: Json, on: str | None) -> Any:
    """One that succeeded, by a bank account that was verified."""
    return maker.make(
        "POST",
        "/v1/setup_intents",
        on,
        customer=maker.known(object["customer"], on),
        payment_method=_ready_made(object["payment_method"]),
        payment_method_types=object["payment_method_types"],
        payment_method_options=object["payment_method_options"],
        confirm=True,
        mandate_data=_MANDATE,
    )["id"]


def _payment_intent(maker: Maker, object: Json, on: str | None) -> Any:
    """One whose debit has come, days ago; refunded, if the recording shows it so."""
    made = maker.make(
        "POST",
        "/v1/payment_intents",
        on,
        amount=object["amount"],
        currency=object["currency"],
        customer=maker.known(object["customer"], on),
        payment_method="pm_usBankAccount_success",
        payment_method_types=object["payment_method_types"],
        capture_method=object["capture_method"],
        confirm=True,
        mandate_data=_MANDATE,
    )
    maker.now_s += 14 * _DAY_S
    if object["latest_charge"]["refunded"]:
        maker.make("POST", "/v1/refunds", on, payment_intent=made["id"])
    return made["id"]


def _invoice(maker: Maker, object: Json, on: str | None) -> Any:
    """A draft of the recorded amount."""
    customer = maker.known(object["customer"], on)
    [line] = object["lines"]["data"]
    said = {"amount": line["amount"], "currency": line["currency"], "description": line["description"]}
    maker.make("POST", "/v1/invoiceitems", on, customer=customer, **said)
    return maker.make("POST", "/v1/invoices", on, customer=customer, pending_invoice_items_behavior="include")["id"]


def _charge(maker: Maker, object: Json, on: str | None) -> Any:
    """The first of a subscription."""
    customer = maker.known(object["customer"], on)
    price = maker.known(object["invoice"]["lines"]["data"][0]["price"]["id"], on)
    maker.make("POST", "/v1/subscriptions", on, customer=customer, items=[{"price": price}])
    return maker.make("GET", "/v1/charges", on, customer=customer)["data"][0]["id"]


_SEEDS: dict[str, Callable[[Maker, Json, str | None], Any]] = {
    "account": _account,
    "charge": _charge,
    "coupon": _coupon,
    "customer": _customer,
    "invoice": _invoice,
    "payment_intent": _payment_intent,
    "payment_method": _method,
    "plan": _price,
    "price": _price,
    "setup_intent": _setup_intent,
}
