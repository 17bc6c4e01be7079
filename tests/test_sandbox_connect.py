"""The sandbox's connected accounts: what they must tell, whose money is whose, fees, transfers and payouts."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandboxes import VERSIONS, Asked, faults_of

from api.sandbox.desk import Desk
from api.sandbox.resources.accounts import onboard
from api.sandbox.sandbox import PLATFORM_ACCOUNT

DAY = 86_400
PAYMENTS = "/v1/payment_intents"
_ASKED = {"card_payments": {"requested": True}, "transfers": {"requested": True}}


def seller(asked: Asked, type: str = "express", country: str = "US") -> str:
    """A connected account that may take money and be paid."""
    id = str(asked.post("/v1/accounts", type=type, country=country, capabilities=_ASKED)["id"])
    desk = Desk(asked.sandbox.state, f"{PLATFORM_ACCOUNT}/test", asked.sandbox.wall_s)
    onboard(desk, id)
    desk.work.commit()
    return id


def pay(asked: Asked, amount: int = 1000, **more: Any) -> dict[str, Any]:
    said = {"amount": amount, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True, **more}
    intent = asked.post(PAYMENTS, **said)
    return asked.get(f"/v1/charges/{intent['latest_charge']}", expand=["balance_transaction"])


def total(asked: Asked) -> int:
    balance = asked.get("/v1/balance")
    return sum(part["amount"] for where in ("available", "pending") for part in balance[where])


def cost(amount: int) -> int:
    return (29 * amount + 500) // 1000 + 30


class TestAccounts:
    def test_an_express_account_may_take_money_once_its_owner_has_told_what_is_wanted(self) -> None:
        # given
        asked = Asked()
        account = asked.post("/v1/accounts", type="express", capabilities=_ASKED)
        assert (account["charges_enabled"], account["payouts_enabled"]) == (False, False)
        assert account["requirements"]["disabled_reason"] == "requirements.past_due"
        assert "external_account" in account["requirements"]["currently_due"]
        # when
        desk = Desk(asked.sandbox.state, f"{PLATFORM_ACCOUNT}/test", asked.sandbox.wall_s)
        onboard(desk, account["id"])
        desk.work.commit()
        # then
        ready = asked.get(f"/v1/accounts/{account['id']}")
        assert (ready["charges_enabled"], ready["payouts_enabled"], ready["details_submitted"]) == (True, True, True)
        assert ready["capabilities"] == {"card_payments": "active", "transfers": "active"}
        told = asked.on(account["id"]).events("account.updated")
        assert told[0]["data"]["previous_attributes"]["charges_enabled"] is False
        assert asked.events("account.updated") == []

    def test_a_custom_account_tells_all_by_the_api(self) -> None:
        # given
        asked = Asked()
        bank = {"country": "CH", "currency": "chf", "account_number": "CH9300762011623852957"}
        token = asked.post("/v1/tokens", bank_account=bank)["id"]
        account = asked.post("/v1/accounts", type="custom", country="CH", capabilities=_ASKED, external_account=token)
        due = account["requirements"]["currently_due"]
        assert "external_account" not in due and {"business_type", "tos_acceptance.date"} <= set(due)
        # when
        told = asked.post(
            f"/v1/accounts/{account['id']}",
            business_type="individual",
            individual={"first_name": "Ann", "last_name": "B", "dob": {"day": 1, "month": 1, "year": 1980}},
            business_profile={"mcc": "5734", "url": "https://shop.example"},
            tos_acceptance={"date": 1_700_000_000, "ip": "192.0.2.1"},
        )
        # then
        assert (told["requirements"]["currently_due"], told["charges_enabled"]) == ([], True)
        assert (told["default_currency"], told["external_accounts"]["data"][0]["last4"]) == ("chf", "2957")
        assert asked.refused("/v1/accounts", external_account=token)["code"] == "token_already_used"

    @pytest.mark.parametrize(
        ("controller", "type"),
        [
            ({"stripe_dashboard": {"type": "express"}, "losses": {"payments": "application"}}, "express"),
            ({}, "standard"),
        ],
    )
    def test_what_controls_an_account_is_its_type(self, controller: dict[str, Any], type: str) -> None:
        said = {"controller": controller} if controller else {}
        assert Asked().post("/v1/accounts", **said)["type"] == type

    def test_a_deleted_account_is_gone_for_its_platform(self) -> None:
        asked = Asked()
        account = asked.post("/v1/accounts", type="standard")["id"]
        assert asked.delete(f"/v1/accounts/{account}") == {"id": account, "object": "account", "deleted": True}
        assert asked.refused(f"/v1/accounts/{account}", method="GET")["status"] == 403
        assert asked.on(account).events("account.application.deauthorized")

    def test_a_link_needs_its_two_pages_and_a_login_link_an_express_account(self) -> None:
        asked = Asked()
        account = seller(asked, "express")
        said = {"account": account, "type": "account_onboarding", "refresh_url": "https://a.example"}
        assert asked.refused("/v1/account_links", **said)["param"] == "return_url"
        assert asked.post("/v1/account_links", **said, return_url="https://b.example")["object"] == "account_link"
        assert asked.post(f"/v1/accounts/{account}/login_links")["object"] == "login_link"
        assert asked.refused(f"/v1/accounts/{seller(asked, 'standard')}/login_links")["status"] == 400

    def test_people_and_bank_accounts_are_the_accounts_own(self) -> None:
        asked = Asked()
        one, two = seller(asked), seller(asked)
        person = asked.post(f"/v1/accounts/{one}/persons", first_name="Ann", relationship={"owner": True})
        assert asked.get(f"/v1/accounts/{one}/persons", relationship={"owner": True})["data"] == [person]
        assert asked.get(f"/v1/accounts/{two}/persons")["data"] == []
        bank = asked.get(f"/v1/accounts/{one}/external_accounts")["data"][0]["id"]
        assert asked.refused(f"/v1/accounts/{two}/external_accounts/{bank}", method="GET")["status"] == 404
        assert asked.refused(f"/v1/accounts/{one}/external_accounts/{bank}", method="DELETE")["status"] == 400


class TestCharges:
    @given(st.integers(100, 50_000), st.data())
    @settings(max_examples=20, deadline=None)
    def test_of_a_direct_charge_the_platform_has_its_fee_and_the_seller_the_rest(
        self, amount: int, data: st.DataObject
    ) -> None:
        # given
        asked = Asked()
        account = seller(asked)
        fee = data.draw(st.integers(1, amount // 2))
        # when
        charge = pay(asked.on(account), amount, application_fee_amount=fee)
        # then
        assert [p["type"] for p in charge["balance_transaction"]["fee_details"]] == ["stripe_fee", "application_fee"]
        assert total(asked.on(account)) == amount - cost(amount) - fee
        assert total(asked) == fee
        taken = asked.get("/v1/application_fees", charge=charge["id"])["data"][0]
        assert (taken["amount"], taken["account"], taken["id"]) == (fee, account, charge["application_fee"])

    @given(st.integers(100, 50_000), st.data())
    @settings(max_examples=20, deadline=None)
    def test_of_a_destination_charge_the_platform_pays_stripe_and_the_seller_the_fee(
        self, amount: int, data: st.DataObject
    ) -> None:
        # given
        asked = Asked()
        account = seller(asked)
        fee = data.draw(st.integers(1, amount // 2))
        # when
        charge = pay(asked, amount, application_fee_amount=fee, transfer_data={"destination": account})
        # then
        assert total(asked.on(account)) == amount - fee
        assert total(asked) == fee - cost(amount)
        transfer = asked.get(f"/v1/transfers/{charge['transfer']}")
        assert (transfer["amount"], transfer["source_transaction"]) == (amount, charge["id"])
        # and when all of it goes back, but for what Stripe took
        asked.post("/v1/refunds", charge=charge["id"], reverse_transfer=True, refund_application_fee=True)
        assert (total(asked), total(asked.on(account))) == (-cost(amount), 0)

    def test_a_fee_needs_a_seller(self) -> None:
        error = Asked().refused(PAYMENTS, amount=1000, currency="usd", application_fee_amount=1)
        assert error["param"] == "application_fee_amount"

    def test_nothing_goes_to_an_account_that_may_not_receive_it(self) -> None:
        asked = Asked()
        account = asked.post("/v1/accounts", type="express", capabilities=_ASKED)["id"]
        data = {"destination": account}
        error = asked.refused(PAYMENTS, amount=1000, currency="usd", transfer_data=data)
        assert error["code"] == "insufficient_capabilities_for_transfer"
        data = {"destination": "acct_unknown"}
        error = asked.refused(PAYMENTS, amount=1000, currency="usd", transfer_data=data)
        assert (error["code"], error["message"]) == ("resource_missing", "No such destination: 'acct_unknown'")

    def test_accounts_do_not_see_each_other(self) -> None:
        asked = Asked()
        account = seller(asked)
        charge = pay(asked.on(account))
        assert asked.refused(f"/v1/charges/{charge['id']}", method="GET")["code"] == "resource_missing"
        assert asked.on("acct_unknown").refused("/v1/charges", method="GET")["code"] == "account_invalid"


class TestTransfers:
    @given(st.lists(st.integers(1, 600), min_size=1, max_size=5))
    @settings(max_examples=20, deadline=None)
    def test_never_more_is_taken_back_than_was_handed_on(self, parts: list[int]) -> None:
        # given
        asked = Asked()
        account = seller(asked)
        asked.post(PAYMENTS, amount=5000, currency="usd", payment_method="pm_card_bypassPending", confirm=True)
        transfer = asked.post("/v1/transfers", amount=1000, currency="usd", destination=account)
        back = 0
        # when
        for part in parts:
            status, _ = asked.answer("POST", f"/v1/transfers/{transfer['id']}/reversals", {"amount": part})
            assert (status == 200) is (back + part <= 1000)
            back += part if status == 200 else 0
        # then
        held = asked.get(f"/v1/transfers/{transfer['id']}")
        assert (held["amount_reversed"], held["reversed"]) == (back, back == 1000)
        assert sum(r["amount"] for r in held["reversals"]["data"]) == back
        assert (total(asked), total(asked.on(account))) == (5000 - 175 - 1000 + back, 1000 - back)

    def test_what_is_not_available_yet_is_handed_on_with_its_charge_alone(self) -> None:
        asked = Asked()
        account = seller(asked)
        charge = pay(asked)
        said = {"amount": 400, "currency": "usd", "destination": account}
        assert asked.refused("/v1/transfers", **said)["code"] == "balance_insufficient"
        transfer = asked.post("/v1/transfers", **said, source_transaction=charge["id"])
        assert transfer["transfer_group"] == f"group_{charge['payment_intent']}"
        assert (
            asked.refused("/v1/transfers", **said | {"amount": 601}, source_transaction=charge["id"])["status"] == 400
        )

    def test_a_seller_is_paid_out_what_it_has_and_an_account_by_hand_is_not(self) -> None:
        # given
        asked = Asked()
        daily, manual = seller(asked), seller(asked)
        asked.post(f"/v1/accounts/{manual}", settings={"payouts": {"schedule": {"interval": "manual"}}})
        for account in (daily, manual):
            pay(asked.on(account))
        # when
        asked.sandbox.turn(8 * DAY)
        # then
        paid = asked.on(daily).get("/v1/payouts")["data"]
        assert [(p["amount"], p["status"], p["automatic"]) for p in paid] == [(1000 - 59, "paid", True)]
        assert paid[0]["destination"] == asked.get(f"/v1/accounts/{daily}/external_accounts")["data"][0]["id"]
        assert asked.on(manual).get("/v1/payouts")["data"] == []
        assert (total(asked.on(daily)), total(asked.on(manual))) == (0, 941)


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_accounts_fees_and_transfers_satisfy_stripes_own_types(version: str) -> None:
    asked = Asked(version=version)
    account = seller(asked)
    charge = pay(asked, application_fee_amount=100, transfer_data={"destination": account})
    pay(asked.on(account), application_fee_amount=100)
    asked.post("/v1/refunds", charge=charge["id"], reverse_transfer=True, refund_application_fee=True)
    asked.sandbox.turn(5 * DAY)
    found = [asked.get("/v1/account"), *asked.get("/v1/accounts")["data"]]
    for world in (asked, asked.on(account)):
        for kind in ("application_fees", "transfers", "charges", "balance_transactions", "payouts"):
            found += world.get(f"/v1/{kind}")["data"]
        found.append(world.get("/v1/balance"))
    for object in found:
        assert faults_of(object, version) == [], object["object"]
    assert {o["object"] for o in found} >= {"account", "application_fee", "transfer", "charge", "balance", "payout"}
