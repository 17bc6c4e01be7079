"""Billing alerts that were triggered: a customer's usage crossed a threshold. One row a triggering.

Stripe gives a triggering no id, so its event's is its id. The alert comes along whole; a later word on the alert
itself does not reach us, since Stripe sends none. Refuses to know whether the threshold is still crossed.
"""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import Family, Reference, id_of, need


class Threshold(msgspec.Struct, gc=False):
    gte: int | None | UnsetType = UNSET
    meter: Reference | str | None | UnsetType = UNSET
    recurrence: str | None | UnsetType = UNSET


class Alert(msgspec.Struct, gc=False):
    """The alert, as it stood when it was triggered."""

    id: str | UnsetType = UNSET
    title: str | None | UnsetType = UNSET
    alert_type: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    usage_threshold: Threshold | None | UnsetType = UNSET
    usage_threshold_config: Threshold | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's triggered alert."""

    object: str = ""
    alert: Alert | str | None | UnsetType = UNSET
    customer: Reference | str | None | UnsetType = UNSET
    value: int | None | UnsetType = UNSET
    created: int | None | UnsetType = UNSET


class BillingAlert(msgspec.Struct, gc=False):
    """A billing alert that was triggered, independent of the API version."""

    alert: str | UnsetType = UNSET
    customer: str | None | UnsetType = UNSET
    value: int | UnsetType = UNSET
    """The usage that triggered it, in the meter's own units."""
    threshold: int | None | UnsetType = UNSET
    """The usage from which on it is triggered."""
    meter: str | None | UnsetType = UNSET
    recurrence: str | None | UnsetType = UNSET
    """`one_time`: once for each customer."""
    title: str | None | UnsetType = UNSET
    alert_type: str | None | UnsetType = UNSET
    alert_status: str | None | UnsetType = UNSET
    """The alert's own status at that time: `active`, `inactive` or `archived`."""
    created_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> BillingAlert:
    """A triggering's facts. Raises Missing for the alert or the value."""
    alert = need(payload.alert, "alert")
    if isinstance(alert, str):
        alert = Alert(id=alert)
    threshold = _threshold(alert)
    return BillingAlert(
        alert=need(alert.id, "alert.id"),
        customer=id_of(payload.customer),
        value=need(payload.value, "value"),
        threshold=threshold.gte,
        meter=id_of(threshold.meter),
        recurrence=threshold.recurrence,
        title=alert.title,
        alert_type=alert.alert_type,
        alert_status=alert.status,
        created_s=payload.created,
    )


def _threshold(alert: Alert) -> Threshold:
    stated: Any = alert.usage_threshold
    if isinstance(stated, UnsetType):
        stated = alert.usage_threshold_config
    return stated if isinstance(stated, Threshold) else Threshold(stated, stated, stated)


FAMILY = Family(
    name="billing_alert",
    model="billing_alerts",
    object_types=("billing.alert_triggered",),
    event_types=("billing.alert.triggered",),
    payload=Payload,
    facts=BillingAlert,
    translate=translate,
    identify=lambda payload, event: event.event_id,
    claim=lambda facts: None,
    indexes=("(mode, account, customer)",),
    whence=(
        Whence("alert", True, ("alert.id (all)",)),
        Whence("customer", False, ("customer, an id or expanded (all)",)),
        Whence("value", True, ("value (all)",)),
        Whence(
            "threshold",
            False,
            ("alert.usage_threshold_config.gte (2024-06-20)", "alert.usage_threshold.gte (acacia on)"),
        ),
        Whence(
            "meter",
            False,
            ("alert.usage_threshold_config.meter (2024-06-20)", "alert.usage_threshold.meter (acacia on)"),
        ),
        Whence(
            "recurrence",
            False,
            ("alert.usage_threshold_config.recurrence (2024-06-20)", "alert.usage_threshold.recurrence (acacia on)"),
        ),
        Whence("title", False, ("alert.title (all)",)),
        Whence("alert_type", False, ("alert.alert_type (all)",)),
        Whence("alert_status", False, ("alert.status (all)",)),
        Whence("created_s", False, ("created (all)",)),
    ),
)
