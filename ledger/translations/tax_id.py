"""Tax ids: VAT numbers and their like, of customers and of the seller itself, in any API version.

The number is personal, and so are the name and the address that an authority has for it. Which country and kind it is,
and whether it was verified, stays plain.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Sealed, Whence
from ledger.translations.base import Family, Reference, id_of, need


class Verification(msgspec.Struct, gc=False):
    status: str | None | UnsetType = UNSET
    verified_name: str | None | UnsetType = UNSET
    verified_address: str | None | UnsetType = UNSET


class Owner(msgspec.Struct, gc=False):
    type: str | None | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's tax id."""

    object: str = ""
    id: str | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    owner: Owner | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    value: str | None | UnsetType = UNSET
    verification: Verification | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class TaxId(msgspec.Struct, gc=False):
    """A tax id, independent of the API version."""

    deleted: bool | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    """Null: it is the seller's own."""
    owner_type: str | None | UnsetType = UNSET
    """`customer`, `self`, `account` or `application`."""
    type: str | UnsetType = UNSET
    """`eu_vat`, `gb_vat`, `us_ein` …; `unknown` up to 2018-12."""
    country: str | None | UnsetType = UNSET
    value: Sealed | None | UnsetType = UNSET
    verification_status: str | None | UnsetType = UNSET
    """`pending`, `verified`, `unverified` or `unavailable`; null where nobody verifies that kind."""
    verified_name: Sealed | None | UnsetType = UNSET
    verified_address: Sealed | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> TaxId:
    """A tax id's facts. Raises Missing("type") for one that is not deleted and has none."""
    if payload.deleted is True and payload.type is UNSET:
        return TaxId(deleted=True)
    verification, owner = payload.verification, payload.owner
    if not isinstance(verification, Verification):
        verification = Verification(None, None, None) if verification is None else Verification()
    customer = payload.customer
    if isinstance(owner, Owner) and not customer:
        customer = owner.customer if owner.customer is not UNSET else None
    return TaxId(
        deleted=payload.deleted is True,
        customer=id_of(customer),
        owner_type=owner.type if isinstance(owner, Owner) else owner,
        type=need(payload.type, "type"),
        country=payload.country,
        value=payload.value,
        verification_status=verification.status,
        verified_name=verification.verified_name,
        verified_address=verification.verified_address,
        created_s=payload.created,
    )


FAMILY = Family(
    name="tax_id",
    model="tax_ids",
    object_types=("tax_id",),
    event_types=("customer.tax_id.*",),
    payload=Payload,
    facts=TaxId,
    translate=translate,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)",),
    whence=(
        Whence("deleted", False, ("deleted (all; absent means false)",)),
        Whence("customer", False, ("customer, an id or expanded (all)", "owner.customer (since 2023)")),
        Whence("owner_type", False, ("owner.type (since 2023)",)),
        Whence("type", True, ("type (all; not on a deleted stub)",)),
        Whence("country", False, ("country (all)",)),
        Whence("value", False, ("value (all)",)),
        Whence("verification_status", False, ("verification.status (all; null when verification is)",)),
        Whence("verified_name", False, ("verification.verified_name (all; null when verification is)",)),
        Whence("verified_address", False, ("verification.verified_address (all; null when verification is)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
