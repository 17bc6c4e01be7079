"""The sandbox's coupons, taxes, features and meters follow Stripe's rules."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandboxes import ACACIA, CLOVER, VERSIONS, Asked, faults_of

from api.sandbox.desk import Desk
from api.sandbox.resources.discounting import Bearer, Discountable, off, redeem
from api.sandbox.resources.taxing import Buyer, Taxable, exclusive_part, inclusive_part, taxes
from api.sandbox.rounding import allotted, half_up, percent_of
from api.sandbox.sandbox import PLATFORM_ACCOUNT

DAY = 86_400
AMOUNTS = st.integers(0, 10**9)


def desk(asked: Asked) -> Desk:
    return Desk(asked.sandbox.state, f"{PLATFORM_ACCOUNT}/test", asked.sandbox.wall_s)


@given(AMOUNTS, st.lists(AMOUNTS, min_size=1, max_size=9).filter(any))
def test_what_is_allotted_adds_up_and_is_never_a_unit_off(total: int, weights: list[int]) -> None:
    parts = allotted(total, weights)
    assert sum(parts) == total
    assert all(abs(p - Decimal(total) * w / sum(weights)) < 1 for p, w in zip(parts, weights, strict=True))


def test_halves_go_away_from_zero() -> None:
    assert [half_up(Decimal(said)) for said in ("0.5", "-0.5", "1.49", "2.5")] == [1, -1, 1, 3]
    assert percent_of(43, "15") == 6
    assert percent_of(484, "15") == 73


class TestDiscounts:
    """https://docs.stripe.com/billing/subscriptions/coupons."""

    def test_percentages_are_of_what_earlier_ones_left(self) -> None:
        # given
        asked = Asked()
        tenth = asked.post("/v1/coupons", percent_off="10", duration="forever")["id"]
        fifth = asked.post("/v1/coupons", percent_off="20", duration="forever")["id"]
        # when
        d = desk(asked)
        ids = redeem(d, [{"coupon": tenth}, {"coupon": fifth}], Bearer(None))
        taken = off(d, [Discountable(1000, None), Discountable(50, None, discountable=False)], ids, "usd")
        # then
        assert [[t["amount"] for t in line] for line in taken] == [[100, 180], []]

    @given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6), st.integers(1, 30_000))
    def test_a_fixed_amount_is_spread_to_the_last_unit_and_takes_no_more_than_there_is(
        self, amounts: list[int], amount_off: int
    ) -> None:
        # given
        asked = Asked()
        coupon = asked.post("/v1/coupons", amount_off=amount_off, currency="usd")["id"]
        # when
        d = desk(asked)
        ids = redeem(d, [{"coupon": coupon}], Bearer(None))
        taken = [
            sum(t["amount"] for t in line) for line in off(d, [Discountable(a, None) for a in amounts], ids, "usd")
        ]
        # then
        assert sum(taken) == min(amount_off, sum(amounts))
        assert all(0 <= t <= a for t, a in zip(taken, amounts, strict=True))

    def test_a_coupon_for_a_product_leaves_others_alone(self) -> None:
        asked = Asked()
        product = asked.post("/v1/products", name="Basic")["id"]
        coupon = asked.post("/v1/coupons", percent_off="50", applies_to={"products": [product]})["id"]
        d = desk(asked)
        ids = redeem(d, [{"coupon": coupon}], Bearer(None))
        taken = off(d, [Discountable(1000, product), Discountable(1000, "prod_other")], ids, "usd")
        assert [len(line) for line in taken] == [1, 0]

    @pytest.mark.parametrize("spent", ["max_redemptions", "redeem_by", "deleted"])
    def test_a_spent_coupon_is_not_redeemed(self, spent: str) -> None:
        # given
        asked = Asked()
        terms: dict[str, Any] = {"max_redemptions": {"max_redemptions": 1}, "redeem_by": {"redeem_by": 1}}.get(
            spent, {}
        )
        coupon = asked.post("/v1/coupons", percent_off="50", **terms)["id"]
        d = desk(asked)
        if spent == "max_redemptions":
            redeem(d, [{"coupon": coupon}], Bearer(None))
        if spent == "deleted":
            asked.delete(f"/v1/coupons/{coupon}")
        # then
        with pytest.raises(Exception, match=r"Coupon expired|No such coupon"):
            redeem(d, [{"coupon": coupon}], Bearer(None))

    @pytest.mark.parametrize(
        ("said", "param"),
        [
            ({"percent_off": "10", "amount_off": 5, "currency": "usd"}, "percent_off"),
            ({"percent_off": "101"}, "percent_off"),
            ({"amount_off": 5}, "currency"),
            ({"percent_off": "10", "duration": "repeating"}, "duration_in_months"),
        ],
    )
    def test_terms_that_make_no_sense_are_refused(self, said: dict[str, Any], param: str) -> None:
        assert Asked().refused("/v1/coupons", **said)["param"] == param

    def test_an_older_version_shows_the_coupon_whole(self) -> None:
        # given
        asked = Asked()
        coupon = asked.post("/v1/coupons", percent_off="10", id="TENTH")
        code = asked.post("/v1/promotion_codes", promotion={"type": "coupon", "coupon": "TENTH"}, code="tenth")
        # then
        assert code["promotion"] == {"coupon": "TENTH", "type": "coupon"}
        older = asked.speaking(ACACIA).get(f"/v1/promotion_codes/{code['id']}")
        assert (older["coupon"]["id"], "promotion" in older) == (coupon["id"], False)


class TestTax:
    """https://docs.stripe.com/billing/taxes."""

    @given(AMOUNTS, st.decimals(0, 100, places=4))
    def test_inclusive_tax_stands_in_the_price_and_exclusive_tax_on_top(self, amount: int, percent: Decimal) -> None:
        # given
        asked = Asked()
        rates = {
            inclusive: asked.post("/v1/tax_rates", display_name="VAT", percentage=str(percent), inclusive=inclusive)[
                "id"
            ]
            for inclusive in (True, False)
        }
        # when
        lines = [Taxable(amount, (rates[True],)), Taxable(amount, (rates[False],))]
        within, on_top = taxes(desk(asked), lines, Buyer("DE"), automatic=False)
        # then
        assert exclusive_part(on_top) == half_up(amount * percent / 100)
        assert inclusive_part(on_top) == exclusive_part(within) == 0
        assert within[0]["taxable_amount"] + inclusive_part(within) == amount
        assert abs(within[0]["taxable_amount"] * percent / 100 - inclusive_part(within)) <= 1

    @pytest.mark.parametrize(
        ("buyer", "reason", "amount"),
        [
            (Buyer("DE"), "standard_rated", 190),
            (Buyer("FR", "none", has_tax_id=True), "reverse_charge", 0),
            (Buyer("FR"), "standard_rated", 200),
            (Buyer("DE", "exempt"), "customer_exempt", 0),
        ],
    )
    def test_automatic_tax_takes_what_the_buyers_country_asks(self, buyer: Buyer, reason: str, amount: int) -> None:
        # given
        asked = Asked()
        asked.post(
            "/v1/tax/settings", head_office={"address": {"country": "DE"}}, defaults={"tax_behavior": "exclusive"}
        )
        for country in ("DE", "FR"):
            asked.post(
                "/v1/tax/registrations",
                country=country,
                country_options={country.lower(): {"type": "standard"}},
                active_from="now",
            )
        # when
        (line,) = taxes(desk(asked), [Taxable(1000)], buyer, automatic=True)
        # then
        assert (line[0]["taxability_reason"], line[0]["amount"]) == (reason, amount)

    def test_without_a_registration_automatic_tax_collects_nothing(self) -> None:
        assert taxes(desk(Asked()), [Taxable(1000)], Buyer("DE"), automatic=True) == [[]]

    def test_the_authority_verifies_a_number_in_its_own_time(self) -> None:
        # given
        asked = Asked()
        customer = asked.post("/v1/customers")["id"]
        path = f"/v1/customers/{customer}/tax_ids"
        good = asked.post(path, type="eu_vat", value="DE000000000")
        bad = asked.post(path, type="eu_vat", value="DE111111111")
        # when
        asked.sandbox.turn(61)
        # then
        found = {t["id"]: t["verification"]["status"] for t in asked.get(path)["data"]}
        assert found == {good["id"]: "verified", bad["id"]: "unverified"}
        assert len(asked.events("customer.tax_id.updated")) == 2


class TestMeters:
    """https://docs.stripe.com/billing/subscriptions/usage-based."""

    def meter(self, asked: Asked, formula: str = "sum") -> dict[str, Any]:
        return asked.post(
            "/v1/billing/meters",
            display_name="Tokens",
            event_name="tokens",
            default_aggregation={"formula": formula},
            value_settings={"event_payload_key": "tokens"},
        )

    def usage(self, asked: Asked, customer: str, value: str, **said: Any) -> dict[str, Any]:
        payload = {"stripe_customer_id": customer, "tokens": value}
        return asked.post("/v1/billing/meter_events", event_name="tokens", payload=payload, **said)

    @pytest.mark.parametrize(("formula", "total"), [("sum", 5.5), ("count", 2), ("last", 3)])
    def test_usage_is_counted_by_the_meters_formula(self, formula: str, total: float) -> None:
        # given
        asked = Asked()
        meter = self.meter(asked, formula)
        customer = asked.post("/v1/customers")["id"]
        now_s = asked.sandbox.wall_s
        self.usage(asked, customer, "3", timestamp=now_s - 10)
        self.usage(asked, customer, "2.5", timestamp=now_s - 20)
        # when
        path = f"/v1/billing/meters/{meter['id']}/event_summaries"
        (summary,) = asked.get(path, customer=customer, start_time=now_s - 60, end_time=now_s)["data"]
        # then
        assert summary["aggregated_value"] == total

    def test_an_identifier_counts_once_within_a_day(self) -> None:
        # given
        asked = Asked()
        self.meter(asked)
        customer = asked.post("/v1/customers")["id"]
        self.usage(asked, customer, "3", identifier="use-1")
        payload = {"stripe_customer_id": customer, "tokens": "3"}
        again = {"event_name": "tokens", "payload": payload, "identifier": "use-1"}
        # then
        assert asked.refused("/v1/billing/meter_events", **again)["code"] == "duplicate_meter_event"
        asked.sandbox.turn(DAY + 1)
        assert asked.post("/v1/billing/meter_events", **again)["identifier"] == "use-1"

    @pytest.mark.parametrize("away_s", [-36 * DAY, 301])
    def test_usage_too_old_or_ahead_of_time_is_refused(self, away_s: int) -> None:
        asked = Asked()
        self.meter(asked)
        payload = {"stripe_customer_id": asked.post("/v1/customers")["id"], "tokens": "3"}
        at_s = asked.sandbox.wall_s + away_s
        error = asked.refused("/v1/billing/meter_events", event_name="tokens", payload=payload, timestamp=at_s)
        assert error["param"] == "timestamp"

    def test_usage_that_is_no_number_or_nobodys_is_refused(self) -> None:
        asked = Asked()
        self.meter(asked)
        said = {"event_name": "tokens", "payload": {"stripe_customer_id": "cus_unknown", "tokens": "3"}}
        assert asked.refused("/v1/billing/meter_events", **said)["code"] == "resource_missing"
        said["payload"] = {"stripe_customer_id": asked.post("/v1/customers")["id"], "tokens": "many"}
        assert asked.refused("/v1/billing/meter_events", **said)["param"] == "payload[tokens]"


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_answers_satisfy_stripes_own_types(version: str) -> None:
    asked = Asked(version=CLOVER)
    product = asked.post("/v1/products", name="Basic")["id"]
    feature = asked.post("/v1/entitlements/features", name="Seats", lookup_key="seats")
    asked.post(f"/v1/products/{product}/features", entitlement_feature=feature["id"])
    coupon = asked.post("/v1/coupons", percent_off="12.5", duration="repeating", duration_in_months=3)
    code = asked.post("/v1/promotion_codes", promotion={"type": "coupon", "coupon": coupon["id"]})
    rate = asked.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)
    customer = asked.post("/v1/customers")["id"]
    number = asked.post(f"/v1/customers/{customer}/tax_ids", type="eu_vat", value="DE123456789")
    meter = TestMeters().meter(asked)
    seen = asked.speaking(version)
    paths = (
        f"/v1/entitlements/features/{feature['id']}",
        f"/v1/coupons/{coupon['id']}",
        f"/v1/promotion_codes/{code['id']}",
        f"/v1/tax_rates/{rate['id']}",
        f"/v1/customers/{customer}/tax_ids/{number['id']}",
        f"/v1/billing/meters/{meter['id']}",
    )
    for path in paths:
        assert faults_of(seen.get(path), version) == [], path
