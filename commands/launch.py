"""The launch gate of a mode: evidence, sign-offs, and whether direct checkout is open. One stream a mode.

Whether an area is proven is derived; whoever asks has looked, and says what fails. A sign-off alone proves nothing: it
is refused while a check fails, and falls when one fails later. Opening needs all eleven, and weighs enough to wait for
a second person; whatever takes one of them away closes checkout in the same unit.
"""

from typing import Any, NamedTuple, TypeAlias

import msgspec

from commands.acts import MAX_REASON, About, Act
from commands.base import Decider
from commands.identifiers import require_mode
from ledger.errors import Invalid, Refused
from ledger.events import Event
from ledger.ids import Mode, launch_stream
from ledger.launch_events import (
    AREAS,
    END_TO_END,
    CheckoutClosed,
    CheckoutOpened,
    LaunchAreaReopened,
    LaunchAreaSignedOff,
    LaunchEvidenceRecorded,
    LaunchProbed,
    LaunchSignOffRevoked,
)

#: What closes checkout where no person does.
_SYSTEM = "system"


class RecordEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """Keep the events that prove an area end to end."""

    mode: Mode
    area: str
    proven_in: Mode
    events: tuple[dict[str, Any], ...]
    by: str
    why: str


class RecordProbe(msgspec.Struct, frozen=True, kw_only=True):
    """Keep what came of trying an area."""

    mode: Mode
    area: str
    passed: bool
    said: str
    by: str
    at_s: int


class SignOffArea(msgspec.Struct, frozen=True, kw_only=True):
    """Answer for an area of the launch gate, for good or until a time."""

    mode: Mode
    area: str
    failing: tuple[str, ...]
    """What of it is not proven."""
    by: str
    why: str
    now_s: int
    until_s: int | None = None


class RevokeSignOff(msgspec.Struct, frozen=True, kw_only=True):
    """Answer for an area of the launch gate no more; checkout closes."""

    mode: Mode
    area: str
    by: str
    why: str


class ReopenArea(msgspec.Struct, frozen=True, kw_only=True):
    """An area is not proven any more, or its sign-off ran out."""

    mode: Mode
    area: str
    because: tuple[str, ...]
    ended_s: int | None = None
    """Only if this is when its sign-off ends."""


class OpenCheckout(msgspec.Struct, frozen=True, kw_only=True):
    """Open direct checkout: anybody may buy what is on sale."""

    mode: Mode
    blocks: tuple[str, ...]
    """What speaks against it, area by area."""
    by: str
    why: str


class CloseCheckout(msgspec.Struct, frozen=True, kw_only=True):
    """Close direct checkout."""

    mode: Mode
    by: str
    why: str


Command: TypeAlias = (
    RecordEvidence | RecordProbe | SignOffArea | RevokeSignOff | ReopenArea | OpenCheckout | CloseCheckout
)


class Launch(NamedTuple):
    """The gate as its events left it."""

    open: bool = False
    signed: tuple[tuple[str, int | None], ...] = ()
    """Area and until when, of each that somebody answers for."""
    probes: tuple[tuple[str, bool, str], ...] = ()
    evidence: tuple[LaunchEvidenceRecorded, ...] = ()
    """The last of each area."""


def evolve(launch: Launch, event: Event) -> Launch:
    """The gate after an event."""
    if isinstance(event, (CheckoutOpened, CheckoutClosed)):
        return launch._replace(open=isinstance(event, CheckoutOpened))
    area: str = event.area  # type: ignore[attr-defined] # all that is left is about one
    if isinstance(event, LaunchProbed):
        others = tuple(p for p in launch.probes if p[0] != area)
        return launch._replace(probes=(*others, (area, event.passed, event.said)))
    if isinstance(event, LaunchEvidenceRecorded):
        return launch._replace(evidence=(*(e for e in launch.evidence if e.area != area), event))
    left = tuple(s for s in launch.signed if s[0] != area)
    signed = (*left, (area, event.until_s)) if isinstance(event, LaunchAreaSignedOff) else left
    return launch._replace(signed=signed)


def decide(command: Command, launch: Launch) -> tuple[Event, ...]:
    """What comes of a command. What is so already is no event.

    Raises Invalid (`unknown_area`, `ends_before_it_begins`, `reason_required`), Refused: `not_proven`,
    `nothing_proves`, `launch_blocked`.
    """
    require_mode(command.mode)
    if isinstance(command, OpenCheckout):
        return _open(command, launch)
    if isinstance(command, CloseCheckout):
        closed = CheckoutClosed(mode=command.mode, by=command.by, why=command.why)
        return (closed,) if launch.open else ()
    if command.area not in AREAS:
        raise Invalid(f"{command.area} is no area; there are {', '.join(AREAS)}", code="unknown_area")
    if isinstance(command, RecordEvidence):
        return _keep(command, launch)
    if isinstance(command, RecordProbe):
        if not 0 < len(command.said.strip()) <= MAX_REASON:
            raise Invalid(f"say what was seen, in 1 to {MAX_REASON} characters", code="reason_required")
        known = (command.area, command.passed, command.said) in launch.probes
        return () if known else (LaunchProbed(**msgspec.structs.asdict(command)),)
    if isinstance(command, SignOffArea):
        return _sign(command, launch)
    return _fall(command, launch)


def _keep(command: RecordEvidence, launch: Launch) -> tuple[Event, ...]:
    if command.area not in END_TO_END:
        raise Refused(f"{command.area} is proven by its checks: no event is cited for it", code="nothing_proves")
    if not command.events:
        raise Refused(f"nothing was found that proves {command.area}", code="nothing_proves")
    if command.mode == "test" and command.proven_in == "live":
        raise Refused("what happened in live mode proves nothing for test mode", code="nothing_proves")
    kept = LaunchEvidenceRecorded(**msgspec.structs.asdict(command))
    same = any((e.area, e.proven_in, e.events) == (kept.area, kept.proven_in, kept.events) for e in launch.evidence)
    return () if same else (kept,)


def _sign(command: SignOffArea, launch: Launch) -> tuple[Event, ...]:
    if command.failing:
        raise Refused(f"{command.area} is not proven: {'; '.join(command.failing)}", code="not_proven")
    if command.until_s is not None and command.until_s <= command.now_s:
        raise Invalid("a sign-off ends in the future", code="ends_before_it_begins")
    if (command.area, command.until_s) in launch.signed:
        return ()
    return (
        LaunchAreaSignedOff(
            mode=command.mode, area=command.area, until_s=command.until_s, by=command.by, why=command.why
        ),
    )


def _fall(command: RevokeSignOff | ReopenArea, launch: Launch) -> tuple[Event, ...]:
    until = dict(launch.signed)
    if command.area not in until:
        return ()
    if isinstance(command, RevokeSignOff):
        fallen: Event = LaunchSignOffRevoked(mode=command.mode, area=command.area, by=command.by, why=command.why)
        closed = CheckoutClosed(mode=command.mode, by=command.by, why=command.why, area=command.area)
        return (fallen, closed) if launch.open else (fallen,)
    if command.ended_s is not None and until[command.area] != command.ended_s:
        return ()
    fallen = LaunchAreaReopened(mode=command.mode, area=command.area, because=command.because)
    why = f"{command.area}: {'; '.join(command.because)}"
    closed = CheckoutClosed(mode=command.mode, by=_SYSTEM, why=why, area=command.area)
    return (fallen, closed) if launch.open else (fallen,)


def _open(command: OpenCheckout, launch: Launch) -> tuple[Event, ...]:
    if launch.open:
        return ()
    # what was looked up may be old when a second person approves: the stream itself is not
    signed = {area for area, _ in launch.signed}
    unsigned = tuple(f"{a} is not signed off" for a in AREAS if a not in signed)
    blocks = command.blocks or unsigned
    if blocks:
        raise Refused(f"checkout stays closed: {'; '.join(blocks)}", code="launch_blocked")
    return (CheckoutOpened(mode=command.mode, by=command.by, why=command.why),)


LAUNCH: Decider[Command, Launch] = Decider(Launch(), evolve, decide)


def _stream(command: Command) -> str:
    return launch_stream(command.mode)


def _about(command: Command) -> About:
    return About(f"launch/{getattr(command, 'area', 'checkout')}", command.mode)


RECORD_EVIDENCE: Act[RecordEvidence, Launch] = Act("record_launch_evidence", RecordEvidence, LAUNCH, _stream, _about)
RECORD_PROBE: Act[RecordProbe, Launch] = Act("record_launch_probe", RecordProbe, LAUNCH, _stream, _about)
SIGN_OFF_AREA: Act[SignOffArea, Launch] = Act("sign_off_area", SignOffArea, LAUNCH, _stream, _about, weight=30)
REVOKE_SIGN_OFF: Act[RevokeSignOff, Launch] = Act("revoke_sign_off", RevokeSignOff, LAUNCH, _stream, _about)
#: A second person opens it. Anybody who acts may close it at once.
OPEN_CHECKOUT: Act[OpenCheckout, Launch] = Act("open_checkout", OpenCheckout, LAUNCH, _stream, _about, weight=60)
CLOSE_CHECKOUT: Act[CloseCheckout, Launch] = Act("close_checkout", CloseCheckout, LAUNCH, _stream, _about)
