"""Events that Stripe lists and the log lacks: read, sealed and appended like any other. The list goes back 30 days.

An event that the log holds in any rendering is held. What is appended is in the stream where a delivery would be, so
one that comes late after all is a redelivery.
"""

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog

from api.stripe_reading import StripeReader
from commands.reactions import SYSTEM
from commands.reconciling import UNSETTLED_S, listed_from
from ledger.errors import Invalid, StoreUnavailable
from ledger.events import Metadata, NewEvent
from ledger.ids import PLATFORM, comparison_stream
from ledger.inbox import Envelope, encode_exactly, open_envelope, receive
from ledger.keys import KeyStore
from ledger.reconcile_events import EventsReconciled
from ledger.store import Appended, Log

log = structlog.get_logger("recount.reconciling")

_ATTEMPTS = 10
_HELD = "SELECT originator_id FROM ledger.events WHERE originator_version = 1 AND originator_id = ANY(%s)"


class _Tally(NamedTuple):
    """What a page came to."""

    held: int
    appended: list[int]
    """When those that lacked were created."""
    unreadable: int


class EventReconciler:
    """Closes gaps in what we received of one mode."""

    def __init__(self, journal: Log, keys: KeyStore, reader: StripeReader) -> None:
        self._journal = journal
        self._keys = keys
        self._reader = reader

    def run(self, account: str, *, whole: bool = False, request: str | None = None) -> EventsReconciled:
        """Compare one account's events since the last time, and append what lacks; `whole`: all that Stripe lists.

        Raises NoAnswer, StoreUnavailable: then what was appended stays, and nothing is said to be whole. Raises Invalid
        where Stripe does not show us the account's events.
        """
        stream = comparison_stream(self._reader.mode, account)
        history = [r.event for r in self._journal.read_stream(stream)]
        from_s = at_s = listed = held = unreadable = 0
        appended: list[int] = []
        for page in self._reader.pages("/v1/events", account, {}):
            if not at_s:
                at_s, from_s = page.at_s, listed_from(history, page.at_s, whole=whole)
            new = [o for o in page.objects if _created(o) >= from_s]
            tally = self._take(account, new)
            listed += len(new)
            held += tally.held
            appended += tally.appended
            unreadable += tally.unreadable
            if len(new) < len(page.objects):  # the newest come first
                break
        said = EventsReconciled(
            mode=self._reader.mode,
            account=account,
            from_s=from_s,
            to_s=max(from_s, at_s - UNSETTLED_S),
            listed=listed,
            held=held,
            appended=len(appended),
            unreadable=unreadable,
            first_missing_s=min(appended, default=None),
            last_missing_s=max(appended, default=None),
            request=request,
        )
        if appended:
            log.warning("gap_closed", account=account, events=len(appended), from_s=min(appended), to_s=max(appended))
        self._say(stream, said, at_s)
        return said

    def _take(self, account: str, listed: Sequence[dict[str, Any]]) -> _Tally:
        envelopes: dict[str, Envelope] = {}
        unreadable = 0
        for content in listed:
            try:
                opened = self._open(account, content)
            except Invalid as error:
                log.error("listed_event_unreadable", account=account, code=error.code)
                unreadable += 1
                continue
            envelopes[f"stripe/{opened.mode}/{opened.account}/{opened.event_id}"] = opened
        with self._journal.connection() as conn:
            known = {stream for (stream,) in conn.execute(_HELD, [list(envelopes)])}
        lacking = [e for stream, e in envelopes.items() if stream not in known]
        keys = self._keys.ensure([e.subject for e in lacking])
        for envelope in lacking:
            if envelope.email:
                self._keys.index_email(envelope.subject, envelope.email)
        new = [receive(e, keys[e.subject], "list", secrets.token_bytes) for e in lacking]
        count = self._journal.append_bulk(new) if new else 0
        created = [e.created_s for e in lacking]
        return _Tally(len(envelopes) - count, created[:count] if count < len(created) else created, unreadable)

    def _open(self, account: str, content: dict[str, Any]) -> Envelope:
        """A listed event as a delivery would have brought it. Raises Invalid, also for one of the other mode."""
        if account != PLATFORM:  # Stripe names the account where it delivers, and not where it was asked for it
            content = {**content, "account": account}
        opened = open_envelope(encode_exactly(content))
        if opened.mode != self._reader.mode:
            raise Invalid("the event is of the other mode", code="other_mode")
        return opened

    def _say(self, stream: str, said: EventsReconciled, at_s: int) -> None:
        metadata = Metadata(occurred_at_s=at_s, actor=SYSTEM, mode=said.mode, account=said.account)
        for _ in range(_ATTEMPTS):
            version = len(self._journal.read_stream(stream)) + 1
            if isinstance(self._journal.append(NewEvent(stream, version, said, metadata)), Appended):
                return
        raise StoreUnavailable("the account's stream kept moving")


def _created(event: dict[str, Any]) -> int:
    created = event.get("created")
    return created if isinstance(created, int) else 0
