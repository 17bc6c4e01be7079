"""Top-ups: money that an account put on its own balance from a bank account, in any API version.

Came in 2018. Which bank account it was is not read.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Json, Whence
from ledger.translations.base import CREATED, FINAL, UPDATED, Family, Reference, id_of, need, plain


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's top-up."""

    object: str = ""
    id: str | UnsetType = UNSET
    amount: int | None | UnsetType = UNSET
    currency: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    expected_availability_date: int | None | UnsetType = UNSET
    failure_code: str | None | UnsetType = UNSET
    balance_transaction: Reference | str | None | UnsetType = UNSET
    transfer_group: str | None | UnsetType = UNSET
    metadata: dict[str, Any] | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class TopUp(msgspec.Struct, gc=False):
    """Money that an account put on its own balance, independent of the API version. Minor units of `currency`."""

    amount_minor: int | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    status: str | UnsetType = UNSET
    """`pending`, `succeeded`, `failed`, `canceled` or `reversed`."""
    expected_availability_date_s: Instant | None | UnsetType = UNSET
    failure_code: str | None | UnsetType = UNSET
    balance_transaction: str | None | UnsetType = UNSET
    transfer_group: str | None | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> TopUp:
    """A top-up's facts. Raises Missing for its amount, currency or status."""
    return TopUp(
        amount_minor=need(payload.amount, "amount"),
        currency=need(payload.currency, "currency"),
        status=need(payload.status, "status"),
        expected_availability_date_s=payload.expected_availability_date,
        failure_code=payload.failure_code,
        balance_transaction=id_of(payload.balance_transaction),
        transfer_group=payload.transfer_group,
        metadata=plain(payload.metadata),
        created_s=payload.created,
    )


_RANKS = {"succeeded": 3, "failed": FINAL, "canceled": FINAL, "reversed": FINAL}


def rank(verb: str, facts: TopUp) -> int:
    """The order of one second: from pending to succeeded, and from there to reversed; or to failed or canceled."""
    found = _RANKS.get(facts.status) if isinstance(facts.status, str) else None
    if found is None:
        return CREATED if verb == "created" else UPDATED
    return found


FAMILY = Family(
    name="topup",
    model="topups",
    object_types=("topup",),
    event_types=("topup.*",),
    payload=Payload,
    facts=TopUp,
    translate=translate,
    rank=rank,
    customer=lambda facts: None,
    claim=lambda facts: None,
    whence=(
        Whence("amount_minor", True, ("amount (all)",)),
        Whence("currency", True, ("currency (all)",)),
        Whence("status", True, ("status (all)",)),
        Whence("expected_availability_date_s", False, ("expected_availability_date (all)",)),
        Whence("failure_code", False, ("failure_code (all)",)),
        Whence("balance_transaction", False, ("balance_transaction (all; may be expanded)",)),
        Whence("transfer_group", False, ("transfer_group (all)",)),
        Whence("metadata", False, ("metadata (all; sealed values left out)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
