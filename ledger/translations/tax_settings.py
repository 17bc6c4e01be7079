"""Tax settings: how an account is set up for automatic tax. One an account, and it has no id of its own.

Came in 2023 and has had one shape since; older API versions send it as well. Of the head office only the country is
read: the rest of its address is sealed.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Whence
from ledger.translations.base import Family, need


class Defaults(msgspec.Struct, gc=False):
    tax_behavior: str | None | UnsetType = UNSET
    tax_code: str | None | UnsetType = UNSET
    provider: str | None | UnsetType = UNSET


class Address(msgspec.Struct, gc=False):
    country: str | None | UnsetType = UNSET


class HeadOffice(msgspec.Struct, gc=False):
    address: Address | None | UnsetType = UNSET


class Pending(msgspec.Struct, gc=False):
    missing_fields: list[str] | None | UnsetType = UNSET


class StatusDetails(msgspec.Struct, gc=False):
    pending: Pending | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's tax settings."""

    object: str = ""
    status: str | None | UnsetType = UNSET
    status_details: StatusDetails | None | UnsetType = UNSET
    defaults: Defaults | None | UnsetType = UNSET
    head_office: HeadOffice | None | UnsetType = UNSET


class TaxSettings(msgspec.Struct, gc=False):
    """An account's tax settings, independent of the API version."""

    status: str | UnsetType = UNSET
    """`active`, or `pending` while something is missing."""
    missing_fields: tuple[str, ...] | UnsetType = UNSET
    """What is missing."""
    tax_behavior: str | None | UnsetType = UNSET
    """Of prices that state none: `inclusive`, `exclusive` or `inferred_by_currency`."""
    tax_code: str | None | UnsetType = UNSET
    """Of products that state none."""
    provider: str | None | UnsetType = UNSET
    head_office_country: str | None | UnsetType = UNSET


def translate(payload: Payload) -> TaxSettings:
    """Tax settings' facts. Raises Missing("status")."""
    defaults = payload.defaults
    if not isinstance(defaults, Defaults):
        defaults = Defaults(None, None, None) if defaults is None else Defaults()
    office = payload.head_office
    address = office.address if isinstance(office, HeadOffice) else office
    return TaxSettings(
        status=need(payload.status, "status"),
        missing_fields=_missing(payload.status_details),
        tax_behavior=defaults.tax_behavior,
        tax_code=defaults.tax_code,
        provider=defaults.provider,
        head_office_country=address.country if isinstance(address, Address) else address,
    )


def _missing(details: StatusDetails | UnsetType | None) -> tuple[str, ...] | UnsetType:
    if not isinstance(details, StatusDetails):
        return () if details is None else UNSET
    listed = details.pending.missing_fields if isinstance(details.pending, Pending) else None
    return tuple(sorted(listed)) if isinstance(listed, list) else ()


FAMILY = Family(
    name="tax_settings",
    model="tax_settings",
    object_types=("tax.settings",),
    event_types=("tax.settings.*",),
    payload=Payload,
    facts=TaxSettings,
    translate=translate,
    identify=lambda payload, event: event.account,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("status", True, ("status (all)",)),
        Whence("missing_fields", False, ("status_details.pending.missing_fields (all)",)),
        Whence("tax_behavior", False, ("defaults.tax_behavior (all)",)),
        Whence("tax_code", False, ("defaults.tax_code (all)",)),
        Whence("provider", False, ("defaults.provider (since 2025)",)),
        Whence("head_office_country", False, ("head_office.address.country (all)",)),
    ),
)
