"""A Stripe invoice that was looked at, as issuing compares it: the same in any API version."""

from typing import Any

import msgspec

from api.calls.client import NoAnswer
from commands.issuing_amounts import Seen, SeenLine
from ledger.facts import ObjectFact
from ledger.inbox import encode_exactly
from ledger.observing import Sighting
from ledger.stripe_call_events import StripeObjectObserved
from ledger.translations.invoice import Invoice
from ledger.translations.observed import translate_observed


def seen_in(sighting: Sighting) -> Seen:
    """What is compared of an invoice. Raises NoAnswer where it is none that we can read."""
    look = sighting.look
    event = StripeObjectObserved(
        mode=look.mode,
        account=look.account,
        object_type=sighting.object_type,
        object_id=sighting.object_id,
        observed_at_s=look.at_s,
        api_version=look.api_version,
        why=look.why,
        digest="",
        payload=msgspec.Raw(encode_exactly(sighting.content)),
    )
    said = translate_observed(event)
    if not isinstance(said, ObjectFact):
        raise NoAnswer(f"the invoice cannot be read: {said}")
    spoken = (name for i, name in enumerate(Invoice.__struct_fields__) if said.mask >> i & 1)
    facts = dict(zip(spoken, said.values, strict=True))
    return Seen(
        status=facts.get("status"),
        currency=facts.get("currency"),
        customer=facts.get("customer"),
        subtotal_minor=facts.get("subtotal_minor") or 0,
        tax_minor=facts.get("tax_minor") or 0,
        total_minor=facts.get("total_minor") or 0,
        lines=tuple(_line(line) for line in facts.get("lines") or ()),
        complete=facts.get("lines_complete") is True,
    )


def _line(line: dict[str, Any]) -> SeenLine:
    taxes = line["taxes"]
    told = None if taxes is None else tuple((t["amount_minor"], bool(t["inclusive"])) for t in taxes)
    return SeenLine(line["invoice_item"], line["amount_minor"], told)
