"""Acts with an organization's subscriptions at Stripe: plans by our catalogue's names, prices by Stripe's ids.

What an organization has now is asked of Stripe before it is changed: read models may be a moment behind.
"""

import calendar
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg

from api.calls.billing import Shown, customer_for
from api.calls.customers import Whom
from api.calls.desk import Desk, Performed
from api.calls.owning import owned
from api.calls.plan_prices import Priced, Sold, current, priced
from commands.acts import Act, Asked
from commands.plan_definition import read
from commands.stripe_subscriptions import (
    CANCEL_SUBSCRIPTION,
    CHANGE_SUBSCRIPTION,
    COMMIT_SUBSCRIPTION,
    CREATE_SUBSCRIPTION,
    KEEP_SUBSCRIPTION,
    PAUSE_SUBSCRIPTION,
    RESUME_SUBSCRIPTION,
    SET_TRIAL_END,
    Item,
)
from ledger.errors import Invalid, NotFound, Refused
from ledger.ids import Mode
from ledger.store import as_role
from replay.tables import LIVE

PATH = "/v1/subscriptions"
_VERSION = f"SELECT version, definition FROM {LIVE}.plans WHERE (mode, plan, version) = (%s, %s, %s)"


def create_subscription(
    desk: Desk, whom: Whom, asked: Asked, *, plan: str, quantity: int = 1, trial: bool = True, **given: Any
) -> tuple[Performed, Shown]:
    """Sell an organization a plan. Raises NotFound, Invalid, Refused, as `plan_prices.priced` does."""
    sold, bought, whom, terms = _bought(desk, whom, plan, trial=trial, given=given)
    found = {
        "customer": customer_for(desk, whom, asked),
        "version": sold.version,
        "items": msgspec.to_builtins(lines_of(bought, quantity)),
        "trial_days": bought.offer.trial_days,
        "without_payment_method": bought.offer.without_payment_method,
    }
    chosen = {"plan": plan, "quantity": quantity, "trial": trial, **terms, **given}
    done = desk.perform(CREATE_SUBSCRIPTION, whom, asked, given, chosen=chosen, plan=plan, **found)
    return done, {"plan": f"{plan}@{sold.version}", **_told(done.object)}


def commit_subscription(
    desk: Desk, whom: Whom, asked: Asked, *, plan: str, quantity: int = 1, **given: Any
) -> tuple[Performed, Shown]:
    """Sell a plan with its commitment: pay 9 months, get 12. Raises also Refused("no_commitment")."""
    sold, bought, whom, terms = _bought(desk, whom, plan, trial=False, given=given)
    commitment = sold.plan.commitment
    if commitment is None:
        raise Refused(f"{plan} has no commitment; `create_subscription` sells it", code="no_commitment")
    found = {
        "customer": customer_for(desk, whom, asked),
        "version": sold.version,
        "items": msgspec.to_builtins(lines_of(bought, quantity)),
        "paid_until_s": months_after(asked.now_s, commitment.paid_months),
        "delivered_until_s": months_after(asked.now_s, commitment.delivered_months),
    }
    chosen = {"plan": plan, "quantity": quantity, **terms, **given}
    done = desk.perform(COMMIT_SUBSCRIPTION, whom, asked, given, chosen=chosen, plan=plan, **found)
    schedule, subscription = done.object.get("id"), done.object.get("subscription")
    return done, {"plan": f"{plan}@{sold.version}", "schedule": schedule, "subscription": subscription}


def _bought(
    desk: Desk, whom: Whom, plan: str, *, trial: bool, given: dict[str, Any]
) -> tuple[Sold, Priced, Whom, dict[str, Any]]:
    """The plan, its prices, in whose account, and how it was chosen; that is taken out of what was given."""
    terms = {name: given.pop(name, None) for name in ("interval", "currency")}
    sold = current(desk.conninfo, whom.mode, plan)
    whom = whom._replace(account=sold.plan.account)
    bought = priced(desk.conninfo, desk.calls(whom.mode).maker, sold, trial=trial, **terms)
    if bought.offer.purpose != "subscription":
        raise Refused(f"{plan} is paid once; sell it by a checkout", code="not_sold_so")
    return sold, bought, whom, terms


def lines_of(bought: Priced, quantity: int | None) -> tuple[Item, ...]:
    """What is bought, as items that a subscription does not have yet."""
    return tuple(Item(price=line.price, quantity=None if line.metered else quantity) for line in bought.lines)


def change_subscription(
    desk: Desk,
    whom: Whom,
    asked: Asked,
    *,
    subscription: str,
    plan: str | None = None,
    version: int | None = None,
    interval: Any = None,
    quantity: int | None = None,
    **given: Any,
) -> tuple[Performed, Shown]:
    """Move to another plan, or another version of it, or another quantity. Raises NotFound, Refused, Invalid."""
    chosen = {"plan": plan, "version": version, "interval": interval, "quantity": quantity}
    items: tuple[Item, ...] = ()
    if not desk.was_asked(whom.mode, asked):
        held = owned(desk, whom, PATH, subscription)
        items = items_after(desk, whom.mode, held, **chosen)
    whole = {"subscription": subscription, **given}
    found = {"items": msgspec.to_builtins(items)}
    done = desk.perform(CHANGE_SUBSCRIPTION, whom, asked, whole, chosen={**whole, **chosen}, **found)
    return done, _told(done.object, subscription)


def items_after(
    desk: Desk,
    mode: Mode,
    held: dict[str, Any],
    *,
    plan: str | None,
    version: int | None,
    interval: Any,
    quantity: int | None,
) -> tuple[Item, ...]:
    """The items as they are to be: those of the plan take the place of those that there are."""
    there = (held.get("items") or {}).get("data") or []
    fixed = [i for i in there if not is_metered(i)]
    if plan is None:
        if version is not None or quantity is None or len(fixed) != 1:
            raise Invalid("name a plan, or a quantity of a subscription with one licensed item", code="invalid_input")
        return (Item(id=fixed[0]["id"], quantity=quantity),)
    sold = _version(desk, mode, plan, version)
    bought = priced(
        desk.conninfo,
        desk.calls(mode).maker,
        sold,
        interval=interval or _interval(fixed),
        currency=held.get("currency"),
        trial=False,
    )
    return replaced(there, bought, quantity)


def replaced(there: Sequence[dict[str, Any]], bought: Priced, quantity: int | None) -> tuple[Item, ...]:
    """Items of a plan in the place of others: a price that is there stays, another licensed one takes the first's."""
    fixed = [i for i in there if not is_metered(i)]
    kept = {i["price"]["id"]: i["id"] for i in there}
    items: list[Item] = []
    for line in bought.lines:
        id = kept.get(line.price)
        amount = None
        if not line.metered:
            id = id or (fixed[0]["id"] if fixed else None)
            amount = quantity if quantity is not None else (fixed[0].get("quantity") or 1) if fixed else 1
        items.append(Item(id=id, price=line.price, quantity=amount))
    used = {i.id for i in items}
    return (*items, *(Item(id=i["id"], deleted=True) for i in there if i["id"] not in used))


def is_metered(item: dict[str, Any]) -> bool:
    """Whether an item is charged by what was used."""
    return ((item["price"].get("recurring") or {}).get("usage_type")) == "metered"


def _interval(fixed: Sequence[dict[str, Any]]) -> Any:
    return (fixed[0]["price"].get("recurring") or {}).get("interval") if fixed else None


def _version(desk: Desk, mode: Mode, plan: str, version: int | None) -> Sold:
    if version is None:
        return current(desk.conninfo, mode, plan)
    with psycopg.connect(as_role(desk.conninfo, "recount_reader"), autocommit=True, connect_timeout=2) as conn:
        row = conn.execute(_VERSION, [mode, plan, version]).fetchone()
    definition = read(row[1]) if row is not None else None
    if row is None or definition is None:
        raise NotFound()
    return Sold(definition, int(row[0]))


def _acting(act: Act[Any, Any]) -> Any:
    def does(desk: Desk, whom: Whom, asked: Asked, *, subscription: str, **given: Any) -> tuple[Performed, Shown]:
        if not desk.was_asked(whom.mode, asked):
            owned(desk, whom, PATH, subscription)
        done = desk.perform(act, whom, asked, {"subscription": subscription, **given})
        return done, _told(done.object, subscription)

    return does


def resume_subscription(desk: Desk, whom: Whom, asked: Asked, *, subscription: str) -> tuple[Performed, Shown]:
    """Let it go on, whichever way it was paused."""
    again = desk.was_asked(whom.mode, asked)
    paused = not again and owned(desk, whom, PATH, subscription).get("status") == "paused"
    done = desk.perform(RESUME_SUBSCRIPTION, whom, asked, {"subscription": subscription}, paused=paused)
    return done, _told(done.object, subscription)


def _told(held: Any, id: str | None = None) -> Shown:
    pause = held.get("pause_collection") or {}
    return {
        "subscription": held.get("id") or id,
        "status": held.get("status"),
        "cancel_at_period_end": held.get("cancel_at_period_end"),
        "trial_end_s": held.get("trial_end"),
        "paused_collection": pause.get("behavior"),
    }


def months_after(at_s: int, months: int) -> int:
    """The same moment so many calendar months later (UTC); the month's last day where it has no such day."""
    at = datetime.fromtimestamp(at_s, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    day = min(at.day, calendar.monthrange(year, month + 1)[1])
    return int(at.replace(year=year, month=month + 1, day=day).timestamp())


ACTS: dict[str, Any] = {
    "create_subscription": create_subscription,
    "commit_subscription": commit_subscription,
    "change_subscription": change_subscription,
    "pause_subscription": _acting(PAUSE_SUBSCRIPTION),
    "resume_subscription": resume_subscription,
    "cancel_subscription": _acting(CANCEL_SUBSCRIPTION),
    "keep_subscription": _acting(KEEP_SUBSCRIPTION),
    "set_trial_end": _acting(SET_TRIAL_END),
}
