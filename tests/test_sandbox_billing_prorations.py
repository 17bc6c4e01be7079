"""Changes of a subscription of the sandbox: prorations to the second, previews that equal what then happens.

https://docs.stripe.com/billing/subscriptions/prorations. Amounts and words equal those that were recorded.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from billed import DAY, MONTH_S, START_S, Billed, lines
from hypothesis import given, settings
from hypothesis import strategies as st
from sandboxes import ACACIA, CLOVER, ENDIVE

from api.sandbox.resources.pricing import prorated

ANCHORS = {CLOVER: "now", ENDIVE: {"type": "now"}}


@given(st.integers(-(10**9), 10**9), st.integers(1, 40_000_000), st.data())
def test_the_parts_of_an_amount_are_the_amount_to_a_unit(amount: int, whole_s: int, data: st.DataObject) -> None:
    part_s = data.draw(st.integers(0, whole_s))
    assert abs(prorated(amount, part_s, whole_s) + prorated(amount, whole_s - part_s, whole_s) - amount) <= 1
    assert prorated(-amount, part_s, whole_s) == -prorated(amount, part_s, whole_s)
    assert (prorated(amount, 0, whole_s), prorated(amount, whole_s, whole_s)) == (0, amount)


class TestRecorded:
    """What Stripe itself answered."""

    @pytest.mark.corpus
    @pytest.mark.parametrize("version", [CLOVER, ENDIVE])
    def test_a_change_to_a_yearly_price_costs_what_stripe_billed(self, version: str) -> None:
        # given
        first, second = _recorded_swap()
        item = first["items"]["data"][0]
        shop = Billed(version, start_s=item["current_period_start"])
        shop.asked.post(f"/v1/products/{shop.product}", name="Test Subscription", unit_label="user")
        prices = [
            shop.price(s["items"]["data"][0]["price"]["unit_amount"], s["plan"]["interval"]) for s in (first, second)
        ]
        made = shop.subscribe(prices[0], expand=["latest_invoice"])
        assert lines(made["latest_invoice"]) == lines(first["latest_invoice"])
        # when
        shop.to(second["billing_cycle_anchor"])
        changed = shop.change(
            made["id"], items=[{"id": shop.item(made), "price": prices[1]}], proration_behavior="always_invoice",
            billing_cycle_anchor=ANCHORS[version], expand=["latest_invoice"],
        )  # fmt: skip
        # then
        expected, found = second["latest_invoice"], changed["latest_invoice"]
        assert lines(found) == lines(expected)
        for name in ("total", "subtotal", "amount_paid", "billing_reason", "status", "attempt_count"):
            assert found[name] == expected[name], name
        for ours, theirs in zip(found["lines"]["data"], expected["lines"]["data"], strict=True):
            assert ours["period"] == theirs["period"]
            assert ours["discountable"] == theirs["discountable"]
            assert ours["pricing"]["unit_amount_decimal"] == theirs["pricing"]["unit_amount_decimal"]
            assert _without_ids(ours["parent"]) == _without_ids(theirs["parent"])
        credited = found["lines"]["data"][0]["parent"]["subscription_item_details"]["proration_details"]
        [line] = made["latest_invoice"]["lines"]["data"]
        assert credited["credited_items"] == {
            "invoice": made["latest_invoice"]["id"],
            "invoice_line_items": [line["id"]],
        }

    @pytest.mark.corpus
    def test_recorded_prorations_of_unused_time_are_ours(self) -> None:
        found = 0
        for event in _events("invoiceitem."):
            item = event["data"]["object"]
            if not item["proration"] or not item["description"].startswith("Unused time"):
                continue
            whole_s = 31 * DAY
            rest_s = item["period"]["end"] - item["period"]["start"]
            assert item["amount"] == -prorated(item["plan"]["amount"] * item["quantity"], rest_s, whole_s)
            found += 1
        assert found

    @pytest.mark.corpus
    @pytest.mark.parametrize("name", ["0001", "0004"])
    def test_recorded_inclusive_tax_is_ours(self, name: str) -> None:
        # given
        recorded = json.loads(
            (_corpus() / "objects_djstripe" / f"invoice_in_fakefakefakefakefake{name}.json").read_bytes()
        )
        lines_ = (recorded.get("lines") or {}).get("data") or [{"tax_rates": recorded["default_tax_rates"]}]
        [rate] = lines_[0]["tax_rates"]
        shop = Billed(ACACIA)
        id = shop.asked.post(
            "/v1/tax_rates",
            display_name=rate["display_name"],
            percentage=rate["percentage"],
            inclusive=rate["inclusive"],
        )["id"]
        # when
        amount = recorded["subtotal"]
        shop.asked.post("/v1/invoiceitems", customer=shop.customer, amount=amount, currency="usd", tax_rates=[id])
        invoice = shop.asked.post("/v1/invoices", customer=shop.customer, pending_invoice_items_behavior="include")
        # then
        for field in ("subtotal", "tax", "total"):
            assert invoice[field] == recorded[field], field
        assert [(t["amount"], t["inclusive"]) for t in invoice["total_tax_amounts"]] == [
            (t["amount"], t["inclusive"]) for t in recorded["total_tax_amounts"]
        ]

    @pytest.mark.corpus
    def test_a_recorded_coupon_takes_off_what_ours_does(self) -> None:
        # given
        recorded = next(e["response"]["latest_invoice"] for e in _exchanges("pay__test_handles_coupons.json")
                        if e["path"] == "/v1/subscriptions")  # fmt: skip
        [off] = recorded["total_discount_amounts"]
        shop = Billed(ACACIA)
        coupon = shop.asked.post("/v1/coupons", id="10BUCKS", amount_off=off["amount"], currency="usd", duration="once")
        # when
        made = shop.subscribe(coupon=coupon["id"], expand=["latest_invoice"])
        # then
        for field in ("subtotal", "total", "amount_due"):
            assert made["latest_invoice"][field] == recorded[field], field

    @pytest.mark.corpus
    def test_a_manual_invoice_has_the_recorded_shape(self) -> None:
        # given
        recorded = {
            e["path"].rpartition("/")[2]: e["response"]
            for e in _exchanges("pay__test_stripe_can_create_an_invoice.json")
            if e["api_version"] == "2026-03-25.dahlia" and "invoice" in e["path"]
        }
        shop = Billed("2026-03-25.dahlia")
        # when
        item = shop.asked.post(
            "/v1/invoiceitems", customer=shop.customer, amount=1000, currency="usd", description="One-time setup fee"
        )
        draft = shop.asked.post("/v1/invoices", customer=shop.customer, pending_invoice_items_behavior="include")
        paid = shop.asked.post(f"/v1/invoices/{draft['id']}/pay")
        # then
        for ours, theirs in ((item, recorded["invoiceitems"]), (draft, recorded["invoices"]), (paid, recorded["pay"])):
            assert _shape(ours) == _shape(theirs)

    @pytest.mark.corpus
    @pytest.mark.parametrize(
        ("version", "said", "file"),
        [
            ("2026-03-25.dahlia", {"trial_period_days": 15}, "pay__test_stripe_trial_period_options.json"),
            ("2025-10-29.clover", {}, "pay__test_stripe_can_create_a_subscription.json"),
        ],
    )
    def test_a_subscription_has_the_recorded_shape(self, version: str, said: dict[str, Any], file: str) -> None:
        # given
        recorded = next(
            e["response"] for e in _exchanges(file) if (e["path"], e["api_version"]) == ("/v1/subscriptions", version)
        )
        shop = Billed(version)
        shop.asked.post(f"/v1/products/{shop.product}", name="Test Subscription", unit_label="user")
        # when
        made = shop.subscribe(**said, expand=["latest_invoice.payments", "latest_invoice.confirmation_secret"])
        # then
        assert _shape(made) == _shape(recorded)
        assert lines(made["latest_invoice"]) == lines(recorded["latest_invoice"])


class TestPreviews:
    @settings(max_examples=15)
    @given(
        st.integers(500, 20_000), st.integers(1, 9), st.integers(0, 29 * DAY),
        st.sampled_from(["always_invoice", "create_prorations", "none"]), st.booleans(),
    )  # fmt: skip
    def test_a_preview_is_what_then_happens(
        self, amount: int, quantity: int, after_s: int, how: str, anew: bool
    ) -> None:
        # given
        shop = Billed()
        rate = shop.asked.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)["id"]
        made = shop.subscribe(default_tax_rates=[rate])
        other = shop.price(amount)
        shop.to(START_S + 1 + after_s)
        said: dict[str, Any] = {
            "items": [{"id": shop.item(made), "price": other, "quantity": quantity}], "proration_behavior": how,
            **({"billing_cycle_anchor": {"type": "now"}} if anew else {}),
        }  # fmt: skip
        events = len(shop.asked.events())
        # when
        preview = shop.asked.post("/v1/invoices/create_preview", subscription=made["id"], subscription_details=said)
        # then
        assert len(shop.asked.events()) == events
        assert shop.subscription(made["id"]) == shop.subscription(made["id"])
        assert (preview["status"], preview["number"], preview["id"][:12]) == ("draft", None, "upcoming_in_")
        shop.change(made["id"], **said)
        if (how == "create_prorations" and not anew) or (how == "none" and not anew):
            shop.to(MONTH_S)
        then = shop.latest()
        for name in ("total", "subtotal", "amount_due", "ending_balance"):
            assert preview[name] == then[name] or (name == "ending_balance" and then["status"] == "draft"), name
        assert lines(preview) == lines(then)

    def test_until_acacia_it_is_asked_for_as_the_upcoming_invoice(self) -> None:
        shop = Billed(ACACIA)
        made = shop.subscribe()
        coming = shop.asked.get("/v1/invoices/upcoming", subscription=made["id"])
        assert ("id" in coming, coming["total"], coming["next_payment_attempt"]) == (False, 2500, MONTH_S + 3600)
        error = shop.asked.refused("/v1/invoices/upcoming", method="GET")
        assert error["message"].startswith("You must either provide a `customer` or a `subscription`")
        newer = shop.asked.speaking(CLOVER).refused("/v1/invoices/upcoming", method="GET", subscription=made["id"])
        assert newer["status"] == 404

    def test_a_subscription_that_there_is_not_can_be_previewed(self) -> None:
        shop = Billed(card=None)
        items = [{"price": shop.price(), "quantity": 3}]
        found = shop.asked.post(
            "/v1/invoices/create_preview", customer=shop.customer, subscription_details={"items": items}
        )
        assert found["total"] == 7500
        assert shop.asked.get("/v1/subscriptions", customer=shop.customer, status="all")["data"] == []

    def test_nothing_comes_after_its_end(self) -> None:
        shop = Billed()
        made = shop.subscribe(cancel_at_period_end=True)
        error = shop.asked.refused("/v1/invoices/create_preview", subscription=made["id"])
        assert (error["status"], error["code"]) == (404, "invoice_upcoming_none")


class TestChanges:
    def test_a_dearer_price_in_mid_period_waits_for_the_next_invoice(self) -> None:
        # given
        shop = Billed()
        made = shop.subscribe()
        shop.to(START_S + 15 * DAY)
        # when
        shop.change(made["id"], items=[{"id": shop.item(made), "price": shop.price(5000)}])
        # then
        waiting = shop.asked.get("/v1/invoiceitems", customer=shop.customer, pending=True)["data"]
        assert sorted(item["amount"] for item in waiting) == [-1250, 2500]
        shop.to(MONTH_S)
        assert [amount for amount, _ in lines(shop.latest())] == [-1250, 2500, 5000]

    def test_changes_there_and_back_in_the_same_second_cost_nothing(self) -> None:
        shop = Billed()
        made = shop.subscribe()
        shop.to(START_S + 7 * DAY + 1234)
        for quantity in (5, 1):
            shop.change(made["id"], items=[{"id": shop.item(made), "quantity": quantity}])
        waiting = shop.asked.get("/v1/invoiceitems", customer=shop.customer, pending=True)["data"]
        assert sum(item["amount"] for item in waiting) == 0
        assert len(waiting) == 4

    @settings(max_examples=20)
    @given(st.lists(st.tuples(st.integers(1, 6 * DAY), st.integers(1, 12)), min_size=1, max_size=4))
    def test_however_often_it_changes_each_second_is_paid_for_once(self, steps: list[tuple[int, int]]) -> None:
        # given
        shop = Billed()
        made = shop.subscribe(shop.price(30_000))
        at_s, quantity, expected = START_S, 1, 0.0
        for after_s, wanted in steps:
            expected += 30_000 * quantity * after_s / (MONTH_S - START_S)
            at_s += after_s
            # when
            shop.to(at_s)
            shop.change(
                made["id"], items=[{"id": shop.item(made), "quantity": wanted}], proration_behavior="always_invoice"
            )
            quantity = wanted
        expected += 30_000 * quantity * (MONTH_S - at_s) / (MONTH_S - START_S)
        # then
        billed = sum(invoice["total"] for invoice in shop.invoices())
        assert abs(billed - expected) <= 2 * len(steps)

    def test_without_proration_nothing_is_billed_until_the_next_period(self) -> None:
        shop = Billed()
        made = shop.subscribe()
        shop.to(START_S + 15 * DAY)
        shop.change(made["id"], items=[{"id": shop.item(made), "quantity": 3}], proration_behavior="none")
        assert shop.asked.get("/v1/invoiceitems", customer=shop.customer)["data"] == []
        shop.to(MONTH_S)
        assert shop.latest()["total"] == 7500

    def test_credit_gives_back_what_was_asked_after_its_discount(self) -> None:
        shop = Billed()
        coupon = shop.asked.post("/v1/coupons", percent_off="50", duration="forever")["id"]
        made = shop.subscribe(discounts=[{"coupon": coupon}])
        shop.to(START_S + 15 * DAY)
        shop.asked.delete(f"/v1/subscriptions/{made['id']}", prorate=True)
        [credit] = shop.asked.get("/v1/invoiceitems", customer=shop.customer)["data"]
        assert credit["amount"] == -625
        assert shop.asked.get(f"/v1/invoiceitems/{credit['id']}")["discountable"] is False

    def test_items_are_added_changed_and_taken_away_each_with_its_share(self) -> None:
        # given
        shop = Billed()
        made = shop.subscribe()
        other = shop.price(1000)
        shop.to(START_S + 15 * DAY)
        # when
        added = shop.asked.post("/v1/subscription_items", subscription=made["id"], price=other, quantity=2)
        shop.asked.delete(f"/v1/subscription_items/{shop.item(made)}", proration_behavior="create_prorations")
        # then
        waiting = shop.asked.get("/v1/invoiceitems", customer=shop.customer, pending=True)["data"]
        assert [(i["amount"], i["description"]) for i in waiting[::-1]] == [
            (1000, "Remaining time on 2 × Gold after 28 Nov 2025"), (-1250, "Unused time on Gold after 28 Nov 2025"),
        ]  # fmt: skip
        assert [i["id"] for i in shop.subscription(made["id"])["items"]["data"]] == [added["id"]]
        last = shop.asked.refused(f"/v1/subscription_items/{added['id']}", method="DELETE")
        assert last["message"] == "A subscription must have at least one active plan."

    def test_a_card_that_fails_on_an_upgrade_leaves_it_past_due_or_as_it_was(self) -> None:
        # given
        shop = Billed()
        made = shop.subscribe()
        shop.card("pm_card_chargeCustomerFail")
        shop.to(START_S + 15 * DAY)
        said = {"items": [{"id": shop.item(made), "quantity": 4}], "proration_behavior": "always_invoice"}
        # when
        error = shop.asked.refused(f"/v1/subscriptions/{made['id']}", **said, payment_behavior="error_if_incomplete")
        # then
        assert (error["status"], shop.subscription(made["id"])["quantity"]) == (402, 1)
        assert shop.change(made["id"], **said)["status"] == "past_due"
        assert shop.subscription(made["id"])["quantity"] == 4

    def test_previous_values_are_those_of_what_changed(self) -> None:
        shop = Billed()
        made = shop.subscribe()
        shop.change(made["id"], metadata={"org": "o1"})
        shop.change(made["id"], items=[{"id": shop.item(made), "quantity": 2}], proration_behavior="none")
        first, second = shop.asked.events("customer.subscription.updated")
        assert first["data"]["previous_attributes"] == {"metadata": {"org": None}}
        assert second["data"]["previous_attributes"].keys() == {"items", "quantity"}
        assert second["data"]["previous_attributes"]["items"]["data"][0]["quantity"] == 1


def _corpus() -> Path:
    corpus = os.environ.get("RECOUNT_STRIPE_CORPUS")
    if not corpus:
        pytest.skip("RECOUNT_STRIPE_CORPUS is not set: Stripe's recordings are not at hand")
    return Path(corpus)


def _exchanges(file: str) -> list[dict[str, Any]]:
    path = _corpus() / "recorded_api" / file
    found: list[dict[str, Any]] = json.loads(path.read_bytes())["exchanges"]
    return found


def _events(start: str) -> Iterator[dict[str, Any]]:
    for path in sorted((_corpus() / "events").glob(f"{start}*.json")):
        yield json.loads(path.read_bytes())


def _recorded_swap() -> tuple[dict[str, Any], dict[str, Any]]:
    """A subscription, and the same after its change to another interval."""
    file = "pay__test_stripe_can_swap_a_subscription_and_reset_billing_cycle.json"
    first, second = (e["response"] for e in _exchanges(file) if e["path"].startswith("/v1/subscriptions"))
    return first, second


def _without_ids(parent: dict[str, Any]) -> Any:
    """A line's parent, with the kind of each id in its place."""
    return json.loads(json.dumps(parent), object_hook=lambda o: {k: _kind(v) for k, v in o.items()})


def _kind(value: Any) -> Any:
    if isinstance(value, str) and "_" in value:
        return value.partition("_")[0] if not value.endswith("_details") else value
    return [_kind(one) for one in value] if isinstance(value, list) else value


def _shape(value: Any) -> Any:
    """Names and types, lists by their first element; what people fill in is left out."""
    if isinstance(value, dict):
        return {
            k: _shape(v) for k, v in value.items() if k not in ("metadata", "test_clock", "nickname", "customer_name")
        }
    if isinstance(value, list):
        return [_shape(one) for one in value[:1]]
    return type(value).__name__
