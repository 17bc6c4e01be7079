"""Subscriptions of the sandbox: how they begin, renew, fail, recover, pause and end.

https://docs.stripe.com/billing/subscriptions/overview.
"""

from typing import Any

import pytest
from billed import DAY, MONTH_S, START_S, Billed, lines
from sandboxes import ACACIA, CLOVER, ENDIVE

HOUR = 3600


class TestBeginning:
    def test_with_a_card_it_is_active_and_its_first_invoice_paid(self) -> None:
        # given
        shop = Billed()
        # when
        made = shop.subscribe(expand=["latest_invoice"])
        # then
        assert made["status"] == "active"
        invoice = made["latest_invoice"]
        assert (invoice["status"], invoice["billing_reason"]) == ("paid", "subscription_create")
        assert lines(invoice) == [(2500, "1 × Gold (at $25.00 / month)")]
        [item] = made["items"]["data"]
        assert (item["current_period_start"], item["current_period_end"]) == (START_S, MONTH_S)
        assert shop.happened() == [
            "invoice.created", "invoice.updated", "invoice.finalized", "invoice.updated", "invoice.paid",
            "invoice.payment_succeeded", "customer.subscription.created",
        ]  # fmt: skip

    def test_with_nothing_to_charge_it_is_refused_as_recorded(self) -> None:
        shop = Billed(card=None)
        error = shop.asked.refused("/v1/subscriptions", customer=shop.customer, items=[{"price": shop.price()}])
        assert (error["status"], error["code"]) == (400, "resource_missing")
        assert error["message"].startswith("This customer has no attached payment source or default payment method.")
        assert shop.asked.get("/v1/subscriptions", customer=shop.customer, status="all")["data"] == []

    def test_a_price_that_there_is_not_is_named(self) -> None:
        shop = Billed()
        error = shop.asked.refused("/v1/subscriptions", customer=shop.customer, items=[{"price": "invalid"}])
        assert (error["message"], error["param"]) == ("No such price: 'invalid'", "items[0][price]")

    @pytest.mark.parametrize(
        ("items", "message"),
        [
            (lambda shop: [{"price": shop.price(interval=None)}], "only accepts prices with `type=recurring`"),
            (lambda shop: [{"price": shop.price()}, {"price": shop.price(currency="eur")}], "expected currency"),
            (lambda shop: [{"price": (id := shop.price())}, {"price": id}], "same plan"),
            (lambda shop: [{"price": shop.price(active=False)}], "inactive"),
            (lambda _: [], "items"),
        ],
    )
    def test_items_that_cannot_be_billed_together_are_refused(self, items: Any, message: str) -> None:
        shop = Billed()
        error = shop.asked.refused("/v1/subscriptions", customer=shop.customer, items=items(shop))
        assert error["status"] == 400
        assert message in error["message"]

    def test_default_incomplete_waits_for_its_customer_to_confirm(self) -> None:
        # given
        shop = Billed(card=None)
        # when
        made = shop.subscribe(payment_behavior="default_incomplete", expand=["latest_invoice.confirmation_secret"])
        # then
        assert (made["status"], made["latest_invoice"]["status"]) == ("incomplete", "open")
        assert made["latest_invoice"]["attempted"] is False
        intent = made["latest_invoice"]["confirmation_secret"]["client_secret"].partition("_secret")[0]
        # when
        shop.asked.post(f"/v1/payment_intents/{intent}/confirm", payment_method="pm_card_visa")
        # then
        assert shop.subscription(made["id"])["status"] == "active"
        [event] = shop.asked.events("customer.subscription.updated")
        assert event["data"]["previous_attributes"]["status"] == "incomplete"

    def test_what_is_not_paid_within_23_hours_expires_and_its_invoice_is_void(self) -> None:
        # given
        shop = Billed(card="pm_card_chargeCustomerFail")
        made = shop.subscribe()
        assert made["status"] == "incomplete"
        # when
        shop.to(START_S + 23 * HOUR - 1)
        before = shop.subscription(made["id"])["status"]
        shop.to(START_S + 23 * HOUR)
        # then
        assert (before, shop.subscription(made["id"])["status"]) == ("incomplete", "incomplete_expired")
        assert shop.latest()["status"] == "void"
        assert shop.happened("customer.subscription.deleted") == []

    def test_the_first_invoice_is_not_tried_again(self) -> None:
        shop = Billed(card="pm_card_chargeCustomerFail")
        made = shop.subscribe(expand=["latest_invoice"])
        assert made["latest_invoice"]["next_payment_attempt"] is None
        assert (made["latest_invoice"]["attempt_count"], made["latest_invoice"]["auto_advance"]) == (1, True)

    def test_a_card_that_wants_to_be_seen_leaves_it_incomplete_with_an_action(self) -> None:
        shop = Billed(card="pm_card_authenticationRequired")
        made = shop.subscribe()
        assert made["status"] == "incomplete"
        assert "invoice.payment_action_required" in shop.happened()
        [intent] = shop.asked.get("/v1/payment_intents", customer=shop.customer)["data"]
        assert intent["status"] == "requires_action"

    def test_error_if_incomplete_leaves_no_subscription(self) -> None:
        shop = Billed(card="pm_card_chargeCustomerFail")
        error = shop.asked.refused(
            "/v1/subscriptions", customer=shop.customer, items=[{"price": shop.price()}],
            payment_behavior="error_if_incomplete",
        )  # fmt: skip
        assert (error["status"], error["code"]) == (402, "card_declined")
        assert shop.asked.get("/v1/subscriptions", customer=shop.customer, status="all")["data"] == []

    def test_what_is_sent_is_active_at_once_and_its_draft_waits_an_hour(self) -> None:
        shop = Billed(card=None)
        made = shop.subscribe(collection_method="send_invoice", days_until_due=7, expand=["latest_invoice"])
        assert (made["status"], made["latest_invoice"]["status"]) == ("active", "draft")
        shop.to(START_S + HOUR)
        assert (shop.latest()["status"], shop.latest()["due_date"]) == ("open", START_S + HOUR + 7 * DAY)
        assert "invoice.sent" in shop.happened()

    def test_something_for_once_comes_first_on_the_first_invoice(self) -> None:
        """As recorded: the T-shirt before the subscription."""
        shop = Billed()
        once = shop.price(1500, interval=None)
        made = shop.subscribe(shop.price(1000), add_invoice_items=[{"price": once}], expand=["latest_invoice"])
        assert [amount for amount, _ in lines(made["latest_invoice"])] == [1500, 1000]
        first = made["latest_invoice"]["lines"]["data"][0]
        assert first["parent"]["type"] == "invoice_item_details"
        assert first["parent"]["invoice_item_details"]["subscription"] == made["id"]

    def test_an_anchor_to_come_shortens_the_first_period(self) -> None:
        shop = Billed()
        made = shop.subscribe(shop.price(3000), billing_cycle_anchor=START_S + 10 * DAY, expand=["latest_invoice"])
        [item] = made["items"]["data"]
        assert item["current_period_end"] == START_S + 10 * DAY
        whole_days = 31  # the month that ends on 23 November began on 23 October
        assert made["latest_invoice"]["total"] == round(3000 * 10 / whole_days)
        free = shop.subscribe(
            shop.price(3000), billing_cycle_anchor=START_S + 10 * DAY, proration_behavior="none",
            expand=["latest_invoice"],
        )  # fmt: skip
        assert free["latest_invoice"]["total"] == 0

    def test_a_customer_is_billed_in_one_currency(self) -> None:
        shop = Billed()
        shop.subscribe()
        error = shop.asked.refused(
            "/v1/subscriptions", customer=shop.customer, items=[{"price": shop.price(currency="eur")}]
        )
        assert "cannot combine currencies" in error["message"]

    def test_what_the_sandbox_does_not_do_is_refused_and_not_ignored(self) -> None:
        shop = Billed()
        error = shop.asked.refused(
            "/v1/subscriptions", customer=shop.customer, items=[{"price": shop.price()}], backdate_start_date=1
        )
        assert error["param"] == "backdate_start_date"


class TestTrials:
    def test_a_trial_is_an_invoice_of_nothing_and_ends_in_a_period(self) -> None:
        # given
        shop = Billed()
        # when
        made = shop.subscribe(trial_period_days=15, expand=["latest_invoice"])
        # then
        assert (made["status"], made["trial_end"], made["billing_cycle_anchor"]) == (
            "trialing",
            *[START_S + 15 * DAY] * 2,
        )
        assert lines(made["latest_invoice"]) == [(0, "Free trial for 1 × Gold")]
        assert (made["latest_invoice"]["status"], made["latest_invoice"]["attempt_count"]) == ("paid", 0)
        # when
        shop.to(START_S + 15 * DAY + HOUR)
        # then
        assert shop.subscription(made["id"])["status"] == "active"
        assert (shop.latest()["total"], shop.latest()["status"]) == (2500, "paid")
        warned = shop.asked.events("customer.subscription.trial_will_end")
        assert [e["created"] for e in warned] == [START_S + 12 * DAY]

    def test_a_trial_shorter_than_the_warning_warns_at_once(self) -> None:
        shop = Billed()
        shop.subscribe(trial_period_days=2)
        assert [e["created"] for e in shop.asked.events("customer.subscription.trial_will_end")] == [START_S]

    @pytest.mark.parametrize(
        ("wanted", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
    )
    def test_a_trial_that_ends_with_nothing_to_charge_does_what_was_asked(self, wanted: str, status: str) -> None:
        shop = Billed(card=None)
        end = {"end_behavior": {"missing_payment_method": wanted}}
        made = shop.subscribe(trial_period_days=10, trial_settings=end)
        shop.to(START_S + 10 * DAY + HOUR)
        found = shop.subscription(made["id"])
        assert found["status"] == status
        if status == "paused":
            assert found["status_details"]["paused"]["subscription"]["type"] == "trial_end_without_payment_method"

    def test_ending_a_trial_now_bills_a_period_from_now(self) -> None:
        shop = Billed()
        made = shop.subscribe(trial_period_days=15)
        shop.to(START_S + 5 * DAY)
        changed = shop.change(made["id"], trial_end="now", expand=["latest_invoice"])
        assert (changed["status"], changed["latest_invoice"]["total"]) == ("active", 2500)
        assert changed["billing_cycle_anchor"] == START_S + 5 * DAY


class TestRenewal:
    def test_a_period_turns_into_a_draft_that_is_paid_an_hour_later(self) -> None:
        # given
        shop = Billed()
        made = shop.subscribe()
        # when
        shop.to(MONTH_S)
        # then
        draft = shop.latest()
        assert (draft["status"], draft["billing_reason"]) == ("draft", "subscription_cycle")
        assert draft["automatically_finalizes_at"] == MONTH_S + HOUR
        assert (draft["period_start"], draft["period_end"]) == (START_S, MONTH_S)
        [event] = shop.asked.events("customer.subscription.updated")
        assert event["data"]["previous_attributes"].keys() == {"items", "latest_invoice"}
        # when
        shop.to(MONTH_S + HOUR)
        # then
        assert (shop.latest()["status"], shop.latest()["amount_paid"]) == ("paid", 2500)
        assert shop.subscription(made["id"])["status"] == "active"

    def test_what_is_coming_is_announced_a_week_before_and_equals_what_comes(self) -> None:
        shop = Billed()
        shop.subscribe()
        shop.to(MONTH_S)
        [event] = shop.asked.events("invoice.upcoming")
        announced = event["data"]["object"]
        assert event["created"] == MONTH_S - 7 * DAY
        assert "id" not in announced
        assert (announced["total"], lines(announced)) == (shop.latest()["total"], lines(shop.latest()))

    def test_items_of_different_intervals_turn_each_at_its_own_time(self) -> None:
        shop = Billed()
        made = shop.subscribe(shop.price(2500), shop.price(20_000, interval="year"), expand=["latest_invoice"])
        assert made["latest_invoice"]["total"] == 22_500
        shop.to(MONTH_S + HOUR)
        assert lines(shop.latest()) == [(2500, "1 × Gold (at $25.00 / month)")]

    def test_usage_is_billed_when_its_period_is_over(self) -> None:
        # given
        shop = Billed()
        meter = shop.asked.post(
            "/v1/billing/meters", display_name="Tokens", event_name="tokens", default_aggregation={"formula": "sum"}
        )["id"]
        metered = shop.price(2, recurring={"interval": "month", "usage_type": "metered", "meter": meter})
        made = shop.subscribe(metered, expand=["latest_invoice"])
        assert made["latest_invoice"]["total"] == 0
        # when
        shop.to(START_S + 5 * DAY)
        for value in (700, 800):
            payload = {"stripe_customer_id": shop.customer, "value": value}
            shop.asked.post("/v1/billing/meter_events", event_name="tokens", payload=payload)
        shop.to(MONTH_S + HOUR)
        # then
        assert lines(shop.latest()) == [(3000, "1500 × Gold (at $0.02 / month)")]
        [line] = shop.latest()["lines"]["data"]
        assert line["period"] == {"start": START_S, "end": MONTH_S}

    def test_a_coupon_for_once_counts_once(self) -> None:
        shop = Billed()
        coupon = shop.asked.post("/v1/coupons", percent_off="50", duration="once")["id"]
        made = shop.subscribe(discounts=[{"coupon": coupon}])
        shop.to(MONTH_S + HOUR)
        assert [invoice["total"] for invoice in shop.invoices()] == [1250, 2500]
        assert shop.subscription(made["id"])["discounts"] == []

    def test_tax_of_the_subscription_s_rates_is_on_each_invoice(self) -> None:
        shop = Billed()
        rate = shop.asked.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)["id"]
        shop.subscribe(default_tax_rates=[rate])
        shop.to(MONTH_S + HOUR)
        assert [(i["subtotal"], i["total"]) for i in shop.invoices()] == [(2500, 2975)] * 2


class TestDunning:
    def _failing(self, **settings: Any) -> tuple[Billed, str]:
        shop = Billed()
        if settings:
            shop.asked.post("/v1/sandbox/billing_settings", **settings)
        made = shop.subscribe()
        shop.card("pm_card_chargeCustomerFail")
        shop.to(MONTH_S + HOUR)
        return shop, str(made["id"])

    def test_four_attempts_within_two_weeks_and_then_it_is_canceled(self) -> None:
        # given
        shop, id = self._failing()
        assert shop.subscription(id)["status"] == "past_due"
        assert shop.latest()["next_payment_attempt"] == MONTH_S + HOUR + 3 * DAY
        # when
        shop.to(MONTH_S + 20 * DAY)
        # then
        failed = shop.asked.events("invoice.payment_failed")
        days = [(e["created"] - MONTH_S - HOUR) // DAY for e in failed]
        assert (days, [e["data"]["object"]["attempt_count"] for e in failed]) == ([0, 3, 8, 15], [1, 2, 3, 4])
        assert failed[-1]["data"]["object"]["next_payment_attempt"] is None
        found = shop.subscription(id)
        assert (found["status"], found["cancellation_details"]["reason"]) == ("canceled", "payment_failed")
        assert (shop.latest()["status"], shop.latest()["auto_advance"]) == ("open", False)

    @pytest.mark.parametrize("fate", ["unpaid", "past_due"])
    def test_what_becomes_of_it_is_a_setting(self, fate: str) -> None:
        shop, id = self._failing(retry_days=[1], after_retries=fate, invoice_after_retries="uncollectible")
        shop.to(MONTH_S + 3 * DAY)
        assert shop.subscription(id)["status"] == fate
        assert shop.latest()["status"] == "uncollectible"

    def test_invoices_of_what_is_unpaid_stay_drafts(self) -> None:
        shop, _ = self._failing(retry_days=[1], after_retries="unpaid")
        shop.to(MONTH_S + 40 * DAY)
        assert (shop.latest()["status"], shop.latest()["auto_advance"]) == ("draft", False)

    def test_it_recovers_when_it_is_paid_later(self) -> None:
        # given
        shop, id = self._failing()
        assert shop.asked.get(f"/v1/customers/{shop.customer}")["delinquent"] is True
        # when
        shop.card("pm_card_visa")
        shop.asked.post(f"/v1/invoices/{shop.latest()['id']}/pay")
        # then
        assert shop.subscription(id)["status"] == "active"
        assert shop.asked.get(f"/v1/customers/{shop.customer}")["delinquent"] is False
        shop.to(MONTH_S + 20 * DAY)
        assert shop.subscription(id)["status"] == "active"

    def test_a_retry_takes_the_card_that_is_there_by_then(self) -> None:
        shop, id = self._failing()
        shop.card("pm_card_visa")
        shop.to(MONTH_S + HOUR + 3 * DAY)
        assert (shop.latest()["status"], shop.latest()["attempt_count"]) == ("paid", 2)
        assert shop.subscription(id)["status"] == "active"


class TestEnds:
    def test_at_the_end_of_its_period_it_ends_without_another_invoice(self) -> None:
        # given
        shop = Billed()
        made = shop.subscribe()
        # when
        set_ = shop.change(made["id"], cancel_at_period_end=True)
        shop.to(MONTH_S)
        # then
        assert (set_["cancel_at"], set_["canceled_at"], set_["status"]) == (MONTH_S, START_S, "active")
        ended = shop.subscription(made["id"])
        assert (ended["status"], ended["ended_at"], ended["canceled_at"]) == ("canceled", MONTH_S, START_S)
        assert len(shop.invoices()) == 1
        assert shop.happened("customer.sub")[-1] == "customer.subscription.deleted"

    def test_it_can_be_kept_before_it_ends(self) -> None:
        shop = Billed()
        made = shop.subscribe()
        shop.change(made["id"], cancel_at_period_end=True)
        kept = shop.change(made["id"], cancel_at_period_end=False)
        assert (kept["cancel_at"], kept["canceled_at"], kept["cancellation_details"]["reason"]) == (None, None, None)
        shop.to(MONTH_S)
        assert shop.subscription(made["id"])["status"] == "active"

    def test_ended_now_with_its_unused_time_given_back(self) -> None:
        # given
        shop = Billed()
        made = shop.subscribe()
        shop.to(START_S + 15 * DAY)
        # when
        ended = shop.asked.delete(f"/v1/subscriptions/{made['id']}", prorate=True, invoice_now=True)
        # then
        assert (ended["status"], ended["ended_at"]) == ("canceled", START_S + 15 * DAY)
        assert (shop.latest()["total"], shop.latest()["status"]) == (-1250, "paid")
        assert shop.asked.get(f"/v1/customers/{shop.customer}")["balance"] == -1250
        assert shop.asked.refused(f"/v1/subscriptions/{made['id']}", cancel_at_period_end=True)["status"] == 400

    def test_what_ended_is_listed_only_when_that_is_asked(self) -> None:
        shop = Billed()
        made = shop.subscribe()
        shop.asked.delete(f"/v1/subscriptions/{made['id']}")
        listed = {s: len(shop.asked.get("/v1/subscriptions", customer=shop.customer, status=s)["data"]) for s in
                  ("all", "canceled", "ended", "active")}  # fmt: skip
        assert listed == {"all": 1, "canceled": 1, "ended": 1, "active": 0}
        assert shop.asked.get("/v1/subscriptions", customer=shop.customer)["data"] == []


class TestPauses:
    @pytest.mark.parametrize(
        ("behavior", "status"), [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")]
    )
    def test_collection_that_is_paused_makes_invoices_that_ask_for_nothing(self, behavior: str, status: str) -> None:
        shop = Billed()
        made = shop.subscribe()
        paused = shop.change(made["id"], pause_collection={"behavior": behavior, "resumes_at": MONTH_S + DAY})
        assert (paused["status"], paused["pause_collection"]["behavior"]) == ("active", behavior)
        shop.to(MONTH_S + DAY)
        assert shop.latest()["status"] == status
        assert shop.subscription(made["id"])["pause_collection"] is None
        shop.to(MONTH_S + 32 * DAY)
        assert shop.latest()["status"] == "paid"

    def test_what_is_paused_is_not_billed_and_resumes_in_a_new_period(self) -> None:
        # given
        shop = Billed()
        made = shop.subscribe()
        # when
        paused = shop.asked.post(f"/v1/subscriptions/{made['id']}/pause")
        shop.to(MONTH_S + 5 * DAY)
        # then
        assert paused["status_details"]["paused"]["subscription"]["type"] == "pause_requested"
        assert (len(shop.invoices()), shop.subscription(made["id"])["status"]) == (1, "paused")
        # when
        resumed = shop.asked.post(f"/v1/subscriptions/{made['id']}/resume", expand=["latest_invoice"])
        # then
        assert (resumed["status"], resumed["latest_invoice"]["total"]) == ("active", 2500)
        assert resumed["items"]["data"][0]["current_period_start"] == MONTH_S + 5 * DAY
        assert shop.happened("customer.subscription.paused", "customer.subscription.resumed") == [
            "customer.subscription.paused", "customer.subscription.resumed"
        ]  # fmt: skip


@pytest.mark.parametrize("version", [ACACIA, CLOVER, ENDIVE])
def test_periods_stand_where_the_version_has_them(version: str) -> None:
    shop = Billed(version)
    made = shop.subscribe()
    at = made if version == ACACIA else made["items"]["data"][0]
    other = made["items"]["data"][0] if version == ACACIA else made
    assert (at["current_period_start"], at["current_period_end"]) == (START_S, MONTH_S)
    assert "current_period_end" not in other
    assert made.get("billing_mode", {}).get("type") == (None if version == ACACIA else "flexible")


class TestLate:
    """What becomes known after the request that asked for it."""

    def test_a_trial_with_nothing_to_pay_with_asks_for_a_method(self) -> None:
        # given
        shop = Billed(card=None)
        made = shop.subscribe(trial_period_days=10, payment_behavior="default_incomplete")
        assert (made["status"], made["default_payment_method"]) == ("trialing", None)
        # when
        shop.asked.post(f"/v1/setup_intents/{made['pending_setup_intent']}/confirm", payment_method="pm_card_visa")
        # then
        found = shop.subscription(made["id"])
        assert found["pending_setup_intent"] is None
        assert found["default_payment_method"].startswith("pm_")
        shop.to(START_S + 10 * DAY + HOUR)
        assert (shop.subscription(made["id"])["status"], shop.latest()["status"]) == ("active", "paid")

    def test_a_renewal_whose_bank_wants_to_see_the_customer_asks_for_an_action(self) -> None:
        shop = Billed()
        made = shop.subscribe()
        shop.card("pm_card_authenticationRequired")
        shop.to(MONTH_S + HOUR)
        assert shop.subscription(made["id"])["status"] == "past_due"
        assert shop.happened("invoice.payment")[-2:] == ["invoice.payment_failed", "invoice.payment_action_required"]

    def test_a_bank_debit_begins_at_once_and_falls_behind_when_it_fails(self) -> None:
        shop = Billed(card="pm_usBankAccount_insufficientFunds")
        made = shop.subscribe()
        assert (made["status"], shop.latest()["status"]) == ("active", "open")
        shop.to(START_S + 8 * DAY)
        assert shop.subscription(made["id"])["status"] == "past_due"
        assert shop.latest()["attempt_count"] == 1

    def test_a_method_of_a_type_that_is_not_taken_fails_the_attempt_and_not_the_clock(self) -> None:
        shop = Billed()
        made = shop.subscribe(payment_settings={"payment_method_types": ["card"]})
        shop.card("pm_usBankAccount_success")
        shop.to(MONTH_S + HOUR)
        assert shop.subscription(made["id"])["status"] == "past_due"

    def test_a_trial_that_is_ended_by_hand_with_nothing_to_charge_pauses_when_that_was_asked(self) -> None:
        shop = Billed(card=None)
        end = {"end_behavior": {"missing_payment_method": "pause"}}
        made = shop.subscribe(trial_period_days=7, trial_settings=end)
        assert shop.change(made["id"], trial_end="now")["status"] == "paused"
        assert shop.happened("customer.subscription.paused") == ["customer.subscription.paused"]
