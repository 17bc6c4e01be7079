"""Making one call: at most once begun, sent under its key as often as it takes, its answer appended with what it shows.

Whatever dies in between, the log says enough to go on: a call that was begun may have reached Stripe, and only the same
key may follow it; one that was not begun has not. Knows nothing of queues, and nothing of who waits.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from api.calls.client import NoAnswer, Reply, Request, Urgency
from api.calls.sealed import Keys, SubjectErased, opened
from api.calls.seeing import Observes, Seen
from api.calls.verdict import Again, Failed, Lost, Stopped, Succeeded, Verdict, answered_s, verdict
from commands.base import Journal
from commands.reactions import SYSTEM
from commands.stripe_calls import (
    CALLS,
    NOT_SENT,
    BeginCall,
    Call,
    Command,
    FailCall,
    LoseCall,
    SucceedCall,
)
from commands.stripe_operations import Operation, marked, operation
from commands.stripe_stops import STOPS, StopCalls
from ledger.errors import Invalid, StreamMoved
from ledger.events import Cause, Metadata, NewEvent
from ledger.ids import Mode, call_stream, calls_stream
from ledger.observing import Look, read_object
from ledger.store import Appended
from ledger.stripe_call_events import StripeCallRequested

#: How often an answer is appended anew while others keep writing to the same streams.
ATTEMPTS = 10


class Sends(Protocol):
    """As much of the client as calls need."""

    @property
    def mode(self) -> Mode: ...
    @property
    def api_version(self) -> str: ...
    def send(self, request: Request) -> Reply: ...


class Made(NamedTuple):
    """What one attempt came to."""

    call: Call
    """As its events left it."""
    verdict: Verdict | None
    """Of the answer, where one came; None: it was not sent, or it needed no sending."""


class Maker:
    """Makes calls of one mode. May be used from several threads, and in several processes at once."""

    def __init__(
        self, journal: Journal, keys: Keys, observer: Observes, stripe: Sends, clock: Callable[[], float]
    ) -> None:
        self._journal = journal
        self._keys = keys
        self._observer = observer
        self._stripe = stripe
        self._clock = clock

    @property
    def mode(self) -> Mode:
        """Of the calls that can be made."""
        return self._stripe.mode

    def known(self, call_id: str) -> Call:
        """A call as its events left it."""
        return CALLS.fold(r.event for r in self._journal.read_stream(call_stream(self.mode, call_id)))

    def attempt(self, call_id: str, *, urgency: Urgency | None = None) -> Made:
        """Send a call that has no answer, once, and keep what came of it. `urgency`: of this attempt.

        Raises StoreUnavailable: then it is not known whether it was sent, and it is to be attempted again.
        """
        before = self.known(call_id)
        call = self._begun(call_id, before)
        asked, until_s = call.requested, call.key_until_s()
        if asked is None or not call.to_be_made or until_s is None:
            return Made(call, None)
        if self._clock() >= until_s:
            return Made(self._keep(call_id, LoseCall(why="no_answer", at_s=int(self._clock()))), None)
        try:
            request = self._request(call, operation(asked.operation), until_s)
            found = verdict(self._stripe.send(request._replace(urgency=urgency or asked.urgency)))
        except SubjectErased:
            # An attempt may have reached Stripe before the erasure: that is for the look-up to say.
            return Made(self._keep(call_id, LoseCall(why="no_answer", at_s=int(self._clock()))), None)
        except NoAnswer as silence:
            found = Again(str(silence))
        if before.begun is not None and _may_be_ours(asked, found):
            found = Lost("no_answer")
        return Made(self._settled(call_id, asked, found), found)

    def send_again(self, call: Call) -> Reply:
        """Send a call that was answered once more under its key, so that Stripe tells its answer again.

        Raises NoAnswer, also when Stripe may have forgotten the key: then it would do it a second time.
        """
        asked, until_s = call.requested, call.key_until_s()
        assert asked is not None
        assert until_s is not None
        if self._clock() >= until_s:
            raise NoAnswer("Stripe may have forgotten the key")
        return self._stripe.send(self._request(call, operation(asked.operation), until_s)._replace(urgency="live"))

    def fetch(self, path: str, account: str, params: Mapping[str, Any] | None = None, **how: Any) -> Reply:
        """Read something of Stripe's; nothing is kept. Raises NoAnswer."""
        return self._stripe.send(Request("GET", path, account, params or {}, **how))

    def keep_found(self, call_id: str, shown: dict[str, Any], command: SucceedCall) -> Call:
        """Keep that the object was found which a call made or changed, and how it stands."""
        asked = self.known(call_id).requested
        assert asked is not None
        at_s = command.answered_s
        return self._keep(call_id, command, Seen(shown, self._look(asked, at_s)) if at_s is not None else None)

    def keep(self, call_id: str, command: Command) -> Call:
        """Keep what became of a call. Returns it as it is then."""
        return self._keep(call_id, command)

    # ---- before it is sent ------------------------------------------------------------------

    def _begun(self, call_id: str, call: Call) -> Call:
        if not call.to_be_made or call.begun is not None:
            return call
        assert call.requested is not None
        try:
            opened(self._keys, call.requested.params)
        except SubjectErased:  # nobody sent it, and nobody can
            return self._keep(call_id, FailCall(type=NOT_SENT, code="subject_erased"))
        begin = BeginCall(at_s=int(self._clock()), api_version=self._stripe.api_version)
        return self._keep(call_id, begin)

    def _request(self, call: Call, asked: Operation, until_s: float) -> Request:
        assert call.requested is not None
        assert call.begun is not None
        params = marked(asked, call.requested.call_id, opened(self._keys, call.requested.params))
        return Request(
            asked.method,
            asked.address(call.requested.path),
            call.requested.account,
            params,
            idempotency_key=call.requested.call_id,
            api_version=call.begun.api_version,
            until_s=until_s,
        )

    # ---- after its answer -------------------------------------------------------------------

    def _settled(self, call_id: str, asked: StripeCallRequested, found: Verdict) -> Call:
        if isinstance(found, Succeeded):
            return self._keep(call_id, found.command, self._shown(asked, found))
        if isinstance(found, Failed):
            return self._keep(call_id, found.command)
        if isinstance(found, Lost):
            return self._keep(call_id, LoseCall(why=found.why, at_s=int(self._clock())))
        if isinstance(found, Stopped):
            self._stop(found)
        return self.known(call_id)

    def _shown(self, asked: StripeCallRequested, found: Succeeded) -> Seen | None:
        """What the answer shows. One that Stripe repeats shows the object as it was once: it is fetched as it is."""
        shown, at_s = found.object, found.command.answered_s
        if not found.replayed and at_s is not None:
            return Seen(shown, self._look(asked, at_s))
        retrieve, id = operation(asked.operation).retrieve, shown.get("id")
        if retrieve is None or not isinstance(id, str):
            return None
        try:
            reply = self.fetch(retrieve.format(id), asked.account)
        except NoAnswer:
            return None  # Stripe's own event tells it, or the next look
        return self._fetched(asked, reply)

    def _fetched(self, asked: StripeCallRequested, reply: Reply) -> Seen | None:
        at_s = answered_s(reply.headers)
        if reply.status != 200 or reply.replayed or at_s is None:
            return None
        try:
            return Seen(read_object(reply.body), self._look(asked, at_s))
        except Invalid:
            return None

    def _look(self, asked: StripeCallRequested, at_s: int) -> Look:
        begun = self.known(asked.call_id).begun
        version = begun.api_version if begun is not None else self._stripe.api_version
        cause = Cause(call_stream(asked.mode, asked.call_id), 1)
        return Look(asked.mode, asked.account, at_s, version, "call", cause=cause)

    def _keep(self, call_id: str, command: Command, seen: Seen | None = None) -> Call:
        """Append what a command comes to, with what was seen, as one unit. What was decided meanwhile stands."""
        stream = call_stream(self.mode, call_id)
        for _ in range(ATTEMPTS):
            history = self._journal.read_stream(stream)
            call = CALLS.fold(r.event for r in history)
            events = CALLS.decide(command, call)
            if not events:
                return call
            metadata = self._metadata(call)
            unit = [NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)]
            shown = self._observer.events(seen.sightings()) if seen is not None else ()
            if isinstance(self._journal.append(*unit, *shown), Appended):
                return CALLS.fold([*(r.event for r in history), *events])
        raise StreamMoved(f"others keep writing to {stream}; try again")

    def _stop(self, found: Stopped) -> None:
        now_s = int(self._clock())
        command = StopCalls(
            mode=self.mode, status=found.status, code=found.code, request_id=found.request_id, at_s=now_s
        )
        stream = calls_stream(self.mode)
        history = self._journal.read_stream(stream)
        events = STOPS.decide(command, STOPS.fold(r.event for r in history))
        metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=self.mode)
        if events:  # of two that find it out at once, one says so
            self._journal.append(*(NewEvent(stream, len(history) + 1 + i, e, metadata) for i, e in enumerate(events)))

    def _metadata(self, call: Call) -> Metadata:
        assert call.requested is not None
        return Metadata(
            occurred_at_s=int(self._clock()),
            actor=SYSTEM,
            cause=Cause(call_stream(self.mode, call.requested.call_id), 1),
            mode=self.mode,
            account=call.requested.account,
        )


def _may_be_ours(asked: StripeCallRequested, found: Verdict) -> bool:
    """Whether what is gone may be gone by an earlier attempt: Stripe keeps no answers to deletions under a key.

    https://docs.stripe.com/api/idempotent_requests
    """
    gone = isinstance(found, Failed) and (found.command.status == 404 or found.command.code == "resource_missing")
    return gone and operation(asked.operation).method == "DELETE"
