"""Early fraud warnings: a card network's word that a charge is suspect, before any dispute, in any API version.

https://docs.stripe.com/api/radar/early_fraud_warnings. Sent under this name since 2019.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import Family, Reference, id_of, need


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's early fraud warning."""

    object: str = ""
    id: str | UnsetType = UNSET
    charge: Reference | str | None | UnsetType = UNSET
    payment_intent: Reference | str | None | UnsetType = UNSET
    actionable: bool | None | UnsetType = UNSET
    fraud_type: str | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class EarlyFraudWarning(msgspec.Struct, gc=False):
    """An early fraud warning, independent of the API version."""

    charge: str | UnsetType = UNSET
    payment_intent: str | None | UnsetType = UNSET
    actionable: bool | None | UnsetType = UNSET
    """Whether a refund may still prevent a dispute."""
    fraud_type: str | None | UnsetType = UNSET
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> EarlyFraudWarning:
    """An early fraud warning's facts. Raises Missing("charge")."""
    return EarlyFraudWarning(
        charge=need(id_of(payload.charge), "charge"),
        payment_intent=id_of(payload.payment_intent),
        actionable=payload.actionable,
        fraud_type=payload.fraud_type,
        created_s=payload.created,
    )


FAMILY = Family(
    name="early_fraud_warning",
    model="early_fraud_warnings",
    object_types=("radar.early_fraud_warning",),
    event_types=("radar.early_fraud_warning.*",),
    payload=Payload,
    facts=EarlyFraudWarning,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, charge)",),
    whence=(
        Whence("charge", True, ("charge (all; an id, or expanded)",)),
        Whence("payment_intent", False, ("payment_intent (since 2020)",)),
        Whence("actionable", False, ("actionable (all)",)),
        Whence("fraud_type", False, ("fraud_type (all)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
