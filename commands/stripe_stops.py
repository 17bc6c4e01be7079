"""Whether Stripe takes our key at all: while it does not, no call is made. One stream a mode. Refuses to know calls."""

import msgspec

from commands.base import Decider
from ledger.events import Event
from ledger.ids import Mode
from ledger.stripe_call_events import StripeCallsResumed, StripeCallsStopped


class StopCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Make no call until Stripe takes our key again."""

    mode: Mode
    status: int
    code: str | None
    request_id: str | None
    at_s: int


class ResumeCalls(msgspec.Struct, frozen=True, kw_only=True):
    """Stripe takes our key again."""

    mode: Mode
    at_s: int


def _decide_stop(command: StopCalls | ResumeCalls, stopped: bool) -> tuple[Event, ...]:
    if isinstance(command, StopCalls):
        return () if stopped else (StripeCallsStopped(**msgspec.structs.asdict(command)),)
    return (StripeCallsResumed(**msgspec.structs.asdict(command)),) if stopped else ()


STOPS: Decider[StopCalls | ResumeCalls, bool] = Decider(
    False, lambda stopped, event: isinstance(event, StripeCallsStopped), _decide_stop
)
