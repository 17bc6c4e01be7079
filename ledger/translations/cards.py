"""What cards and their wallets are called: the words of today for those that sources and old versions had."""

from msgspec import UnsetType

_BRANDS = {"american express": "amex", "diners club": "diners", "union pay": "unionpay"}
_WALLETS = {"android_pay": "google_pay"}


def brand_of(said: str | UnsetType | None) -> str | UnsetType | None:
    """A card's brand: `visa`, `mastercard`, `amex` and so on."""
    if not isinstance(said, str):
        return said
    word = said.lower()
    return _BRANDS.get(word, word)


def wallet_of(said: str | UnsetType | None) -> str | UnsetType | None:
    """The wallet that a card sits in: `apple_pay`, `google_pay` and so on."""
    return _WALLETS.get(said, said) if isinstance(said, str) else said
