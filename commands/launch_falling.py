"""What follows when an area of the launch gate is not proven any more, or its sign-off ran out.

It is reopened, checkout closes, and whoever listens is told why.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from commands.consequences import Follow
from commands.launch import LAUNCH, ReopenArea
from commands.notices import NOTICES, RaiseNotice, notice_id
from ledger.codec import decode_metadata
from ledger.events import Recorded
from ledger.ids import Mode, launch_stream, notice_stream
from ledger.launch_events import CheckoutClosed, LaunchAreaReopened
from ledger.passthrough import covered

#: What is told of.
FALLEN = (LaunchAreaReopened.NAME, CheckoutClosed.NAME)


def regressed(mode: Mode, area: str, failing: tuple[str, ...]) -> tuple[Follow, ...]:
    """What follows when what somebody answers for is not proven any more."""
    return (Follow(LAUNCH, launch_stream(mode), ReopenArea(mode=mode, area=area, because=failing)),)


def ran_out(mode: Mode, area: str, ended_s: int) -> tuple[Follow, ...]:
    """What follows when a sign-off ends."""
    because = ("its sign-off ran out",)
    return (Follow(LAUNCH, launch_stream(mode), ReopenArea(mode=mode, area=area, because=because, ended_s=ended_s)),)


def over(mode: Mode, area: str, spans: Sequence[Mapping[str, Any]], now_s: int) -> tuple[Follow, ...]:
    """What follows when a span ends in which an area was proven: nothing, where another one is now."""
    return () if covered(spans, now_s) else regressed(mode, area, ("every approved cost policy is over",))


def tell_fallen(cause: Recorded, org: str | None, receipt: str) -> tuple[Follow, ...]:
    """Tell why."""
    fallen = cause.event
    assert isinstance(fallen, (LaunchAreaReopened, CheckoutClosed))
    said: dict[str, Any] = {"area": fallen.area}
    if isinstance(fallen, CheckoutClosed):
        said |= {"by": fallen.by, "why": fallen.why}
    else:
        said |= {"because": list(fallen.because)}
    id = notice_id(receipt, 0)
    at_s = decode_metadata(cause.metadata).occurred_at_s
    told = RaiseNotice(notice_id=id, type=fallen.NAME, mode=fallen.mode, org=None, at_s=at_s, said=said)
    return (Follow(NOTICES, notice_stream(id), told),)
