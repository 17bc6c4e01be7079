"""The course of a schedule: its phases begin and end at their times, then it lets the subscription go or ends it.

https://docs.stripe.com/billing/subscriptions/subscription-schedules. A phase that begins where a period ends costs no
proration: the new period is billed as the phase says.
"""

from typing import Any

from api.sandbox.desk import Desk
from api.sandbox.resources.schedule_phases import redeemed, wanted
from api.sandbox.resources.subscription_begin import begin
from api.sandbox.resources.subscription_changes import Terms, carry_out
from api.sandbox.resources.subscription_cycle import end_now
from api.sandbox.resources.subscription_cycle import plan_ahead as plan_subscription
from api.sandbox.resources.subscription_fields import put
from api.sandbox.resources.subscription_standing import ENDED, items_of, snapshot
from api.sandbox.state import Object
from api.sandbox.times import DAY

KIND = "subscription_schedule"
_WARNED_S = 7 * DAY
"""So long before its end a schedule says so."""


def plan_ahead(desk: Desk, schedule: Object) -> None:
    """Set when the next phase begins, and the warning of the end."""
    if schedule["status"] not in ("active", "not_started"):
        desk.never("schedule.phase", schedule["id"])
        desk.never("schedule.expiring", schedule["id"])
        return
    after = [p["start_date"] for p in schedule["phases"] if p["start_date"] > desk.now_s]
    last_s = schedule["phases"][-1]["end_date"]
    desk.later(min([*after, last_s]), "schedule.phase", schedule["id"])
    if last_s - _WARNED_S > desk.now_s:
        desk.later(last_s - _WARNED_S, "schedule.expiring", schedule["id"])


def expiring(desk: Desk, id: str) -> None:
    """Its end is near."""
    schedule = desk.get(KIND, id)
    if schedule["status"] == "active":
        desk.emit("subscription_schedule.expiring", schedule)


def phase_due(desk: Desk, id: str) -> None:
    """A phase ends, and with it perhaps the schedule."""
    schedule = desk.get(KIND, id)
    if schedule["status"] in ("active", "not_started"):
        advance(desk, schedule)


def before_turn(desk: Desk, subscription: Object) -> None:
    """What a schedule changes where a period of its subscription ends, before that is billed."""
    schedule = desk.held(KIND, subscription["schedule"])
    if schedule is not None and schedule["status"] == "active":
        advance(desk, schedule)


def advance(desk: Desk, schedule: Object) -> None:
    """Be in the phase of the present moment; done with the last one, end."""
    phase = next((p for p in schedule["phases"] if p["start_date"] <= desk.now_s < p["end_date"]), None)
    if phase is None:
        if desk.now_s >= schedule["phases"][-1]["end_date"]:
            _finish(desk, schedule)
        return
    span = {"end_date": phase["end_date"], "start_date": phase["start_date"]}
    if schedule["current_phase"] == span:
        return
    if schedule["subscription"] is None:
        _start(desk, schedule, phase)
        changes: Object = {"status": "active", "current_phase": span}
    else:
        changes = {"current_phase": span}
        _enter(desk, schedule, phase)
    desk.change(schedule, changes, "subscription_schedule.updated")
    plan_ahead(desk, schedule)


def reenter(desk: Desk, schedule: Object, proration: str | None) -> None:
    """The present phase was changed: so is the subscription, now."""
    phase = next((p for p in schedule["phases"] if p["start_date"] <= desk.now_s < p["end_date"]), None)
    if phase is None:
        return
    schedule["current_phase"] = {"end_date": phase["end_date"], "start_date": phase["start_date"]}
    _enter(desk, schedule, {**phase, "proration_behavior": proration or phase["proration_behavior"]})


def _start(desk: Desk, schedule: Object, phase: Object) -> None:
    """The subscription that the schedule is of begins with its first phase."""
    items = [{n: one[n] for n in ("price", "quantity", "tax_rates", "metadata") if n in one} for one in phase["items"]]
    asked: dict[str, Any] = {
        "customer": schedule["customer"],
        "currency": phase["currency"],
        "items": items,
        "metadata": phase["metadata"],
        **_settings(schedule, phase),
    }
    if phase["trial_end"] is not None:
        asked["trial_end"] = phase["trial_end"]
    if phase["discounts"]:
        asked["discounts"] = [{n: v for n, v in one.items() if v is not None} for one in phase["discounts"]]
    subscription = begin(desk, {**asked, "billing_mode": {"type": schedule["billing_mode"]["type"]}}, scheduled=True)
    schedule["subscription"] = subscription["id"]
    tie(desk, subscription, schedule["id"])


def _settings(schedule: Object, phase: Object) -> dict[str, Any]:
    """What a phase says of the subscription, or else the schedule of all its phases."""
    said = {}
    for name in ("collection_method", "default_payment_method", "description"):
        value = phase[name] if phase[name] is not None else schedule["default_settings"][name]
        if value is not None:
            said[name] = value
    if phase["default_tax_rates"]:
        said["default_tax_rates"] = phase["default_tax_rates"]
    return said


def _enter(desk: Desk, schedule: Object, phase: Object) -> None:
    subscription = desk.get("subscription", schedule["subscription"])
    if subscription["status"] in ENDED:
        return
    before = snapshot(desk, subscription)
    put(desk, subscription, _settings(schedule, phase))
    if phase["metadata"]:
        put(desk, subscription, {"metadata": phase["metadata"]})
    if phase["discounts"]:
        subscription["discounts"] = redeemed(desk, phase, subscription)
    items = items_of(desk, subscription)
    over = {item["id"]: dict(item) for item in items if item["current_period_end"] <= desk.now_s}
    proration = "none" if over else phase["proration_behavior"]
    fresh = phase["billing_cycle_anchor"] == "phase_start"
    terms = Terms(
        proration, desk.now_s, "allow_incomplete", True, fresh and not over, _trial(desk, subscription, phase)
    )
    carry_out(desk, subscription, wanted(phase, items), terms, before)
    if over:
        _as_over(desk, subscription, over)


def _trial(desk: Desk, subscription: Object, phase: Object) -> int | None:
    trial_s = phase["trial_end"]
    stays = trial_s is None or trial_s <= desk.now_s or trial_s == subscription["trial_end"]
    return None if stays else int(trial_s)


def _as_over(desk: Desk, subscription: Object, over: dict[str, Object]) -> None:
    """Items that a phase adds where a period ends are turned with the others."""
    was = next(iter(over.values()))
    for item in items_of(desk, subscription):
        if item["id"] not in over and item["current_period_start"] == desk.now_s:
            item |= {"current_period_start": was["current_period_start"], "current_period_end": desk.now_s}
    plan_subscription(desk, subscription)


def tie(desk: Desk, subscription: Object, schedule: str | None) -> None:
    """Tell a subscription of its schedule, or that it has none any more."""
    before = snapshot(desk, subscription)
    subscription["schedule"] = schedule
    desk.emit("customer.subscription.updated", subscription, before)


def release(desk: Desk, schedule: Object) -> None:
    """Let the subscription go on as it is."""
    for job in ("phase", "expiring"):
        desk.never(f"schedule.{job}", schedule["id"])
    id = schedule["subscription"]
    changes = {"status": "released", "released_at": desk.now_s, "released_subscription": id}
    desk.change(schedule, {**changes, "subscription": None, "current_phase": None}, "subscription_schedule.released")
    if id is not None:
        tie(desk, desk.get("subscription", id), None)


def _finish(desk: Desk, schedule: Object) -> None:
    """The last phase is over: the subscription goes on by itself, or ends."""
    subscription = desk.get("subscription", schedule["subscription"])
    changes: Object = {"status": "completed", "completed_at": desk.now_s, "current_phase": None}
    goes_on = schedule["end_behavior"] == "release"
    if goes_on:
        changes |= {"released_subscription": subscription["id"], "subscription": None}
    desk.never("schedule.phase", schedule["id"])
    desk.change(schedule, changes, "subscription_schedule.completed")
    if goes_on:
        tie(desk, subscription, None)
    elif subscription["status"] not in ENDED:
        end_now(desk, subscription)


JOBS = {"schedule.phase": phase_due, "schedule.expiring": expiring}
