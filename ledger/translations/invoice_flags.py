"""An invoice of before 2018-11-08: flags instead of a status, and no word on how much was paid."""

from typing import Any

from msgspec import UNSET, UnsetType

from ledger.translations.invoice_payload import Payload

#: A draft's provisional number ends so (seen in 2019-03-14).
_DRAFT_NUMBER = "-DRAFT"


def status_by_flags(payload: Payload) -> str | UnsetType:
    """The status that the flags of old versions amount to; UNSET when there is no word of them.

    `forgiven` became "uncollectible" and the flags a status in 2018-11-08
    (https://docs.stripe.com/changelog/2018-11-08/mark-invoice-uncollectible-instead-forgiven). An unpaid invoice that
    was closed is collected no more: the nearest status is "void". A finalized, numbered or attempted one is "open".
    """
    if payload.paid is UNSET and payload.closed is UNSET and payload.forgiven is UNSET and payload.attempted is UNSET:
        return UNSET
    if payload.paid:
        return "paid"
    if payload.forgiven:
        return "uncollectible"
    if payload.closed:
        return "void"
    number = payload.number
    numbered = bool(isinstance(number, str) and number and not number.endswith(_DRAFT_NUMBER))
    return "open" if payload.finalized_at or numbered or payload.attempted else "draft"


def settled(payload: Payload, paid: bool | UnsetType | None) -> tuple[Any, Any]:
    """Amounts paid and remaining where the payload lacks either: old invoices were paid whole or not at all."""
    due, received, remaining = payload.amount_due, payload.amount_paid, payload.amount_remaining
    if isinstance(due, int) and isinstance(paid, bool):
        if received is UNSET:
            received = due if paid else 0
        if remaining is UNSET:
            remaining = due - received if received is not None else None
    return received, remaining
