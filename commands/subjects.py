"""Erasing a subject: the record that the key of its personal fields was destroyed. One stream a subject.

Refuses to know keys: the caller destroys the key first, so that the record never says more than is true.
"""

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from ledger.events import Event, SubjectErased
from ledger.ids import MODES


class EraseSubject(msgspec.Struct, frozen=True, kw_only=True):
    """Record that the subject's key is destroyed."""

    subject: str


def subject_stream(subject: str) -> str:
    """The stream of a subject's erasure."""
    return f"subject/{subject}"


def evolve(erased: bool, event: Event) -> bool:
    """Whether the subject is erased after an event."""
    return erased or isinstance(event, SubjectErased)


def decide(command: EraseSubject, erased: bool) -> tuple[Event, ...]:
    """Record an erasure once; again is no event."""
    return () if erased else (SubjectErased(subject=command.subject),)


def _about(command: EraseSubject) -> About:
    """A subject's name tells its mode and account; what has another form is nobody's."""
    mode, _, rest = command.subject.partition("/")
    account = rest.partition("/")[0] or None
    return About(command.subject, next((m for m in MODES if m == mode), None), account)


SUBJECTS: Decider[EraseSubject, bool] = Decider(False, evolve, decide)
#: Nothing brings personal fields back, so it weighs the most.
ERASE_SUBJECT = Act(
    "erase_subject",
    EraseSubject,
    SUBJECTS,
    lambda command: subject_stream(command.subject),
    _about,
    weight=90,
)
