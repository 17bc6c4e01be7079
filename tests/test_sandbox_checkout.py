"""Checkout, payment links and the portal of the sandbox: what is offered, what is bought, what only an event proves."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from sandboxes import ENDIVE, VERSIONS, Asked, faults_of

from api.sandbox.resources.checkout_completion import Form, complete
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving

DAY = 86_400
FORM = Form(email="ann@shop.example", name="Ann", country="US", payment_method="pm_card_visa")


def buy(asked: Asked, session: dict[str, Any], form: Form = FORM) -> dict[str, Any]:
    """As a buyer does on the page."""
    with asked.sandbox.desk_of("checkout.session", session["id"]) as desk:
        complete(desk, session["id"], form)
    return asked.get(f"/v1/checkout/sessions/{session['id']}")


def offer(asked: Asked, *, recurring: bool = False, amount: int = 2000) -> str:
    said: dict[str, Any] = {"recurring": {"interval": "month"}} if recurring else {}
    made = asked.post("/v1/prices", currency="usd", unit_amount=amount, product_data={"name": "Pro"}, **said)
    return str(made["id"])


def session_for(asked: Asked, mode: str, **said: Any) -> dict[str, Any]:
    items = (
        {}
        if mode == "setup"
        else {"line_items": [{"price": offer(asked, recurring=mode == "subscription"), "quantity": 2}]}
    )
    urls = {"success_url": "https://shop.example/thanks?session={CHECKOUT_SESSION_ID}"}
    return asked.post("/v1/checkout/sessions", mode=mode, **{**items, **urls, **said})


def types(asked: Asked) -> list[str]:
    return [e["type"] for e in asked.events()]


def test_a_payment_is_made_and_its_session_completes() -> None:
    # given
    asked = Asked()
    session = session_for(asked, "payment", metadata={"order": "7"})
    assert (session["status"], session["payment_status"], session["amount_total"]) == ("open", "unpaid", 4000)
    # when
    bought = buy(asked, session)
    # then
    assert (bought["status"], bought["payment_status"], bought["url"]) == ("complete", "paid", None)
    assert bought["customer_details"]["email"] == "ann@shop.example"
    intent = asked.get(f"/v1/payment_intents/{bought['payment_intent']}")
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 4000)
    seen = types(asked)
    assert seen.index("payment_intent.succeeded") < seen.index("checkout.session.completed")


def test_a_declined_card_leaves_the_session_open_for_another() -> None:
    # given
    asked = Asked()
    session = session_for(asked, "payment")
    # when
    with pytest.raises(Exception, match="declined"):
        buy(asked, session, Form(email="a@b.example", payment_method="pm_card_chargeDeclined"))
    # then
    assert asked.get(f"/v1/checkout/sessions/{session['id']}")["status"] == "open"
    assert buy(asked, session)["payment_status"] == "paid"
    assert len(asked.get("/v1/payment_intents")["data"]) == 1


def test_a_subscription_begins_when_its_first_invoice_is_paid() -> None:
    # given
    asked = Asked()
    session = session_for(asked, "subscription", subscription_data={"metadata": {"org_id": "org_1"}})
    # when
    bought = buy(asked, session)
    # then
    subscription = asked.get(f"/v1/subscriptions/{bought['subscription']}")
    invoice = asked.get(f"/v1/invoices/{bought['invoice']}")
    assert (subscription["status"], subscription["metadata"]) == ("active", {"org_id": "org_1"})
    assert (invoice["status"], invoice["amount_paid"], invoice["subtotal"]) == ("paid", 4000, 4000)
    assert bought["customer"] == subscription["customer"]
    seen = types(asked)
    assert seen.index("invoice.paid") < seen.index("checkout.session.completed")


def test_who_subscribes_is_entitled_to_what_the_product_carries_until_it_ends() -> None:
    # given
    asked = Asked()
    price = offer(asked, recurring=True)
    product = asked.get(f"/v1/prices/{price}")["product"]
    feature = asked.post("/v1/entitlements/features", name="Seats", lookup_key="seats")["id"]
    asked.post(f"/v1/products/{product}/features", entitlement_feature=feature)
    # when
    bought = buy(asked, session_for(asked, "subscription", line_items=[{"price": price, "quantity": 1}]))
    held = asked.get("/v1/entitlements/active_entitlements", customer=bought["customer"])["data"]
    asked.delete(f"/v1/subscriptions/{bought['subscription']}")
    # then
    assert [e["lookup_key"] for e in held] == ["seats"]
    assert asked.get("/v1/entitlements/active_entitlements", customer=bought["customer"])["data"] == []
    told = asked.events("entitlements.active_entitlement_summary.updated")
    assert [len(e["data"]["object"]["entitlements"]["data"]) for e in told] == [1, 0]


def test_with_a_trial_the_method_is_saved_and_nothing_is_paid() -> None:
    asked = Asked()
    session = session_for(asked, "subscription", subscription_data={"trial_period_days": 14})
    bought = buy(asked, session)
    subscription = asked.get(f"/v1/subscriptions/{bought['subscription']}")
    assert (bought["amount_total"], bought["payment_status"]) == (0, "no_payment_required")
    assert (subscription["status"], subscription["default_payment_method"] is not None) == ("trialing", True)


def test_a_setup_saves_a_method_for_its_customer() -> None:
    asked = Asked()
    customer = asked.post("/v1/customers", email="ann@shop.example")["id"]
    bought = buy(asked, session_for(asked, "setup", customer=customer))
    intent = asked.get(f"/v1/setup_intents/{bought['setup_intent']}")
    assert (bought["status"], intent["status"], intent["customer"]) == ("complete", "succeeded", customer)
    methods = asked.get("/v1/payment_methods", customer=customer)["data"]
    assert [m["id"] for m in methods] == [intent["payment_method"]]


def test_a_bank_debit_completes_the_session_and_is_paid_days_later() -> None:
    # given
    asked = Asked()
    customer = asked.post("/v1/customers", email="ann@shop.example")["id"]
    session = session_for(asked, "payment", customer=customer, allowed_payment_method_types=["us_bank_account"])
    # when
    bought = buy(asked, session, Form(payment_method="pm_usBankAccount_success"))
    # then
    assert (bought["status"], bought["payment_status"]) == ("complete", "unpaid")
    asked.sandbox.turn(7 * DAY)
    assert asked.get(f"/v1/checkout/sessions/{session['id']}")["payment_status"] == "paid"
    assert "checkout.session.async_payment_succeeded" in types(asked)


def test_a_session_runs_out_after_a_day_and_can_be_closed_before() -> None:
    # given
    asked = Asked()
    one, two = session_for(asked, "payment"), session_for(asked, "payment")
    # when
    closed = asked.post(f"/v1/checkout/sessions/{one['id']}/expire")
    asked.sandbox.turn(DAY + 1)
    # then
    assert closed["status"] == asked.get(f"/v1/checkout/sessions/{two['id']}")["status"] == "expired"
    assert types(asked).count("checkout.session.expired") == 2
    with pytest.raises(Exception, match="status of expired"):
        buy(asked, one)


def test_a_promotion_code_lowers_what_is_paid() -> None:
    # given
    asked = Asked()
    coupon = asked.post("/v1/coupons", percent_off="25", duration="once")["id"]
    code = asked.post("/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon}, code="QUARTER")
    session = session_for(asked, "payment", allow_promotion_codes=True)
    # when
    bought = buy(asked, session, Form(email="a@b.example", payment_method="pm_card_visa", promotion_code="quarter"))
    # then
    assert (bought["amount_total"], bought["total_details"]["amount_discount"]) == (3000, 1000)
    assert bought["discounts"] == [{"coupon": coupon, "promotion_code": code["id"]}]


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"mode": "payment", "line_items": None}, "line_items"),
        ({"mode": "setup", "success_url": "shop.example"}, "success_url"),
        ({"mode": "payment", "expires_at": 1}, "expires_at"),
        ({"mode": "payment", "customer": "cus_unknown"}, "customer"),
        ({"mode": "payment", "return_url": "https://shop.example"}, "return_url"),
    ],
)
def test_what_stripe_refuses_is_refused(said: dict[str, Any], param: str) -> None:
    asked = Asked()
    items = {"line_items": [{"price": offer(asked), "quantity": 1}]} if said["mode"] == "payment" else {}
    whole = {k: v for k, v in {**items, **said}.items() if v is not None}
    assert asked.refused("/v1/checkout/sessions", **whole)["param"] == param


def test_the_mode_and_the_prices_must_fit() -> None:
    asked = Asked()
    monthly, once = offer(asked, recurring=True), offer(asked)
    for mode, price in (("payment", monthly), ("subscription", once)):
        error = asked.refused("/v1/checkout/sessions", mode=mode, line_items=[{"price": price, "quantity": 1}])
        assert error["param"] == "line_items"


def test_a_payment_link_is_a_session_for_each_visitor() -> None:
    with served() as (asked, url):
        # given
        link = asked.post("/v1/payment_links", line_items=[{"price": offer(asked), "quantity": 1}], metadata={"a": "b"})
        path = link["url"].replace("https://buy.stripe.com", url)
        # when
        pages = [requests.get(path, timeout=5).url for _ in range(2)]
        # then
        sessions = asked.get("/v1/checkout/sessions", payment_link=link["id"])["data"]
        assert sorted(p.rpartition("/")[2] for p in pages) == sorted(s["id"] for s in sessions)
        assert sessions[0]["metadata"] == {"a": "b"}
        asked.post(f"/v1/payment_links/{link['id']}", active=False)
        assert requests.get(path, timeout=5).status_code == 400


@contextmanager
def served() -> Iterator[tuple[Asked, str]]:
    with serving(sandbox := Sandbox()) as url:
        yield Asked(sandbox), url


def test_the_page_sells_asks_the_bank_and_returns_to_the_seller() -> None:
    with served() as (asked, url):
        # given
        session = session_for(asked, "subscription", success_url=f"{url}/_sandbox/?session={{CHECKOUT_SESSION_ID}}")
        page = f"{url}/c/pay/{session['id']}"
        assert "$40.00" in requests.get(page, timeout=5).text
        form = {"email": "ann@shop.example", "country": "US"}
        # when
        declined = requests.post(page, {**form, "payment_method": "pm_card_chargeDeclined"}, timeout=5)
        asks = requests.post(page, {**form, "payment_method": "pm_card_authenticationRequired"}, timeout=5)
        done = requests.post(asks.url, {"succeed": "1"}, timeout=5)
        # then
        assert "declined" in declined.text
        assert "3d_secure_2" in asks.url
        assert done.url.endswith(f"?session={session['id']}")
        assert asked.get(f"/v1/checkout/sessions/{session['id']}")["payment_status"] == "paid"
        assert "complete already" in requests.get(page, timeout=5).text


def test_a_charge_has_a_receipt_that_can_be_read() -> None:
    with served() as (asked, url):
        # given
        said = {"amount": 1_000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
        charge = asked.post("/v1/payment_intents", description="Two seats", **said)["latest_charge"]
        asked.post("/v1/refunds", charge=charge, amount=250)
        address = asked.get(f"/v1/charges/{charge}")["receipt_url"]
        # when
        page = requests.get(address.replace("https://pay.stripe.com", url), timeout=5)
        # then
        assert page.status_code == 200
        assert "$7.50" in page.text and "Two seats" in page.text
        pending = asked.post("/v1/payment_intents", **{**said, "confirm": False})
        assert pending["latest_charge"] is None
        assert requests.get(f"{url}/receipts/payment/ch_nobody", timeout=5).status_code == 404


class TestPortal:
    """https://docs.stripe.com/customer-management."""

    def configured(self, asked: Asked, **features: Any) -> dict[str, Any]:
        return asked.post(
            "/v1/billing_portal/configurations", features={"invoice_history": {"enabled": True}, **features}
        )

    def test_a_customer_cancels_and_changes_its_card(self) -> None:
        with served() as (asked, url):
            # given
            on = {"enabled": True}
            self.configured(asked, subscription_cancel=on, payment_method_update=on)
            bought = buy(asked, session_for(asked, "subscription"))
            session = asked.post(
                "/v1/billing_portal/sessions", customer=bought["customer"], return_url="https://shop.example"
            )
            page = session["url"].replace("https://billing.stripe.com", url)
            # when
            requests.post(page, {"do": "cancel", "subscription": bought["subscription"]}, timeout=5)
            shown = requests.post(page, {"do": "method", "payment_method": "pm_card_mastercard"}, timeout=5).text
            # then
            assert asked.get(f"/v1/subscriptions/{bought['subscription']}")["cancel_at_period_end"] is True
            assert "mastercard" in shown
            customer = asked.get(f"/v1/customers/{bought['customer']}")
            assert customer["invoice_settings"]["default_payment_method"] is not None

    def test_what_its_configuration_does_not_allow_is_refused(self) -> None:
        with served() as (asked, url):
            self.configured(asked)
            bought = buy(asked, session_for(asked, "subscription"))
            session = asked.post("/v1/billing_portal/sessions", customer=bought["customer"])
            page = session["url"].replace("https://billing.stripe.com", url)
            said = {"do": "cancel", "subscription": bought["subscription"]}
            assert "not allowed" in requests.post(page, said, timeout=5).text
            assert asked.get(f"/v1/subscriptions/{bought['subscription']}")["cancel_at_period_end"] is False
            deep = {"type": "subscription_cancel", "subscription_cancel": {"subscription": bought["subscription"]}}
            error = asked.refused("/v1/billing_portal/sessions", customer=bought["customer"], flow_data=deep)
            assert error["param"] == "flow_data[type]"

    def test_without_a_configuration_there_is_no_portal(self) -> None:
        asked = Asked()
        customer = asked.post("/v1/customers")["id"]
        assert asked.refused("/v1/billing_portal/sessions", customer=customer)["param"] == "configuration"


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_satisfy_stripes_own_types(version: str) -> None:
    asked = Asked(version=ENDIVE)
    sessions = [session_for(asked, mode) for mode in ("payment", "subscription", "setup")]
    sessions += [buy(asked, session_for(asked, "payment"))]
    TestPortal().configured(asked)
    seen = asked.speaking(version)
    for session in sessions:
        assert faults_of(seen.get(f"/v1/checkout/sessions/{session['id']}", expand=["line_items"]), version) == []
    customer = asked.post("/v1/customers")["id"]
    assert faults_of(seen.post("/v1/billing_portal/sessions", customer=customer), version) == []
