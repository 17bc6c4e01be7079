"""Whose an object of Stripe's is, as Stripe says now: an organization acts on its own alone."""

from collections.abc import Mapping
from typing import Any

from api.calls.client import NoAnswer, StripeUnavailable
from api.calls.customers import Whom
from api.calls.desk import Desk
from api.calls.verdict import Failed, Succeeded, verdict
from ledger.errors import Invalid, NotFound, Refused
from ledger.ids import Mode


def owned(desk: Desk, whom: Whom, path: str, id: str) -> dict[str, Any]:
    """An object of the organization's, as it stands. Raises NotFound, Invalid, StripeUnavailable."""
    if not (id.isascii() and id.replace("_", "").isalnum()):
        raise Invalid(f"{id!r} is no id of Stripe's", code="invalid_input")
    found = fetched(desk, whom.mode, whom.account, f"{path}/{id}")
    customer = found.get("customer")
    if found.get("deleted") or customer is None or customer not in desk.customers(whom.mode).every(whom):
        raise NotFound()
    return found


def fetched(desk: Desk, mode: Mode, account: str, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Something of Stripe's as it stands; nothing is kept. Raises NotFound, Refused, StripeUnavailable."""
    try:
        reply = desk.calls(mode).maker.fetch(path, account, params, urgency="live")
    except NoAnswer as silence:
        raise StripeUnavailable("Stripe did not answer; ask again") from silence
    return told(reply)


def told(reply: Any) -> dict[str, Any]:
    """What Stripe answered. Raises NotFound, Refused("stripe_refused"), StripeUnavailable."""
    if reply.status == 404:
        raise NotFound()
    found = verdict(reply)
    if isinstance(found, Succeeded):
        return found.object
    if isinstance(found, Failed):
        raise Refused(found.message or "Stripe refused this", code=found.command.code or "stripe_refused")
    raise StripeUnavailable("Stripe did not answer; ask again")
