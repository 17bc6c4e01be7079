"""Deadlines: what is done when a due time comes. Which there are is a derivation (`projections.deadlines`).

Pure: the scheduler says what time it is. Each is met once, under its kind, key and due time: firing twice, late, or
from several processes changes nothing. One that moves is another deadline.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from commands.base import Journal
from commands.consequences import Follow, Receipt, append_once
from commands.launch_falling import over, ran_out
from commands.reactions import SYSTEM, tell
from commands.reservations import RESERVATIONS, ExpireReservation
from commands.service_steps import ask_again, nothing
from ledger.events import DeadlineMet, Metadata
from ledger.ids import Mode, deadline_stream, item_parts, reservation_stream


class Due(NamedTuple):
    """A due time, and what is known about it."""

    kind: str
    mode: Mode
    key: str
    at_s: int
    org: str | None
    about: dict[str, Any]


@dataclass(frozen=True)
class Deadline:
    """A kind of deadline."""

    kind: str
    act: Callable[[Due, str, int], tuple[Follow, ...]]
    """From what is due, the receipt's stream, and the time."""
    lapsed: Callable[[Due, int, int], bool] = lambda due, now_s, since_s: False
    """Whether it is too late to do anything: by the time, and since when somebody listens."""
    lead: str | None = None
    """The setting that says how many days before its due time it is acted on; None: at the time itself."""
    tells: bool = False
    """Whether all it does is raise notices: then it is left alone while nobody listens."""


def meet(journal: Journal, deadline: Deadline, due: Due, now_s: int, since_s: int = 0) -> bool:
    """Act on what is due, once. False: it was met before. Raises StoreUnavailable."""
    stream = deadline_stream(due.kind, due.mode, due.key, due.at_s)
    lapsed = deadline.lapsed(due, now_s, since_s)
    met = DeadlineMet(kind=due.kind, mode=due.mode, key=due.key, at_s=due.at_s, lapsed=lapsed)
    follows = () if lapsed else deadline.act(due, stream, now_s)
    metadata = Metadata(occurred_at_s=now_s, actor=SYSTEM, mode=due.mode)
    return append_once(journal, Receipt(stream, 1, met), follows, metadata)


def _over(due: Due, now_s: int, since_s: int) -> bool:
    """What was to be announced has happened."""
    return now_s >= due.at_s


def _before_anybody_listened(due: Due, now_s: int, since_s: int) -> bool:
    return due.at_s < since_s


def _tell_trial(due: Due, receipt: str, now_s: int) -> tuple[Follow, ...]:
    said = {**due.about, "ends_s": due.at_s}
    return (tell(receipt, "trial.ending", due.mode, due.org, now_s, said),)


def _tell_override(due: Due, receipt: str, now_s: int) -> tuple[Follow, ...]:
    said = {**due.about, "ends_s": due.at_s}
    return (tell(receipt, "override.ending", due.mode, due.org, now_s, said),)


def _tell_turn(due: Due, receipt: str, now_s: int) -> tuple[Follow, ...]:
    said = {"because": "time", **due.about}
    return (tell(receipt, "entitlement.changed", due.mode, due.org, due.at_s, said),)


def _expire_reservation(due: Due, receipt: str, now_s: int) -> tuple[Follow, ...]:
    org, id = item_parts(due.key)
    command = ExpireReservation(mode=due.mode, org=org, id=id, now_s=now_s)
    return (Follow(RESERVATIONS, reservation_stream(due.mode, org, id), command),)


def _end_sign_off(due: Due, receipt: str, now_s: int) -> tuple[Follow, ...]:
    (area,) = item_parts(due.key)
    return ran_out(due.mode, area, due.at_s)


def _end_policies(due: Due, receipt: str, now_s: int) -> tuple[Follow, ...]:
    (area,) = item_parts(due.key)
    return over(due.mode, area, due.about["holds"], now_s)


def _tell_stop(due: Due, receipt: str, now_s: int) -> tuple[Follow, ...]:
    return (tell(receipt, "passthrough.stop_overdue", due.mode, due.org, now_s, {**due.about}),)


#: The registry: one line a deadline. Those of one moment are met in this order.
_DEADLINES: tuple[Deadline, ...] = (
    Deadline("trial.ending", _tell_trial, _over, lead="trial_notice_days", tells=True),
    Deadline("override.ending", _tell_override, _over, lead="override_notice_days", tells=True),
    Deadline("entitlement.turning", _tell_turn, _before_anybody_listened, tells=True),
    Deadline("service.boundary", nothing),
    Deadline("enforcement.due", ask_again),
    Deadline("reservation.expiring", _expire_reservation),
    Deadline("launch.sign_off_ending", _end_sign_off),
    Deadline("launch.policies_over", _end_policies),
    Deadline("passthrough.stop_overdue", _tell_stop, _before_anybody_listened, tells=True),
)
DEADLINES: dict[str, Deadline] = {d.kind: d for d in _DEADLINES}
