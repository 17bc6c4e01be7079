"""What the sandbox bills has the shape of each API version, and says the same in all of them."""

from functools import cache
from typing import Any

import pytest
from billed import DAY, MONTH_S, START_S, Billed
from sandboxes import ACACIA, VERSIONS, faults_of
from selling import spoken, told

from ledger.facts import ObjectFact

#: Types that are told of here; the rest is other subjects' matter.
STARTS = ("customer.subscription", "invoice", "invoiceitem", "plan.", "price.", "product.", "subscription_schedule")


@cache
def story(version: str) -> tuple[dict[str, Any], ...]:
    """A year's worth of what can happen to a subscription and its invoices, oldest first."""
    shop = Billed(version)
    asked = shop.asked
    rate = asked.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)["id"]
    within = asked.post("/v1/tax_rates", display_name="VAT", percentage="20", inclusive=True)["id"]
    coupon = asked.post("/v1/coupons", percent_off="10", duration="forever")["id"]
    gold, more, yearly = shop.price(), shop.price(5000), shop.price(50_000, interval="year")
    once = shop.price(900, interval=None)
    made = shop.subscribe(
        gold, default_tax_rates=[rate], discounts=[{"coupon": coupon}], add_invoice_items=[{"price": once}],
        metadata={"org_id": "o1"},
    )  # fmt: skip
    shop.to(START_S + 10 * DAY)
    shop.change(made["id"], items=[{"id": shop.item(made), "price": more, "quantity": 3}])
    schedule = asked.post("/v1/subscription_schedules", from_subscription=made["id"])
    first = schedule["phases"][0]
    span = {"start_date": first["start_date"], "end_date": first["end_date"]}
    duration = {"duration": {"interval": "year"}}
    asked.post(
        f"/v1/subscription_schedules/{schedule['id']}",
        phases=[{"items": [{"price": more, "quantity": 3}], **span}, {"items": [{"price": yearly}], **duration}],
    )
    shop.to(MONTH_S + DAY)
    asked.post(f"/v1/subscription_schedules/{schedule['id']}/release")
    asked.post("/v1/invoiceitems", customer=shop.customer, amount=700, currency="usd", tax_rates=[within])
    sent = asked.post(
        "/v1/invoices", customer=shop.customer, pending_invoice_items_behavior="include",
        collection_method="send_invoice", days_until_due=10,
    )  # fmt: skip
    asked.post(f"/v1/invoices/{sent['id']}/send")
    asked.post(f"/v1/invoices/{sent['id']}/pay", paid_out_of_band=True)
    shop.subscribe(gold, trial_period_days=14)
    shop.card("pm_card_chargeCustomerFail")
    shop.to(MONTH_S + 45 * DAY)
    asked.delete(f"/v1/subscriptions/{made['id']}", prorate=True, invoice_now=True)
    return tuple(e for e in asked.events() if e["type"].startswith(STARTS))


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_billed_satisfies_stripe_s_own_types(version: str) -> None:
    kinds = set()
    for event in story(version):
        shown = event["data"]["object"]
        upcoming = event["type"] == "invoice.upcoming"  # it has no id, and its own type in old versions
        if shown.get("deleted") or (version == ACACIA and (upcoming or shown["object"] == "invoice_payment")):
            continue
        assert faults_of({"id": "in_to_come", **shown} if upcoming else shown, version) == [], event["type"]
        kinds.add(shown["object"])
    assert kinds >= {"invoice", "invoiceitem", "plan", "price", "product", "subscription", "subscription_schedule"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_translates_and_says_in_each_version_what_it_says_in_acacia(version: str) -> None:
    # given
    spoken_of = 0
    for old, new in zip(story(ACACIA), story(version), strict=True):
        assert old["type"] == new["type"]
        # when
        before, after = (_told(e) for e in (old, new))
        # then
        if before is None or after is None:
            assert before is after
            continue
        told_twice = before.keys() & after.keys()
        assert {name: before[name] for name in told_twice} == {name: after[name] for name in told_twice}, old["type"]
        assert len(told_twice) >= min(len(before), len(after)) - 6, before.keys() ^ after.keys()
        spoken_of += 1
    assert spoken_of > 60


def _told(event: dict[str, Any]) -> dict[str, Any] | None:
    previous = event["data"].get("previous_attributes")
    found = told(event["data"]["object"], event["type"], previous, event["api_version"])
    if not isinstance(found, ObjectFact):
        assert event["type"] in ("invoice.upcoming",), (event["type"], found)
        return None
    facts = spoken(found)
    if "discounts" in facts:  # until acacia the coupon stands within; later only the discount is named
        facts["discounts"] = [{**discount, "coupon": None} for discount in facts["discounts"]]
    return facts


def test_what_a_subscription_is_about_is_found_in_each_version() -> None:
    for version in VERSIONS:
        last = [e for e in story(version) if e["type"] == "customer.subscription.deleted"][-1]
        facts = _told(last)
        assert facts is not None
        assert facts["status"] == "canceled"
