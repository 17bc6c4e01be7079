"""Environments: where an organization's deployments run, and who pays for it. One stream an environment.

A default one is made when it is first needed; its id follows from the organization's, so that it is made once. Refuses
to know what is placed in an environment, what that costs, and a clock: an owner's instant is given.
"""

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.hosting_rules import percent, require_instant, require_key, require_period
from commands.identifiers import require_label, require_mode, require_org
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import Event
from ledger.hosting_events import (
    EnvironmentArchived,
    EnvironmentCreated,
    EnvironmentMoved,
    EnvironmentRateCardChanged,
    EnvironmentRenamed,
    EnvironmentShared,
    EnvironmentUnshared,
    OutageCredited,
    OutageWithdrawn,
)
from ledger.ids import Mode, environment_stream

#: The rate card of whoever names none.
STANDARD = "standard"
DEFAULT_NAME = "default"


class CreateEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Make an environment for an organization."""

    mode: Mode
    environment: str
    org: str
    name: str
    rate_card: str = STANDARD
    default: bool = False


class RenameEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Give an environment another name."""

    mode: Mode
    environment: str
    name: str


class ShareEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Let another organization see an environment and be in it. Its owner goes on paying."""

    mode: Mode
    environment: str
    org: str


class UnshareEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Share an environment with an organization no more."""

    mode: Mode
    environment: str
    org: str


class MoveEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Move an environment to another owner, who pays for what is used from an instant on."""

    mode: Mode
    environment: str
    org: str
    at_s: int


class ChangeRateCard(msgspec.Struct, frozen=True, kw_only=True):
    """Price an environment by another rate card, from an instant on, which may be past."""

    mode: Mode
    environment: str
    rate_card: str
    at_s: int


class ArchiveEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Archive an environment: nothing more is placed in it."""

    mode: Mode
    environment: str


class CreditOutage(msgspec.Struct, frozen=True, kw_only=True):
    """Let what an environment used during an outage cost less."""

    mode: Mode
    environment: str
    outage: str
    """What the outage is called, e.g. `2026-03-01-network`. To change its credit, take it back first."""
    from_s: int
    until_s: int
    percent: str = "100"
    reason: str


class WithdrawOutage(msgspec.Struct, frozen=True, kw_only=True):
    """Take an outage's credit back."""

    mode: Mode
    environment: str
    outage: str


Command: TypeAlias = (
    CreateEnvironment
    | RenameEnvironment
    | ShareEnvironment
    | UnshareEnvironment
    | MoveEnvironment
    | ChangeRateCard
    | ArchiveEnvironment
    | CreditOutage
    | WithdrawOutage
)


class Environment(NamedTuple):
    """An environment as its events left it."""

    created: EnvironmentCreated | None = None
    name: str = ""
    shared: frozenset[str] = frozenset()
    owners: Mapping[int, str] = MappingProxyType({})
    """Instant -> who owns it from then on; the first owner's is left out."""
    cards: Mapping[int, str] = MappingProxyType({})
    """Instant -> the rate card from then on; the first one is left out."""
    outages: Mapping[str, OutageCredited] = MappingProxyType({})
    archived: bool = False


def default_id(mode: Mode, org: str) -> str:
    """The id of an organization's default environment."""
    return "env_" + sha256(f"{mode}/{org}".encode()).hexdigest()[:24]


def evolve(it: Environment, event: Event) -> Environment:
    """The environment after an event."""
    match event:
        case EnvironmentCreated():
            return Environment(event, event.name)
        case EnvironmentRenamed():
            return it._replace(name=event.name)
        case EnvironmentShared():
            return it._replace(shared=it.shared | {event.org})
        case EnvironmentUnshared():
            return it._replace(shared=it.shared - {event.org})
        case EnvironmentMoved():
            return it._replace(owners={**it.owners, event.at_s: event.org})
        case EnvironmentRateCardChanged():
            return it._replace(cards={**it.cards, event.at_s: event.rate_card})
        case EnvironmentArchived():
            return it._replace(archived=True)
        case OutageCredited():
            return it._replace(outages={**it.outages, event.outage: event})
        case OutageWithdrawn():
            return it._replace(outages={k: v for k, v in it.outages.items() if k != event.outage})
    return it


def decide(command: Command, it: Environment) -> tuple[Event, ...]:
    """What is so already is no event.

    Raises Invalid (ids, `bad_instant`, `bad_period`, `bad_percent`, `reason_required`), NotFound, Refused
    (`environment_exists`, `environment_archived`, `no_such_outage`, `outage_exists`).
    """
    require_mode(command.mode)
    require_key(command.environment, "an environment")
    if isinstance(command, CreateEnvironment):
        return _create(command, it)
    if it.created is None:
        raise NotFound(f"there is no environment {command.environment} in {command.mode} mode")
    said = _said(command, it)
    if said and it.archived and not isinstance(command, (CreditOutage, WithdrawOutage, UnshareEnvironment)):
        raise Refused(f"{command.environment} is archived", code="environment_archived")
    return said


def _create(command: CreateEnvironment, it: Environment) -> tuple[Event, ...]:
    require_org(command.org)
    require_label(command.name)
    require_key(command.rate_card, "a rate card")
    made = EnvironmentCreated(**msgspec.structs.asdict(command))
    if it.created is None:
        return (made,)
    if it.created == made:
        return ()
    raise Refused(f"there is an environment {command.environment} already", code="environment_exists")


def _said(command: Command, it: Environment) -> tuple[Event, ...]:
    which: dict[str, Any] = {"mode": command.mode, "environment": command.environment}
    match command:
        case RenameEnvironment():
            require_label(command.name)
            return () if command.name == it.name else (EnvironmentRenamed(**which, name=command.name),)
        case ShareEnvironment():
            require_org(command.org)
            return () if command.org in it.shared else (EnvironmentShared(**which, org=command.org),)
        case UnshareEnvironment():
            return (EnvironmentUnshared(**which, org=command.org),) if command.org in it.shared else ()
        case MoveEnvironment():
            require_org(command.org)
            require_instant(command.at_s)
            moved = EnvironmentMoved(**which, org=command.org, at_s=command.at_s)
            return () if it.owners.get(command.at_s) == command.org else (moved,)
        case ChangeRateCard():
            require_key(command.rate_card, "a rate card")
            require_instant(command.at_s)
            changed = EnvironmentRateCardChanged(**which, rate_card=command.rate_card, at_s=command.at_s)
            return () if it.cards.get(command.at_s) == command.rate_card else (changed,)
        case ArchiveEnvironment():
            return () if it.archived else (EnvironmentArchived(**which),)
        case CreditOutage():
            return _credit(command, it)
        case WithdrawOutage():
            known = it.outages.get(command.outage)
            if known is None:
                raise Refused(f"{command.environment} has no outage {command.outage}", code="no_such_outage")
            return (OutageWithdrawn(**which, outage=command.outage, from_s=known.from_s),)
    return ()


def _credit(command: CreditOutage, it: Environment) -> tuple[Event, ...]:
    require_key(command.outage, "an outage")
    require_period(command.from_s, command.until_s)
    if not 0 < percent(command.percent) <= 100:
        raise Invalid("a credit is more than 0 and at most 100 percent", code="bad_percent")
    if not 0 < len(command.reason.strip()) <= 500:
        raise Invalid("say why, in 1 to 500 characters", code="reason_required")
    credited = OutageCredited(**msgspec.structs.asdict(command))
    known = it.outages.get(command.outage)
    if known not in (None, credited):
        raise Refused(f"{command.environment} has an outage {command.outage} already", code="outage_exists")
    return (credited,) if known is None else ()


ENVIRONMENTS: Decider[Command, Environment] = Decider(Environment(), evolve, decide)


def _stream(command: Command) -> str:
    return environment_stream(command.mode, command.environment)


def _about(command: Command) -> About:
    return About(f"environment/{command.environment}", command.mode, org=getattr(command, "org", None))


CREATE_ENVIRONMENT = Act("create_environment", CreateEnvironment, ENVIRONMENTS, _stream, _about)
RENAME_ENVIRONMENT = Act("rename_environment", RenameEnvironment, ENVIRONMENTS, _stream, _about)
SHARE_ENVIRONMENT = Act("share_environment", ShareEnvironment, ENVIRONMENTS, _stream, _about, weight=20)
UNSHARE_ENVIRONMENT = Act("unshare_environment", UnshareEnvironment, ENVIRONMENTS, _stream, _about)
#: Somebody else pays from then on.
MOVE_ENVIRONMENT = Act("move_environment", MoveEnvironment, ENVIRONMENTS, _stream, _about, weight=40)
#: It costs something else from then on.
CHANGE_RATE_CARD = Act("change_rate_card", ChangeRateCard, ENVIRONMENTS, _stream, _about, weight=40)
ARCHIVE_ENVIRONMENT = Act("archive_environment", ArchiveEnvironment, ENVIRONMENTS, _stream, _about, weight=20)
CREDIT_OUTAGE = Act("credit_outage", CreditOutage, ENVIRONMENTS, _stream, _about, weight=40)
WITHDRAW_OUTAGE = Act("withdraw_outage", WithdrawOutage, ENVIRONMENTS, _stream, _about, weight=40)
