"""Agreements without Stripe: an organization has a plan because it was agreed so. One stream an agreement.

Refuses to know plans: whoever asks has looked whether the version is there.
"""

from typing import NamedTuple, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_label, require_mode, require_org
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import AgreementEnded, AgreementMade, Event
from ledger.ids import Mode, agreement_stream


class MakeAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Let an organization have a plan, for a time or until it is ended."""

    mode: Mode
    id: str
    org: str
    plan: str
    version: int
    by: str
    why: str
    from_s: int | None = None
    """None: from now."""
    until_s: int | None = None
    """None: until it is ended."""
    reference: str | None = None


class EndAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Let an agreement end, now or at a time."""

    mode: Mode
    id: str
    by: str
    why: str
    at_s: int | None = None
    """None: now."""
    org: str | None = None
    """Whose it is, for the audit."""


Command: TypeAlias = MakeAgreement | EndAgreement


class Agreement(NamedTuple):
    """An agreement as its events left it."""

    made: AgreementMade | None = None
    ended: AgreementEnded | None = None


def evolve(agreement: Agreement, event: Event) -> Agreement:
    """The agreement after an event."""
    if isinstance(event, AgreementMade):
        return Agreement(event)
    assert isinstance(event, AgreementEnded)
    return Agreement(agreement.made, event)


def decide(command: Command, agreement: Agreement) -> tuple[Event, ...]:
    """Make or end. The same again is no event; an end that was set may be set anew.

    Raises Invalid (`ends_before_it_begins` and ids that are none), NotFound, Refused("agreement_made").
    """
    require_mode(command.mode)
    require_label(command.id)
    if isinstance(command, MakeAgreement):
        return _make(command, agreement)
    if agreement.made is None:
        raise NotFound(f"there is no agreement {command.id}; `recount agreements list` shows them")
    from_s = agreement.made.from_s
    if command.at_s is not None and from_s is not None and command.at_s < from_s:
        raise Invalid(f"{command.id} begins after that time", code="ends_before_it_begins")
    if agreement.ended is not None and agreement.ended.at_s == command.at_s:
        return ()
    return (AgreementEnded(mode=command.mode, id=command.id, at_s=command.at_s, by=command.by, why=command.why),)


def _make(command: MakeAgreement, agreement: Agreement) -> tuple[Event, ...]:
    require_org(command.org)
    if command.reference is not None:
        require_label(command.reference)
    if command.from_s is not None and command.until_s is not None and command.until_s <= command.from_s:
        raise Invalid("an agreement ends after it begins", code="ends_before_it_begins")
    made = AgreementMade(**msgspec.structs.asdict(command))
    if agreement.made is None:
        return (made,)
    if agreement.made == made:
        return ()
    raise Refused(f"there is an agreement {command.id} already, and it says otherwise", code="agreement_made")


AGREEMENTS: Decider[Command, Agreement] = Decider(Agreement(), evolve, decide)


def _stream(command: Command) -> str:
    return agreement_stream(command.mode, command.id)


def _about(command: Command) -> About:
    return About(f"agreement/{command.id}", command.mode, None, command.org)


MAKE_AGREEMENT: Act[MakeAgreement, Agreement] = Act("make_agreement", MakeAgreement, AGREEMENTS, _stream, _about)
END_AGREEMENT: Act[EndAgreement, Agreement] = Act("end_agreement", EndAgreement, AGREEMENTS, _stream, _about)
