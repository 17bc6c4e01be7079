"""Credit grants: billing credits that a customer was given or has bought, in any API version.

Came in acacia and kept its shape. A grant says what was given and when it holds; what is left of it is its
transactions' matter (`credit_balance_transaction`). Its name may tell of the customer, so it is sealed.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Sealed, Whence
from ledger.translations.base import Family, Reference, id_of, need, plain


class Monetary(msgspec.Struct, gc=False):
    currency: str | None | UnsetType = UNSET
    value: int | None | UnsetType = UNSET


class Amount(msgspec.Struct, gc=False):
    """An amount of credit. `monetary` is null where the credit is in units of the seller's own."""

    monetary: Monetary | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET


class Price(msgspec.Struct, gc=False):
    id: str | None | UnsetType = UNSET


class Scope(msgspec.Struct, gc=False):
    price_type: str | None | UnsetType = UNSET
    prices: list[Price] | None | UnsetType = UNSET


class Applicability(msgspec.Struct, gc=False):
    scope: Scope | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's credit grant."""

    object: str = ""
    id: str | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    amount: Amount | None | UnsetType = UNSET
    category: str | None | UnsetType = UNSET
    applicability_config: Applicability | None | UnsetType = UNSET
    priority: int | None | UnsetType = UNSET
    effective_at: int | None | UnsetType = UNSET
    expires_at: int | None | UnsetType = UNSET
    voided_at: int | None | UnsetType = UNSET
    name: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | UnsetType = UNSET
    updated: int | None | UnsetType = UNSET


class CreditGrant(msgspec.Struct, gc=False):
    """A credit grant, independent of the API version."""

    customer: str | None | UnsetType = UNSET
    amount_minor: int | None | UnsetType = UNSET
    """What was granted, minor units of `currency`; null where the credit is no money."""
    currency: str | None | UnsetType = UNSET
    amount_type: str | None | UnsetType = UNSET
    """`monetary`; other kinds have no currency."""
    category: str | None | UnsetType = UNSET
    """`paid` or `promotional`."""
    price_type: str | None | UnsetType = UNSET
    """The kind of prices that it pays for, where it is not bound to some: `metered`."""
    prices: tuple[str, ...] | None | UnsetType = UNSET
    """The prices that it pays for, where it is bound to some."""
    priority: int | None | UnsetType = UNSET
    """0 is used first, 100 last."""
    effective_at_s: Instant | None | UnsetType = UNSET
    expires_at_s: Instant | None | UnsetType = UNSET
    """Null: never."""
    voided_at_s: Instant | None | UnsetType = UNSET
    name: Sealed | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET
    updated_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> CreditGrant:
    """A grant's facts. Raises Missing for its customer or its amount."""
    amount, currency, kind = money(payload.amount, "amount")
    price_type, prices = _scope(payload.applicability_config)
    return CreditGrant(
        customer=need(id_of(payload.customer), "customer"),
        amount_minor=amount,
        currency=currency,
        amount_type=kind,
        category=payload.category,
        price_type=price_type,
        prices=prices,
        priority=payload.priority,
        effective_at_s=payload.effective_at,
        expires_at_s=payload.expires_at,
        voided_at_s=payload.voided_at,
        name=payload.name,
        metadata=plain(payload.metadata),
        created_s=payload.created,
        updated_s=payload.updated,
    )


def money(amount: Amount | UnsetType | None, name: str) -> tuple[int | None, str | None, str | None]:
    """(minor units, currency, type) of an amount of credit. Raises Missing for it, or for a part of money."""
    stated = need(amount, name)
    kind = stated.type or None
    if not stated.monetary:
        return (need(None, f"{name}.monetary") if kind in (None, "monetary") else None), None, kind
    value = need(stated.monetary.value, f"{name}.monetary.value")
    return value, need(stated.monetary.currency, f"{name}.monetary.currency"), kind


def _scope(config: Applicability | UnsetType | None) -> tuple[Any, Any]:
    """The kind of prices and the prices that a grant is for; an absent one is null once the scope is spoken of."""
    scope = config.scope if isinstance(config, Applicability) else config
    if not isinstance(scope, Scope):
        return scope, scope
    prices = scope.prices
    listed = tuple(p.id for p in prices if isinstance(p.id, str)) if isinstance(prices, list) else None
    return scope.price_type or None, listed


FAMILY = Family(
    name="credit_grant",
    model="credit_grants",
    object_types=("billing.credit_grant",),
    event_types=("billing.credit_grant.*",),
    payload=Payload,
    facts=CreditGrant,
    translate=translate,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)",),
    whence=(
        Whence("customer", True, ("customer, an id or expanded (all)",)),
        Whence("amount_minor", True, ("amount.monetary.value (all; none where the credit is no money)",)),
        Whence("currency", True, ("amount.monetary.currency (all; none where the credit is no money)",)),
        Whence("amount_type", False, ("amount.type (all)",)),
        Whence("category", False, ("category (all)",)),
        Whence("price_type", False, ("applicability_config.scope.price_type (all)",)),
        Whence("prices", False, ("applicability_config.scope.prices[].id (2025-02-24.acacia on)",)),
        Whence("priority", False, ("priority (2025-02-24.acacia on)",)),
        Whence("effective_at_s", False, ("effective_at (all)",)),
        Whence("expires_at_s", False, ("expires_at (all)",)),
        Whence("voided_at_s", False, ("voided_at (all)",)),
        Whence("name", False, ("name (all)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
        Whence("updated_s", False, ("updated (all)",)),
    ),
)
