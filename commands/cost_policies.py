"""Cost policies: what of a provider's costs may be passed through to an organization. One stream a category.

A version is proposed by one person and approved by another; nothing is billed under one that is not approved. Refuses
to know what was charged, and what time it is: commands carry it.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from commands.acts import MAX_REASON, About, Act
from commands.base import Decider
from commands.identifiers import require_customer, require_mode, require_org
from commands.passthrough import require_category, require_currency
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import Event
from ledger.ids import Mode, cost_policy_stream, key_of
from ledger.passthrough import MAX_MINOR, MAX_TIME_S, STOP_RULES, StopRule, Terms
from ledger.passthrough_events import CostPolicyApproved, CostPolicyEnded, CostPolicyProposed, CostPolicyRejected

MAX_MARKUP_BPS = 1_000_000


class ProposeCostPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Propose a version of what a category of provider costs may be passed through; a second person approves it."""

    mode: Mode
    org: str
    category: str
    billing_owner: str
    currency: str
    stop_rule: StopRule
    cap_minor: int | None = None
    unlimited: bool = False
    """Without a cap: to be said, never assumed."""
    warn_percent: int | None = None
    markup_bps: int = 0
    from_s: int | None = None
    until_s: int | None = None
    by: str
    why: str


class SettleCostPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Approve or reject a proposed version. Who proposed it may only take it back."""

    mode: Mode
    org: str
    category: str
    version: int
    by: str
    why: str
    now_s: int


class ApproveCostPolicy(SettleCostPolicy, frozen=True, kw_only=True):
    """Approve a proposed version of a cost policy. It takes a second person."""


class RejectCostPolicy(SettleCostPolicy, frozen=True, kw_only=True):
    """Reject a proposed version of a cost policy, or take it back."""


class EndCostPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Let a version hold no longer, from the next second or a later one on. What was charged before stays billable."""

    mode: Mode
    org: str
    category: str
    version: int
    at_s: int | None = None
    """None: the next second."""
    by: str
    why: str
    now_s: int


Command: TypeAlias = ProposeCostPolicy | ApproveCostPolicy | RejectCostPolicy | EndCostPolicy
Status = Literal["proposed", "approved", "rejected"]


class Version(msgspec.Struct, frozen=True):
    """A version as its events left it."""

    proposed: CostPolicyProposed
    status: Status = "proposed"
    from_s: int | None = None
    until_s: int | None = None


#: All versions of a policy, by number.
CostPolicy: TypeAlias = Mapping[int, Version]


def evolve(policy: CostPolicy, event: Event) -> CostPolicy:
    """The policy after an event."""
    if isinstance(event, CostPolicyProposed):
        return {**policy, event.version: Version(event, until_s=event.until_s)}
    assert isinstance(event, (CostPolicyApproved, CostPolicyRejected, CostPolicyEnded))
    known = policy[event.version]
    if isinstance(event, CostPolicyApproved):
        known = msgspec.structs.replace(known, status="approved", from_s=event.from_s)
    elif isinstance(event, CostPolicyRejected):
        known = msgspec.structs.replace(known, status="rejected")
    else:
        known = msgspec.structs.replace(known, until_s=event.at_s)
    return {**policy, event.version: known}


def terms_of(policy: CostPolicy) -> list[Terms]:
    """What its approved versions say."""
    found = []
    for version in policy.values():
        if version.status != "approved":
            continue
        assert version.from_s is not None
        said = version.proposed
        found.append(
            Terms(
                version=said.version,
                billing_owner=said.billing_owner,
                currency=said.currency,
                cap_minor=said.cap_minor,
                warn_percent=said.warn_percent,
                stop_rule=said.stop_rule,
                markup_bps=said.markup_bps,
                from_s=version.from_s,
                until_s=version.until_s,
            )
        )
    return found


def decide(command: Command, policy: CostPolicy) -> tuple[Event, ...]:
    """Propose, approve, reject or end. What is so already is no event.

    Raises Invalid (`bad_cap`, `bad_period`, `bad_markup`, `bad_threshold`, `bad_currency`, and for ids that are none),
    NotFound, Refused: `second_person`, `policy_settled`, `policy_not_approved`, `not_retroactive`.
    """
    require_mode(command.mode)
    require_org(command.org)
    require_category(command.category)
    if isinstance(command, ProposeCostPolicy):
        return _propose(command, policy)
    known = policy.get(command.version)
    if known is None:
        raise NotFound(f"{command.org} has no version {command.version} of a cost policy for {command.category}")
    if isinstance(command, EndCostPolicy):
        return _end(command, known)
    return _settle(command, known)


def _propose(command: ProposeCostPolicy, policy: CostPolicy) -> tuple[Event, ...]:
    _check(command)
    given = msgspec.structs.asdict(command)
    del given["unlimited"]
    said = CostPolicyProposed(version=max(policy, default=0) + 1, **given)
    last = policy.get(said.version - 1)
    if (
        last is not None
        and last.status == "proposed"
        and msgspec.structs.replace(last.proposed, version=said.version) == said
    ):
        return ()
    return (said,)


def _settle(command: ApproveCostPolicy | RejectCostPolicy, known: Version) -> tuple[Event, ...]:
    approves = isinstance(command, ApproveCostPolicy)
    if known.status != "proposed":
        if known.status == ("approved" if approves else "rejected"):
            return ()
        raise Refused(f"version {command.version} was {known.status}; propose another", code="policy_settled")
    where: dict[str, Any] = {
        "mode": command.mode,
        "org": command.org,
        "category": command.category,
        "version": command.version,
    }
    if not approves:
        return (CostPolicyRejected(**where, by=command.by, why=command.why),)
    if command.by == known.proposed.by:
        raise Refused(
            f"{command.by} proposed this, so somebody else must approve it; who proposed it may only reject it",
            code="second_person",
        )
    from_s = known.proposed.from_s if known.proposed.from_s is not None else command.now_s
    if known.until_s is not None and known.until_s <= from_s:
        raise Refused(f"version {command.version} would be over already; propose another", code="policy_over")
    return (CostPolicyApproved(**where, from_s=from_s, by=command.by, why=command.why),)


def _end(command: EndCostPolicy, known: Version) -> tuple[Event, ...]:
    if known.status != "approved":
        raise Refused(
            f"version {command.version} is {known.status}: only one that holds ends", code="policy_not_approved"
        )
    next_s = command.now_s + 1  # what is charged in this very second may have been billed meanwhile
    at_s = next_s if command.at_s is None else command.at_s
    if known.until_s is not None and known.until_s <= at_s:
        return ()
    if at_s < next_s:
        raise Refused(
            "a policy never ends in the past: what was charged under it stays billable", code="not_retroactive"
        )
    assert known.from_s is not None
    return (
        CostPolicyEnded(
            mode=command.mode,
            org=command.org,
            category=command.category,
            version=command.version,
            at_s=max(at_s, known.from_s),
            by=command.by,
            why=command.why,
        ),
    )


def _check(command: ProposeCostPolicy) -> None:
    require_customer(command.billing_owner)
    require_currency(command.currency)
    if command.stop_rule not in STOP_RULES:
        raise Invalid(f"a stop rule is one of {', '.join(STOP_RULES)}", code="bad_stop_rule")
    if (command.cap_minor is None) != command.unlimited:
        raise Invalid("say a cap in minor units, or that there is none (`unlimited`): one of them", code="bad_cap")
    if command.cap_minor is not None and not 0 <= command.cap_minor <= MAX_MINOR:
        raise Invalid(f"a cap lies between 0 and {MAX_MINOR} minor units", code="bad_cap")
    if command.warn_percent is not None and not (1 <= command.warn_percent <= 100 and command.cap_minor is not None):
        raise Invalid("a warning comes at 1 to 100 percent of a cap", code="bad_threshold")
    if not 0 <= command.markup_bps <= MAX_MARKUP_BPS:
        raise Invalid(f"a markup is 0 to {MAX_MARKUP_BPS} hundredths of a percent", code="bad_markup")
    times = [t for t in (command.from_s, command.until_s) if t is not None]
    if any(not 0 <= t <= MAX_TIME_S for t in times) or times != sorted(set(times)):
        raise Invalid("a policy ends after it begins", code="bad_period")
    if not 0 < len(command.why.strip()) <= MAX_REASON:
        raise Invalid(f"say why, in 1 to {MAX_REASON} characters", code="reason_required")


COST_POLICIES: Decider[Command, CostPolicy] = Decider({}, evolve, decide)


def policy_subject(org: str, category: str) -> str:
    """What the audit calls a cost policy."""
    return f"cost_policy/{key_of((org, category))}"


def _stream(command: Command) -> str:
    return cost_policy_stream(command.mode, command.org, command.category)


def _about(command: Command) -> About:
    return About(policy_subject(command.org, command.category), command.mode, None, command.org)


#: A second person is a rule of the decider's own here, whatever the installation says of weights.
PROPOSE_COST_POLICY = Act("propose_cost_policy", ProposeCostPolicy, COST_POLICIES, _stream, _about)
APPROVE_COST_POLICY = Act("approve_cost_policy", ApproveCostPolicy, COST_POLICIES, _stream, _about, 30)
REJECT_COST_POLICY = Act("reject_cost_policy", RejectCostPolicy, COST_POLICIES, _stream, _about)
END_COST_POLICY = Act("end_cost_policy", EndCostPolicy, COST_POLICIES, _stream, _about, 30)
