"""What a person may do about a call to Stripe: resolve one that is unknown, or ask for a failed one again."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

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


class _CallCommand(Protocol):
    """What every act that is a call says."""

    @property
    def call_id(self) -> str: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def account(self) -> str: ...
    @property
    def org(self) -> str | None: ...


Asks = TypeVar("Asks", bound=msgspec.Struct)


def call_act(
    name: str, command: type[Asks], to_request: Callable[[Asks], RequestCall], weight: int = 10
) -> Act[Asks, Call]:
    """An act that is one call to Stripe for an organization: what is recorded of it is the request.

    The command says `call_id`, `mode`, `account` and `org`; what is personal in it is sealed already.
    """

    def stream(given: Any) -> str:
        its: _CallCommand = given
        return call_stream(its.mode, its.call_id)

    def about(given: Any) -> About:
        its: _CallCommand = given
        subject = f"organization/{its.org}" if its.org is not None else f"account/{its.account}"
        return About(subject, its.mode, its.account, its.org)

    decider: Decider[Asks, Call] = Decider(Call(), evolve, lambda given, call: decide(to_request(given), call))
    return Act(name, command, decider, stream, about, weight)


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
