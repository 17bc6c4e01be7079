"""What a payment method shows of itself, by its type, and what a charge made with it shows.

Cards and bank debits can pay here; other types can be saved, and that is all.
"""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.errors import StripeError, invalid
from api.sandbox.resources import bank_debits, cards
from api.sandbox.state import Object

PAYING = ("card", *bank_debits.DEBITS)
_BICS = {"abn_amro": "ABNANL2A", "ing": "INGBNL2A", "rabobank": "RABONL2U"}
_YEAR_S = 31_556_952


def details_of(desk: Desk, type: str, said: dict[str, Any]) -> tuple[Object, Object]:
    """What is shown, and what the sandbox keeps beside it. Raises StripeError for numbers that cannot be."""
    if type == "card":
        return _card(desk, said)
    if type in bank_debits.DEBITS:
        if type == bank_debits.SEPA and said.get("iban") is None:
            raise invalid("Missing required param: sepa_debit[iban].", "sepa_debit[iban]", "parameter_missing")
        shown, number = bank_debits.us_account(said) if type == bank_debits.ACH else bank_debits.iban(said)
        return shown, {"_number": number, "_typed": True}
    return _other(type, said), {}


def _card(desk: Desk, said: dict[str, Any]) -> tuple[Object, Object]:
    token = said.get("token")
    if token is not None:
        return _of_token(desk, token)
    for name in ("number", "exp_month", "exp_year"):
        if said.get(name) is None:
            raise invalid(f"Missing required param: card[{name}].", f"card[{name}]", "parameter_missing")
    card = cards.numbered(said["number"])
    month, year = said["exp_month"], said["exp_year"]
    year += 2000 if year < 100 else 0
    if not 1 <= month <= 12:
        raise _wrong("Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month")
    if year < 1970 + desk.now_s // _YEAR_S or year > 2100:
        raise _wrong("Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year")
    if said.get("cvc") is not None and not (said["cvc"].isdigit() and len(said["cvc"]) in (3, 4)):
        raise _wrong("Your card's security code is invalid.", "invalid_cvc", "cvc")
    return shown_card(card, month, year, checked=said.get("cvc") is not None), {"_number": card.number}


def _wrong(message: str, code: str, param: str) -> StripeError:
    return StripeError(402, "card_error", message, code=code, param=param)


def _of_token(desk: Desk, id: str) -> tuple[Object, Object]:
    card = cards.named(id)
    if card is not None and id.startswith("tok_"):
        return shown_card(card, 12, 1971 + desk.now_s // _YEAR_S, checked=False), {"_number": card.number}
    token = desk.get("token", id, "card[token]")
    if token["type"] != "card":
        raise invalid(f"The token {id} is not a card token.", "card[token]")
    if token["used"]:
        raise invalid(f"You cannot use a Stripe token more than once: {id}.", "card[token]", "token_already_used")
    token["used"] = True
    held = token["card"]
    shown = shown_card(cards.numbered(token["_number"]), held["exp_month"], held["exp_year"], checked=False)
    return shown, {"_number": token["_number"]}


def shown_card(card: cards.Card, month: int, year: int, *, checked: bool) -> Object:
    """The `card` of a payment method. `checked`: a security code came with it, to be checked when it is used."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "unchecked" if checked else None,
        },
        "country": card.country,
        "display_brand": card.brand if card.brand not in ("amex", "diners") else _DISPLAYED[card.brand],
        "exp_month": month,
        "exp_year": year,
        "fingerprint": f"fp{card.number[:4]}{card.number[-10:]}",
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


_DISPLAYED = {"amex": "american_express", "diners": "diners_club"}


def _other(type: str, said: dict[str, Any]) -> Object:
    shown: Object = dict(said)
    if type == "ideal":
        shown = {"bank": said.get("bank"), "bic": _BICS.get(said.get("bank", ""))}
    elif type == "boleto":
        shown = {"fingerprint": f"boleto{said.get('tax_id')}", "tax_id": said.get("tax_id")}
    elif type == "fpx":
        shown = {"account_holder_type": said.get("account_holder_type", "individual"), "bank": said.get("bank")}
    elif type == "link":
        shown = {"email": None}
    return shown


def charged(method: Object, amount: int, *, ok: bool, mandate: str | None, authenticated: bool) -> Object:
    """A charge's `payment_method_details`. `authenticated`: its customer was seen by the bank."""
    type = method["type"]
    shown = method[type]
    if type == "card":
        return {"card": _charged_card(shown, amount, ok=ok, authenticated=authenticated), "type": "card"}
    if type == bank_debits.SEPA:
        kept = {name: shown[name] for name in ("bank_code", "branch_code", "country", "fingerprint", "last4")}
        return {type: {**kept, "mandate": mandate}, "type": type}
    if type == bank_debits.ACH:
        names = ("account_holder_type", "account_type", "bank_name", "fingerprint", "last4", "routing_number")
        return {type: {**{n: shown[n] for n in names}, "mandate": mandate, "payment_reference": None}, "type": type}
    return {type: shown, "type": type}


def _charged_card(shown: Object, amount: int, *, ok: bool, authenticated: bool) -> Object:
    kept = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")
    three_d_secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": "00000000-0000-4000-8000-000000000000",
        "version": "2.2.0",
    }
    return {
        **{name: shown[name] for name in kept},
        "amount_authorized": amount if ok else None,
        "authorization_code": f"{amount % 1_000_000:06d}" if ok else None,
        "checks": {**shown["checks"], "cvc_check": "pass" if shown["checks"]["cvc_check"] else None},
        "electronic_commerce_indicator": "05" if authenticated else None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": shown["brand"],
        "network_token": {"used": False},
        "network_transaction_id": "119528868122817",
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "three_d_secure": three_d_secure if authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }
