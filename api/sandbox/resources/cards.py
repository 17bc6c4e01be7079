"""Test cards: what each number is, and how it behaves: https://docs.stripe.com/testing.

Refuses to know payments: it says what a bank would answer, others act on it.
"""

from typing import NamedTuple

from api.sandbox.errors import StripeError, declined


class Decline(NamedTuple):
    """How an issuer says no: https://docs.stripe.com/declines/codes."""

    code: str
    decline_code: str | None
    message: str
    blocked: bool = False
    """Refused by Stripe's own fraud prevention, before the issuer was asked."""


_DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", _DECLINED)
_INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
"""What a payment without its customer gets from a bank that wants to see them: https://docs.stripe.com/payments/3d-secure."""


class Card(NamedTuple):
    """One test card."""

    number: str
    brand: str
    country: str = "US"
    funding: str = "credit"
    declines: Decline | None = None
    """Each charge is declined so."""
    refused: bool = False
    """It is declined already when it is saved for a customer."""
    asks: str = ""
    """When the bank wants to see the customer: `always`, `on_session`, `until_set_up`, or never."""
    unseen: Decline = AUTHENTICATION_REQUIRED
    """How a payment without its customer is declined by a bank that wants to see them."""
    disputed: str | None = None
    """The reason of the dispute that follows a charge; `inquiry` for one that takes no money."""
    fraud_warning: bool = False
    """The issuer warns of fraud after a charge."""
    risk: str = "normal"
    available: bool = False
    """Its money is available at once."""
    refund: str = ""
    """What becomes of a refund: `pending`, `failed`, or at once done."""


def _declining(number: str, decline: Decline) -> Card:
    return Card(number, "visa", declines=decline, refused=True)


def _declined(code: str, decline_code: str | None, message: str = _DECLINED) -> Decline:
    return Decline(code, decline_code, message)


#: By the name that stands in `pm_card_…` and `tok_…`.
NAMED: dict[str, Card] = {
    "visa": Card("4242424242424242", "visa"),
    "visa_debit": Card("4000056655665556", "visa", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", funding="debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", funding="prepaid"),
    "amex": Card("378282246310005", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "jcb": Card("3566002020360505", "jcb", "JP"),
    "unionpay": Card("6200000000000005", "unionpay", "CN"),
    "at": Card("4000000400000008", "visa", "AT"),
    "au": Card("4000000360000006", "visa", "AU"),
    "be": Card("4000000560000004", "visa", "BE"),
    "br": Card("4000000760000002", "visa", "BR"),
    "ca": Card("4000001240000000", "visa", "CA"),
    "ch": Card("4000007560000009", "visa", "CH"),
    "cn": Card("4000001560000002", "visa", "CN"),
    "de": Card("4000002760000016", "visa", "DE"),
    "es": Card("4000007240000007", "visa", "ES"),
    "fr": Card("4000002500000003", "visa", "FR"),
    "gb": Card("4000008260000000", "visa", "GB"),
    "ie": Card("4000003720000005", "visa", "IE"),
    "in": Card("4000003560000008", "visa", "IN"),
    "it": Card("4000003800000008", "visa", "IT"),
    "jp": Card("4000003920000003", "visa", "JP"),
    "mx": Card("4000004840008001", "visa", "MX"),
    "nl": Card("4000005280000002", "visa", "NL"),
    "nz": Card("4000005540000008", "visa", "NZ"),
    "pl": Card("4000006160000005", "visa", "PL"),
    "se": Card("4000007520000008", "visa", "SE"),
    "sg": Card("4000007020000003", "visa", "SG"),
    "chargeDeclined": _declining("4000000000000002", GENERIC),
    "chargeDeclinedInsufficientFunds": _declining("4000000000009995", _INSUFFICIENT),
    "chargeDeclinedLostCard": _declining("4000000000009987", _declined("card_declined", "lost_card")),
    "chargeDeclinedStolenCard": _declining("4000000000009979", _declined("card_declined", "stolen_card")),
    "chargeDeclinedExpiredCard": _declining(
        "4000000000000069", _declined("expired_card", None, "Your card has expired.")
    ),
    "chargeDeclinedIncorrectCvc": _declining(
        "4000000000000127", _declined("incorrect_cvc", None, "Your card's security code is incorrect.")
    ),
    "chargeDeclinedProcessingError": _declining(
        "4000000000000119",
        _declined("processing_error", None, "An error occurred while processing your card. Try again in a little bit."),
    ),
    "chargeDeclinedVelocityLimitExceeded": _declining(
        "4000000000006975",
        _declined("card_declined", "card_velocity_exceeded", "Your card was declined for making repeated attempts."),
    ),
    "chargeCustomerFail": Card("4000000000000341", "visa", declines=GENERIC),
    "radarBlock": Card(
        "4100000000000019", "visa", declines=Decline("card_declined", "fraudulent", _DECLINED, blocked=True),
        risk="highest",
    ),
    "riskLevelElevated": Card("4000000000009235", "visa", risk="elevated"),
    "riskLevelHighest": Card(
        "4000000000004954", "visa", declines=Decline("card_declined", "fraudulent", _DECLINED, blocked=True),
        risk="highest",
    ),
    "createDispute": Card("4000000000000259", "visa", disputed="fraudulent"),
    "createDisputeProductNotReceived": Card("4000000000002685", "visa", disputed="product_not_received"),
    "createDisputeInquiry": Card("4000000000001976", "visa", disputed="inquiry"),
    "createIssuerFraudRecord": Card("4000000000005423", "visa", fraud_warning=True),
    "pendingRefund": Card("4000000000007726", "visa", refund="pending"),
    "refundFail": Card("4000000000005126", "visa", refund="failed"),
    "bypassPending": Card("4000000000000077", "visa", available=True),
    "bypassPendingInternational": Card("4000003720000278", "visa", "IE", available=True),
    "authenticationRequired": Card("4000002760003184", "visa", "DE", asks="always"),
    "authenticationRequiredOnSetup": Card("4000002500003155", "visa", "FR", asks="until_set_up"),
    "authenticationRequiredSetupForOffSession": Card("4000003800000446", "visa", "IT", asks="on_session"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178", "visa", "GB", asks="always", declines=_INSUFFICIENT
    ),
    "threeDSecure2Required": Card("4000000000003220", "visa", asks="always"),
    "threeDSecureRequired": Card("4000000000003063", "visa", asks="always", unseen=GENERIC),
    "threeDSecureRequiredChargeDeclined": Card("4000008400001629", "visa", asks="always", declines=GENERIC),
    "threeDSecureOptional": Card("4000000000003055", "visa"),
}  # fmt: skip
BY_NUMBER = {card.number: card for card in NAMED.values()}
_BRANDS = ("visa", "mastercard", "amex", "us")


def named(id: str) -> Card | None:
    """The card of a ready-made `pm_card_…` or `tok_…`; `pm_card_visa_chargeDeclined` is `pm_card_chargeDeclined`."""
    for prefix in ("pm_card_", "tok_"):
        if id.startswith(prefix):
            name = id.removeprefix(prefix)
            brand, _, behavior = name.partition("_")
            plain = "visa" if name == "us" else name
            return NAMED.get(plain) or (NAMED.get(behavior) if brand in _BRANDS else None)
    return None


def numbered(number: str) -> Card:
    """The card of a number as a customer types it. Raises StripeError for one that is no test card."""
    digits = number.replace(" ", "").replace("-", "")
    found = BY_NUMBER.get(digits)
    if found is None:
        known = digits.isdigit() and len(digits) >= 12 and _luhn(digits)
        if not known:
            raise StripeError(
                402, "card_error", "Your card number is incorrect.", code="incorrect_number", param="number"
            )
        said = "Your card was declined. Your request was in test mode, but used a non test card."
        raise declined("card_declined", said, "test_mode_live_card")
    return found


def _luhn(digits: str) -> bool:
    total = 0
    for i, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 + i % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0
