"""Which version of a plan a subscription has, when an operator says so. One stream a subscription.

Refuses to know plans: whoever asks has looked whether the version is there, and on which the subscription is now.
"""

from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_account, require_label, require_mode
from ledger.events import Event, SubscriptionPlanMoved
from ledger.ids import Mode, placement_stream


class MoveSubscription(msgspec.Struct, frozen=True, kw_only=True):
    """Move a subscription, a purchase or an agreement to a version of a plan, where it stays."""

    mode: Mode
    account: str
    subscription: str
    plan: str
    version: int
    by: str
    why: str
    now_on: str | None = None
    """What it is on, as `plan@version`; None: on nothing."""
    org: str | None = None
    """Whose it is, for the audit."""


#: The last move; None: there was none.
Last: TypeAlias = SubscriptionPlanMoved | None


def evolve(last: Last, event: Event) -> Last:
    """The last move after an event."""
    assert isinstance(event, SubscriptionPlanMoved)
    return event


def decide(command: MoveSubscription, last: Last) -> tuple[Event, ...]:
    """Move. What is where it shall be is left alone. Raises Invalid for ids that are none."""
    require_mode(command.mode)
    require_account(command.account)
    require_label(command.subscription)
    target = (command.plan, command.version)
    there = command.now_on == f"{command.plan}@{command.version}"
    if there and (last is None or (last.plan, last.version) == target):
        return ()
    return (
        SubscriptionPlanMoved(
            mode=command.mode,
            account=command.account,
            subscription=command.subscription,
            plan=command.plan,
            version=command.version,
            by=command.by,
            why=command.why,
        ),
    )


PLAN_MOVES: Decider[MoveSubscription, Last] = Decider(None, evolve, decide)
MOVE_SUBSCRIPTION: Act[MoveSubscription, Last] = Act(
    "move_subscription",
    MoveSubscription,
    PLAN_MOVES,
    lambda command: placement_stream(command.mode, command.account, command.subscription),
    lambda command: About(
        f"subscription/{command.account}/{command.subscription}", command.mode, command.account, command.org
    ),
)
