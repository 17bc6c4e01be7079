"""The plans of a mode: a catalogue's file is applied as a whole, as versions that follow each other. One stream a mode.

A version is never changed: what was sold under it stays sold under it. A plan that its file no longer has is retired.
Refuses to know subscriptions and Stripe's catalogue.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode
from commands.plan_definition import LegacyPrice, PlanDefinition, read, written
from commands.plan_rules import faults, is_key
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import (
    Event,
    PlanPriceMapped,
    PlanPriceUnmapped,
    PlanPublished,
    PlanRetired,
    PlanSubscriptionsMoved,
)
from ledger.ids import PLATFORM, Mode, plans_stream

#: How many one act moves.
MOST_MOVED = 5_000


class ApplyPlans(msgspec.Struct, frozen=True, kw_only=True):
    """Make the plans of a catalogue what its file says."""

    mode: Mode
    catalogue: str
    plans: tuple[PlanDefinition, ...]
    legacy_prices: tuple[LegacyPrice, ...] = ()
    effective_s: int | None = None
    """Since when the new versions are in force, where that was before now."""


class MoveSubscriptions(msgspec.Struct, frozen=True, kw_only=True):
    """Move many subscriptions to a version of a plan."""

    mode: Mode
    plan: str
    version: int
    subscriptions: tuple[str, ...]
    """Each `account/id`: those that were found."""
    by: str
    why: str
    from_plan: str
    from_version: int | None = None
    """None: from whatever version of it."""


Command: TypeAlias = ApplyPlans | MoveSubscriptions


class Known(NamedTuple):
    """A plan as its newest version left it."""

    catalogue: str
    version: int
    definition: Mapping[str, Any]
    effective_s: int | None
    retired: bool = False


class Plans(NamedTuple):
    """All plans of a mode as their events left them."""

    plans: Mapping[str, Known] = MappingProxyType({})
    legacy: Mapping[tuple[str, str], PlanPriceMapped] = MappingProxyType({})
    """By account and price."""


def evolve(plans: Plans, event: Event) -> Plans:
    """The plans after an event."""
    if isinstance(event, PlanPublished):
        known = Known(event.catalogue, event.version, event.definition, event.effective_s)
        return plans._replace(plans={**plans.plans, event.plan: known})
    if isinstance(event, PlanRetired):
        return plans._replace(plans={**plans.plans, event.plan: plans.plans[event.plan]._replace(retired=True)})
    if isinstance(event, PlanPriceMapped):
        return plans._replace(legacy={**plans.legacy, (event.account, event.price): event})
    if isinstance(event, PlanPriceUnmapped):
        gone = (event.account, event.price)
        return plans._replace(legacy={k: v for k, v in plans.legacy.items() if k != gone})
    return plans


def decide(command: Command, plans: Plans) -> tuple[Event, ...]:
    """Publish, retire, map and move. What is so already is no event.

    Raises Invalid("invalid_catalogue") with all that is wrong, NotFound for a plan or version that is none, Refused:
    `plan_elsewhere`, `price_on_two_plans`, `effective_before`.
    """
    require_mode(command.mode)
    if isinstance(command, MoveSubscriptions):
        require_version(plans, command.plan, command.version)
        require_version(plans, command.from_plan, command.from_version)
        if not command.subscriptions:
            return ()
        return (
            PlanSubscriptionsMoved(
                mode=command.mode,
                plan=command.plan,
                version=command.version,
                subscriptions=command.subscriptions,
                by=command.by,
                why=command.why,
            ),
        )
    _check(command, plans)
    published = list(_published(command, plans))
    after = plans
    for event in published:
        after = evolve(after, event)
    return (*published, *_mapped(command, after))


def require_version(plans: Plans, plan: str, version: int | None = None) -> Known:
    """The plan, if it has this version. Raises NotFound."""
    known = plans.plans.get(plan)
    if known is None:
        raise NotFound(f"there is no plan {plan}; `recount plans list` shows them")
    if version is not None and not 1 <= version <= known.version:
        raise NotFound(f"the plan {plan} has versions 1 to {known.version}, and no {version}")
    return known


def _check(command: ApplyPlans, plans: Plans) -> None:
    wrong = [] if is_key(command.catalogue) else ["catalogue: 1 to 64 of a-z, 0-9, dot, dash and underscore"]
    wrong += faults(command.plans, command.legacy_prices)
    if wrong:
        raise Invalid("\n".join(wrong), code="invalid_catalogue")
    taken = {
        (other.account, name): key
        for key, known in plans.plans.items()
        if not known.retired and known.catalogue != command.catalogue and (other := read(dict(known.definition)))
        for name in other.names
    }
    for plan in command.plans:
        known = plans.plans.get(plan.key)
        if known is not None and known.catalogue != command.catalogue and not known.retired:
            raise Refused(f"the plan {plan.key} belongs to the catalogue {known.catalogue}", code="plan_elsewhere")
        for name in plan.names:
            if (plan.account, name) in taken:
                other_plan = taken[plan.account, name]
                raise Refused(f"the price {name} belongs to the plan {other_plan} already", code="price_on_two_plans")


def _published(command: ApplyPlans, plans: Plans) -> Iterator[Event]:
    for plan in command.plans:
        known = plans.plans.get(plan.key)
        if known is not None and not known.retired and read(dict(known.definition)) == plan:
            continue
        effective_s = command.effective_s
        if known and None not in (effective_s, known.effective_s) and effective_s < known.effective_s:  # type: ignore[operator]
            raise Refused(
                f"version {known.version} of {plan.key} is in force from a later time than that",
                code="effective_before",
            )
        yield PlanPublished(
            mode=command.mode,
            catalogue=command.catalogue,
            plan=plan.key,
            version=known.version + 1 if known is not None else 1,
            effective_s=effective_s,
            definition=written(plan),
        )
    kept = {p.key for p in command.plans}
    for key, known in plans.plans.items():
        if known.catalogue == command.catalogue and key not in kept and not known.retired:
            yield PlanRetired(mode=command.mode, catalogue=command.catalogue, plan=key, version=known.version)


def _mapped(command: ApplyPlans, plans: Plans) -> Iterator[Event]:
    """What becomes of the prices of old; `plans` as they are after what is published."""
    wanted: dict[tuple[str, str], PlanPriceMapped] = {}
    for legacy in command.legacy_prices:
        account = require_version(plans, legacy.plan, legacy.version).definition.get("account") or PLATFORM
        key = (account, legacy.price)
        other = plans.legacy.get(key)
        if other is not None and other.catalogue != command.catalogue:
            raise Refused(f"the catalogue {other.catalogue} maps {legacy.price} already", code="price_on_two_plans")
        wanted[key] = PlanPriceMapped(
            mode=command.mode,
            catalogue=command.catalogue,
            account=account,
            price=legacy.price,
            plan=legacy.plan,
            version=legacy.version,
        )
    for key, known in plans.legacy.items():
        if known.catalogue == command.catalogue and key not in wanted:
            account, price = key
            yield PlanPriceUnmapped(mode=command.mode, catalogue=command.catalogue, account=account, price=price)
    for key, mapped in wanted.items():
        if plans.legacy.get(key) != mapped:
            yield mapped


PLANS: Decider[Command, Plans] = Decider(Plans(), evolve, decide)


def _stream(command: Command) -> str:
    return plans_stream(command.mode)


APPLY_PLANS: Act[ApplyPlans, Plans] = Act(
    "apply_plans",
    ApplyPlans,
    PLANS,
    _stream,
    lambda command: About(f"catalogue/{command.catalogue}", command.mode),
    weight=30,
)
MOVE_SUBSCRIPTIONS: Act[MoveSubscriptions, Plans] = Act(
    "move_subscriptions",
    MoveSubscriptions,
    PLANS,
    _stream,
    lambda command: About(f"plan/{command.plan}", command.mode),
    weight=40,
)
