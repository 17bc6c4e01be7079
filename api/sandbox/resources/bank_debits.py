"""Test bank accounts: which there are, and what comes of a debit of each, days later.

https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-your-integration,
https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-your-integration.
"""

from typing import Any, NamedTuple

from api.sandbox.errors import invalid
from api.sandbox.state import Object

DAY_S = 86_400
ACH, SEPA = "us_bank_account", "sepa_debit"
DEBITS = (ACH, SEPA)
#: How long a debit stays `processing`: https://docs.stripe.com/payments/bank-debits#timing.
TAKES_DAYS = {ACH: 4, SEPA: 5}
_ROUTING = "110000000"


class Bank(NamedTuple):
    """What comes of a debit of a test account."""

    fails: str | None = None
    """The failure code, or None when it succeeds."""
    disputed: bool = False
    """It succeeds, and is disputed."""
    stays: bool = False
    """It is processing for ever."""
    later_days: int = 0
    """So much longer than others it takes."""


#: By account number.
_ACH: dict[str, tuple[str, Bank]] = {
    "000123456789": ("success", Bank()),
    "000111111113": ("accountClosed", Bank("account_closed")),
    "000111111116": ("noAccount", Bank("no_account")),
    "000222222227": ("insufficientFunds", Bank("insufficient_funds")),
    "000333333335": ("debitNotAuthorized", Bank("debit_not_authorized")),
    "000444444440": ("invalidCurrency", Bank("invalid_currency")),
    "000555555559": ("dispute", Bank(disputed=True)),
    "000000000009": ("processing", Bank(stays=True)),
}
#: By IBAN.
_SEPA: dict[str, tuple[str, Bank]] = {
    "AT611904300234573201": ("success_at", Bank()),
    "AT321904300235473204": ("successDelayed_at", Bank(later_days=2)),
    "AT861904300235473202": ("failed_at", Bank("generic_could_not_process")),
    "AT051904300235473205": ("failedDelayed_at", Bank("generic_could_not_process", later_days=2)),
    "AT591904300235473203": ("disputed_at", Bank(disputed=True)),
    "AT981904300002222227": ("insufficientFunds_at", Bank("insufficient_funds")),
    "BE62510007547061": ("success_be", Bank()),
    "DE89370400440532013000": ("success_de", Bank()),
    "DE08370400440532013003": ("successDelayed_de", Bank(later_days=2)),
    "DE62370400440532013001": ("failed_de", Bank("generic_could_not_process")),
    "DE78370400440532013004": ("failedDelayed_de", Bank("generic_could_not_process", later_days=2)),
    "DE35370400440532013002": ("disputed_de", Bank(disputed=True)),
    "FR1420041010050500013M02606": ("success_fr", Bank()),
    "FR8420041010050500013M02607": ("failed_fr", Bank("generic_could_not_process")),
    "FR5720041010050500013M02608": ("disputed_fr", Bank(disputed=True)),
    "IT40S0542811101000000123456": ("success_it", Bank()),
    "IT60X0542811101000000123456": ("failed_it", Bank("generic_could_not_process")),
    "NL39RABO0300065264": ("success_nl", Bank()),
}
#: How long a bank's code is, by country.
_BANK_CODE = {"AT": 5, "BE": 3, "FI": 6, "FR": 5, "HR": 7, "IT": 5, "NL": 4}
_MESSAGES = {
    "account_closed": "The customer's bank account has been closed.",
    "no_account": "The customer's bank account could not be located.",
    "insufficient_funds": "The customer's bank account has insufficient funds to complete this payment.",
    "debit_not_authorized": "The customer has notified their bank that this payment was unauthorized.",
    "invalid_currency": "The customer's bank account does not support this currency.",
    "generic_could_not_process": "The payment could not be processed.",
}


def bank_of(kind: str, number: str) -> Bank:
    """What comes of a debit of this account."""
    known = (_ACH if kind == ACH else _SEPA).get(number)
    return Bank() if known is None else known[1]


def failure_message(code: str) -> str:
    """In words."""
    return _MESSAGES[code]


NAMED = {
    prefix + name: (kind, number)
    for numbers, kind, prefix in ((_ACH, ACH, "pm_usBankAccount_"), (_SEPA, SEPA, "pm_"))
    for number, (name, _) in numbers.items()
}
"""Kind and number of each ready-made method: `pm_usBankAccount_success`, `pm_failed_de`."""


def us_account(said: dict[str, Any]) -> tuple[Object, str]:
    """What a method shows of an account in the United States, and its number. Raises StripeError."""
    if said.get("financial_connections_account") is not None:
        raise invalid(
            "The sandbox has no Financial Connections accounts.", "us_bank_account[financial_connections_account]"
        )
    number, routing = said.get("account_number"), said.get("routing_number")
    for name, value in (("account_number", number), ("routing_number", routing)):
        if value is None:
            param = f"us_bank_account[{name}]"
            raise invalid(f"Missing required param: {param}.", param, "parameter_missing")
    if routing != _ROUTING:
        raise invalid("Invalid routing number", "us_bank_account[routing_number]", "routing_number_invalid")
    if number not in _ACH:
        raise invalid(
            "You must use a test bank account number in test mode. Try 000123456789 or see more options at"
            " https://stripe.com/docs/connect/testing#account-numbers.",
            "us_bank_account[account_number]",
            "account_number_invalid",
        )
    shown = {
        "account_holder_type": said.get("account_holder_type", "individual"),
        "account_type": said.get("account_type", "checking"),
        "bank_name": "STRIPE TEST BANK",
        "financial_connections_account": None,
        "fingerprint": f"ach{number}",
        "last4": number[-4:],
        "networks": {"preferred": "ach", "supported": ["ach"]},
        "routing_number": routing,
        "status_details": {},
    }
    return shown, number


def iban(said: dict[str, Any]) -> tuple[Object, str]:
    """What a method shows of an account within SEPA, and its number; one that is no test IBAN pays, too.

    Raises StripeError for one that cannot be.
    """
    number = str(said["iban"]).replace(" ", "").upper()
    if not _sound(number):
        raise invalid("The IBAN you entered is invalid.", "sepa_debit[iban]", "invalid_bank_account_iban")
    shown = {
        "bank_code": number[4 : 4 + _BANK_CODE.get(number[:2], 8)],
        "branch_code": "",
        "country": number[:2],
        "fingerprint": f"sepa{number}",
        "generated_from": {"charge": None, "setup_attempt": None},
        "last4": number[-4:],
    }
    return shown, number


def _sound(number: str) -> bool:
    """Whether the check digits are right: ISO 13616."""
    if not (number.isalnum() and number.isascii() and len(number) > 14):
        return False
    return int("".join(str(int(letter, 36)) for letter in number[4:] + number[:4])) % 97 == 1
