"""Acts: what a person may have done, carried out once, with a receipt that is also the audit's record.

An act names its decider and what it weighs. `carry_out` decides it and appends, as one unit, what follows and the
receipt under the caller's idempotency key: whoever comes again with the key gets the same answer, and of two who come
at once one acts. An act that weighs enough waits for a second person: then the unit is a request for approval.

The journal comes as an argument; clock, ids and settings come in `Asked`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Generic, Literal, TypeAlias, TypeVar

import msgspec

from commands.approvals import APPROVALS, RequestApproval, Settle, approval_id
from commands.base import Decider, Journal
from commands.consequences import Follow, decided
from ledger.errors import Invalid, StreamMoved
from ledger.events import Event, Metadata, NewEvent, ReceiptKept, Recorded
from ledger.ids import Mode, approval_stream, receipt_stream
from ledger.store import Appended

Command = TypeVar("Command", bound=msgspec.Struct)
State = TypeVar("State")

#: How often an act is decided anew before its caller is told that others keep writing.
ATTEMPTS = 10
MAX_KEY = 255
MAX_REASON = 500
#: What weighs as much as this or more waits for a second person, unless the installation says otherwise.
SECOND_PERSON_FROM = 50


class About(msgspec.Struct, frozen=True):
    """What an act concerns."""

    subject: str
    """E.g. `customer/acct_1/cus_1`: the audit finds acts by it."""
    mode: Mode | None = None
    """None: both modes."""
    account: str | None = None
    org: str | None = None
    approval: str | None = None
    """The request that it is about, where it settles one without doing what was asked for."""


#: From the subject as it stands before, and who asks: what else has to follow, each on another stream.
Beside: TypeAlias = Callable[[State, "Asked"], tuple[Follow, ...]]


def nothing_beside(state: Any, asked: "Asked") -> tuple[Follow, ...]:
    """An act is about its own subject alone."""
    return ()


@dataclass(frozen=True)
class Act(Generic[Command, State]):
    """A kind of act: how it is decided, what it concerns, and what it weighs."""

    name: str
    command: type[Command]
    decider: Decider[Any, State]
    stream: Callable[[Command], str]
    about: Callable[[Command], About]
    weight: int = 10
    beside: Beside[State] = nothing_beside
    """What is appended with it, as one unit, where it changes anything: one that is refused refuses the act."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, why, and how."""

    person: str
    reason: str
    idempotency_key: str
    now_s: int
    origin: Literal["api", "cli"]
    key_id: str | None = None
    """The API key that was used."""
    approval: str | None = None
    """The request that this settles."""
    second_person_from: int = SECOND_PERSON_FROM
    dry_run: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What an act came to."""

    act: str
    changed: bool
    """False: everything was so already."""
    events: tuple[dict[str, Any], ...]
    """What was appended (or would be, of a dry run): each with its name under `event`."""
    waiting: str | None = None
    """The approval that it waits for."""
    position: int | None = None
    """Where the receipt stands in the log; None of a dry run."""
    repeated: bool = False
    """It had been carried out before, under the same key."""


class KeyReused(Invalid):
    """This Idempotency-Key came before with another input; use a new key for a new act."""

    code = "idempotency_key_reused"


def carry_out(
    journal: Journal,
    act: Act[Command, State],
    command: Command,
    asked: Asked,
    *,
    given: Mapping[str, Any] | None = None,
) -> Done:
    """Carry `command` out, once for its key. `given` is what the caller gave, where more was found out since.

    Raises what its decider raises, Invalid (`reason_required`, `person_required`, `bad_idempotency_key`), KeyReused,
    what settling an approval raises, StoreUnavailable, and StreamMoved when `ATTEMPTS` writers came first.
    """
    _check(asked)
    fingerprint = _fingerprint(act, given or msgspec.to_builtins(command), asked)
    about = act.about(command)
    kept_at = receipt_stream(asked.person, asked.idempotency_key)
    for _ in range(ATTEMPTS):
        known = journal.read_stream(kept_at)
        if known:
            return _again(known[0], fingerprint)
        unit, waiting = _decide(journal, act, command, asked, about)
        said = tuple(_told(e.event) for e in unit)
        done = Done(act=act.name, changed=bool(unit), events=said, waiting=waiting)
        if asked.dry_run:
            return done
        receipt = ReceiptKept(
            act=act.name,
            person=asked.person,
            reason=asked.reason,
            origin=asked.origin,
            key_id=asked.key_id,
            fingerprint=fingerprint,
            subject=about.subject,
            mode=about.mode,
            account=about.account,
            org=about.org,
            approval=waiting or asked.approval or about.approval,
            waiting=waiting is not None,
            events=said,
        )
        outcome = journal.append(*unit, NewEvent(kept_at, 1, receipt, _metadata(asked, about)))
        if isinstance(outcome, Appended):
            return msgspec.structs.replace(done, position=outcome.positions[-1])
    raise StreamMoved(f"others keep writing to {act.stream(command)}; try again")


def _decide(
    journal: Journal, act: Act[Command, State], command: Command, asked: Asked, about: About
) -> tuple[list[NewEvent], str | None]:
    """What is to be appended, and the approval that it waits for."""
    metadata = _metadata(asked, about)
    stream = act.stream(command)
    history = journal.read_stream(stream)
    state = act.decider.fold(r.event for r in history)
    events = act.decider.decide(command, state)
    follows = act.beside(state, asked) if events else ()
    beside = [event for follow in follows for event in decided(journal, follow, metadata)]
    if asked.approval is not None:
        settled = _settle(journal, act, command, asked, metadata)
        return [*settled, *_placed(stream, history, events, metadata), *beside], None
    if events and act.weight >= asked.second_person_from:
        id = approval_id(asked.person, asked.idempotency_key)
        request = RequestApproval(
            id=id,
            act=act.name,
            input=msgspec.to_builtins(command),
            person=asked.person,
            reason=asked.reason,
            subject=about.subject,
            mode=about.mode,
            account=about.account,
            org=about.org,
        )
        requested = APPROVALS.decide(request, APPROVALS.initial)
        return _placed(approval_stream(id), (), requested, metadata), id
    return [*_placed(stream, history, events, metadata), *beside], None


def _settle(
    journal: Journal, act: Act[Command, State], command: Command, asked: Asked, metadata: Metadata
) -> list[NewEvent]:
    assert asked.approval is not None
    stream = approval_stream(asked.approval)
    history = journal.read_stream(stream)
    state = APPROVALS.fold(r.event for r in history)
    granted = APPROVALS.decide(Settle(id=asked.approval, person=asked.person, granted=True), state)
    assert state.requested is not None
    # as the log tells it: lists are lists, whatever they are in the command
    told = msgspec.json.decode(msgspec.json.encode(command))
    assert (state.requested.act, state.requested.input) == (act.name, told)
    return _placed(stream, history, granted, metadata)


def _placed(stream: str, history: Sequence[Recorded], events: tuple[Event, ...], metadata: Metadata) -> list[NewEvent]:
    first = history[-1].version + 1 if history else 1
    return [NewEvent(stream, first + i, e, metadata) for i, e in enumerate(events)]


def _again(recorded: Recorded, fingerprint: str) -> Done:
    receipt: ReceiptKept = recorded.event
    if receipt.fingerprint != fingerprint:
        raise KeyReused()
    waiting = receipt.approval if receipt.waiting else None
    return Done(
        act=receipt.act,
        changed=bool(receipt.events),
        events=tuple(receipt.events),
        waiting=waiting,
        position=recorded.position,
        repeated=True,
    )


#: What a receipt does not repeat, and no request consists of: it is made afresh each time, or found out, however long.
_UNTOLD = frozenset({"digest", "collected", "decided"})


def _told(event: Event) -> dict[str, Any]:
    return {"event": event.NAME, **_without_untold(msgspec.to_builtins(event))}


def _without_untold(told: dict[str, Any]) -> dict[str, Any]:
    """A request for approval holds the whole input of what it asks for."""
    return {k: _without_untold(v) if isinstance(v, dict) else v for k, v in told.items() if k not in _UNTOLD}


def _fingerprint(act: Act[Any, Any], given: Mapping[str, Any], asked: Asked) -> str:
    """Hex SHA-256 of what was asked for and why; equal for equal requests alone."""
    whole: Mapping[str, Any] = {
        "act": act.name,
        "input": {k: v for k, v in given.items() if k not in _UNTOLD},
        "reason": asked.reason,
        "approval": asked.approval,
    }
    return sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()


def _metadata(asked: Asked, about: About) -> Metadata:
    return Metadata(
        occurred_at_s=asked.now_s,
        actor=asked.person,
        reason=asked.reason,
        mode=about.mode,
        account=about.account,
        correlation=asked.idempotency_key,
    )


def _check(asked: Asked) -> None:
    if not (0 < len(asked.person.strip()) <= MAX_KEY and asked.person.isprintable()):
        raise Invalid(f"say who acts, in 1 to {MAX_KEY} printable characters", code="person_required")
    if not 0 < len(asked.reason.strip()) <= MAX_REASON or "\0" in asked.reason:
        raise Invalid(f"say why, in 1 to {MAX_REASON} characters", code="reason_required")
    if not (
        0 < len(asked.idempotency_key) <= MAX_KEY
        and asked.idempotency_key.isascii()
        and asked.idempotency_key.isprintable()
    ):
        raise Invalid(f"an Idempotency-Key has 1 to {MAX_KEY} printable ASCII characters", code="bad_idempotency_key")
