"""Prices, invoice items and invoices of the sandbox: https://docs.stripe.com/invoicing/integration/workflow-transitions."""

from typing import Any

import pytest
from billed import DAY, START_S, Billed, lines
from hypothesis import given
from hypothesis import strategies as st
from sandboxes import ACACIA, CLOVER, Asked

from api.sandbox.resources.periods import around, turn
from api.sandbox.resources.pricing import amount_of, priced

TIERS = [{"up_to": 5, "unit_amount": 100}, {"up_to": 10, "unit_amount": 80}, {"up_to": "inf", "unit_amount": 50}]


class TestPrices:
    """https://docs.stripe.com/products-prices/pricing-models."""

    def test_a_lookup_key_is_one_price_s_at_a_time_and_moves_only_when_that_is_asked(self) -> None:
        # given
        shop = Billed()
        first = shop.price(lookup_key="gold")
        # then
        assert (
            "already uses that lookup key"
            in shop.asked.refused("/v1/prices", currency="usd", product=shop.product, unit_amount=1, lookup_key="gold")[
                "message"
            ]
        )
        # when
        second = shop.price(lookup_key="gold", transfer_lookup_key=True)
        # then
        assert [p["id"] for p in shop.asked.get("/v1/prices", lookup_keys=["gold"])["data"]] == [second]
        assert shop.asked.get(f"/v1/prices/{first}")["lookup_key"] is None

    @pytest.mark.parametrize(
        ("said", "param"),
        [
            ({"unit_amount": 5, "unit_amount_decimal": "5"}, "unit_amount"),
            ({"unit_amount": -5}, "unit_amount"),
            ({}, "unit_amount"),
            ({"tiers": TIERS}, "tiers_mode"),
            ({"tiers": TIERS[:2], "tiers_mode": "volume", "billing_scheme": "tiered"}, "tiers"),
            ({"unit_amount": 5, "recurring": {"interval": "month", "interval_count": 37}}, "recurring[interval_count]"),
            ({"unit_amount": 5, "recurring": {"interval": "month", "usage_type": "metered"}}, "recurring[meter]"),
        ],
    )
    def test_a_price_that_contradicts_itself_is_refused(self, said: dict[str, Any], param: str) -> None:
        shop = Billed()
        error = shop.asked.refused("/v1/prices", currency="usd", product=shop.product, **said)
        assert (error["status"], error["type"], error["param"]) == (400, "invalid_request_error", param)

    def test_tiers_and_further_currencies_are_shown_when_they_are_asked_for(self) -> None:
        shop = Billed()
        id = shop.price(tiers=TIERS, tiers_mode="graduated", billing_scheme="tiered")
        other = shop.price(currency_options={"eur": {"unit_amount": 2300}})
        assert "tiers" not in shop.asked.get(f"/v1/prices/{id}")
        assert [t["up_to"] for t in shop.asked.get(f"/v1/prices/{id}", expand=["tiers"])["tiers"]] == [5, 10, None]
        shown = shop.asked.get(f"/v1/prices/{other}", expand=["currency_options"])["currency_options"]
        assert {currency: option["unit_amount"] for currency, option in shown.items()} == {"usd": 2500, "eur": 2300}

    def test_a_plan_is_the_price_of_the_same_id(self) -> None:
        asked = Asked(version=ACACIA)
        made = asked.post("/v1/plans", id="gold", amount=700, currency="usd", interval="year", product={"name": "Gold"})
        assert (made["id"], made["amount"], made["interval"]) == ("gold", 700, "year")
        assert asked.get("/v1/prices/gold")["unit_amount"] == 700
        assert asked.get("/v1/plans/gold")["aggregate_usage"] is None

    @given(st.integers(0, 500))
    def test_graduated_tiers_cost_each_unit_by_the_tier_it_falls_in(self, quantity: int) -> None:
        price = _tiered("graduated")
        each = [100 if n <= 5 else 80 if n <= 10 else 50 for n in range(1, quantity + 1)]
        assert amount_of(price, quantity) == sum(each)
        assert sum(part.quantity for part in priced(price, quantity)) == quantity

    @given(st.integers(1, 500))
    def test_volume_tiers_cost_all_units_by_the_tier_that_is_reached(self, quantity: int) -> None:
        each = 100 if quantity <= 5 else 80 if quantity <= 10 else 50
        assert amount_of(_tiered("volume"), quantity) == each * quantity

    @given(st.integers(0, 10_000), st.integers(1, 100))
    def test_packages_are_counted_whole(self, quantity: int, size: int) -> None:
        price = {"currency": "usd", "billing_scheme": "per_unit", "unit_amount_decimal": "12.5"}
        for rounding, packages in (("up", -(-quantity // size)), ("down", quantity // size)):
            packed = {**price, "transform_quantity": {"divide_by": size, "round": rounding}}
            assert amount_of(packed, quantity) == (25 * packages + 1) // 2


def _tiered(mode: str) -> dict[str, Any]:
    tiers = [
        {"flat_amount_decimal": None, "unit_amount_decimal": str(t["unit_amount"]), "up_to": top}
        for t, top in zip(TIERS, (5, 10, None), strict=True)
    ]
    return {"currency": "usd", "billing_scheme": "tiered", "tiers_mode": mode, "_tiers": tiers}


@given(
    st.integers(0, 2_000_000_000),
    st.sampled_from(["day", "week", "month", "year"]),
    st.integers(1, 3),
    st.integers(-100_000_000, 100_000_000),
)
def test_each_moment_lies_in_one_period_and_periods_meet(anchor_s: int, interval: str, count: int, off_s: int) -> None:
    recurring = {"interval": interval, "interval_count": count}
    start_s, end_s = around(anchor_s, recurring, anchor_s + off_s)
    assert start_s <= anchor_s + off_s < end_s
    assert around(anchor_s, recurring, end_s)[0] == end_s


def test_a_month_from_the_31st_ends_on_the_last_day_there_is() -> None:
    anchor_s = 1_769_860_800  # 31 January 2026, 12:00
    monthly = {"interval": "month", "interval_count": 1}
    assert [turn(anchor_s, monthly, n) - anchor_s for n in range(4)] == [0, 28 * DAY, 59 * DAY, 89 * DAY]


class TestInvoices:
    def test_a_draft_takes_what_waits_only_when_it_is_asked_to(self) -> None:
        # given
        shop = Billed()
        shop.asked.post("/v1/invoiceitems", customer=shop.customer, amount=1000, currency="usd", description="Set-up")
        # when
        without = shop.asked.post("/v1/invoices", customer=shop.customer)
        with_it = shop.asked.post("/v1/invoices", customer=shop.customer, pending_invoice_items_behavior="include")
        # then
        assert (lines(without), without["total"]) == ([], 0)
        assert (lines(with_it), with_it["total"], with_it["auto_advance"]) == ([(1000, "Set-up")], 1000, False)
        assert with_it["number"] is with_it["hosted_invoice_url"] is with_it["effective_at"] is None

    def test_paying_a_draft_finalizes_it_first_and_numbers_follow_each_other(self) -> None:
        # given
        shop = Billed()
        numbers = []
        for _ in range(2):
            draft = _draft(shop, 1000)
            # when
            paid = shop.asked.post(f"/v1/invoices/{draft['id']}/pay", expand=["payments", "confirmation_secret"])
            # then
            assert (paid["status"], paid["amount_paid"], paid["attempt_count"]) == ("paid", 1000, 1)
            assert paid["payments"]["data"][0]["status"] == "paid"
            assert paid["confirmation_secret"]["client_secret"].startswith("pi_")
            numbers.append(paid["number"])
        assert [number[-5:] for number in numbers] == ["-0001", "-0002"]

    def test_what_happens_to_a_manual_invoice_comes_in_stripe_s_order(self) -> None:
        """As in the recorded lists of events of an upgrade by card."""
        # given
        shop = Billed()
        # when
        draft = _draft(shop, 1000)
        shop.asked.post(f"/v1/invoices/{draft['id']}/finalize")
        # then
        assert shop.happened("invoice", "customer.updated", "payment_intent")[1:] == [
            "customer.updated", "invoiceitem.created", "invoiceitem.updated", "invoice.created",
            "payment_intent.created", "invoice.updated", "invoice.finalized",
        ]  # fmt: skip
        changed = shop.asked.events("invoice.updated")[0]["data"]["previous_attributes"]
        assert changed.keys() == {
            "effective_at", "ending_balance", "hosted_invoice_url", "invoice_pdf", "number", "rendering", "status",
            "status_transitions",
        }  # fmt: skip

    def test_a_declined_card_leaves_the_invoice_open_with_its_attempt(self) -> None:
        # given
        shop = Billed(card="pm_card_chargeCustomerFail")
        draft = _draft(shop, 1000)
        # when
        error = shop.asked.refused(f"/v1/invoices/{draft['id']}/pay")
        # then
        assert (error["status"], error["type"], error["code"]) == (402, "card_error", "card_declined")
        held = shop.asked.get(f"/v1/invoices/{draft['id']}")
        assert (held["status"], held["attempt_count"], held["attempted"]) == ("open", 1, True)
        assert "invoice.payment_failed" in shop.happened()

    def test_credit_of_the_customer_pays_first_and_a_negative_total_becomes_credit(self) -> None:
        # given
        shop = Billed()
        shop.asked.post("/v1/customers/" + shop.customer, balance=-300)
        # when
        first = shop.asked.post(f"/v1/invoices/{_draft(shop, 1000)['id']}/pay")
        second = shop.asked.post(f"/v1/invoices/{_draft(shop, -400)['id']}/finalize")
        # then
        assert (first["starting_balance"], first["amount_due"], first["ending_balance"]) == (-300, 700, 0)
        assert (second["status"], second["amount_due"], second["total"], second["ending_balance"]) == (
            "paid",
            0,
            -400,
            -400,
        )
        assert shop.asked.get(f"/v1/customers/{shop.customer}")["balance"] == -400
        moved = shop.asked.get(f"/v1/customers/{shop.customer}/balance_transactions")["data"]
        assert [(m["amount"], m["type"]) for m in moved] == [(-400, "applied_to_invoice"), (300, "applied_to_invoice")]

    def test_what_is_too_little_to_charge_is_kept_for_the_next_invoice(self) -> None:
        shop = Billed()
        paid = shop.asked.post(f"/v1/invoices/{_draft(shop, 30)['id']}/finalize")
        assert (paid["status"], paid["amount_due"], paid["ending_balance"]) == ("paid", 0, 30)
        assert shop.asked.get(f"/v1/customers/{shop.customer}")["balance"] == 30

    def test_a_sent_invoice_is_due_after_its_days_and_overdue_then(self) -> None:
        # given
        shop = Billed()
        draft = _draft(shop, 1000, collection_method="send_invoice", days_until_due=10)
        # when
        sent = shop.asked.post(f"/v1/invoices/{draft['id']}/send")
        shop.to(START_S + 11 * DAY)
        # then
        assert (sent["status"], sent["due_date"]) == ("open", START_S + 10 * DAY)
        assert shop.happened()[-2:] == ["invoice.sent", "invoice.overdue"]

    def test_states_that_stripe_refuses_are_refused(self) -> None:
        shop = Billed()
        draft = _draft(shop, 1000)["id"]
        assert shop.asked.refused(f"/v1/invoices/{draft}/void")["code"] == "invoice_not_editable"
        assert "send_invoice" in shop.asked.refused(f"/v1/invoices/{draft}/send")["message"]
        shop.asked.post(f"/v1/invoices/{draft}/finalize")
        assert shop.asked.refused(f"/v1/invoices/{draft}/finalize")["status"] == 400
        assert shop.asked.refused(f"/v1/invoices/{draft}", method="DELETE")["code"] == "invoice_not_editable"
        assert shop.asked.refused(f"/v1/invoices/{draft}", due_date=1)["code"] == "invoice_not_editable"
        shop.asked.post(f"/v1/invoices/{draft}/void")
        assert shop.asked.refused(f"/v1/invoices/{draft}/pay")["status"] == 400
        missing = shop.asked.refused("/v1/invoices/in_none", method="GET")
        assert (missing["status"], missing["code"]) == (404, "resource_missing")

    def test_voiding_gives_the_intent_up_and_writing_off_can_still_be_paid(self) -> None:
        # given
        shop = Billed()
        voided, written_off = _draft(shop, 1000)["id"], _draft(shop, 2000)["id"]
        for id in (voided, written_off):
            shop.asked.post(f"/v1/invoices/{id}/finalize")
        # when
        shop.asked.post(f"/v1/invoices/{voided}/void")
        off = shop.asked.post(f"/v1/invoices/{written_off}/mark_uncollectible")
        # then
        assert off["status_details"] == {"uncollectible": {"reason": "user_forgiven"}}
        intents = shop.asked.get("/v1/payment_intents", customer=shop.customer)["data"]
        assert sorted(i["status"] for i in intents) == ["canceled", "requires_payment_method"]
        assert shop.asked.post(f"/v1/invoices/{written_off}/pay")["status"] == "paid"

    def test_an_invoice_paid_by_other_means_says_so_where_versions_do(self) -> None:
        shop = Billed()
        id = _draft(shop, 1000)["id"]
        paid = shop.asked.post(f"/v1/invoices/{id}/pay", paid_out_of_band=True)
        assert (paid["status"], paid["amount_paid_off_stripe"]) == ("paid", 1000)
        old = shop.asked.speaking(ACACIA).get(f"/v1/invoices/{id}")
        assert (old["paid"], old["paid_out_of_band"]) == (True, True)

    def test_an_intent_that_is_confirmed_by_its_customer_pays_its_invoice(self) -> None:
        # given
        shop = Billed()
        id = _draft(shop, 1000)["id"]
        opened = shop.asked.post(f"/v1/invoices/{id}/finalize", expand=["confirmation_secret"])
        intent = opened["confirmation_secret"]["client_secret"].partition("_secret")[0]
        # when
        shop.asked.post(f"/v1/payment_intents/{intent}/confirm", payment_method="pm_card_visa")
        # then
        assert shop.asked.get(f"/v1/invoices/{id}")["status"] == "paid"
        asked = {"type": "payment_intent", "payment_intent": intent}
        [payment] = shop.asked.get("/v1/invoice_payments", payment=asked)["data"]
        assert (payment["status"], payment["amount_paid"], payment["invoice"]) == ("paid", 1000, id)

    def test_a_bank_debit_that_fails_days_later_opens_the_invoice_to_retries(self) -> None:
        # given
        shop = Billed(version=CLOVER, card="pm_usBankAccount_insufficientFunds")
        id = _draft(shop, 1000)["id"]
        # when
        waiting = shop.asked.post(f"/v1/invoices/{id}/pay")
        shop.to(START_S + 10 * DAY)
        # then
        assert waiting["status"] == "open"
        assert "invoice.payment_failed" in shop.happened()
        assert shop.asked.get(f"/v1/invoices/{id}")["status"] == "open"

    def test_lines_beyond_the_first_ten_have_to_be_asked_for(self) -> None:
        # given
        shop = Billed()
        for n in range(12):
            shop.asked.post("/v1/invoiceitems", customer=shop.customer, amount=100 + n, currency="usd", description="x")
        invoice = shop.asked.post("/v1/invoices", customer=shop.customer, pending_invoice_items_behavior="include")
        # then
        assert (len(invoice["lines"]["data"]), invoice["lines"]["has_more"]) == (10, True)
        found = shop.asked.get(f"/v1/invoices/{invoice['id']}/lines", limit=100)["data"]
        assert [line["amount"] for line in found] == list(range(100, 112))
        after = shop.asked.get(f"/v1/invoices/{invoice['id']}/lines", starting_after=found[9]["id"])["data"]
        assert [line["amount"] for line in after] == [110, 111]

    @given(st.lists(st.integers(-5_000, 20_000), min_size=1, max_size=5), st.sampled_from(["0", "7.5", "19"]))
    def test_an_invoice_adds_up(self, amounts: list[int], percent: str) -> None:
        # given
        shop = Billed()
        rate = shop.asked.post("/v1/tax_rates", display_name="VAT", percentage=percent, inclusive=False)["id"]
        coupon = shop.asked.post("/v1/coupons", percent_off="10", duration="forever")["id"]
        for amount in amounts:
            shop.asked.post("/v1/invoiceitems", customer=shop.customer, amount=amount, currency="usd", tax_rates=[rate])
        # when
        invoice = shop.asked.post(
            "/v1/invoices", customer=shop.customer, pending_invoice_items_behavior="include",
            discounts=[{"coupon": coupon}],
        )  # fmt: skip
        # then
        taxes = sum(tax["amount"] for tax in invoice["total_taxes"])
        off = sum(part["amount"] for part in invoice["total_discount_amounts"])
        assert invoice["subtotal"] == sum(amounts)
        assert invoice["total"] == invoice["subtotal"] - off + taxes == invoice["total_excluding_tax"] + taxes
        found = shop.asked.get(f"/v1/invoices/{invoice['id']}/lines")["data"]
        assert taxes == sum(tax["amount"] for line in found for tax in line["taxes"])
        assert off == sum(part["amount"] for line in found for part in line["discount_amounts"])


def _draft(shop: Billed, amount: int, **said: Any) -> dict[str, Any]:
    shop.asked.post("/v1/invoiceitems", customer=shop.customer, amount=amount, currency="usd", description="Work")
    behavior = "include"
    return shop.asked.post("/v1/invoices", customer=shop.customer, pending_invoice_items_behavior=behavior, **said)
