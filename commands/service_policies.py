"""Service policies of a mode: a file of them is applied as a whole, as versions; each tells only, or is enforced.

A policy that the file does not have stays as it is: plans may name it. Refuses to know who has it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode
from ledger.errors import Invalid, NotFound
from ledger.events import Event
from ledger.ids import Mode, service_policies_stream
from ledger.service_events import ServicePolicyEnforced, ServicePolicyPublished, ServicePolicySoftened
from ledger.service_policy import BUILT_IN, SEVERITY, PolicyDefinition, PolicyStage, written

MAX_POLICIES = 100
_KEY = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CURRENCY = re.compile(r"[a-z]{3}")
_MOST_DAYS = 3_650


class ApplyPolicies(msgspec.Struct, frozen=True, kw_only=True):
    """Make these service policies what is said here. They count at once, for debts that there are too."""

    mode: Mode
    policies: tuple[PolicyDefinition, ...]


class EnforcePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Do from now on what a service policy says, and do not only tell it."""

    mode: Mode
    policy: str


class SoftenPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Only tell from now on what a service policy says; whom it had closed is open again."""

    mode: Mode
    policy: str


Command: TypeAlias = ApplyPolicies | EnforcePolicy | SoftenPolicy


class Policies(msgspec.Struct, frozen=True):
    """All policies of a mode, as their events left them."""

    published: Mapping[str, tuple[int, dict[str, Any]]] = {}
    """Key -> version and definition."""
    enforced: frozenset[str] = frozenset()


def evolve(policies: Policies, event: Event) -> Policies:
    """The policies after an event."""
    if isinstance(event, ServicePolicyPublished):
        published = {**policies.published, event.policy: (event.version, event.definition)}
        return msgspec.structs.replace(policies, published=published)
    if isinstance(event, ServicePolicyEnforced):
        return msgspec.structs.replace(policies, enforced=policies.enforced | {event.policy})
    assert isinstance(event, ServicePolicySoftened)
    return msgspec.structs.replace(policies, enforced=policies.enforced - {event.policy})


def decide(command: Command, policies: Policies) -> tuple[Event, ...]:
    """Publish what is new or changed; enforce or soften. Raises Invalid("invalid_policies"), NotFound."""
    require_mode(command.mode)
    if isinstance(command, ApplyPolicies):
        wrong = faults(command.policies)
        if wrong:
            raise Invalid("\n".join(wrong), code="invalid_policies")
        return tuple(_published(command, policies))
    if command.policy not in policies.published and command.policy not in BUILT_IN:
        raise NotFound(f"there is no service policy {command.policy}; `recount service policies list` shows them")
    enforced = command.policy in policies.enforced
    if isinstance(command, EnforcePolicy):
        return () if enforced else (ServicePolicyEnforced(mode=command.mode, policy=command.policy),)
    return (ServicePolicySoftened(mode=command.mode, policy=command.policy),) if enforced else ()


def _published(command: ApplyPolicies, policies: Policies) -> Iterator[Event]:
    for policy in command.policies:
        version, definition = policies.published.get(policy.key, (0, None))
        if definition != written(policy):
            yield ServicePolicyPublished(
                mode=command.mode, policy=policy.key, version=version + 1, definition=written(policy)
            )


def faults(policies: tuple[PolicyDefinition, ...]) -> list[str]:
    """What is wrong with policies, one line each; none: nothing."""
    found = [f"policy {p.key}: {fault}" for p in policies for fault in _of_policy(p)]
    found += [f"policy {key} is there {n} times" for key, n in Counter(p.key for p in policies).items() if n > 1]
    if len(policies) > MAX_POLICIES:
        found.append(f"a file has at most {MAX_POLICIES} policies")
    return found


def _of_policy(policy: PolicyDefinition) -> Iterator[str]:
    if _KEY.fullmatch(policy.key) is None:
        yield "key: 1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or a digit"
    if not 0 <= policy.failed_retries <= 20:
        yield "failed_retries: 0 to 20"
    if policy.retries_within_days is not None and not 1 <= policy.retries_within_days <= 365:
        yield "retries_within_days: 1 to 365, or null to wait for them"
    if not 1 <= policy.partial_payment_percent <= 100:
        yield "partial_payment_percent: 1 to 100"
    if not 0 <= policy.fresh_starts <= 10:
        yield "fresh_starts: 0 to 10"
    for currency, minor in policy.tolerated_minor.items():
        if not (_CURRENCY.fullmatch(currency) and 0 <= minor <= 2**53):
            yield f"tolerated_minor.{currency}: whole minor units of a currency, three lower-case letters"
    yield from _stages(policy.stages)


def _stages(stages: tuple[PolicyStage, ...]) -> Iterator[str]:
    severities = [SEVERITY[s.state] for s in stages]
    if not stages or 0 in severities or severities != sorted(set(severities)):
        yield "stages: some of past_due, grace, paused, suspended, cancelled, each severer than the one before"
    for stage in stages[:-1]:
        if stage.days is None or not 0 <= stage.days <= _MOST_DAYS:
            yield f"stages: {stage.state}: days, 0 to {_MOST_DAYS}"
    if stages and stages[-1].days is not None:
        yield f"stages: {stages[-1].state} is the last, and has no days"


POLICIES: Decider[Command, Policies] = Decider(Policies(), evolve, decide)


def _stream(command: Command) -> str:
    return service_policies_stream(command.mode)


#: One line may close the service of hundreds.
APPLY_POLICIES = Act(
    "apply_policies", ApplyPolicies, POLICIES, _stream, lambda c: About("service_policies", c.mode), weight=50
)
ENFORCE_POLICY = Act(
    "enforce_policy", EnforcePolicy, POLICIES, _stream, lambda c: About(f"service_policy/{c.policy}", c.mode), weight=60
)
SOFTEN_POLICY = Act(
    "soften_policy", SoftenPolicy, POLICIES, _stream, lambda c: About(f"service_policy/{c.policy}", c.mode), weight=30
)
