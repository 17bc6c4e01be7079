"""A Stripe invoice that was looked at, as issuing compares it: the same in any API version."""

from typing import Any

import msgspec
from msgspec import UNSET

from api.calls.client import NoAnswer
from commands.issuing_amounts import Seen, SeenLine
from ledger.codec import encode_exactly
from ledger.facts import ObjectFact
from ledger.observing import Sighting
from ledger.stripe_call_events import StripeObjectObserved
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
    facts: Any = said.facts
    return Seen(
        status=_plain(facts.status),
        currency=_plain(facts.currency),
        customer=_plain(facts.customer),
        subtotal_minor=_plain(facts.subtotal_minor) or 0,
        tax_minor=_plain(facts.tax_minor) or 0,
        total_minor=_plain(facts.total_minor) or 0,
        lines=tuple(_line(line) for line in _plain(facts.lines) or ()),
        complete=_plain(facts.lines_complete) is True,
    )


def _line(line: dict[str, Any]) -> SeenLine:
    taxes = line["taxes"]
    told = None if taxes is None else tuple((t["amount_minor"], bool(t["inclusive"])) for t in taxes)
    return SeenLine(line["invoice_item"], line["amount_minor"], told)


def _plain(value: Any) -> Any:
    return None if value is UNSET else value
