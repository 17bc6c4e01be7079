"""Observed objects to facts: what was seen when Stripe was asked, read by the same families as what it tells by itself.

Such a fact goes over an event of its second (`projections.ordering`): it was seen after what the event says of.
"""

from typing import Any

import msgspec
from msgspec import Raw

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Translation
from ledger.stripe_call_events import StripeObjectObserved
from ledger.translations import FAMILIES, about, external_account, without_nul
from ledger.translations.base import Translator

#: Object types that only an event can show: a look at Stripe never does.
_EVENTS_ALONE = frozenset({"application", "billing.alert_triggered", "v2.core.event"})
#: Who reads an object. A seller's bank accounts and cards share their types with a buyer's, who come first here.
_BY_OBJECT: dict[str, Translator] = {
    o: t for f in reversed(FAMILIES) for t in (Translator(f),) for o in f.object_types if o not in _EVENTS_ALONE
}
_OF_SELLERS = Translator(external_account.FAMILY)
_SHARED = frozenset(external_account.FAMILY.object_types)
_DIGITS = 16


def translate_observed(event: StripeObjectObserved) -> Translation:
    """What an observed object says: all that an event which carried it would, but what it was before. Never raises."""
    body = b'{"data":{"object":' + without_nul(bytes(event.payload)) + b"}}"
    glimpse = _glance(event.payload)
    seller = event.object_type in _SHARED and glimpse.account is not None
    translator = _OF_SELLERS if seller else _BY_OBJECT.get(event.object_type)
    if translator is None:
        return about(body)
    said = translator.translate(
        StripeEventReceived(
            event_id=sighting_id(event),
            type=f"{event.object_type}.{'deleted' if glimpse.deleted is True else 'observed'}",
            created_s=event.observed_at_s,
            mode=event.mode,
            account=event.account,
            api_version=event.api_version,
            endpoint="platform",
            payload=Raw(body),
        )
    )
    return said._replace(fetched=True) if isinstance(said, ObjectFact) else said


def sighting_id(event: StripeObjectObserved) -> str:
    """What an observation is called where events have their id: the same for the same content of the same second."""
    return f"{event.object_id}@{event.observed_at_s}.{event.digest[:_DIGITS]}"


def object_of_sighting(id: str) -> str:
    """The object's id, from what an observation of it is called."""
    return id.rpartition("@")[0]


class _Glimpse(msgspec.Struct, gc=False):
    deleted: Any = None
    account: Any = None


_open = msgspec.json.Decoder(_Glimpse).decode


def _glance(payload: bytes) -> _Glimpse:
    try:
        return _open(payload)
    except msgspec.DecodeError:
        return _Glimpse()
