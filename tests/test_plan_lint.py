"""Plans held against what Stripe told of prices: each fault by its name, and nothing where nothing is wrong."""

from typing import Any, NamedTuple

import pytest

from replay.plan_lint import Lookup, Subject, lint


class Price(NamedTuple):
    """A row of Stripe's prices."""

    id: str = "price_1"
    lookup_key: str | None = "k"
    account: str = "platform"
    active: bool | None = True
    deleted: bool = False
    currency: str = "usd"
    unit_amount_minor: int | None = 1000
    type: str | None = "recurring"
    interval: str | None = "month"
    interval_count: int | None = 1
    created_s: int | None = 5


class Legacy(NamedTuple):
    price: str
    plan: str
    account: str = "platform"


class Placed(NamedTuple):
    plan: str
    plan_id: str
    subscription: str
    also: list[str]


def plan(*prices: Lookup, key: str = "a", on_sale: bool = True, discount: str | None = None) -> Subject:
    return Subject(key, "platform", on_sale, discount, prices)


K = Lookup("month", "usd", lookup_key="k", amount_minor=1000)


_ONE = (Price(),)


def codes(*plans: Subject, prices: Any = _ONE, legacy: Any = (), placed: Any = ()) -> list[str]:
    return [f.code for f in lint(plans, prices, legacy, placed)]


def test_nothing_is_wrong_with_a_plan_whose_prices_are_as_it_says() -> None:
    assert codes(plan(K)) == []
    assert codes(plan(Lookup("month", "usd", price="price_1"))) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lookup_key": "other"}, "unknown_lookup_key"),
        ({"account": "acct_1"}, "unknown_lookup_key"),
        ({"deleted": True}, "deleted_price"),
        ({"active": False}, "archived_price"),
        ({"currency": "eur"}, "currency_mismatch"),
        ({"unit_amount_minor": 999}, "amount_mismatch"),
        ({"interval": "year"}, "interval_mismatch"),
        ({"interval_count": 3}, "interval_mismatch"),
        ({"type": "one_time", "interval": None}, "interval_mismatch"),
    ],
)
def test_each_fault_has_its_code(change: dict[str, Any], code: str) -> None:
    assert codes(plan(K), prices=[Price()._replace(**change)]) == [code]


def test_a_price_that_is_asked_for_by_its_id_is_unknown_by_that() -> None:
    assert codes(plan(Lookup("month", "usd", price="price_9"))) == ["unknown_price"]


def test_a_plan_of_old_may_have_an_archived_price() -> None:
    assert codes(plan(K, on_sale=False), prices=[Price(active=False)]) == []


def test_what_stripe_did_not_tell_is_not_held_against_a_plan() -> None:
    assert codes(plan(K), prices=[Price(unit_amount_minor=None, interval=None)]) == []


def test_of_two_prices_that_had_a_lookup_key_the_active_one_counts() -> None:
    assert codes(plan(K), prices=[Price(active=False), Price(id="price_2")]) == []


def test_one_price_on_two_plans_is_found_under_any_of_its_names() -> None:
    by_id = plan(Lookup("month", "usd", price="price_1"), key="b")
    assert codes(plan(K), by_id) == ["price_on_two_plans"]
    assert codes(plan(K), legacy=[Legacy("price_1", "b")]) == ["price_on_two_plans"]
    assert codes(plan(K), legacy=[Legacy("price_1", "a")]) == []
    assert codes(plan(), legacy=[Legacy("gold", "a"), Legacy("gold", "b")], prices=[]) == ["price_on_two_plans"]


@pytest.mark.parametrize(
    ("yearly", "found"), [(9600, []), (9500, []), (9499, ["discount_mismatch"]), (12000, ["discount_mismatch"])]
)
def test_a_yearly_price_is_twelve_months_less_the_discount_give_or_take_a_unit(yearly: int, found: list[str]) -> None:
    year = Price(id="price_2", lookup_key="y", interval="year", unit_amount_minor=yearly)
    both = plan(K, Lookup("year", "usd", lookup_key="y"), discount="20")
    assert codes(both, prices=[Price(), year]) == found


def test_a_subscription_whose_prices_belong_to_two_plans_is_told() -> None:
    (finding,) = lint([], [], [], [Placed("a", "a@1", "sub_1", ["b"])])
    assert (finding.code, finding.price) == ("prices_of_two_plans", "sub_1")
