"""Billing meters: what usage is counted and how, in any API version.

Came in 2024 and kept its shape; older API versions render it alike. Refuses to know usage: that is Stripe's.
"""

import msgspec
from msgspec import UNSET, UnsetType

from ledger.facts import Instant, Whence
from ledger.translations.base import Family, need


class CustomerMapping(msgspec.Struct, gc=False):
    event_payload_key: str | None | UnsetType = UNSET
    type: str | None | UnsetType = UNSET


class DefaultAggregation(msgspec.Struct, gc=False):
    formula: str | None | UnsetType = UNSET


class ValueSettings(msgspec.Struct, gc=False):
    event_payload_key: str | None | UnsetType = UNSET


class StatusTransitions(msgspec.Struct, gc=False):
    deactivated_at: int | None | UnsetType = UNSET


class Payload(msgspec.Struct, gc=False):
    """What we read of Stripe's billing meter."""

    object: str = ""
    id: str | UnsetType = UNSET
    display_name: str | None | UnsetType = UNSET
    event_name: str | None | UnsetType = UNSET
    status: str | None | UnsetType = UNSET
    default_aggregation: DefaultAggregation | None | UnsetType = UNSET
    event_time_window: str | None | UnsetType = UNSET
    customer_mapping: CustomerMapping | None | UnsetType = UNSET
    value_settings: ValueSettings | None | UnsetType = UNSET
    status_transitions: StatusTransitions | None | UnsetType = UNSET
    created: int | UnsetType = UNSET
    updated: int | None | UnsetType = UNSET


class Meter(msgspec.Struct, gc=False):
    """A billing meter, independent of the API version."""

    display_name: str | None | UnsetType = UNSET
    event_name: str | UnsetType = UNSET
    """What the meter events that it counts are called."""
    status: str | UnsetType = UNSET
    """`active` or `inactive`."""
    formula: str | None | UnsetType = UNSET
    """How usage adds up: `sum`, `count` or `last`."""
    event_time_window: str | None | UnsetType = UNSET
    """`hour` or `day` where Stripe adds up beforehand."""
    customer_mapping: str | None | UnsetType = UNSET
    """How a meter event names its customer, e.g. `by_id`."""
    customer_key: str | None | UnsetType = UNSET
    """The key of a meter event's payload that names its customer."""
    value_key: str | None | UnsetType = UNSET
    """The key of a meter event's payload that holds the usage."""
    deactivated_at_s: Instant | None | UnsetType = UNSET
    created_s: Instant | UnsetType = UNSET
    updated_s: Instant | None | UnsetType = UNSET


def translate(payload: Payload) -> Meter:
    """A meter's facts. Raises Missing for its event name or status."""
    mapping = payload.customer_mapping
    mapped = mapping if isinstance(mapping, CustomerMapping) else CustomerMapping(mapping, mapping)
    aggregation, values = payload.default_aggregation, payload.value_settings
    transitions = payload.status_transitions
    return Meter(
        display_name=payload.display_name,
        event_name=need(payload.event_name, "event_name"),
        status=need(payload.status, "status"),
        formula=aggregation.formula if isinstance(aggregation, DefaultAggregation) else aggregation,
        event_time_window=payload.event_time_window,
        customer_mapping=mapped.type,
        customer_key=mapped.event_payload_key,
        value_key=values.event_payload_key if isinstance(values, ValueSettings) else values,
        deactivated_at_s=transitions.deactivated_at if isinstance(transitions, StatusTransitions) else transitions,
        created_s=payload.created,
        updated_s=payload.updated,
    )


FAMILY = Family(
    name="meter",
    model="meters",
    object_types=("billing.meter",),
    event_types=("billing.meter.*",),
    payload=Payload,
    facts=Meter,
    translate=translate,
    customer=lambda facts: None,
    claim=lambda facts: None,
    indexes=("(mode, account, event_name)",),
    whence=(
        Whence("display_name", False, ("display_name (all)",)),
        Whence("event_name", True, ("event_name (all)",)),
        Whence("status", True, ("status (all)",)),
        Whence("formula", False, ("default_aggregation.formula (all; `last` since basil)",)),
        Whence("event_time_window", False, ("event_time_window (all)",)),
        Whence("customer_mapping", False, ("customer_mapping.type (all)",)),
        Whence("customer_key", False, ("customer_mapping.event_payload_key (all)",)),
        Whence("value_key", False, ("value_settings.event_payload_key (all)",)),
        Whence("deactivated_at_s", False, ("status_transitions.deactivated_at (all)",)),
        Whence("created_s", False, ("created (all)",)),
        Whence("updated_s", False, ("updated (all)",)),
    ),
)
