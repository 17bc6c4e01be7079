"""What can be charged at all: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts."""

from api.sandbox.errors import invalid

_MINIMUM = {"usd": 50, "eur": 50, "gbp": 30, "jpy": 50, "chf": 50, "cad": 50, "aud": 50, "sek": 300, "nok": 300}
_MAXIMUM = 99_999_999


def check(amount: int, currency: str) -> None:
    """Raises StripeError for an amount that is too small or too large."""
    if amount < 1:
        raise invalid(
            "The amount must be greater than or equal to the minimum charge amount allowed for your account and the"
            " currency set (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).  If you want to"
            " save a Payment Method for future use without an immediate payment, use a Setup Intent instead:"
            " https://docs.stripe.com/payments/setup-intents",
            "amount",
            "parameter_invalid_integer",
        )
    least = _MINIMUM.get(currency, 1)
    if amount < least:
        shown = f"{least / 100:.2f}" if currency != "jpy" else str(least)
        raise invalid(f"Amount must be at least {shown} {currency}", "amount", "amount_too_small")
    if amount > _MAXIMUM:
        raise invalid("Amount must be no more than $999,999.99", "amount", "amount_too_large")


def check_fee(fee: int | None, amount: int, *, allowed: bool) -> None:
    """Raises StripeError for an application fee that nobody pays, or that is more than the amount."""
    if fee is None:
        return
    if not allowed:
        raise invalid(
            "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment (using an"
            " OAuth key or Stripe-Account header) or destination payment (using `transfer_data[destination]`).",
            "application_fee_amount",
        )
    if not 0 < fee <= amount:
        raise invalid(
            "The application fee must be between 1 and the amount.", "application_fee_amount", "amount_too_large"
        )
