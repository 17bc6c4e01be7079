"""A simulator of Stripe histories: a function of a scenario, the same on any machine.

    for event in simulate(Scenario(orgs=100, months=12, seed=7)):
        print(encode(event).decode())

Knows what Stripe sends, in which order and shape, for subscriptions, invoices, payments and the catalog; knows no
clock, no network and nothing of how Recount reads events, so that it can judge that.
"""

from collections.abc import Iterable

import msgspec

from replay.simulator.deliveries import disturb
from replay.simulator.history import simulate
from replay.simulator.scenario import DEFAULT_VERSIONS, Scenario
from replay.simulator.timeline import Event, Object

__all__ = ["DEFAULT_VERSIONS", "Event", "Object", "Scenario", "disturb", "encode", "final_objects", "simulate"]

_encoder = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """The event as compact JSON, in one line without its end; these are the bytes to sign."""
    return _encoder.encode(event)


def final_objects(events: Iterable[Event]) -> dict[tuple[str, str, str], Object]:
    """How each object was left, by (account or `platform`, object type, id).

    Takes events in the order in which they happened, as `simulate` yields them. A summary of entitlements, which has no
    id, goes by its customer; what has no id otherwise (an upcoming invoice, a balance) and thin events are left out.
    """
    left: dict[tuple[str, str, str], Object] = {}
    for event in events:
        if "data" not in event:
            continue
        rendered: Object = event["data"]["object"]
        id = rendered.get("id")
        if id is None and rendered["object"] == "entitlements.active_entitlement_summary":
            id = rendered["customer"]
        if id is not None:
            left[event.get("account", "platform"), rendered["object"], id] = rendered
    return left
