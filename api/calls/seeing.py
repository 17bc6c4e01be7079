"""What an answer of Stripe's shows, kept beside the answer: so that read models see it as they see a webhook."""

import copy
import secrets
from typing import Any, NamedTuple

from api.calls.sealed import Keys
from commands.base import Journal
from ledger.errors import Invalid
from ledger.events import NewEvent
from ledger.ids import observed_stream
from ledger.observing import Look, observed, open_sighting


class Seen(NamedTuple):
    """An object as Stripe showed it, and when."""

    object: dict[str, Any]
    """Secrets included: they are cut before anything is kept."""
    look: Look


def observation(journal: Journal, keys: Keys, seen: Seen | None) -> list[NewEvent]:
    """What to append of what was seen: nothing where nothing is new, or it is no object of its own.

    Raises StoreUnavailable.
    """
    if seen is None:
        return []
    try:
        sighting = open_sighting(copy.deepcopy(seen.object), seen.look)
    except Invalid:  # a list, or of the other mode: the call is answered all the same
        return []
    key = keys.ensure([sighting.subject])[sighting.subject]
    if sighting.email is not None:
        keys.index_email(sighting.subject, sighting.email)
    stream = observed_stream(seen.look.mode, seen.look.account, sighting.object_id)
    event = observed(sighting, key, journal.read_stream(stream), secrets.token_bytes)
    return [event] if event is not None else []
