"""The sandbox's payments follow Stripe's rules: intents, test cards, bank debits, refunds, disputes, the balance."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandboxes import ACACIA, DAHLIA, ENDIVE, VERSIONS, Asked, faults_of
from translating import FIELDS, said

from api.sandbox.desk import Desk
from api.sandbox.resources import cards, charging
from api.sandbox.resources.actions import complete_action
from api.sandbox.resources.balance import processing_fee
from api.sandbox.resources.worlds import PLATFORM
from api.sandbox.sandbox import PLATFORM_ACCOUNT
from ledger.facts import ObjectFact

DAY = 86_400
PAYMENTS = "/v1/payment_intents"
AMOUNTS = st.integers(50, 10**8 - 1)
_MANDATE = {"customer_acceptance": {"type": "offline"}}


def desk(asked: Asked) -> Desk:
    return Desk(asked.sandbox.state, f"{PLATFORM_ACCOUNT}/test", asked.sandbox.wall_s)


def pay(asked: Asked, method: str = "pm_card_visa", amount: int = 2000, **more: Any) -> dict[str, Any]:
    said = {"amount": amount, "currency": "usd", "payment_method": method, "confirm": True, **more}
    return asked.post(PAYMENTS, **said)


def debit(asked: Asked, name: str, **more: Any) -> dict[str, Any]:
    customer = asked.post("/v1/customers")["id"]
    return pay(asked, f"pm_usBankAccount_{name}", customer=customer, mandate_data=_MANDATE, **more)


def act(asked: Asked, id: str, *, succeed: bool) -> None:
    there = desk(asked)
    complete_action(there, id, succeed=succeed)
    there.work.commit()


def types(asked: Asked, first: int = 0) -> list[str]:
    return [e["type"] for e in asked.events()][first:]


def total(asked: Asked) -> int:
    balance = asked.get("/v1/balance")
    return sum(part["amount"] for where in ("available", "pending") for part in balance[where])


class TestCards:
    def test_the_platform_is_the_account_of_every_key(self) -> None:
        assert PLATFORM == PLATFORM_ACCOUNT

    @pytest.mark.parametrize("name", ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_jp", "pm_card_cn"])
    def test_a_ready_made_method_is_attached_as_a_fresh_copy(self, name: str) -> None:
        # given
        asked = Asked()
        one, two = (asked.post("/v1/customers")["id"] for _ in range(2))
        # when
        first = asked.post(f"/v1/payment_methods/{name}/attach", customer=one)
        second = asked.post(f"/v1/payment_methods/{name}/attach", customer=two)
        # then
        assert first["id"] != second["id"] != name
        assert (first["customer"], second["customer"]) == (one, two)
        assert asked.get(f"/v1/customers/{one}/payment_methods")["data"] == [first]

    @pytest.mark.parametrize(("number", "card"), cards.BY_NUMBER.items())
    def test_a_number_pays_as_its_ready_made_method_does(self, number: str, card: cards.Card) -> None:
        # given
        asked = Asked()
        typed = {"number": number, "exp_month": 1, "exp_year": 2040, "cvc": "123"}
        method = asked.post("/v1/payment_methods", type="card", card=typed)
        status, body = asked.answer(
            "POST",
            PAYMENTS,
            {"amount": 500, "currency": "usd", "payment_method": method["id"], "confirm": True},
        )
        # then
        if card.asks:
            assert (status, body["status"]) == (200, "requires_action")
        elif card.declines is not None:
            assert (status, body["error"]["type"], body["error"]["code"]) == (402, "card_error", card.declines.code)
            assert body["error"].get("decline_code") == card.declines.decline_code
        else:
            assert (status, body["status"]) == (200, "succeeded")

    def test_a_number_that_is_no_test_card_is_declined_and_a_misspelled_one_is_incorrect(self) -> None:
        asked = Asked()
        typed = {"exp_month": 1, "exp_year": 2040}
        real = asked.refused("/v1/payment_methods", type="card", card={**typed, "number": "4111111111111111"})
        wrong = asked.refused("/v1/payment_methods", type="card", card={**typed, "number": "4242424242424241"})
        assert (real["decline_code"], wrong["code"]) == ("test_mode_live_card", "incorrect_number")

    def test_a_declining_card_cannot_be_saved_but_the_one_that_fails_later_can(self) -> None:
        # given
        asked = Asked()
        customer = asked.post("/v1/customers")["id"]
        # when
        error = asked.refused("/v1/payment_methods/pm_card_chargeDeclined/attach", customer=customer)
        saved = asked.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer)
        # then
        assert (error["status"], error["code"], error["decline_code"]) == (402, "card_declined", "generic_decline")
        assert (saved["card"]["last4"], saved["customer"]) == ("0341", customer)

    def test_a_detached_method_is_no_longer_the_default_and_cannot_be_used_again(self) -> None:
        # given
        asked = Asked()
        named = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
        customer = asked.post("/v1/customers", **named)
        method = customer["invoice_settings"]["default_payment_method"]
        # when
        detached = asked.post(f"/v1/payment_methods/{method}/detach")
        # then
        found = asked.get(f"/v1/customers/{customer['id']}")
        assert (detached["customer"], found["invoice_settings"]["default_payment_method"]) == (None, None)
        assert asked.refused(f"/v1/payment_methods/{method}/attach", customer=customer["id"])["status"] == 400
        assert asked.events("payment_method.detached")[0]["data"]["previous_attributes"] == {"customer": customer["id"]}

    def test_a_default_must_be_the_customers_own(self) -> None:
        asked = Asked()
        other = asked.post("/v1/payment_methods/pm_card_visa/attach", customer=asked.post("/v1/customers")["id"])["id"]
        mine = asked.post("/v1/customers")["id"]
        error = asked.refused(f"/v1/customers/{mine}", invoice_settings={"default_payment_method": other})
        assert (error["code"], error["param"]) == ("resource_missing", "invoice_settings[default_payment_method]")


class TestIntents:
    def test_what_stripe_says_of_a_payment_comes_in_its_order(self) -> None:
        # given
        asked = Asked()
        # when
        intent = pay(asked)
        # then
        assert (intent["status"], intent["amount_received"]) == ("succeeded", 2000)
        told = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
        assert types(asked) == [*told, "charge.updated"]
        assert asked.events("charge.updated")[0]["data"]["previous_attributes"]["balance_transaction"] is None

    def test_a_declined_payment_leaves_its_intent_and_its_failed_charge(self) -> None:
        # given
        asked = Asked()
        # when
        error = asked.refused(
            PAYMENTS, amount=700, currency="usd", payment_method="pm_card_chargeDeclined", confirm=True
        )
        # then
        intent = asked.get(f"{PAYMENTS}/{error['payment_intent']['id']}")
        charge = asked.get(f"/v1/charges/{error['charge']}")
        assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
        assert (intent["latest_charge"], intent["last_payment_error"]["code"]) == (charge["id"], "card_declined")
        assert (charge["status"], charge["paid"], charge["captured"]) == ("failed", False, False)
        assert types(asked) == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]

    @pytest.mark.parametrize("succeed", [True, False])
    def test_a_payment_waits_for_its_customer(self, succeed: bool) -> None:
        # given
        asked = Asked()
        intent = pay(asked, "pm_card_threeDSecure2Required", return_url="https://shop.example")
        assert (intent["status"], intent["latest_charge"]) == ("requires_action", None)
        assert intent["next_action"]["redirect_to_url"]["return_url"] == "https://shop.example"
        # when
        act(asked, intent["id"], succeed=succeed)
        # then
        ended = asked.get(f"{PAYMENTS}/{intent['id']}")
        assert ended["status"] == ("succeeded" if succeed else "requires_payment_method")
        assert ended["next_action"] is None
        code = (ended["last_payment_error"] or {}).get("code")
        assert code == (None if succeed else "payment_intent_authentication_failure")

    def test_a_card_that_was_set_up_is_charged_without_its_customer(self) -> None:
        # given
        asked = Asked()
        customer = asked.post("/v1/customers")["id"]
        setup = asked.post(
            "/v1/setup_intents",
            customer=customer,
            payment_method="pm_card_authenticationRequiredOnSetup",
            confirm=True,
        )
        # when
        act(asked, setup["id"], succeed=True)
        intent = pay(asked, setup["payment_method"], customer=customer, off_session=True)
        # then
        assert intent["status"] == "succeeded"

    def test_a_card_that_was_not_set_up_is_declined_without_its_customer(self) -> None:
        # given
        asked = Asked()
        customer = asked.post("/v1/customers")["id"]
        method = asked.post("/v1/payment_methods/pm_card_authenticationRequiredOnSetup/attach", customer=customer)
        # when
        error = asked.refused(
            PAYMENTS,
            amount=100,
            currency="usd",
            customer=customer,
            payment_method=method["id"],
            confirm=True,
            off_session=True,
        )
        # then
        assert (error["status"], error["code"]) == (402, "authentication_required")

    @given(st.integers(50, 10_000), st.data())
    @settings(max_examples=20, deadline=None)
    def test_no_more_is_captured_than_was_authorized(self, amount: int, data: st.DataObject) -> None:
        # given
        asked = Asked()
        intent = pay(asked, amount=amount, capture_method="manual")
        assert (intent["status"], intent["amount_capturable"]) == ("requires_capture", amount)
        taken = data.draw(st.integers(1, amount))
        # when
        asked.refused(f"{PAYMENTS}/{intent['id']}/capture", amount_to_capture=amount + 1)
        captured = asked.post(f"{PAYMENTS}/{intent['id']}/capture", amount_to_capture=taken)
        # then
        assert (captured["status"], captured["amount_received"]) == ("succeeded", taken)
        booked = asked.get("/v1/balance_transactions")["data"][0]
        assert (booked["amount"], booked["source"]) == (taken, captured["latest_charge"])

    def test_an_authorization_that_nobody_captures_expires(self) -> None:
        asked = Asked()
        intent = pay(asked, capture_method="manual")
        asked.sandbox.turn(8 * DAY)
        assert asked.get(f"{PAYMENTS}/{intent['id']}")["status"] == "canceled"
        assert "charge.expired" in types(asked)

    @pytest.mark.parametrize(
        ("amount", "code"), [(0, "parameter_invalid_integer"), (49, "amount_too_small"), (10**8, "amount_too_large")]
    )
    def test_an_amount_that_cannot_be_charged_is_refused(self, amount: int, code: str) -> None:
        error = Asked().refused(PAYMENTS, amount=amount, currency="usd")
        assert (error["status"], error["code"], error["param"]) == (400, code, "amount")

    @pytest.mark.parametrize("step", ["confirm", "cancel", "capture"])
    def test_what_has_succeeded_is_done(self, step: str) -> None:
        asked = Asked()
        intent = pay(asked)
        error = asked.refused(f"{PAYMENTS}/{intent['id']}/{step}")
        assert error["code"] == "payment_intent_unexpected_state"

    def test_a_method_of_another_customer_is_refused(self) -> None:
        asked = Asked()
        mine, other = (asked.post("/v1/customers")["id"] for _ in range(2))
        method = asked.post("/v1/payment_methods/pm_card_visa/attach", customer=other)["id"]
        error = asked.refused(PAYMENTS, amount=100, currency="usd", customer=mine, payment_method=method, confirm=True)
        assert error["param"] == "payment_method"


class TestSetups:
    def test_a_saved_method_is_attached_before_its_intent_has_succeeded(self) -> None:
        asked = Asked()
        customer = asked.post("/v1/customers")["id"]
        intent = asked.post("/v1/setup_intents", customer=customer, payment_method="pm_card_visa", confirm=True)
        assert intent["status"] == "succeeded"
        assert types(asked, 1) == ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]

    def test_a_declining_card_is_not_saved(self) -> None:
        asked = Asked()
        error = asked.refused("/v1/setup_intents", payment_method="pm_card_chargeDeclined", confirm=True)
        assert (error["code"], error["setup_intent"]["status"]) == ("card_declined", "requires_payment_method")
        assert types(asked) == ["setup_intent.created", "setup_intent.setup_failed"]

    def test_a_bank_account_is_verified_by_what_came_on_it(self) -> None:
        # given
        asked = Asked()
        customer = asked.post("/v1/customers")["id"]
        number = {"account_number": "000123456789", "routing_number": "110000000", "account_holder_type": "company"}
        intent = asked.post(
            "/v1/setup_intents",
            customer=customer,
            confirm=True,
            payment_method_data={"type": "us_bank_account", "us_bank_account": number},
            payment_method_options={"us_bank_account": {"verification_method": "microdeposits"}},
            mandate_data=_MANDATE,
        )
        assert intent["next_action"]["type"] == "verify_with_microdeposits"
        # when
        path = f"/v1/setup_intents/{intent['id']}/verify_microdeposits"
        wrong = asked.refused(path, amounts=[1, 2])
        verified = asked.post(path, amounts=[32, 45])
        # then
        assert wrong["code"].endswith("amounts_mismatch")
        assert verified["status"] == "succeeded"
        assert asked.get(f"/v1/mandates/{verified['mandate']}")["status"] == "active"


class TestDebits:
    @pytest.mark.parametrize(
        ("name", "code"), [("success", None), ("insufficientFunds", "insufficient_funds"), ("noAccount", "no_account")]
    )
    def test_a_debit_is_processing_for_days_and_then_succeeds_or_fails(self, name: str, code: str | None) -> None:
        # given
        asked = Asked()
        intent = debit(asked, name)
        assert intent["status"] == "processing"
        asked.sandbox.turn(3 * DAY)
        assert asked.get(f"{PAYMENTS}/{intent['id']}")["status"] == "processing"
        # when
        asked.sandbox.turn(5 * DAY)
        # then
        ended = asked.get(f"{PAYMENTS}/{intent['id']}")
        charge = asked.get(f"/v1/charges/{ended['latest_charge']}")
        assert ended["status"] == ("succeeded" if code is None else "requires_payment_method")
        assert (charge["status"], charge["failure_code"]) == ("succeeded" if code is None else "failed", code)
        assert types(asked, 1)[:3] == ["payment_intent.created", "payment_intent.processing", "charge.pending"]

    def test_a_debit_on_a_test_clock_waits_for_the_clock(self) -> None:
        # given
        asked = Asked()
        clock = asked.post("/v1/test_helpers/test_clocks", frozen_time=1_800_000_000)
        customer = asked.post("/v1/customers", test_clock=clock["id"])["id"]
        intent = pay(asked, "pm_usBankAccount_success", customer=customer, mandate_data=_MANDATE)
        # when
        asked.sandbox.turn(30 * DAY)
        assert asked.get(f"{PAYMENTS}/{intent['id']}")["status"] == "processing"
        path = f"/v1/test_helpers/test_clocks/{clock['id']}/advance"
        asked.post(path, frozen_time=1_800_000_000 + 5 * DAY)
        # then
        assert asked.get(f"{PAYMENTS}/{intent['id']}")["status"] == "succeeded"

    def test_a_revoked_leave_ends_its_mandate(self) -> None:
        asked = Asked()
        intent = debit(asked, "debitNotAuthorized")
        asked.sandbox.turn(9 * DAY)
        charge = asked.get(f"/v1/charges/{asked.get(PAYMENTS + '/' + intent['id'])['latest_charge']}")
        mandate = charge["payment_method_details"]["us_bank_account"]["mandate"]
        assert asked.get(f"/v1/mandates/{mandate}")["status"] == "inactive"
        assert [e["data"]["previous_attributes"] for e in asked.events("mandate.updated")] == [{"status": "active"}]


class TestRefunds:
    @given(st.lists(st.integers(1, 400), min_size=1, max_size=6))
    @settings(max_examples=25, deadline=None)
    def test_never_more_goes_back_than_came(self, parts: list[int]) -> None:
        # given
        asked = Asked()
        intent = pay(asked, amount=1000)
        given_back = 0
        # when
        for part in parts:
            status, body = asked.answer("POST", "/v1/refunds", {"payment_intent": intent["id"], "amount": part})
            if status == 200:
                given_back += part
            else:
                assert given_back + part > 1000
                assert body["error"].get("code") in (None, "charge_already_refunded")
        # then
        charge = asked.get(f"/v1/charges/{intent['latest_charge']}", expand=["refunds"])
        assert charge["amount_refunded"] == given_back == sum(r["amount"] for r in charge["refunds"]["data"])
        assert charge["refunded"] is (given_back == 1000)
        assert total(asked) == 1000 - 59 - given_back

    def test_a_refund_that_fails_gives_the_money_back(self) -> None:
        asked = Asked()
        intent = pay(asked, "pm_card_refundFail")
        refund = asked.post("/v1/refunds", payment_intent=intent["id"])
        asked.sandbox.turn(6 * DAY)
        assert asked.get(f"/v1/refunds/{refund['id']}")["status"] == "failed"
        assert asked.get(f"/v1/charges/{intent['latest_charge']}")["amount_refunded"] == 0
        assert asked.events("refund.failed")[0]["data"]["previous_attributes"]["status"] == "succeeded"

    def test_a_refund_of_a_debit_is_pending_for_days(self) -> None:
        asked = Asked()
        intent = debit(asked, "success")
        asked.sandbox.turn(5 * DAY)
        refund = asked.post("/v1/refunds", payment_intent=intent["id"])
        assert refund["status"] == "pending"
        asked.sandbox.turn(11 * DAY)
        assert asked.get(f"/v1/refunds/{refund['id']}")["status"] == "succeeded"


class TestDisputes:
    @pytest.mark.parametrize(("word", "status"), [("winning_evidence", "won"), ("losing_evidence", "lost")])
    def test_a_dispute_takes_the_money_and_its_fee_and_gives_back_what_was_won(self, word: str, status: str) -> None:
        # given
        asked = Asked()
        intent = pay(asked, "pm_card_createDispute")
        dispute = asked.get("/v1/disputes", payment_intent=intent["id"])["data"][0]
        assert (dispute["status"], total(asked)) == ("needs_response", 2000 - 88 - 2000 - 1500)
        assert asked.refused("/v1/refunds", payment_intent=intent["id"])["code"] == "charge_disputed"
        # when
        ended = asked.post(f"/v1/disputes/{dispute['id']}", evidence={"uncategorized_text": word})
        # then
        assert (ended["status"], total(asked)) == (status, 2000 * (status == "won") - 88 - 1500)
        told = [t for t in types(asked) if t.startswith("charge.dispute.")]
        back = ["charge.dispute.funds_reinstated"] if status == "won" else []
        assert told[2:] == ["charge.dispute.updated", "charge.dispute.closed", *back]

    def test_an_inquiry_takes_nothing_and_ends(self) -> None:
        asked = Asked()
        intent = pay(asked, "pm_card_createDisputeInquiry")
        dispute = asked.get("/v1/disputes", payment_intent=intent["id"])["data"][0]
        assert (dispute["status"], dispute["balance_transactions"]) == ("warning_needs_response", [])
        assert asked.post(f"/v1/disputes/{dispute['id']}/close")["status"] == "warning_closed"
        assert total(asked) == 2000 - 88

    def test_a_dispute_that_nobody_answers_is_lost(self) -> None:
        asked = Asked()
        intent = pay(asked, "pm_card_createDispute")
        asked.sandbox.turn(10 * DAY)
        assert asked.get("/v1/disputes", payment_intent=intent["id"])["data"][0]["status"] == "lost"

    def test_a_warning_of_fraud_needs_no_action_once_the_charge_is_refunded(self) -> None:
        asked = Asked()
        intent = pay(asked, "pm_card_createIssuerFraudRecord")
        warnings = "/v1/radar/early_fraud_warnings"
        assert asked.get(warnings)["data"][0]["actionable"] is True
        asked.post("/v1/refunds", payment_intent=intent["id"])
        assert asked.get(warnings)["data"][0]["actionable"] is False


class TestBalance:
    @given(AMOUNTS)
    def test_a_card_costs_two_point_nine_percent_and_thirty_but_never_more_than_it_brings(self, amount: int) -> None:
        fee = processing_fee("card", amount, "usd")
        assert abs(1000 * (fee - 30) - 29 * amount) <= 500
        assert 0 < fee <= amount

    @given(st.lists(st.tuples(st.sampled_from(["usd", "eur"]), st.integers(100, 5000)), min_size=1, max_size=5))
    @settings(max_examples=20, deadline=None)
    def test_the_balance_is_the_sum_of_all_nets_before_and_after_payouts(self, paid: list[tuple[str, int]]) -> None:
        # given
        asked = Asked()
        for currency, amount in paid:
            pay(asked, amount=amount, currency=currency)
        for days in (0, 3, 6, 9):
            # when
            asked.sandbox.turn(days * DAY)
            # then
            balance = asked.get("/v1/balance")
            moved = asked.get("/v1/balance_transactions", limit=100)["data"]
            for currency in {c for c, _ in paid}:
                nets = sum(t["net"] for t in moved if t["currency"] == currency)
                shown = [p["amount"] for w in ("available", "pending") for p in balance[w] if p["currency"] == currency]
                assert sum(shown) == nets
        for payout in asked.get("/v1/payouts")["data"]:
            of_it = asked.get("/v1/balance_transactions", payout=payout["id"], limit=100)["data"]
            assert payout["status"] == "paid"
            assert sum(t["net"] for t in of_it) == 0
            assert sum(t["net"] for t in of_it if t["type"] != "payout") == payout["amount"]
        assert len(asked.get("/v1/payouts")["data"]) == len({c for c, _ in paid})

    def test_a_payout_by_hand_takes_no_more_than_is_available(self) -> None:
        asked = Asked()
        pay(asked, "pm_card_bypassPending")
        asked.get("/v1/balance")
        assert asked.refused("/v1/payouts", amount=1913, currency="usd")["code"] == "balance_insufficient"
        payout = asked.post("/v1/payouts", amount=1912, currency="usd")
        assert (payout["status"], payout["automatic"], total(asked)) == ("pending", False, 0)


class TestInterface:
    """What invoices and checkout sessions build on."""

    def test_a_declined_payment_comes_back_as_an_intent_and_can_be_tried_again(self) -> None:
        # given
        asked = Asked()
        customer = asked.post("/v1/customers", payment_method="pm_card_chargeCustomerFail")["id"]
        bad = asked.get(f"/v1/customers/{customer}/payment_methods")["data"][0]["id"]
        there = desk(asked)
        # when
        intent = charging.pay_now(
            there, customer=customer, amount=900, currency="usd", payment_method=bad, off_session=True
        )
        # then
        assert intent["status"] == "requires_payment_method"
        assert there.get("charge", intent["latest_charge"])["status"] == "failed"
        assert charging.default_method(there, customer) is None
        assert charging.default_method(there, customer, None, bad) == bad
        assert charging.try_again(there, intent, "pm_card_visa", off_session=True)["status"] == "succeeded"
        charge = there.get("charge", intent["latest_charge"])
        assert charge["balance_transaction"] is not None

    def test_the_invoice_of_a_payment_shows_until_basil(self) -> None:
        asked = Asked()
        there = desk(asked)
        intent = charging.pay_now(
            there,
            customer=None,
            amount=900,
            currency="usd",
            payment_method="pm_card_visa",
            off_session=True,
            invoice="in_1",
        )
        there.work.commit()
        path = f"{PAYMENTS}/{intent['id']}"
        assert asked.speaking(ACACIA).get(path, expand=["latest_charge"])["latest_charge"]["invoice"] == "in_1"
        assert "invoice" not in asked.get(path)
        assert asked.speaking(ACACIA).get(path)["invoice"] == "in_1"
        assert "managed_payments" in asked.speaking(DAHLIA).get(path)
        assert "payment_record" not in asked.speaking(DAHLIA).get(path)


def _story(asked: Asked) -> None:
    """A bit of everything."""
    customer = asked.post("/v1/customers", payment_method="pm_card_visa")["id"]
    intent = pay(asked)
    asked.post("/v1/refunds", payment_intent=intent["id"], amount=100)
    for method in ("chargeDeclined", "createDispute", "threeDSecure2Required", "bypassPending", "refundFail"):
        said = {"amount": 900, "currency": "usd", "payment_method": f"pm_card_{method}", "confirm": True}
        asked.answer("POST", PAYMENTS, said)
    failing = pay(asked, "pm_card_refundFail")
    asked.post("/v1/refunds", payment_intent=failing["id"])
    for name in ("success", "insufficientFunds", "dispute", "debitNotAuthorized"):
        debit(asked, name)
    pay(asked, "pm_success_de", currency="eur", mandate_data=_MANDATE)
    for method in ("pm_card_visa", "pm_card_threeDSecure2Required", "pm_card_chargeDeclined"):
        said = {"customer": customer, "payment_method": method, "confirm": True}
        asked.answer("POST", "/v1/setup_intents", said)
    asked.sandbox.turn(12 * DAY)


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_satisfies_stripes_own_types(version: str) -> None:
    # given
    asked = Asked(version=version)
    _story(asked)
    seen = set()
    # then
    for event in asked.events():
        rendered = event["data"]["object"]
        if rendered["object"] in ("radar.early_fraud_warning",):
            continue
        assert faults_of(rendered, version) == [], event["type"]
        seen.add(rendered["object"])
    for moved in asked.get("/v1/balance_transactions", limit=100)["data"]:
        assert faults_of(moved, version) == []
    assert seen >= {"charge", "dispute", "mandate", "payment_intent", "payment_method", "payout", "refund"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_says_the_same_in_each_version(version: str) -> None:
    # given
    asked = Asked(version=ENDIVE)
    _story(asked)
    # then
    newest, shown = asked.events(), asked.speaking(version).events()
    for new, event in zip(newest, shown, strict=True):
        first, second = (
            said(e["data"]["object"], e["type"], e["data"].get("previous_attributes"), event_id=e["id"], api_version=v)
            for e, v in ((new, ENDIVE), (event, version))
        )
        assert isinstance(first, ObjectFact)
        assert isinstance(second, ObjectFact)
        assert _about(first) == _about(second), event["type"]


def _about(fact: ObjectFact) -> dict[str, Any]:
    names = FIELDS[fact.model]
    spoken = [name for i, name in enumerate(names) if fact.mask >> i & 1]
    told = dict(zip(spoken, fact.values, strict=True))
    return {name: told[name] for name in ("status", "amount_minor", "currency", "charge") if name in told}
