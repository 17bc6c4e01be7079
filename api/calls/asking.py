"""Asking something of Stripe: as a unit to append, or at once, for somebody who waits for what comes of it.

A secret (a page's address, a client secret) is in the answer alone: it is kept nowhere, and fetched anew for whoever
asks again under the same key.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from api.calls.client import NoAnswer, Reply, StripeUnavailable
from api.calls.making import Maker
from api.calls.sealed import Keys, sealed
from api.calls.verdict import Again, Failed, Stopped, Succeeded, verdict
from commands.base import Journal
from commands.stripe_calls import CALLS, Call, RequestCall
from commands.stripe_operations import operation
from ledger.errors import NotFound, RecountError, Refused
from ledger.events import Metadata, NewEvent
from ledger.ids import call_stream
from ledger.store import Appended
from ledger.stripe_call_events import StripeCallFailed, StripeCallSucceeded

#: How long somebody is kept waiting while Stripe does not answer.
PATIENCE_S = 12.0
_PAUSE_S = 0.4
#: Calls that one process makes at once for people who wait: a Stripe that hangs must not take all of its threads.
AT_ONCE = 4


class CallRefused(RecountError):
    """Stripe refused. `code` is its decline code or code, else its type; the words are Stripe's."""

    code = "stripe_refused"

    def __init__(self, failed: StripeCallFailed, message: str | None) -> None:
        self.failed = failed
        super().__init__(
            message or "Stripe refused this before; `recount calls show` tells why, and a new key asks anew",
            code=failed.decline_code or failed.code or failed.type,
        )

    @property
    def of_card(self) -> bool:
        """Whether the payment method was declined, rather than the request wrong."""
        return self.failed.type == "card_error"


class Answered(NamedTuple):
    """What came of a call that somebody waited for."""

    call_id: str
    object: dict[str, Any]
    """As Stripe shows it, secrets included: for whoever asked, and for nothing else."""
    repeated: bool
    """Whether it had been answered before."""


def request_events(keys: Keys, request: RequestCall, metadata: Metadata) -> tuple[NewEvent, ...]:
    """What asks for a call, to be appended with whatever led to it. Its personal fields are sealed.

    Raises Invalid for what cannot be asked, StoreUnavailable.
    """
    events = CALLS.decide(sealed(keys, request), CALLS.initial)
    stream = call_stream(request.mode, request.call_id)
    return tuple(NewEvent(stream, 1 + i, e, metadata) for i, e in enumerate(events))


def ask(journal: Journal, keys: Keys, request: RequestCall, metadata: Metadata) -> Call:
    """Ask for a call, once for its id; the worker makes it. Raises as `request_events` does, and NotFound."""
    unit = request_events(keys, request, metadata)
    stream = call_stream(request.mode, request.call_id)
    if not journal.read_stream(stream) and isinstance(journal.append(*unit), Appended):
        return CALLS.fold(e.event for e in unit)
    return CALLS.fold(r.event for r in journal.read_stream(stream))


class Waiter:
    """Makes calls for people who wait. May be used from several threads."""

    def __init__(
        self,
        maker: Maker,
        *,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], None] = time.sleep,
        at_once: int = AT_ONCE,
    ) -> None:
        self._maker = maker
        self._patience_s = patience_s
        self._sleep = sleep
        self._turns = threading.BoundedSemaphore(at_once)

    def answer(self, call_id: str) -> Answered:
        """What comes of a call that was asked for; what comes of it again, where it was answered before.

        Raises CallRefused, NotFound, Refused("answer_gone") for a secret that Stripe shows no more, StripeUnavailable
        (then the worker goes on with it: ask again under the same key), StoreUnavailable.
        """
        if not self._turns.acquire(timeout=1.0):
            raise StripeUnavailable("too many wait for Stripe; ask again in a moment")
        try:
            return self._answer(call_id)
        finally:
            self._turns.release()

    def _answer(self, call_id: str) -> Answered:
        call = self._maker.known(call_id)
        if call.requested is None:
            raise NotFound("there is no such call")
        if call.answer is not None:
            return self._again(call, call.answer)
        until = time.monotonic() + self._patience_s
        while True:
            made = self._maker.attempt(call_id, urgency="live")
            if isinstance(made.verdict, Failed):
                assert isinstance(made.call.answer, StripeCallFailed)
                raise CallRefused(made.call.answer, made.verdict.message)
            if isinstance(made.verdict, Succeeded):
                return Answered(call_id, made.verdict.object, repeated=False)
            if made.call.answer is not None:  # somebody else had it answered meanwhile
                return self._again(made.call, made.call.answer)
            if isinstance(made.verdict, Stopped):
                raise StripeUnavailable(
                    "Stripe refuses the service's key; the operator was told", code="stripe_key_refused"
                )
            if not isinstance(made.verdict, Again) or time.monotonic() + _PAUSE_S > until:
                raise StripeUnavailable("Stripe has not answered yet; ask again with the same idempotency key")
            self._sleep(_PAUSE_S)

    def _again(self, call: Call, answer: StripeCallSucceeded | StripeCallFailed) -> Answered:
        """The answer once more, its secrets fetched anew."""
        assert call.requested is not None
        if isinstance(answer, StripeCallFailed):
            raise CallRefused(answer, None)
        retrieve = operation(answer.operation).retrieve
        try:
            if retrieve is not None and answer.object_id is not None:
                reply = self._maker.fetch(
                    retrieve.format(answer.object_id),
                    call.requested.account,
                    urgency="live",
                    api_version=_version(call),
                )
            elif call.begun is not None:
                reply = self._maker.send_again(call)
            else:
                raise Refused("its answer is shown once; ask anew with a new key", code="answer_gone")
        except NoAnswer as silence:
            if retrieve is None:
                raise Refused("its answer is shown no more; ask anew with a new key", code="answer_gone") from silence
            raise StripeUnavailable("Stripe did not answer; ask again with the same idempotency key") from silence
        return Answered(call.requested.call_id, _object_of(reply), repeated=True)


def _version(call: Call) -> str | None:
    return call.begun.api_version if call.begun is not None else None


def _object_of(reply: Reply) -> dict[str, Any]:
    found = verdict(reply)
    if isinstance(found, Succeeded):
        return found.object
    if isinstance(found, Failed):
        raise Refused("Stripe shows its answer no more; ask anew with a new key", code="answer_gone")
    raise StripeUnavailable("Stripe did not answer; ask again with the same idempotency key")
