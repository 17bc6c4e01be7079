"""Customers: who pays, in any API version.

A deleted customer comes as a stub (`id`, `object`, `deleted`) in some versions and whole in others.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Sealed, Whence
from ledger.translations.base import Family, Reference, claim_in, id_of, need, plain


class Discounted(msgspec.Struct, gc=False):
    """A discount as a customer carries it; its coupon moved in clover."""

    coupon: Reference | str | None | UnsetType = UNSET
    source: dict[str, Any] | None | UnsetType = UNSET


class Address(msgspec.Struct, gc=False):
    country: str | None | UnsetType = UNSET
    postal_code: str | None | UnsetType = UNSET


class InvoiceSettings(msgspec.Struct, gc=False):
    default_payment_method: Reference | str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's customer."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    email: str | None | UnsetType = UNSET
    phone: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    address: Address | None | UnsetType = UNSET
    balance: int | UnsetType = UNSET
    account_balance: int | UnsetType = UNSET
    created: int | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    delinquent: bool | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    tax_exempt: str | None | UnsetType = UNSET
    invoice_settings: InvoiceSettings | None | UnsetType = UNSET
    default_source: Reference | str | None | UnsetType = UNSET


class Customer(msgspec.Struct, gc=False):
    """A customer, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    org_claim: str | None | UnsetType = UNSET
    """The organization that its metadata names; counts only on the platform's own account."""
    name: Sealed | None | UnsetType = UNSET
    email: Sealed | None | UnsetType = UNSET
    phone: Sealed | None | UnsetType = UNSET
    description: Sealed | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    balance_minor: int | UnsetType = UNSET
    """Credit (negative) or debt (positive) applied to the next invoice, minor units of `currency`."""
    currency: str | None | UnsetType = UNSET
    delinquent: bool | None | UnsetType = UNSET
    tax_exempt: str | None | UnsetType = UNSET
    default_payment_method: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET


def translate(payload: Payload) -> Customer:
    """A customer's facts. Raises Missing("created") when a customer that lives has none."""
    if payload.deleted is True and payload.created is UNSET:
        return Customer(deleted=True)
    settings = payload.invoice_settings
    method = settings.default_payment_method if isinstance(settings, InvoiceSettings) else settings
    if payload.default_source is not UNSET and not method:
        method = payload.default_source
    address = payload.address
    balance = payload.balance if payload.balance is not UNSET else payload.account_balance
    return Customer(
        deleted=payload.deleted is True,
        org_claim=claim_in(payload.metadata),
        name=payload.name,
        email=payload.email,
        phone=payload.phone,
        description=payload.description,
        country=address.country if isinstance(address, Address) else address,
        balance_minor=balance,
        currency=payload.currency,
        delinquent=payload.delinquent,
        tax_exempt=payload.tax_exempt,
        default_payment_method=id_of(method),
        metadata=plain(payload.metadata),
        created_s=need(payload.created, "created"),
    )


FAMILY = Family(
    name="customer",
    model="customers",
    object_types=("customer",),
    event_types=("customer.*",),
    payload=Payload,
    facts=Customer,
    translate=translate,
    customer=lambda facts: None,
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)",)),
        Whence("org_claim", False, ("metadata.org_id | organization_id | recount_org (all)",)),
        Whence("name", False, ("name (2018-… on)",)),
        Whence("email", False, ("email (all)",)),
        Whence("phone", False, ("phone (2018-… on)",)),
        Whence("description", False, ("description (all)",)),
        Whence("country", False, ("address.country (2018-… on)",)),
        Whence("balance_minor", False, ("account_balance (up to 2019-09-09)", "balance (2019-10-17 on)")),
        Whence("currency", False, ("currency (all)",)),
        Whence("delinquent", False, ("delinquent (all)",)),
        Whence("tax_exempt", False, ("tax_exempt (2018-… on)",)),
        Whence(
            "default_payment_method",
            False,
            ("default_source (all)", "invoice_settings.default_payment_method (2018-… on, wins)"),
        ),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", True, ("created (all; not on a deleted stub)",)),
    ),
)
