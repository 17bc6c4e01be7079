"""Coupons, promotion codes and discounts to facts: the same in every API version, and a discount is always found."""

from typing import Any

import pytest
from translating import Json, fact, said, spoken, was

from ledger.facts import Quarantined
from ledger.translations import coupon, discount, promotion_code
from ledger.translations.base import CREATED, DELETED, UPDATED

VERSIONS = [
    "2015-10-16",
    "2018-02-28",
    "2018-11-08",
    "2020-08-27",
    "2022-11-15",
    "2024-06-20",
    "2025-02-24.acacia",
    "2025-06-30.basil",
    "2025-10-29.clover",
    "2026-10-28.endive",
]

# A coupon: 25.5 % off for three months.

COUPON: Json = {
    "object": "coupon",
    "id": "SPRING",
    "percent_off": 25.5,
    "amount_off": None,
    "currency": None,
    "duration": "repeating",
    "duration_in_months": 3,
    "livemode": False,
    "max_redemptions": 100,
    "redeem_by": 1_800_000_000,
    "times_redeemed": 7,
    "valid": True,
    "metadata": {"campaign": "spring"},
    "created": 1_700_000_000,
    "name": "Spring",
}
COUPONS: dict[str, Json] = dict.fromkeys(VERSIONS, COUPON) | {
    "2015-10-16": {k: v for k, v in COUPON.items() if k != "name"},
    "2018-02-28": COUPON | {"percent_off": 26, "percent_off_precise": 25.5},
    "2022-11-15": COUPON | {"applies_to": {"products": ["prod_2", "prod_1"]}},
}
COUPON_FACTS: Json = {
    "deleted": False,
    "name": "Spring",
    "percent_off": "25.5",
    "amount_off_minor": None,
    "currency": None,
    "duration": "repeating",
    "duration_in_months": 3,
    "max_redemptions": 100,
    "times_redeemed": 7,
    "redeem_by_s": 1_800_000_000,
    "valid": True,
    "metadata": {"campaign": "spring"},
    "created_s": 1_700_000_000,
}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_coupon_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(COUPONS[version], "coupon.created", api_version=version)
    expected = {k: v for k, v in COUPON_FACTS.items() if k != "name" or version > "2016"}
    expected |= {"products": ("prod_1", "prod_2")} if version == "2022-11-15" else {}
    assert spoken(found) == expected
    assert (found.model, found.id, found.customer, found.claim) == ("coupons", "SPRING", None, None)


@pytest.mark.parametrize(
    ("percent", "text"),
    [(100, "100"), (25.0, "25"), (0.001, "0.001"), (8.875, "8.875"), (1e1, "10"), (None, None)],
)
def test_a_percentage_is_told_alike_however_it_is_spelled(percent: float | None, text: str | None) -> None:
    assert spoken(fact(COUPON | {"percent_off": percent}, "coupon.updated"))["percent_off"] == text


@pytest.mark.parametrize("absurd", ["NaN", "sNaN", "Infinity", "1e400", "1e-400", "-1e999999999"])
def test_what_is_no_percentage_is_quarantined(absurd: str) -> None:
    found = said(COUPON | {"percent_off": absurd}, "coupon.updated")
    assert found == Quarantined("lacks percent_off as a number")


def test_a_coupon_takes_an_amount_off_in_several_currencies() -> None:
    options = {"eur": {"amount_off": 500}, "jpy": {"amount_off": 800}}
    off = {"percent_off": None, "amount_off": 500, "currency": "eur", "currency_options": options}
    found = spoken(fact(COUPON | off, "coupon.created"))
    assert (found["percent_off"], found["amount_off_minor"], found["currency"]) == (None, 500, "eur")
    assert found["currency_options"] == {"eur": 500, "jpy": 800}


def test_a_coupon_without_its_duration_is_quarantined() -> None:
    assert said({k: v for k, v in COUPON.items() if k != "duration"}, "coupon.created") == Quarantined("lacks duration")


def test_of_a_coupon_absent_is_silence() -> None:
    least = {"object": "coupon", "id": "X", "duration": "once"}
    assert spoken(fact(least, "coupon.updated")) == {"deleted": False, "duration": "once"}
    assert spoken(fact(least | {"applies_to": None}, "coupon.updated"))["products"] == ()


def test_a_deleted_coupon_may_come_as_a_stub_or_whole() -> None:
    assert spoken(fact({"object": "coupon", "id": "X", "deleted": True}, "coupon.deleted")) == {"deleted": True}
    whole = fact(COUPON | {"valid": False}, "coupon.deleted")
    assert (spoken(whole)["deleted"], spoken(whole)["valid"], whole.rank) == (True, False, DELETED)


# A promotion code for it.

PROMOTION: Json = {
    "object": "promotion_code",
    "id": "promo_1",
    "active": True,
    "code": "SPRING24",
    "coupon": COUPON,
    "created": 1_700_000_000,
    "customer": "cus_1",
    "expires_at": 1_800_000_000,
    "max_redemptions": 10,
    "metadata": {"campaign": "spring"},
    "restrictions": {"first_time_transaction": True, "minimum_amount": 1000, "minimum_amount_currency": "eur"},
    "times_redeemed": 1,
}
SINCE_CLOVER = {k: v for k, v in PROMOTION.items() if k != "coupon"} | {
    "promotion": {"type": "coupon", "coupon": "SPRING"},
    "customer_account": None,
}
PROMOTIONS: dict[str, Json] = {
    "2020-08-27": PROMOTION,
    "2022-11-15": PROMOTION,
    "2023-10-16": PROMOTION,
    "2024-06-20": PROMOTION,
    "2025-02-24.acacia": PROMOTION | {"customer": {"object": "customer", "id": "cus_1"}},
    "2025-06-30.basil": PROMOTION,
    "2025-10-29.clover": SINCE_CLOVER,
    "2026-10-28.endive": SINCE_CLOVER | {"promotion": {"type": "coupon", "coupon": COUPON}},
}
PROMOTION_FACTS: Json = {
    "code": "SPRING24",
    "active": True,
    "coupon": "SPRING",
    "customer": "cus_1",
    "expires_at_s": 1_800_000_000,
    "max_redemptions": 10,
    "times_redeemed": 1,
    "first_time_transaction": True,
    "minimum_amount_minor": 1000,
    "minimum_amount_currency": "eur",
    "metadata": {"campaign": "spring"},
    "created_s": 1_700_000_000,
}


@pytest.mark.parametrize("version", PROMOTIONS)
def test_a_promotion_code_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(PROMOTIONS[version], "promotion_code.created", api_version=version)
    assert spoken(found) == PROMOTION_FACTS
    assert (found.model, found.id, found.customer) == ("promotion_codes", "promo_1", "cus_1")


@pytest.mark.parametrize("field", ["id", "code", "active"])
def test_a_promotion_code_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in PROMOTION.items() if k != field}
    assert said(lacking, "promotion_code.created") == Quarantined(f"lacks {field}")


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"promotion": None}, {"coupon": None}),
        ({"promotion": {"type": "coupon", "coupon": None}}, {"coupon": None}),
        ({"restrictions": None}, {"first_time_transaction": None, "minimum_amount_minor": None}),
        ({}, {}),
    ],
)
def test_of_a_promotion_code_absent_is_silence_and_null_is_null(says: Json, expected: Json) -> None:
    found = spoken(
        fact({"object": "promotion_code", "id": "p", "code": "X", "active": False} | says, "promotion_code.updated")
    )
    told = {k: v for k, v in found.items() if k not in ("code", "active")}
    assert told == (expected | {"minimum_amount_currency": None} if "restrictions" in says else expected)


# A discount: that coupon, on a subscription.

OLD: Json = {
    "object": "discount",
    "coupon": COUPON,
    "customer": "cus_1",
    "start": 1_700_000_000,
    "end": 1_707_000_000,
    "subscription": "sub_1",
}
SINCE_2020 = OLD | {
    "id": "di_1",
    "checkout_session": None,
    "invoice": None,
    "invoice_item": None,
    "promotion_code": "promo_1",
}
SINCE_2023 = SINCE_2020 | {"subscription_item": None}
DISCOUNT_CLOVER = {k: v for k, v in SINCE_2023.items() if k != "coupon"} | {
    "source": {"type": "coupon", "coupon": COUPON}
}
DISCOUNTS: dict[str, Json] = {
    "2015-10-16": OLD,
    "2018-02-28": OLD | {"coupon": COUPON | {"percent_off": 26, "percent_off_precise": 25.5}},
    "2018-11-08": OLD,
    "2020-08-27": SINCE_2020,
    "2022-11-15": SINCE_2020,
    "2024-06-20": SINCE_2023 | {"promotion_code": {"object": "promotion_code", "id": "promo_1"}},
    "2025-02-24.acacia": SINCE_2023,
    "2025-06-30.basil": SINCE_2023,
    "2025-10-29.clover": DISCOUNT_CLOVER | {"source": {"type": "coupon", "coupon": "SPRING"}},
    "2026-10-28.endive": DISCOUNT_CLOVER | {"customer_account": None},
}
TERMS = {"percent_off": "25.5", "amount_off_minor": None, "currency": None, "duration": "repeating"}
DISCOUNT_FACTS: Json = TERMS | {
    "deleted": False,
    "customer": "cus_1",
    "subscription": "sub_1",
    "subscription_item": None,
    "invoice": None,
    "invoice_item": None,
    "checkout_session": None,
    "coupon": "SPRING",
    "promotion_code": "promo_1",
    "start_s": 1_700_000_000,
    "end_s": 1_707_000_000,
}
_SINCE: dict[str, str] = dict.fromkeys(("invoice", "invoice_item", "checkout_session", "promotion_code"), "2020") | {
    "subscription_item": "2023"
}
KIND = "customer.discount.updated"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_discount_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(DISCOUNTS[version], "customer.discount.created", api_version=version)
    expected = {k: v for k, v in DISCOUNT_FACTS.items() if version >= _SINCE.get(k, "")}
    if version == "2025-10-29.clover":  # where the coupon is an id, its terms are not told again
        expected = {k: v for k, v in expected.items() if k not in TERMS}
    assert spoken(found) == expected
    assert (found.model, found.customer, found.claim, found.rank) == ("discounts", "cus_1", None, CREATED)


@pytest.mark.parametrize(
    ("says", "identity"),
    [
        ({}, "sub_1"),
        ({"subscription": None}, "cus_1"),
        ({"subscription": None, "customer": {"object": "customer", "id": "cus_1"}}, "cus_1"),
        ({"id": "di_1"}, "di_1"),
        ({"id": None}, "sub_1"),
    ],
)
def test_a_discount_without_an_id_is_known_by_what_it_discounts(says: Json, identity: str) -> None:
    assert fact(OLD | says, KIND).id == identity


def test_a_discount_of_nobody_without_an_id_is_quarantined() -> None:
    assert said(OLD | {"subscription": None, "customer": None}, KIND) == Quarantined("lacks id")


def test_without_ids_the_next_discount_takes_the_place_of_the_last() -> None:
    # given a discount that ends and another that begins, both without an id
    ended, begun = fact(OLD, "customer.discount.deleted"), fact(OLD | {"start": 1}, "customer.discount.created")
    # then they are one row, and the second brings it back
    assert ended.id == begun.id
    assert (spoken(ended)["deleted"], ended.rank, spoken(begun)["deleted"]) == (True, DELETED, False)


@pytest.mark.parametrize("field", ["start", "coupon"])
def test_a_discount_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in OLD.items() if k != field}, KIND) == Quarantined(f"lacks {field}")


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"coupon": "SPRING"}, {"coupon": "SPRING"}),
        ({"source": {"type": "coupon", "coupon": None}},
         {"coupon": None, "percent_off": None, "amount_off_minor": None, "currency": None, "duration": None}),
        ({"coupon": {"id": "FIVE", "percent_off": None, "amount_off": 500, "currency": "eur", "duration": "once"}},
         {"coupon": "FIVE", "percent_off": None, "amount_off_minor": 500, "currency": "eur", "duration": "once"}),
        ({"source": {"coupon": {"id": "NEW"}}, "coupon": {"id": "OLD"}}, {"coupon": "NEW"}),
    ],
)  # fmt: skip
def test_the_coupon_of_a_discount_is_found_in_any_version(says: Json, expected: Json) -> None:
    found = spoken(fact({k: v for k, v in OLD.items() if k != "coupon"} | says, KIND))
    assert {k: v for k, v in found.items() if k in ("coupon", *TERMS)} == expected


def test_a_coupon_that_was_changed_for_another_is_told() -> None:
    previous: Any = {"coupon": COUPON | {"id": "WINTER", "percent_off": 10}}
    found = fact(OLD, KIND, previous=previous)
    assert (was(found), found.rank) == ({"coupon": "WINTER", "percent_off": "10"}, UPDATED)


@pytest.mark.parametrize("family", [coupon.FAMILY, promotion_code.FAMILY, discount.FAMILY], ids=lambda f: f.name)
def test_the_table_tells_of_every_field_where_it_comes_from(family: Any) -> None:
    assert tuple(row.field for row in family.whence) == family.facts.__struct_fields__
