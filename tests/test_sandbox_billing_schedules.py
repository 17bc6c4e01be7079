"""Subscription schedules of the sandbox: https://docs.stripe.com/billing/subscriptions/subscription-schedules."""

from typing import Any

import pytest
from billed import DAY, MONTH_S, START_S, Billed, lines
from sandboxes import ACACIA, VERSIONS, faults_of

SECOND_MONTH_S = 1_768_270_400
"""13 January 2026."""


def commitment(shop: Billed, *phases: dict[str, Any], **said: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A subscription, and its schedule: the present phase as it is, and these after it."""
    made = shop.subscribe()
    schedule = shop.asked.post("/v1/subscription_schedules", from_subscription=made["id"])
    first = schedule["phases"][0]
    kept = {
        "items": [{"price": first["items"][0]["price"], "quantity": 1}],
        "start_date": first["start_date"],
        "end_date": first["end_date"],
    }
    schedule = shop.asked.post(f"/v1/subscription_schedules/{schedule['id']}", phases=[kept, *phases], **said)
    return made, schedule


def monthly(**said: Any) -> dict[str, Any]:
    return {"duration": {"interval": "month"}, **said}


def test_a_schedule_of_a_subscription_begins_in_its_present_period() -> None:
    shop = Billed()
    made = shop.subscribe()
    schedule = shop.asked.post("/v1/subscription_schedules", from_subscription=made["id"])
    assert (schedule["status"], schedule["end_behavior"]) == ("active", "release")
    assert schedule["current_phase"] == {"start_date": START_S, "end_date": MONTH_S}
    assert shop.subscription(made["id"])["schedule"] == schedule["id"]
    again = shop.asked.refused("/v1/subscription_schedules", from_subscription=made["id"])
    assert "already attached" in again["message"]


def test_a_phase_that_begins_with_a_period_bills_that_period_and_no_proration() -> None:
    # given
    shop = Billed()
    dearer = shop.price(5000)
    made, _ = commitment(shop, monthly(items=[{"price": dearer, "quantity": 2}]))
    item = shop.item(made)
    # when
    shop.to(MONTH_S + 3600)
    # then
    assert lines(shop.latest()) == [(10_000, "2 × Gold (at $50.00 / month)")]
    found = shop.subscription(made["id"])
    assert (shop.item(found), found["items"]["data"][0]["price"]["id"], found["quantity"]) == (item, dearer, 2)


def test_what_is_coming_knows_the_phase_that_is_coming() -> None:
    shop = Billed()
    made, _ = commitment(shop, monthly(items=[{"price": shop.price(5000)}]))
    preview = shop.asked.post("/v1/invoices/create_preview", subscription=made["id"])
    assert preview["total"] == 5000
    shop.to(MONTH_S)
    [announced] = shop.asked.events("invoice.upcoming")
    assert announced["data"]["object"]["total"] == shop.latest()["total"] == 5000


def test_a_phase_that_adds_an_item_bills_it_from_its_period_on() -> None:
    shop = Billed()
    made = shop.subscribe()
    base = made["items"]["data"][0]["price"]["id"]
    schedule = shop.asked.post("/v1/subscription_schedules", from_subscription=made["id"])
    span = {"start_date": START_S, "end_date": MONTH_S}
    more = [{"price": base}, {"price": shop.price(700)}]
    shop.asked.post(
        f"/v1/subscription_schedules/{schedule['id']}",
        phases=[{"items": [{"price": base}], **span}, monthly(items=more)],
    )
    shop.to(MONTH_S)
    assert [amount for amount, _ in lines(shop.latest())] == [2500, 700]
    ends = {i["current_period_end"] for i in shop.subscription(made["id"])["items"]["data"]}
    assert ends == {SECOND_MONTH_S}


def test_an_interval_that_changes_with_a_phase_begins_its_period_there() -> None:
    shop = Billed()
    yearly = shop.price(50_000, interval="year")
    made, _ = commitment(shop, {"items": [{"price": yearly}], "duration": {"interval": "year"}})
    shop.to(MONTH_S + 3600)
    assert [i["total"] for i in shop.invoices()] == [2500, 50_000]
    assert shop.subscription(made["id"])["billing_cycle_anchor"] == MONTH_S


@pytest.mark.parametrize(("behavior", "status"), [("release", "active"), ("cancel", "canceled")])
def test_after_its_last_phase_it_lets_the_subscription_go_or_ends_it(behavior: str, status: str) -> None:
    # given
    shop = Billed()
    made, schedule = commitment(shop, monthly(items=[{"price": shop.price(5000)}]), end_behavior=behavior)
    # when
    shop.to(MONTH_S + 10 * DAY)
    shop.to(SECOND_MONTH_S + 3600)
    # then
    held = shop.asked.get(f"/v1/subscription_schedules/{schedule['id']}")
    found = shop.subscription(made["id"])
    assert (held["status"], found["status"]) == ("completed", status)
    assert len(shop.invoices()) == (3 if behavior == "release" else 2)
    assert found["schedule"] == (None if behavior == "release" else schedule["id"])
    assert "subscription_schedule.completed" in shop.happened("subscription_schedule")
    assert "subscription_schedule.expiring" in shop.happened("subscription_schedule")


def test_released_it_goes_on_as_it_is() -> None:
    shop = Billed()
    made, schedule = commitment(shop, monthly(items=[{"price": shop.price(5000)}]))
    released = shop.asked.post(f"/v1/subscription_schedules/{schedule['id']}/release")
    assert (released["status"], released["released_subscription"], released["subscription"]) == (
        "released", made["id"], None,
    )  # fmt: skip
    shop.to(MONTH_S + 3600)
    assert (shop.latest()["total"], shop.subscription(made["id"])["schedule"]) == (2500, None)
    refused = shop.asked.refused(f"/v1/subscription_schedules/{schedule['id']}/release")
    assert "`released` status" in refused["message"]


def test_canceled_it_takes_the_subscription_with_it() -> None:
    shop = Billed()
    made, schedule = commitment(shop)
    canceled = shop.asked.post(f"/v1/subscription_schedules/{schedule['id']}/cancel")
    assert (canceled["status"], shop.subscription(made["id"])["status"]) == ("canceled", "canceled")


def test_canceled_before_it_began_it_is_aborted() -> None:
    shop = Billed()
    phases = [monthly(items=[{"price": shop.price()}])]
    later = {"customer": shop.customer, "start_date": START_S + DAY}
    schedule = shop.asked.post("/v1/subscription_schedules", **later, phases=phases)
    assert shop.asked.post(f"/v1/subscription_schedules/{schedule['id']}/cancel")["status"] == "canceled"
    shop.to(START_S + 2 * DAY)
    assert shop.happened("subscription_schedule")[-1] == "subscription_schedule.aborted"
    assert shop.asked.get("/v1/subscriptions", customer=shop.customer, status="all")["data"] == []


def test_a_scheduled_subscription_is_ended_by_its_schedule_only() -> None:
    shop = Billed()
    made, schedule = commitment(shop)
    error = shop.asked.refused(f"/v1/subscriptions/{made['id']}", cancel_at_period_end=True)
    assert schedule["id"] in error["message"]


def test_one_that_begins_later_makes_its_subscription_then() -> None:
    # given
    shop = Billed()
    schedule = shop.asked.post(
        "/v1/subscription_schedules", customer=shop.customer, start_date=START_S + 5 * DAY,
        phases=[monthly(items=[{"price": shop.price(), "quantity": 2}])],
    )  # fmt: skip
    assert (schedule["status"], schedule["subscription"]) == ("not_started", None)
    # when
    shop.to(START_S + 5 * DAY + 3600)
    # then
    held = shop.asked.get(f"/v1/subscription_schedules/{schedule['id']}")
    assert held["status"] == "active"
    assert (shop.subscription(held["subscription"])["quantity"], shop.latest()["total"]) == (2, 5000)
    assert (shop.latest()["status"], shop.latest()["created"]) == ("paid", START_S + 5 * DAY)


def test_until_clover_a_phase_may_count_its_periods() -> None:
    shop = Billed(ACACIA)
    said = {"customer": shop.customer, "start_date": "now"}
    phases = [{"items": [{"price": shop.price()}], "iterations": 3}]
    made = shop.asked.post("/v1/subscription_schedules", **said, phases=phases)
    assert made["phases"][0]["end_date"] == 1_770_948_800
    newest = Billed().asked.refused("/v1/subscription_schedules", **said, phases=phases)
    assert newest["code"] == "parameter_unknown"


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_a_schedule_satisfies_stripe_s_own_types(version: str) -> None:
    shop = Billed(version)
    _, schedule = commitment(shop, monthly(items=[{"price": shop.price(5000)}]))
    assert faults_of(schedule, version) == []


def test_a_customer_that_is_deleted_takes_its_subscriptions_along() -> None:
    shop = Billed()
    made = shop.subscribe()
    shop.asked.delete(f"/v1/customers/{shop.customer}")
    assert shop.subscription(made["id"])["status"] == "canceled"
    assert shop.happened("customer.subscription.deleted", "customer.deleted") == [
        "customer.subscription.deleted", "customer.deleted"
    ]  # fmt: skip
