"""Calls to Stripe: each is asked for once, begun once, and has one answer. One stream a call.

Pure: what is asked for is here, and what is known of it; `api.calls` makes the calls. A call that was begun and has no
answer is repeated under its idempotency key, and never otherwise; when Stripe may have forgotten the key, the call is
unknown until it was found, or until somebody says what became of it.
"""

from hashlib import sha256
from typing import Any, Literal, TypeAlias

import msgspec

from commands.base import Decider
from commands.identifiers import require_account, require_mode, require_org
from commands.stripe_operations import KEY_KEPT_S, operation
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import Event
from ledger.ids import Mode
from ledger.personal import ADDRESS_MARKS, personal_keys, with_address
from ledger.sealing import is_sealed
from ledger.stripe_call_events import (
    StripeCallBegun,
    StripeCallFailed,
    StripeCallRequested,
    StripeCallSucceeded,
    StripeCallUnknown,
)

Urgency = Literal["live", "background"]
By = Literal["answer", "look_up", "person"]
Why = Literal["no_answer", "server_error", "key_mismatch"]
#: Types of failure that are no word of Stripe's.
NEVER_HAPPENED, NOT_SENT = "never_happened", "not_sent"
MAX_PLACE = 255
#: What stands in an id beside letters and digits.
_MARKS = str.maketrans("", "", "_-.")


class RequestCall(msgspec.Struct, frozen=True, kw_only=True):
    """Ask something of Stripe. Personal fields among `params` are sealed already (`api.calls.asking` does it)."""

    call_id: str
    mode: Mode
    account: str
    operation: str
    path: tuple[str, ...] = ()
    params: dict[str, Any] = {}
    org: str | None = None
    urgency: Urgency = "live"
    awaited: bool = False
    """Whether whoever asks makes it at once."""
    instead_of: str | None = None


class BeginCall(msgspec.Struct, frozen=True, kw_only=True):
    """Say that Stripe may hear of it from now on."""

    at_s: int
    api_version: str


class SucceedCall(msgspec.Struct, frozen=True, kw_only=True):
    """Keep that Stripe did it."""

    object: str | None
    object_id: str | None
    status: int | None = None
    request_id: str | None = None
    answered_s: int | None = None
    by: By = "answer"


class FailCall(msgspec.Struct, frozen=True, kw_only=True):
    """Keep that Stripe refused, or that it never happened."""

    type: str
    code: str | None = None
    decline_code: str | None = None
    param: str | None = None
    status: int | None = None
    request_id: str | None = None
    answered_s: int | None = None
    by: By = "answer"


class LoseCall(msgspec.Struct, frozen=True, kw_only=True):
    """Keep that it is not known what became of it."""

    why: Why
    at_s: int


class ResolveCall(msgspec.Struct, frozen=True, kw_only=True):
    """Say, as a person, what became of a call that is unknown: it made this object, or it never happened."""

    mode: Mode
    call_id: str
    found: str | None = None
    """The id of what it made or changed; None: it never happened."""


Command: TypeAlias = RequestCall | BeginCall | SucceedCall | FailCall | LoseCall | ResolveCall


class Call(msgspec.Struct, frozen=True):
    """A call as its events left it."""

    requested: StripeCallRequested | None = None
    begun: StripeCallBegun | None = None
    unknown: StripeCallUnknown | None = None
    answer: StripeCallSucceeded | StripeCallFailed | None = None

    @property
    def to_be_made(self) -> bool:
        """Whether it is to be sent to Stripe, for the first time or again."""
        return self.requested is not None and self.unknown is None and self.answer is None

    @property
    def to_be_looked_up(self) -> bool:
        """Whether it is not known what became of it."""
        return self.unknown is not None and self.answer is None

    def key_until_s(self) -> int | None:
        """Until when it may be repeated under its key, unix seconds; None: it was never sent."""
        return self.begun.at_s + KEY_KEPT_S if self.begun is not None else None


def evolve(call: Call, event: Event) -> Call:
    """The call after an event."""
    if isinstance(event, StripeCallRequested):
        return Call(event)
    if isinstance(event, StripeCallBegun):
        return msgspec.structs.replace(call, begun=event)
    if isinstance(event, StripeCallUnknown):
        return msgspec.structs.replace(call, unknown=event)
    assert isinstance(event, (StripeCallSucceeded, StripeCallFailed))
    return msgspec.structs.replace(call, answer=event)


def decide(command: Command, call: Call) -> tuple[Event, ...]:
    """Ask, begin, answer, lose or resolve. What has an answer keeps it: a later one is no event.

    Raises Invalid for what cannot be asked, NotFound, Refused("not_unknown").
    """
    if isinstance(command, RequestCall):
        return () if call.requested is not None else (_requested(command),)
    asked = call.requested
    if asked is None:
        raise NotFound("there is no such call; `recount calls list` shows them")
    its: dict[str, Any] = {"call_id": asked.call_id, "mode": asked.mode}
    whose: dict[str, Any] = {"account": asked.account, "operation": asked.operation, "org": asked.org}
    if isinstance(command, ResolveCall):
        return _resolved(command, call, its, whose)
    if call.answer is not None:
        return ()
    if isinstance(command, BeginCall):
        if call.begun is not None or call.unknown is not None:
            return ()
        return (StripeCallBegun(**its, at_s=command.at_s, api_version=command.api_version),)
    if isinstance(command, LoseCall):
        assert call.begun is not None, "what was never sent is not lost"
        if call.unknown is not None:
            return ()
        return (StripeCallUnknown(**its, **whose, why=command.why, at_s=command.at_s),)
    if isinstance(command, SucceedCall):
        return (StripeCallSucceeded(**its, **whose, **msgspec.structs.asdict(command)),)
    return (StripeCallFailed(**its, **msgspec.structs.asdict(command)),)


def _requested(command: RequestCall) -> StripeCallRequested:
    asked = operation(command.operation)
    require_mode(command.mode)
    require_account(command.account)
    if command.org is not None:
        require_org(command.org)
    sound = all(0 < len(p) <= MAX_PLACE and p.isascii() and p.translate(_MARKS).isalnum() for p in command.path)
    if len(command.path) != asked.places or not sound:
        raise Invalid(f"{asked.name} takes {asked.places} ids in its address", code="bad_path")
    _require_sealed(command.params, personal_keys(asked.object), "params")
    return StripeCallRequested(**msgspec.structs.asdict(command))


def _require_sealed(node: Any, personal: frozenset[str], path: str) -> None:
    """A person's name in the clear would be in the log for ever."""
    if isinstance(node, dict):
        here = personal if ADDRESS_MARKS.isdisjoint(node) or not personal else with_address(personal)
        for key, value in node.items():
            if key in here and value not in (None, "") and not is_sealed(value):
                raise Invalid(f"{path}.{key} is personal, and must be sealed before it is kept", code="not_sealed")
            _require_sealed(value, personal, f"{path}.{key}")
    elif isinstance(node, list):
        for value in node:
            _require_sealed(value, personal, path)


def _resolved(command: ResolveCall, call: Call, its: dict[str, Any], whose: dict[str, Any]) -> tuple[Event, ...]:
    if call.answer is not None and call.answer.by == "person":
        same = getattr(call.answer, "object_id", None) == command.found
        if same:
            return ()
    if not call.to_be_looked_up:
        raise Refused("what became of it is known, or is being found out", code="not_unknown")
    if command.found is None:
        return (StripeCallFailed(**its, **msgspec.structs.asdict(FailCall(type=NEVER_HAPPENED, by="person"))),)
    if not (0 < len(command.found) <= MAX_PLACE and command.found.translate(_MARKS).isalnum()):
        raise Invalid(f"{command.found!r} is no id of an object of Stripe's", code="not_an_object")
    kind = operation(whose["operation"]).object
    found = SucceedCall(object=kind, object_id=command.found, by="person")
    return (StripeCallSucceeded(**its, **whose, **msgspec.structs.asdict(found)),)


CALLS: Decider[Command, Call] = Decider(Call(), evolve, decide)


def call_id(receipt: str) -> str:
    """The id of the call that follows from a receipt (its stream, or its stream and version): always the same."""
    return "call_" + sha256(receipt.encode()).hexdigest()[:24]


def next_id(id: str) -> str:
    """The id under which a call that failed is asked again: the same, however many ask."""
    first, _, number = id.partition(".")
    return f"{first}.{int(number or 1) + 1}"
