"""Stripe's payloads, of any API version, to facts. The registry: one file and one line a family."""

from ledger.events import StripeEventReceived
from ledger.facts import StoredOnly, Translation, Waiting
from ledger.translations import customer, entitlement_summary, subscription
from ledger.translations.base import Family, Translator

#: The registry: one line a family.
FAMILIES: tuple[Family, ...] = (
    customer.FAMILY,
    subscription.FAMILY,
    entitlement_summary.FAMILY,
)

BY_NAME: dict[str, Family] = {f.name: f for f in FAMILIES}
_BY_PREFIX: dict[str, Translator] = {p: t for f in FAMILIES for t in (Translator(f),) for p in f.prefixes}
_IGNORED: frozenset[str] = frozenset().union(*(f.ignored for f in FAMILIES))
_STORED_ONLY = StoredOnly()
#: Thin events carry no object: https://docs.stripe.com/event-destinations#thin-events
_THIN = Waiting("thin event: its object has not been fetched")
_THIN_MARK = b'"v2.core.event"'


def translate(event: StripeEventReceived) -> Translation:
    """What a Stripe event says, or why it says nothing. Never raises for anything in the payload."""
    translator = _BY_PREFIX.get(event.type.rpartition(".")[0])
    if translator is None or event.type in _IGNORED:
        return _THIN if event.api_version is None and _is_thin(event.payload) else _STORED_ONLY
    return translator.translate(event)


def _is_thin(payload: bytes) -> bool:
    return _THIN_MARK in bytes(payload)[:400]
