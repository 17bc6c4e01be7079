"""What we asked Stripe for ourselves: for which organization an object was made."""

from collections.abc import Iterable
from typing import Any

from ledger.stripe_call_events import StripeCallSucceeded

Row = dict[str, Any]


def made_by_us(decided: Iterable[tuple[Any, int]]) -> dict[tuple[str, ...], Row]:
    """Of everything that was decided, the objects that a call made for an organization; the first word stands."""
    made: dict[tuple[str, ...], Row] = {}
    for event, _ in decided:
        if not isinstance(event, StripeCallSucceeded) or event.org is None or event.object_id is None:
            continue
        if event.operation.split(".")[-1] == "create":
            key = (event.mode, event.account, event.object_id)
            its = {"mode": event.mode, "account": event.account, "id": event.object_id}
            made.setdefault(key, {**its, "object": event.object or "", "org": event.org, "call": event.call_id})
    return made
