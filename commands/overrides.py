"""Overrides: an operator's word on one feature of one organization, above all that was sold. One stream a feature.

Refuses to know a clock: an override says itself from when and until when it holds, and its end needs no event.
"""

from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_feature, require_mode, require_org
from ledger.errors import Invalid, Refused
from ledger.events import Event, OverrideDenied, OverrideEnded, OverrideGranted
from ledger.ids import Mode, feature_subject, override_stream

#: What a bigint holds.
MAX_LIMIT = MAX_TIME_S = 2**53 - 1
MAX_REASON = 500


class GrantOverride(msgspec.Struct, frozen=True, kw_only=True):
    """Grant a feature to an organization, whatever it has bought. Replaces an earlier override of the feature."""

    mode: Mode
    org: str
    feature: str
    limit: int | None = None
    """How much; None: without a limit."""
    from_s: int | None = None
    """None: at once."""
    until_s: int | None = None
    """None: until it is ended."""
    reason: str


class DenyOverride(msgspec.Struct, frozen=True, kw_only=True):
    """Deny a feature to an organization, whatever it has bought. Replaces an earlier override of the feature."""

    mode: Mode
    org: str
    feature: str
    from_s: int | None = None
    until_s: int | None = None
    reason: str


class EndOverride(msgspec.Struct, frozen=True, kw_only=True):
    """Take an override back: what was sold counts again."""

    mode: Mode
    org: str
    feature: str


Command: TypeAlias = GrantOverride | DenyOverride | EndOverride
#: The override that stands, run out or not.
Standing: TypeAlias = OverrideGranted | OverrideDenied | None


def evolve(standing: Standing, event: Event) -> Standing:
    """What stands after an event."""
    return event if isinstance(event, (OverrideGranted, OverrideDenied)) else None


def decide(command: Command, standing: Standing) -> tuple[Event, ...]:
    """Grant, deny, replace or end.

    Raises Invalid (`bad_limit`, `bad_period`, `reason_required`, and for ids that are none), Refused("not_overridden").
    """
    require_mode(command.mode)
    require_org(command.org)
    require_feature(command.feature)
    if isinstance(command, EndOverride):
        if standing is None:
            raise Refused(f"no override of {command.feature} stands for {command.org}", code="not_overridden")
        return (OverrideEnded(mode=command.mode, org=command.org, feature=command.feature),)
    _check(command)
    kind = OverrideGranted if isinstance(command, GrantOverride) else OverrideDenied
    said = kind(**msgspec.structs.asdict(command))
    return () if said == standing else (said,)


def _check(command: GrantOverride | DenyOverride) -> None:
    if not 0 < len(command.reason.strip()) <= MAX_REASON:
        raise Invalid(f"say why, in 1 to {MAX_REASON} characters", code="reason_required")
    limit = command.limit if isinstance(command, GrantOverride) else None
    if limit is not None and not 0 <= limit <= MAX_LIMIT:
        raise Invalid(f"a limit lies between 0 and {MAX_LIMIT}", code="bad_limit")
    times = [t for t in (command.from_s, command.until_s) if t is not None]
    if any(not 0 <= t <= MAX_TIME_S for t in times) or times != sorted(set(times)):
        raise Invalid("an override ends after it begins", code="bad_period")


OVERRIDES: Decider[Command, Standing] = Decider(None, evolve, decide)


def _stream(command: Command) -> str:
    return override_stream(command.mode, command.org, command.feature)


def _about(command: Command) -> About:
    return About(feature_subject(command.org, command.feature), command.mode, None, command.org)


#: Each outranks what was sold: by default it waits for a second person.
_WEIGHT = 50
GRANT_OVERRIDE = Act("grant_override", GrantOverride, OVERRIDES, _stream, _about, _WEIGHT)
DENY_OVERRIDE = Act("deny_override", DenyOverride, OVERRIDES, _stream, _about, _WEIGHT)
END_OVERRIDE = Act("end_override", EndOverride, OVERRIDES, _stream, _about, _WEIGHT)
