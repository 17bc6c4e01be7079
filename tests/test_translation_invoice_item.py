"""Invoice items to facts: what waits for an invoice says the same in every API version."""

import pytest
from translating import Json, fact, said, spoken, was

from ledger.facts import Quarantined
from ledger.translations.base import CREATED, DELETED, UPDATED
from ledger.translations.invoice_item import FAMILY, InvoiceItem

# Two agents at 7.50 euros, prorated for a subscription.

EVERYWHERE: Json = {
    "object": "invoiceitem",
    "id": "ii_1",
    "amount": 1500,
    "currency": "eur",
    "customer": "cus_1",
    "date": 1_700_000_000,
    "description": "sealed:1:test/platform/cus_1:stripe/test/platform/evt_1:x:AAAA",
    "discountable": False,
    "invoice": None,
    "livemode": False,
    "metadata": {"environment": "env_7"},
    "period": {"start": 1_700_000_000, "end": 1_702_000_000},
    "proration": True,
    "quantity": 2,
}
PLAN: Json = {"object": "plan", "id": "price_1", "amount": 750, "interval": "month", "currency": "eur"}
V2015 = EVERYWHERE | {"plan": PLAN, "subscription": "sub_1"}
V2018 = V2015 | {"plan": PLAN | {"product": "prod_1"}, "subscription_item": "si_1"}
V2019 = V2018 | {"unit_amount": 750, "tax_rates": [{"object": "tax_rate", "id": "txr_1", "percentage": 19.0}]}
V2020 = V2019 | {
    "price": {"object": "price", "id": "price_1", "product": "prod_1", "unit_amount_decimal": "750"},
    "unit_amount_decimal": "750",
    "discounts": ["di_2", "di_1"],
}
BASIL = {
    k: v
    for k, v in V2020.items()
    if k not in ("plan", "price", "subscription", "subscription_item", "unit_amount", "unit_amount_decimal")
} | {
    "parent": {
        "type": "subscription_details",
        "subscription_details": {"subscription": "sub_1", "subscription_item": "si_1"},
    },
    "pricing": {
        "type": "price_details",
        "price_details": {"price": "price_1", "product": "prod_1"},
        "unit_amount_decimal": "750",
    },
}
CLOVER = BASIL | {"net_amount": 1400, "proration_details": {"discount_amounts": []}}
ENDIVE = CLOVER | {
    "quantity_decimal": "2",
    "customer_account": None,
    "frozen_fields": ["pricing"],
    "discounts": [{"object": "discount", "id": "di_1"}, {"object": "discount", "id": "di_2"}],
}
SHAPES: dict[str, Json] = {
    "2015-10-16": V2015,
    "2018-11-08": V2018,
    "2019-10-17": V2019,
    "2020-08-27": V2020,
    "2022-11-15": V2020,
    "2024-06-20": V2020 | {"customer": {"object": "customer", "id": "cus_1"}},
    "2025-02-24.acacia": V2020,
    "2025-06-30.basil": BASIL,
    "2025-10-29.clover": CLOVER,
    "2026-10-28.endive": ENDIVE,
}
FACTS: Json = {
    "deleted": False,
    "customer": "cus_1",
    "invoice": None,
    "subscription": "sub_1",
    "subscription_item": "si_1",
    "amount_minor": 1500,
    "net_amount_minor": 1400,
    "currency": "eur",
    "price": "price_1",
    "product": "prod_1",
    "unit_amount_decimal": "750",
    "quantity": 2,
    "quantity_decimal": None,
    "period_start_s": 1_700_000_000,
    "period_end_s": 1_702_000_000,
    "proration": True,
    "discountable": False,
    "discounts": ("di_1", "di_2"),
    "tax_rates": ("txr_1",),
    "description": "sealed:1:test/platform/cus_1:stripe/test/platform/evt_1:x:AAAA",
    "metadata": {"environment": "env_7"},
    "created_s": 1_700_000_000,
}
SINCE = {
    "product": "2018", "subscription_item": "2018", "tax_rates": "2019", "discounts": "2020",
    "net_amount_minor": "2025-09", "quantity_decimal": "2026",
}  # fmt: skip
KIND = "invoiceitem.updated"


@pytest.mark.parametrize("version", SHAPES)
def test_an_invoice_item_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], "invoiceitem.created", api_version=version)
    assert spoken(found) == {k: v for k, v in FACTS.items() if version >= SINCE.get(k, "")}
    assert (found.model, found.id, found.customer, found.claim) == ("invoice_items", "ii_1", "cus_1", None)


LEAST = {k: EVERYWHERE[k] for k in ("object", "id", "customer", "amount", "currency")}


@pytest.mark.parametrize("field", ["id", "customer", "amount", "currency"])
def test_an_invoice_item_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in LEAST.items() if k != field}, KIND) == Quarantined(f"lacks {field}")


def test_absent_is_silence_and_null_is_null() -> None:
    assert spoken(fact(LEAST, KIND)) == {
        "deleted": False, "customer": "cus_1", "amount_minor": 1500, "currency": "eur",
    }  # fmt: skip
    nulls = ["customer", "invoice", "pricing", "parent", "period", "quantity", "discounts", "tax_rates", "metadata"]
    found = spoken(fact(LEAST | dict.fromkeys(nulls), KIND))
    names = ("customer", "invoice", "price", "product", "subscription", "subscription_item", "period_start_s",
             "quantity", "discounts", "tax_rates")  # fmt: skip
    assert [found[n] for n in names] == [None] * len(names)
    assert found["metadata"] == {}


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"plan": None, "unit_amount": 0}, {"price": None, "product": None, "unit_amount_decimal": "0"}),
        ({"price": None, "plan": None, "unit_amount_decimal": None}, {"price": None, "unit_amount_decimal": None}),
        ({"plan": {"id": "gold", "amount": 9, "amount_decimal": "9.5"}}, {"unit_amount_decimal": "9.5"}),
        ({"price": {"id": "p_1", "product": {"id": "prod_9"}}, "plan": {"id": "gold"}},
         {"price": "p_1", "product": "prod_9"}),
        ({"unit_amount": -700, "unit_amount_decimal": "-700.5"}, {"unit_amount_decimal": "-700.5"}),
        ({"pricing": {"price_details": {"price": {"id": "p_1"}, "product": "prod_9"}}}, {"price": "p_1"}),
        ({"pricing": {"price_details": None, "unit_amount_decimal": "3"}},
         {"price": None, "product": None, "unit_amount_decimal": "3"}),
        ({"quantity": 1, "quantity_decimal": "1.25"}, {"quantity": 1, "quantity_decimal": "1.25"}),
        ({"parent": {"type": "subscription_details", "subscription_details": None}}, {"subscription": None}),
        ({"subscription": {"id": "sub_9"}}, {"subscription": "sub_9"}),
        ({"amount": -1500}, {"amount_minor": -1500}),
    ],
)  # fmt: skip
def test_an_invoice_item_is_read_in_the_shape_that_it_comes_in(says: Json, expected: Json) -> None:
    found = spoken(fact(LEAST | says, KIND))
    assert {k: found[k] for k in expected} == expected


def test_pricing_without_a_word_of_the_price_keeps_it() -> None:
    found = spoken(fact(LEAST | {"pricing": {"type": "price_details", "unit_amount_decimal": "3"}}, KIND))
    assert "price" not in found and found["unit_amount_decimal"] == "3"


@pytest.mark.parametrize("version", ["2018-11-08", "2025-06-30.basil"])
def test_an_item_that_was_put_on_an_invoice_waited_before(version: str) -> None:
    found = fact(SHAPES[version] | {"invoice": "in_1"}, KIND, previous={"invoice": None})
    assert was(found) == {"invoice": None}


def test_a_deleted_item_may_come_as_a_stub_or_whole() -> None:
    stub = fact({"object": "invoiceitem", "id": "ii_1", "deleted": True}, "invoiceitem.deleted")
    whole = fact(BASIL, "invoiceitem.deleted")
    assert spoken(stub) == {"deleted": True}
    assert (spoken(whole)["deleted"], spoken(whole)["amount_minor"]) == (True, 1500)
    assert [stub.rank, whole.rank, fact(BASIL, KIND).rank] == [DELETED, DELETED, UPDATED]
    assert fact(BASIL, "invoiceitem.created").rank == CREATED


def test_the_table_tells_of_every_field_where_it_comes_from() -> None:
    assert tuple(row.field for row in FAMILY.whence) == InvoiceItem.__struct_fields__
