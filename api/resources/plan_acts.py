"""Acts about plans over HTTP: what is found out about them at the edge, beside what is given."""

from collections.abc import Mapping
from typing import Any

from flask import Response

from api.agreements import end_agreement, make_agreement
from api.catalogue_file import catalogue_from
from api.operations import command_of
from api.plans import apply_catalogue, move_subscription, move_subscriptions
from api.resources import acting
from api.resources.context import context
from commands.agreements import END_AGREEMENT, MAKE_AGREEMENT
from commands.plan_moves import MOVE_SUBSCRIPTION
from commands.plans import MOVE_SUBSCRIPTIONS

#: Fields of their commands that nobody gives.
FOUND_OF_MOVE = ("by", "why", "now_on", "org")
FOUND_OF_MOVES = ("by", "why", "subscriptions")
FOUND_OF_AGREEMENT = ("id", "by", "why")
FOUND_OF_END = ("by", "why", "org")


def apply(given: Mapping[str, Any], reason: str) -> Response:
    """Make the plans of a catalogue what is given: the same as its file says."""
    here, how = context(), acting.asked(reason)
    told = {k: v for k, v in given.items() if k not in ("mode", "effective_s")}
    command = catalogue_from(told, acting.mode(), how.now_s, given.get("effective_s"))
    return acting.told(apply_catalogue(here.database, here.settings, command=command, asked=how))


def move(given: Mapping[str, Any], reason: str) -> Response:
    """Move one to a version of a plan."""
    here, how = context(), acting.asked(reason)
    told = command_of(MOVE_SUBSCRIPTION, {**given, "by": how.person, "why": reason})
    done = move_subscription(
        here.database,
        here.settings,
        mode=told.mode,
        account=told.account,
        subscription=told.subscription,
        plan=told.plan,
        version=told.version,
        asked=how,
    )
    return acting.told(done)


def move_all(given: Mapping[str, Any], reason: str) -> Response:
    """Move all that are on a plan, or on a version of it."""
    here, how = context(), acting.asked(reason)
    told = command_of(MOVE_SUBSCRIPTIONS, {**given, "by": how.person, "why": reason, "subscriptions": ()})
    come = move_subscriptions(
        here.database,
        here.settings,
        mode=told.mode,
        from_plan=told.from_plan,
        from_version=told.from_version,
        plan=told.plan,
        version=told.version,
        asked=how,
    )
    return acting.told(come.done)


def make(given: Mapping[str, Any], reason: str) -> Response:
    """Let an organization have a plan without Stripe."""
    here, how = context(), acting.asked(reason)
    told = command_of(MAKE_AGREEMENT, {**given, "id": "agr_", "by": how.person, "why": reason})
    done = make_agreement(
        here.database,
        here.settings,
        mode=told.mode,
        org=told.org,
        plan=told.plan,
        version=told.version,
        from_s=told.from_s,
        until_s=told.until_s,
        reference=told.reference,
        asked=how,
    )
    return acting.told(done)


def end(given: Mapping[str, Any], reason: str) -> Response:
    """Let an agreement end."""
    here, how = context(), acting.asked(reason)
    told = command_of(END_AGREEMENT, {**given, "by": how.person, "why": reason})
    return acting.told(
        end_agreement(here.database, here.settings, mode=told.mode, id=told.id, at_s=told.at_s, asked=how)
    )
