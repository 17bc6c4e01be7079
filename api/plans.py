"""Plans at the edge: what a file would change, applying it, and moving who is on a plan to another version.

Looks up what a decider cannot know: which versions there are, what a subscription is on now, and the time.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import psycopg

import commands.acts
from api.catalogue_file import catalogue_of
from api.database import Database
from api.operations import recording_denial
from api.plan_differences import Change, change
from api.settings import Settings
from commands.acts import Act, Asked, Done
from commands.plan_moves import MOVE_SUBSCRIPTION, MoveSubscription
from commands.plans import (
    APPLY_PLANS,
    MOST_MOVED,
    MOVE_SUBSCRIPTIONS,
    ApplyPlans,
    MoveSubscriptions,
    Plans,
    decide,
    require_version,
)
from commands.plans import PLANS as DECIDER
from ledger.errors import NotFound, StoreUnavailable
from ledger.ids import Mode, plans_stream
from ledger.store import Log, as_role
from replay.plan_lint import Lookup, Subject
from replay.tables import LIVE


class MovedMany(NamedTuple):
    """What came of moving many."""

    done: Done
    moved: int
    left: int
    """How many more there are than one act moves."""


def read_catalogue(text: str, mode: Mode) -> list[Subject]:
    """The plans of a file as `recount plans lint` looks at them. Raises Invalid("invalid_catalogue")."""
    command = catalogue_of(text, mode, int(time.time()))
    decide(command, Plans())  # refuses what makes no sense
    return [
        Subject(
            plan.key,
            plan.account,
            plan.on_sale,
            plan.annual_discount_percent,
            tuple(Lookup(**msgspec.structs.asdict(price)) for price in plan.prices),
        )
        for plan in command.plans
    ]


def plans_diff(database: Database, settings: Settings, *, text: str, mode: Mode) -> list[Change]:
    """What applying this file would change; nothing: []. Raises what applying it raises."""
    command = catalogue_of(text, mode, int(time.time()))
    with database.log() as log:
        plans = _plans(log, mode)
    events = decide(command, plans)
    held = _held(database, mode) if events else {}
    return [change(event, plans, held) for event in events]


def apply_plans(database: Database, settings: Settings, *, text: str, mode: Mode, asked: Asked) -> Done:
    """Make the plans what this file says. Raises Invalid("invalid_catalogue"), Refused, NotFound, StoreUnavailable."""
    return apply_catalogue(database, settings, command=catalogue_of(text, mode, asked.now_s), asked=asked)


def apply_catalogue(database: Database, settings: Settings, *, command: ApplyPlans, asked: Asked) -> Done:
    """The same of a file that was read already."""
    with database.log() as log:
        return _carry_out(log, settings, APPLY_PLANS, command, asked)


def move_subscription(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    account: str,
    subscription: str,
    plan: str,
    version: int | None,
    asked: Asked,
) -> Done:
    """Move a subscription, a purchase or an agreement to a version of a plan: its newest unless told.

    Raises NotFound for what is none, Invalid, StoreUnavailable.
    """
    with database.log() as log:
        known = require_version(_plans(log, mode), plan, version)
        now_on, org = _standing(database, mode, account, subscription)
        command = MoveSubscription(
            mode=mode,
            account=account,
            subscription=subscription,
            plan=plan,
            version=version or known.version,
            by=asked.person,
            why=asked.reason,
            now_on=now_on,
            org=org,
        )
        given = {"mode": mode, "account": account, "subscription": subscription, "plan": plan, "version": version}
        return _carry_out(log, settings, MOVE_SUBSCRIPTION, command, asked, given)


def move_subscriptions(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    from_plan: str,
    from_version: int | None,
    plan: str,
    version: int | None,
    asked: Asked,
) -> MovedMany:
    """Move all that are on a plan (or on one version of it) to a version of a plan: its newest unless told.

    One act, for at most `MOST_MOVED` of them. Raises NotFound, StoreUnavailable.
    """
    with database.log() as log:
        plans = _plans(log, mode)
        require_version(plans, from_plan, from_version)
        target = version or require_version(plans, plan, version).version
        require_version(plans, plan, target)
        found = _on(database, mode, from_plan, from_version, f"{plan}@{target}")
        command = MoveSubscriptions(
            mode=mode,
            plan=plan,
            version=target,
            subscriptions=tuple(found[:MOST_MOVED]),
            by=asked.person,
            why=asked.reason,
            from_plan=from_plan,
            from_version=from_version,
        )
        given = {"mode": mode, "from": [from_plan, from_version], "plan": plan, "version": version}
        done = _carry_out(log, settings, MOVE_SUBSCRIPTIONS, command, asked, given)
    moved = sum(len(e.get("subscriptions", ())) for e in done.events)
    return MovedMany(done, moved, max(0, len(found) - MOST_MOVED))


def _plans(log: Log, mode: Mode) -> Plans:
    return DECIDER.fold(r.event for r in log.read_stream(plans_stream(mode)))


def _standing(database: Database, mode: str, account: str, id: str) -> tuple[str | None, str | None]:
    """The version that something is on (None: none), and whose it is. Raises NotFound for what was never seen."""
    with _reading(database) as conn:
        row = conn.execute(
            f"SELECT plan_id, org FROM {LIVE}.plan_placements WHERE (mode, account, subscription) = (%s, %s, %s)",
            [mode, account, id],
        ).fetchone()
        if row is not None:
            return row[0], row[1]
        for model in ("subscriptions", "plan_purchases"):
            sql = f"SELECT FROM {LIVE}.{model} WHERE (mode, account, id) = (%s, %s, %s)"
            if conn.execute(sql, [mode, account, id]).fetchone() is not None:
                return None, None
    raise NotFound(f"no subscription, purchase or agreement {id} is known in {account} ({mode} mode)")


def _on(database: Database, mode: str, plan: str, version: int | None, target: str) -> list[str]:
    """Everything on a plan, but for what is on the target already."""
    with _reading(database) as conn:
        rows = conn.execute(
            f"SELECT account || '/' || subscription FROM {LIVE}.plan_placements WHERE mode = %s AND plan = %s"
            " AND (%s::bigint IS NULL OR version = %s) AND plan_id <> %s ORDER BY account, subscription",
            [mode, plan, version, version, target],
        ).fetchall()
    return [found for (found,) in rows]


def _held(database: Database, mode: str) -> dict[str, int]:
    """How many are on each version."""
    with _reading(database) as conn:
        built = conn.execute(f"SELECT to_regclass('{LIVE}.plan_placements') IS NOT NULL").fetchone()
        if built is None or not built[0]:
            return {}
        sql = f"SELECT plan_id, count(*) FROM {LIVE}.plan_placements WHERE mode = %s GROUP BY plan_id"
        return dict(conn.execute(sql, [mode]).fetchall())


def _carry_out(
    log: Log, settings: Settings, act: Act[Any, Any], command: Any, asked: Asked, given: Mapping[str, Any] | None = None
) -> Done:
    asked = msgspec.structs.replace(asked, second_person_from=settings.second_person_from)
    with recording_denial(log, act.name, act.about(command), asked):
        return commands.acts.carry_out(log, act, command, asked, given=given)


@contextlib.contextmanager
def _reading(database: Database) -> Iterator[psycopg.Connection[Any]]:
    try:
        conninfo = as_role(database.conninfo, "recount_reader")
        with psycopg.connect(conninfo, autocommit=True, connect_timeout=5) as conn:
            yield conn
    except psycopg.OperationalError as error:
        raise StoreUnavailable(f"the database did not answer, so run it again: {error}") from error
