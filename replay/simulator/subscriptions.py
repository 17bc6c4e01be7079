"""A subscription: its items, its period and status, and how it is rendered and updated in each API version.

Refuses to know why it changes (see `contract`) and what it costs (see `invoices`).
"""

from typing import TYPE_CHECKING, Any, NamedTuple

from replay.simulator.catalog import Price
from replay.simulator.changes import previous_attributes
from replay.simulator.coupons import Discount
from replay.simulator.customers import Customer
from replay.simulator.invoices import Line
from replay.simulator.timeline import Object
from replay.simulator.versions import Shape

if TYPE_CHECKING:
    from replay.simulator.schedules import Plan

_SELF: Object = {"account_tax_ids": None, "issuer": {"type": "self"}}
_PAYMENT_SETTINGS: Object = {
    "payment_method_options": None,
    "payment_method_types": None,
    "save_default_payment_method": "off",
}
_LATER_THAN_LEGACY = ("application", "automatic_tax", "billing_cycle_anchor_config", "cancellation_details", "currency",
                      "default_tax_rates", "discounts", "invoice_settings", "on_behalf_of", "payment_settings",
                      "test_clock", "trial_settings")  # fmt: skip


class Item(NamedTuple):
    """One thing subscribed to. A metered one has no quantity."""

    id: str
    price: Price
    quantity: int | None
    created_s: int


class Subscription:
    """A subscription as it is now."""

    __slots__ = ("anchor_s", "cancel_at_period_end", "canceled_at_s", "collection", "created_s", "customer",
                 "discount", "ended_at_s", "feedback", "id", "items", "latest_invoice", "metadata", "pause", "paused_s",
                 "pending_lines", "period_end_s", "period_start_s", "quoted", "reason", "schedule", "status",
                 "trial_end_s", "trial_start_s")  # fmt: skip

    def __init__(self, customer: Customer, id: str, items: tuple[Item, ...], period_end_s: int) -> None:
        self.customer, self.id, self.items = customer, id, items
        self.created_s = self.anchor_s = self.period_start_s = customer.timeline.now_s
        self.period_end_s = period_end_s
        self.status = "incomplete"
        self.collection = "charge_automatically"
        self.cancel_at_period_end = False
        self.canceled_at_s: int | None = None
        self.ended_at_s: int | None = None
        self.feedback: str | None = None
        self.reason: str | None = None
        self.discount: Discount | None = None
        self.latest_invoice: str | None = None
        self.metadata: dict[str, str] = {}
        self.pause: tuple[str, int | None] | None = None
        """How collection is paused: behavior, and when it resumes."""
        self.paused_s: int | None = None
        self.trial_start_s: int | None = None
        self.trial_end_s: int | None = None
        self.schedule: Plan | None = None
        """What is to become of it, where that is planned."""
        self.quoted = False
        """Whether it was offered before, and so begins as offered."""
        self.pending_lines: tuple[Line, ...] = ()
        """Prorations that wait for the next invoice."""

    @property
    def over(self) -> bool:
        """Whether nothing can happen to it any more."""
        return self.ended_at_s is not None

    @property
    def currency(self) -> str:
        """That of its prices."""
        return self.items[0].price.currency

    def emit(self, type: str) -> None:
        """Say something of it as it is now."""
        timeline, account = self.customer.timeline, self.customer.shop.account
        timeline.emit(account, f"customer.subscription.{type}", self.render(timeline.shape(account)))

    def update(self, **changes: Any) -> None:
        """Set attributes and emit `customer.subscription.updated`; nothing when the rendering does not change."""
        timeline, account = self.customer.timeline, self.customer.shop.account
        shape = timeline.shape(account)
        before = self.render(shape)
        for attribute, value in changes.items():
            setattr(self, attribute, value)
        after = self.render(shape)
        previous = previous_attributes(before, after)
        if previous:
            timeline.emit(account, "customer.subscription.updated", after, previous)

    def render(self, shape: Shape) -> Object:
        """The subscription in the shape of a version."""
        livemode = self.customer.timeline.livemode
        tax_rate, discount = self.customer.tax_rate, self.discount
        rendered: Object = {
            "id": self.id,
            "object": "subscription",
            "application": None,
            "application_fee_percent": self.customer.shop.account.fee_percent,
            "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
            "billing_cycle_anchor": self.anchor_s,
            "billing_cycle_anchor_config": None,
            "billing_thresholds": None,
            "cancel_at": self.period_end_s if self.cancel_at_period_end else None,
            "cancel_at_period_end": self.cancel_at_period_end,
            "canceled_at": self.canceled_at_s,
            "cancellation_details": {"comment": None, "feedback": self.feedback, "reason": self.reason},
            "collection_method": self.collection,
            "created": self.created_s,
            "currency": self.currency,
            "customer": self.customer.id,
            "days_until_due": 14 if self.collection == "send_invoice" else None,
            "default_payment_method": None,
            "default_source": None,
            "default_tax_rates": [] if tax_rate is None else [tax_rate.render(livemode)],
            "description": None,
            "discounts": [] if discount is None else [discount.id],
            "ended_at": self.ended_at_s,
            "invoice_settings": _SELF,
            "items": self._items(shape, livemode),
            "latest_invoice": self.latest_invoice,
            "livemode": livemode,
            "metadata": self.metadata,
            "next_pending_invoice_item_invoice": None,
            "on_behalf_of": None,
            "pause_collection": None
            if self.pause is None
            else {"behavior": self.pause[0], "resumes_at": self.pause[1]},
            "payment_settings": _PAYMENT_SETTINGS,
            "pending_invoice_item_interval": None,
            "pending_setup_intent": None,
            "pending_update": None,
            "schedule": None if self.schedule is None else self.schedule.id,
            "start_date": self.created_s,
            "status": self.status,
            "test_clock": None,
            "transfer_data": None,
            "trial_end": self.trial_end_s,
            "trial_settings": {"end_behavior": {"missing_payment_method": "pause"}},
            "trial_start": self.trial_start_s,
        }
        if len(self.items) == 1:
            rendered["plan"] = self.items[0].price.render_plan(shape)
            rendered["quantity"] = self.items[0].quantity
        if shape.basil:
            self._as_of_basil(rendered, shape)
        else:
            rendered["current_period_start"] = self.period_start_s
            rendered["current_period_end"] = self.period_end_s
            rendered["discount"] = None if discount is None else discount.render(shape, livemode)
        if not shape.collection:
            self._as_of_legacy(rendered)
        return rendered

    def _items(self, shape: Shape, livemode: bool) -> Object:
        data: list[Object] = []
        for item in self.items:
            rendered: Object = {
                "id": item.id,
                "object": "subscription_item",
                "billing_thresholds": None,
                "created": item.created_s,
                "discounts": [],
                "metadata": {},
                "plan": item.price.render_plan(shape),
                "subscription": self.id,
                "tax_rates": [],
            }
            if item.quantity is not None:
                rendered["quantity"] = item.quantity
            if shape.prices:
                rendered["price"] = item.price.render(shape)
            if shape.basil:
                rendered["current_period_start"] = self.period_start_s
                rendered["current_period_end"] = self.period_end_s
            if shape.dahlia:
                rendered["billed_until"] = self.period_end_s
            if shape.endive:
                rendered["current_trial"] = None
            data.append(rendered)
        url = f"/v1/subscription_items?subscription={self.id}"
        return {"object": "list", "data": data, "has_more": False, "total_count": len(data), "url": url}

    def _as_of_basil(self, rendered: Object, shape: Shape) -> None:
        rendered["billing_mode"] = {"type": "classic"}
        if shape.clover:
            flexible = {"proration_discounts": "included"}
            rendered["billing_mode"] = {"flexible": flexible, "type": "flexible", "updated_at": self.created_s}
            rendered["customer_account"] = None
        if shape.dahlia:
            rendered["billing_schedules"] = []
            rendered["managed_payments"] = {"enabled": False}
            rendered["invoice_settings"] = {**_SELF, "custom_fields": None, "description": None, "footer": None}
        if shape.endive:
            rendered["trial_settings"] = {
                "end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": "pause"}
            }
            rendered["cancellation_details"]["feedback_option"] = None
            if self.paused_s is not None:
                paused = {"type": "trial_end_without_payment_method"}
                details = {"subscription": paused, "transitioned_at": self.paused_s, "type": "subscription"}
                rendered["status_details"] = {"paused": details}

    def _as_of_legacy(self, rendered: Object) -> None:
        """Before 2019-10-17. What was added later without a new version stays away, except the pause."""
        rendered["billing"] = rendered.pop("collection_method")
        rendered["start"] = rendered.pop("start_date")
        tax_rate = self.customer.tax_rate
        rendered["tax_percent"] = None if tax_rate is None else tax_rate.percentage
        for field in _LATER_THAN_LEGACY:
            del rendered[field]
