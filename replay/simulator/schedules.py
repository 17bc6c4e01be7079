"""Subscription schedules: what is to become of a subscription, phase after phase, and how that is rendered.

Knows phases that follow each other without a gap, each some billing periods long; refuses to know who plans.
"""

from typing import Any, NamedTuple

from ledger.months import add_months
from replay.simulator.changes import previous_attributes
from replay.simulator.subscriptions import Item, Subscription
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape


class Phase(NamedTuple):
    """What the subscription is for from `start_s` until `end_s`."""

    start_s: int
    end_s: int
    items: tuple[Item, ...]


class Plan:
    """One schedule as it is now."""

    __slots__ = ("canceled_s", "completed_s", "created_s", "ends", "id", "phases", "released_s", "status",
                 "subscription", "where")  # fmt: skip

    def __init__(self, subscription: Subscription, phases: tuple[Phase, ...], ends: str) -> None:
        timeline = subscription.customer.timeline
        self.subscription, self.phases, self.ends = subscription, phases, ends
        self.created_s = timeline.now_s
        self.id = timeline.ids.long("sub_sched", timeline.now_s, subscription.customer.shop.account.token)
        self.status = "active"
        self.where = 0
        self.canceled_s: int | None = None
        self.completed_s: int | None = None
        self.released_s: int | None = None

    @property
    def phase(self) -> Phase:
        """The present one."""
        return self.phases[self.where]

    def emit(self, *types: str, before: Object | None = None) -> None:
        """Say something of it as it is now."""
        customer = self.subscription.customer
        timeline, account = customer.timeline, customer.shop.account
        after = self.render(timeline.shape(account))
        for type in types:
            previous = previous_attributes(before, after) if before is not None and type == "updated" else None
            timeline.emit(account, f"subscription_schedule.{type}", after, previous)

    def render(self, shape: Shape) -> Object:
        """The schedule in the shape of a version."""
        subscription, phase, released = self.subscription, self.phase, self.released_s is not None
        current = {"end_date": phase.end_s, "start_date": phase.start_s} if self.status == "active" else None
        rendered: Object = {
            "id": self.id,
            "object": "subscription_schedule",
            "application": None,
            "canceled_at": self.canceled_s,
            "completed_at": self.completed_s,
            "created": self.created_s,
            "current_phase": current,
            "customer": subscription.customer.id,
            "customer_account": None,
            "default_settings": {
                "application_fee_percent": None,
                "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
                "billing_cycle_anchor": "automatic",
                "billing_thresholds": None,
                "collection_method": subscription.collection,
                "default_payment_method": None,
                "description": None,
                "invoice_settings": {"account_tax_ids": None, "days_until_due": None, "issuer": {"type": "self"}},
                "on_behalf_of": None,
                "transfer_data": None,
            },
            "end_behavior": self.ends,
            "livemode": subscription.customer.timeline.livemode,
            "metadata": {},
            "phases": [self._phase(phase, shape) for phase in self.phases],
            "released_at": self.released_s,
            "released_subscription": subscription.id if released else None,
            "status": self.status,
            "subscription": None if released else subscription.id,
            "test_clock": None,
        }
        if not shape.collection:
            rendered["renewal_behavior"] = "none" if self.ends == "cancel" else rendered["end_behavior"]
            rendered["billing"] = subscription.collection
            del rendered["end_behavior"], rendered["default_settings"]["collection_method"]
        if shape.basil:
            rendered["billing_mode"] = {"type": "classic"}
        if shape.clover:
            flexible = {"proration_discounts": "included"}
            rendered["billing_mode"] = {"flexible": flexible, "type": "flexible", "updated_at": self.created_s}
        if shape.endive:
            rendered["default_settings"]["invoice_settings"] |= dict.fromkeys(
                ("custom_fields", "description", "footer")
            )
            rendered["pause_schedules"] = []
        return rendered

    def _phase(self, phase: Phase, shape: Shape) -> Object:
        items: list[Object] = []
        for item in phase.items:
            one: Object = {"billing_thresholds": None, "discounts": [], "metadata": {}, "plan": item.price.id}
            if shape.prices:
                one["price"] = item.price.id
            if item.quantity is not None:
                one["quantity"] = item.quantity
            items.append({**one, "tax_rates": []})
        rendered: Object = {
            "add_invoice_items": [],
            "application_fee_percent": None,
            "billing_cycle_anchor": None,
            "billing_thresholds": None,
            "collection_method": None,
            "currency": self.subscription.currency,
            "default_payment_method": None,
            "default_tax_rates": [],
            "description": None,
            "discounts": [],
            "end_date": phase.end_s,
            "invoice_settings": None,
            "items" if shape.phase_items else "plans": items,
            "metadata": {},
            "on_behalf_of": None,
            "proration_behavior": "none",
            "start_date": phase.start_s,
            "transfer_data": None,
            "trial_end": None,
        }
        if not shape.basil:
            rendered["coupon"] = None
        return rendered


def plan(subscription: Subscription, later: tuple[Item, ...], months: int) -> None:
    """Plan what the subscription is for after some periods, and for as long again."""
    start_s, timeline = subscription.period_start_s, subscription.customer.timeline
    turns_s = subscription.period_end_s
    middle_s = add_months(turns_s, months, subscription.anchor_s)
    end_s = add_months(middle_s, months, subscription.anchor_s)
    ends = "cancel" if timeline.chance(0.35) else "release"
    phases = (Phase(start_s, middle_s, subscription.items), Phase(middle_s, end_s, later))
    schedule = Plan(subscription, phases, ends)
    schedule.emit("created")
    subscription.update(schedule=schedule)


def warn(subscription: Subscription) -> None:
    """Shortly before a period ends: if the whole plan ends with it, say so."""
    schedule = subscription.schedule
    if schedule is not None and schedule.where and schedule.phase.end_s <= subscription.period_end_s:
        schedule.emit("expiring")


def proceed(subscription: Subscription) -> bool:
    """A period is over: whether there is a next one. The plan says that it is further, or done."""
    schedule = subscription.schedule
    if schedule is None or schedule.phase.end_s > subscription.period_end_s:
        return True
    customer = subscription.customer
    timeline = customer.timeline
    before = schedule.render(timeline.shape(customer.shop.account))
    if schedule.where == 0:
        schedule.where = 1
        schedule.emit("updated", before=before)
        return True
    if schedule.ends == "cancel":
        schedule.status, schedule.completed_s = "completed", timeline.now_s
        schedule.emit("updated", "completed", before=before)
        return False
    schedule.status, schedule.released_s = "released", timeline.now_s
    schedule.emit("updated", "released", before=before)
    return True


def planned(subscription: Subscription) -> dict[str, Any]:
    """What the plan changes in the subscription, as this period turns into the next."""
    schedule = subscription.schedule
    if schedule is None:
        return {}
    if schedule.released_s is not None:
        return {"schedule": None}
    return {"items": schedule.phase.items}


def abandon(subscription: Subscription, *, canceled: bool) -> None:
    """The subscription has ended before its plan: by somebody's wish, or for want of money."""
    schedule = subscription.schedule
    if schedule is None or schedule.status != "active":
        return
    schedule.status, schedule.canceled_s = "canceled", subscription.customer.timeline.now_s
    schedule.emit("canceled" if canceled else "aborted")
