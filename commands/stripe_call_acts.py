"""What a person may do about a call to Stripe: resolve one that is unknown, or ask for a failed one again."""

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.stripe_calls import CALLS, Call, RequestCall, ResolveCall, decide, evolve, next_id
from ledger.errors import NotFound, Refused
from ledger.ids import Mode, call_stream
from ledger.stripe_call_events import StripeCallFailed


class RetryCall(msgspec.Struct, frozen=True, kw_only=True):
    """Ask again, as a new call, for what Stripe refused or what never happened."""

    mode: Mode
    call_id: str
    """The call that failed."""
    request: RequestCall
    """The whole of the new one, as the failed one was asked."""


def _about(mode: Mode, call_id: str, account: str | None = None, org: str | None = None) -> About:
    return About(f"call/{call_id}", mode, account, org)


RESOLVE_CALL: Act[ResolveCall, Call] = Act(
    "resolve_call",
    ResolveCall,
    CALLS,
    lambda command: call_stream(command.mode, command.call_id),
    lambda command: _about(command.mode, command.call_id),
)
RETRY_CALL: Act[RetryCall, Call] = Act(
    "retry_call",
    RetryCall,
    Decider(Call(), evolve, lambda command, call: decide(command.request, call)),
    lambda command: call_stream(command.request.mode, command.request.call_id),
    lambda command: _about(command.mode, command.call_id, command.request.account, command.request.org),
)


def retried(call: Call) -> RetryCall:
    """The request that asks for a call again. Raises NotFound, Refused("not_failed")."""
    asked = call.requested
    if asked is None:
        raise NotFound("there is no such call; `recount calls list` shows them")
    if not isinstance(call.answer, StripeCallFailed):
        raise Refused("only what Stripe refused, or what never happened, is asked again", code="not_failed")
    fields = {**msgspec.structs.asdict(asked), "call_id": next_id(asked.call_id), "awaited": False}
    again = RequestCall(**{**fields, "instead_of": asked.call_id})
    return RetryCall(mode=asked.mode, call_id=asked.call_id, request=again)
