"""Balances: what an account could pay out, and what is still on its way to it, in any API version.

Stripe gives a balance no id: it is its account's. How funds split over card and bank payments is not read.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Json, Whence
from ledger.translations.base import Family, need


class Funds(msgspec.Struct, gc=False):
    """An amount in one currency."""

    amount: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET


class Part(msgspec.Struct, gc=False):
    """A balance apart from that of payments."""

    available: list[Funds] | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's balance."""

    object: str = ""
    available: list[Funds] | None | UnsetType = UNSET
    pending: list[Funds] | None | UnsetType = UNSET
    instant_available: list[Funds] | None | UnsetType = UNSET
    connect_reserved: list[Funds] | None | UnsetType = UNSET
    issuing: Part | None | UnsetType = UNSET
    refund_and_dispute_prefunding: Part | None | UnsetType = UNSET


class Balance(msgspec.Struct, gc=False):
    """An account's balance, independent of the API version. Every field maps a currency to minor units of it."""

    available_minor: Json | UnsetType = UNSET
    """What could be paid out; negative when the account owes Stripe."""
    pending_minor: Json | UnsetType = UNSET
    """What was taken and is not available yet."""
    instant_available_minor: Json | None | UnsetType = UNSET
    connect_reserved_minor: Json | None | UnsetType = UNSET
    """Held back against negative balances of connected accounts."""
    issuing_minor: Json | None | UnsetType = UNSET
    prefunding_minor: Json | None | UnsetType = UNSET
    """Set aside for refunds and disputes."""


def translate(payload: Payload) -> Balance:
    """A balance's facts. Raises Missing for `available`, `pending`, or an amount or currency in them."""
    return Balance(
        available_minor=by_currency(need(payload.available, "available")),
        pending_minor=by_currency(need(payload.pending, "pending")),
        instant_available_minor=by_currency(payload.instant_available),
        connect_reserved_minor=by_currency(payload.connect_reserved),
        issuing_minor=_part(payload.issuing),
        prefunding_minor=_part(payload.refund_and_dispute_prefunding),
    )


def by_currency(funds: list[Funds] | UnsetType | None) -> dict[str, int] | UnsetType | None:
    """Currency to minor units, added up. Raises Missing for an amount without either."""
    if not isinstance(funds, list):
        return funds
    found: dict[str, int] = {}
    for one in funds:
        currency = need(one.currency, "currency of an amount")
        found[currency] = found.get(currency, 0) + need(one.amount, "amount")
    return found


def _part(part: Part | UnsetType | None) -> dict[str, int] | UnsetType | None:
    return by_currency(part.available) if isinstance(part, Part) else part


FAMILY = Family(
    name="balance",
    model="balances",
    object_types=("balance",),
    event_types=("balance.*",),
    payload=Payload,
    facts=Balance,
    translate=translate,
    identify=lambda payload, event: event.account,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("available_minor", True, ("available[].amount, currency (all)",)),
        Whence("pending_minor", True, ("pending[].amount, currency (all)",)),
        Whence("instant_available_minor", False, ("instant_available[].amount, currency (since 2020, where enabled)",)),
        Whence("connect_reserved_minor", False, ("connect_reserved[].amount, currency (since 2017, on platforms)",)),
        Whence("issuing_minor", False, ("issuing.available[].amount, currency (since 2020, where used)",)),
        Whence(
            "prefunding_minor",
            False,
            ("refund_and_dispute_prefunding.available[].amount, currency (basil on, where used)",),
        ),
    ),
)
