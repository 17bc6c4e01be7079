"""Tax registrations: where a seller collects tax. Stripe sends no events of them: they are known by fetching alone.

Came in 2023 and has had one shape since. Stripe's `status` only says where now stands between `active_from` and
`expires_at`; it is what it was when the object was fetched.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import Family, need


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's tax registration."""

    object: str = ""
    id: str | UnsetType = UNSET
    country: str | None | UnsetType = UNSET
    country_options: dict[str, Any] | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    active_from: int | None | UnsetType = UNSET
    expires_at: int | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class TaxRegistration(msgspec.Struct, gc=False):
    """A tax registration, independent of the API version."""

    country: str | UnsetType = UNSET
    type: str | None | UnsetType = UNSET
    """What kind of registration its country's options say it is, e.g. `standard`, `oss_union`, `state_sales_tax`."""
    state: str | None | UnsetType = UNSET
    """State or province, where the country has registrations of these."""
    options: Json | UnsetType = UNSET
    """The country's options as they came."""
    status: str | None | UnsetType = UNSET
    active_from_s: Instant | UnsetType = UNSET
    expires_at_s: Instant | None | UnsetType = UNSET
    """Null: it has no end."""
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> TaxRegistration:
    """A tax registration's facts. Raises Missing for the country and the time from which it is active."""
    country = str(need(payload.country, "country"))
    options = payload.country_options
    kind: Any = UNSET
    state: Any = UNSET
    if options is not UNSET:
        own = (options or {}).get(country.lower())
        stated = own if isinstance(own, dict) else {}
        kind = _text(stated.get("type"))
        state = _text(stated.get("state")) or _province(stated)
    return TaxRegistration(
        country=country,
        type=kind,
        state=state,
        options={} if options is None else options,
        status=payload.status,
        active_from_s=need(payload.active_from, "active_from"),
        expires_at_s=payload.expires_at,
        created_s=payload.created,
    )


def _province(stated: dict[str, Any]) -> str | None:
    """Canada keeps its provinces one level deeper."""
    held = stated.get("province_standard")
    return _text(held.get("province")) if isinstance(held, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


FAMILY = Family(
    name="tax_registration",
    model="tax_registrations",
    object_types=("tax.registration",),
    event_types=("tax.registration.*",),
    payload=Payload,
    facts=TaxRegistration,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("country", True, ("country (all)",)),
        Whence("type", False, ("country_options.<country>.type (all)",)),
        Whence(
            "state",
            False,
            ("country_options.us.state (all)", "country_options.ca.province_standard.province (all)"),
        ),
        Whence("options", False, ("country_options (all)",)),
        Whence("status", False, ("status (all)",)),
        Whence("active_from_s", True, ("active_from (all)",)),
        Whence("expires_at_s", False, ("expires_at (all)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
