"""External accounts: the bank accounts and cards that an account is paid out to, in any API version.

A payout names one by its id alone, so this is where its last four digits come from. No other number is read, and no
name. An account's payload may list them as well; only their own events are read, which come for every kind of account.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Whence
from ledger.translations.base import Family, Reference, id_of, need


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's bank account or card."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    account: Reference | str | None | UnsetType = UNSET
    last4: str | None | UnsetType = UNSET
    brand: str | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    default_for_currency: bool | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET


class ExternalAccount(msgspec.Struct, gc=False):
    """A bank account or card that an account is paid out to, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    kind: str | UnsetType = UNSET
    """`bank_account` or `card`."""
    seller: str | None | UnsetType = UNSET
    """The account that is paid out to it."""
    last4: str | UnsetType = UNSET
    brand: str | None | UnsetType = UNSET
    """Of a card."""
    country: str | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    default_for_currency: bool | None | UnsetType = UNSET
    """Whether payouts in `currency` go to it."""
    status: str | None | UnsetType = UNSET
    """Of a bank account: `new`, `validated`, `verified`, `verification_failed`, `errored`."""


def translate(payload: Payload) -> ExternalAccount:
    """An external account's facts. Raises Missing("last4") where it is not deleted."""
    if payload.deleted is True and payload.last4 is UNSET:
        return ExternalAccount(deleted=True, kind=payload.object, seller=id_of(payload.account))
    return ExternalAccount(
        deleted=payload.deleted is True,
        kind=payload.object,
        seller=id_of(payload.account),
        last4=need(payload.last4, "last4"),
        brand=payload.brand,
        country=payload.country,
        currency=payload.currency,
        default_for_currency=payload.default_for_currency,
        status=payload.status,
    )


FAMILY = Family(
    name="external_account",
    model="external_accounts",
    object_types=("bank_account", "card"),
    event_types=("account.external_account.*",),
    payload=Payload,
    facts=ExternalAccount,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, seller)",),
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)", "the event's type (all)")),
        Whence("kind", True, ("object (all)",)),
        Whence("seller", False, ("account (all; may be expanded)",)),
        Whence("last4", True, ("last4 (all; not on a deleted stub)",)),
        Whence("brand", False, ("brand (all; cards only)",)),
        Whence("country", False, ("country (all)",)),
        Whence("currency", False, ("currency (all)",)),
        Whence("default_for_currency", False, ("default_for_currency (all)",)),
        Whence("status", False, ("status (all; bank accounts only)",)),
    ),
)
