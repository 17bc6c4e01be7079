"""Usage: the meter that counts it, the alert when a customer uses much, and the report that some of it was wrong.

Usage itself is no event. The report is a thin event: it names the meter and carries nothing.
"""

from itertools import count

from replay.simulator.balances import DAY
from replay.simulator.catalog import METER
from replay.simulator.changes import previous_attributes
from replay.simulator.customers import Customer
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object, Process, Subject
from replay.simulator.versions import Shape

MUCH = 15_000
"""From how many runs in a month on somebody is told."""


class Meter(Subject):
    """The meter of one account, as it is now."""

    __slots__ = ("created_s", "deactivated_s", "name", "shop", "updated_s")

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.name = "Agent runs"
        self.created_s = self.updated_s = shop.timeline.now_s
        self.deactivated_s: int | None = None

    def render(self) -> Object:
        """The meter; alike in all versions."""
        return {
            "id": METER,
            "object": "billing.meter",
            "created": self.created_s,
            "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
            "default_aggregation": {"formula": "sum"},
            "display_name": self.name,
            "event_name": "agent_run",
            "event_time_window": None,
            "livemode": self.shop.timeline.livemode,
            "status": "active" if self.deactivated_s is None else "inactive",
            "status_transitions": {"deactivated_at": self.deactivated_s},
            "updated": self.updated_s,
            "value_settings": {"event_payload_key": "value"},
        }

    def life(self) -> Process:
        """Every few weeks usage comes that cannot be counted; rarely the meter itself changes."""
        timeline, account = self.shop.timeline, self.shop.account
        self.created_s = self.updated_s = timeline.now_s
        timeline.requested()
        timeline.emit(account, "billing.meter.created", self.render())
        for turn in count():
            yield timeline.now_s + timeline.random.randint(15 * DAY, 45 * DAY)
            if turn % 2 == 0:
                related = {"id": METER, "type": "billing.meter", "url": f"/v1/billing/meters/{METER}"}
                timeline.emit_thin("v1.billing.meter.error_report_triggered", related)
                continue
            timeline.requested()
            if turn % 4 == 1:
                self._change("updated", name="Runs of agents" if self.name == "Agent runs" else "Agent runs")
                continue
            self._change("deactivated", deactivated_s=timeline.now_s)
            yield timeline.now_s + timeline.random.randint(3600, DAY)
            self._change("reactivated", deactivated_s=None)

    def _change(self, type: str, **changes: str | int | None) -> None:
        timeline = self.shop.timeline
        before = self.render()
        for attribute, value in changes.items():
            setattr(self, attribute, value)
        self.updated_s = timeline.now_s
        after = self.render()
        timeline.emit(self.shop.account, f"billing.meter.{type}", after, previous_attributes(before, after))


def alert(customer: Customer, used: int) -> None:
    """Once a customer, when it has used much."""
    shop = customer.shop
    timeline = shop.timeline
    if used < MUCH or customer.id in shop.alerted:
        return
    shop.alerted.add(customer.id)
    triggered: Object = {
        "object": "billing.alert_triggered",
        "alert": _alert(shop, timeline.shape(shop.account)),
        "created": timeline.now_s,
        "customer": customer.id,
        "livemode": timeline.livemode,
        "value": used,
    }
    timeline.emit(shop.account, "billing.alert.triggered", triggered)


def _alert(shop: Shop, shape: Shape) -> Object:
    rendered: Object = {
        "id": f"alrt_{shop.account.token}",
        "object": "billing.alert",
        "alert_type": "usage_threshold",
        "livemode": shop.timeline.livemode,
        "status": "active",
        "title": "Many agent runs",
    }
    threshold: Object = {"gte": MUCH, "meter": METER, "recurrence": "one_time"}
    if shape.acacia:
        rendered["usage_threshold"] = {"filters": [], **threshold}
    else:
        rendered["filter"] = None
        rendered["usage_threshold_config"] = threshold
    return rendered
