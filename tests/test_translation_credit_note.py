"""Credit notes to facts: what is taken back says the same in every API version since there are credit notes."""

from typing import Any

import pytest
from translating import Json, fact, said, spoken, was

from ledger.facts import Quarantined
from ledger.translations.base import CREATED, FINAL, UPDATED
from ledger.translations.credit_note import FAMILY, CreditNote

# 11.90 euros of an invoice taken back after it was paid: 10.00 less a discount of 1.00, 1.71 of VAT on the 9.00 (and
# 1.19 for shipping, taxes included), of which 8.00 went to the card and the rest to the customer's balance.


def old_tax(amount: int, taxable: int | None) -> Json:
    """A tax up to acacia."""
    return {"amount": amount, "inclusive": False, "tax_rate": "txr_1"} | (
        {} if taxable is None else {"taxability_reason": "standard_rated", "taxable_amount": taxable}
    )


def new_tax(amount: int, taxable: int) -> Json:
    """A tax since basil."""
    return {
        "amount": amount,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": "txr_1"},
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


LINE: Json = {
    "id": "cnli_1",
    "object": "credit_note_line_item",
    "amount": 1000,
    "description": "Agents for Ada Lovelace",
    "discount_amount": 100,
    "discount_amounts": [{"amount": 100, "discount": "di_1"}],
    "invoice_line_item": "il_1",
    "quantity": 2,
    "tax_rates": [],
    "type": "invoice_line_item",
    "unit_amount": 500,
    "unit_amount_decimal": "500",
}
SINCE_2019: Json = {
    "object": "credit_note",
    "id": "cn_1",
    "amount": 1190,
    "created": 1_700_000_000,
    "currency": "eur",
    "customer": "cus_1",
    "customer_balance_transaction": "cbtxn_1",
    "discount_amount": 100,
    "invoice": "in_1",
    "memo": "With apologies to Ada Lovelace",
    "metadata": {"case": "7"},
    "number": "A-0001-CN-01",
    "out_of_band_amount": None,
    "pdf": "https://pay.stripe.com/credit_notes/1/pdf",
    "reason": "order_change",
    "status": "issued",
    "subtotal": 1000,
    "total": 1190,
    "type": "post_payment",
    "voided_at": None,
}


def lines(*found: Json) -> Json:
    return {"object": "list", "data": list(found), "has_more": False, "url": "/v1/credit_notes/cn_1/lines"}


V2020 = SINCE_2019 | {
    "refund": "re_1",
    "discount_amounts": [{"amount": 100, "discount": "di_1"}],
    "tax_amounts": [old_tax(171, None)],
    "lines": lines(LINE | {"tax_amounts": [old_tax(171, None)]}),
}
V2022 = V2020 | {"amount_shipping": 119, "subtotal_excluding_tax": 1000, "total_excluding_tax": 1019}
V2023 = V2022 | {
    "effective_at": 1_700_000_000,
    "tax_amounts": [old_tax(171, 900)],
    "lines": lines(LINE | {"tax_amounts": [old_tax(171, 900)]}),
}
BASIL = {k: v for k, v in V2023.items() if k not in ("refund", "tax_amounts")} | {
    "pre_payment_amount": 0,
    "post_payment_amount": 1190,
    "refunds": [{"amount_refunded": 800, "refund": "re_1"}],
    "total_taxes": [new_tax(171, 900)],
    "lines": lines(LINE | {"taxes": [new_tax(171, 900)]}),
}
CLOVER = BASIL | {
    "customer_account": None,
    "refunds": [{"amount_refunded": 800, "payment_record_refund": None, "refund": "re_1", "type": "refund"}],
}
SHAPES: dict[str, Json] = {
    "2019-05-16": {k: v for k, v in V2020.items() if k != "discount_amounts"}
    | {"lines": lines({k: v for k, v in LINE.items() if k != "discount_amounts"} | {"tax_amounts": []})},
    "2020-08-27": V2020,
    "2022-11-15": V2022,
    "2023-10-16": V2023,
    "2025-02-24.acacia": V2023 | {"pretax_credit_amounts": [{"amount": 100, "discount": "di_1", "type": "discount"}]},
    "2025-06-30.basil": BASIL,
    "2025-10-29.clover": CLOVER,
    "2026-10-28.endive": CLOVER | {"customer": {"object": "customer", "id": "cus_1", "name": "Ada"}},
}
TAX = {"amount_minor": 171, "inclusive": False, "rate": "txr_1", "reason": "standard_rated", "taxable_minor": 900}
FACTS: Json = {
    "customer": "cus_1",
    "invoice": "in_1",
    "number": "A-0001-CN-01",
    "status": "issued",
    "type": "post_payment",
    "reason": "order_change",
    "currency": "eur",
    "amount_minor": 1190,
    "subtotal_minor": 1000,
    "total_minor": 1190,
    "total_excluding_tax_minor": 1019,
    "tax_minor": 171,
    "taxes": [TAX],
    "reverse_charge": False,
    "shipping_minor": 119,
    "discount_minor": 100,
    "discounts": [{"discount": "di_1", "amount_minor": 100}],
    "pre_payment_minor": 0,
    "post_payment_minor": 1190,
    "out_of_band_minor": None,
    "refunds": [{"refund": "re_1", "amount_minor": 800}],
    "customer_balance_transaction": "cbtxn_1",
    "pdf": "https://pay.stripe.com/credit_notes/1/pdf",
    "lines": [
        {
            "id": "cnli_1",
            "type": "invoice_line_item",
            "amount_minor": 1000,
            "invoice_line": "il_1",
            "quantity": 2,
            "unit_amount_decimal": "500",
            "discounts": [{"discount": "di_1", "amount_minor": 100}],
            "taxes": [TAX],
        }
    ],
    "lines_complete": True,
    "line_count": 1,
    "effective_at_s": 1_700_000_000,
    "voided_at_s": None,
    "metadata": {"case": "7"},
    "created_s": 1_700_000_000,
}
SINCE = {
    "discounts": "2020", "total_excluding_tax_minor": "2022", "shipping_minor": "2022", "effective_at_s": "2023",
}  # fmt: skip
_GROUNDLESS = TAX | {"reason": None, "taxable_minor": None}
_LINE = FACTS["lines"][0]
_UNSHARED = {"refunds": [{"refund": "re_1", "amount_minor": None}]}
#: What a version says otherwise: the amount of a refund is told since basil, the ground of a tax since 2023.
OTHERWISE: dict[str, Json] = {
    "2019-05-16": _UNSHARED | {"taxes": [_GROUNDLESS], "lines": [_LINE | {"discounts": None, "taxes": []}]},
    "2020-08-27": _UNSHARED | {"taxes": [_GROUNDLESS], "lines": [_LINE | {"taxes": [_GROUNDLESS]}]},
    "2022-11-15": _UNSHARED | {"taxes": [_GROUNDLESS], "lines": [_LINE | {"taxes": [_GROUNDLESS]}]},
    "2023-10-16": _UNSHARED,
    "2025-02-24.acacia": _UNSHARED,
}
KIND = "credit_note.updated"


@pytest.mark.parametrize("version", SHAPES)
def test_a_credit_note_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], "credit_note.created", api_version=version, account="acct_1")
    expected = {k: v for k, v in FACTS.items() if version >= SINCE.get(k, "")}
    assert spoken(found) == expected | OTHERWISE.get(version, {})
    assert (found.model, found.id, found.customer, found.claim) == ("credit_notes", "cn_1", "cus_1", None)


@pytest.mark.parametrize("field", ["id", "customer", "invoice", "status", "currency", "amount", "created"])
def test_a_credit_note_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in BASIL.items() if k != field}, KIND) == Quarantined(f"lacks {field}")


LEAST = {k: SINCE_2019[k] for k in ("object", "id", "customer", "invoice", "status", "currency", "amount", "created")}


def test_absent_is_silence_and_null_is_null() -> None:
    assert set(spoken(fact(LEAST, KIND))) == {
        "customer", "invoice", "status", "currency", "amount_minor", "created_s",
    }  # fmt: skip
    nulls = ["customer", "total_taxes", "refunds", "discount_amounts", "reason", "voided_at", "lines"]
    found = spoken(fact(LEAST | dict.fromkeys(nulls), KIND))
    names = ("customer", "taxes", "tax_minor", "refunds", "discounts", "reason", "voided_at_s")
    assert [found[n] for n in names] == [None] * 7
    assert "lines" not in found and "reverse_charge" not in found


@pytest.mark.parametrize(
    ("says", "before", "after"),
    [
        ({"type": "pre_payment"}, 1190, 0),
        ({"type": "post_payment"}, 0, 1190),
        ({"type": "mixed", "pre_payment_amount": 190, "post_payment_amount": 1000}, 190, 1000),
        ({"type": "pre_payment", "pre_payment_amount": 0, "post_payment_amount": 1190}, 0, 1190),
        ({"type": "a type to come"}, None, None),
        ({}, None, None),
    ],
)
def test_a_note_lowers_what_is_due_or_gives_back(says: Json, before: int | None, after: int | None) -> None:
    found = spoken(fact(LEAST | says, KIND))
    assert (found.get("pre_payment_minor"), found.get("post_payment_minor")) == (before, after)


@pytest.mark.parametrize(
    ("says", "refunds"),
    [
        ({"refund": None}, []),
        ({"refund": {"object": "refund", "id": "re_9"}}, [{"refund": "re_9", "amount_minor": None}]),
        ({"refunds": []}, []),
        ({"refunds": [{"refund": None, "amount_refunded": 5}]}, [{"refund": None, "amount_minor": 5}]),
        ({"refunds": [{"refund": {"id": "re_9"}, "amount_refunded": 5}], "refund": "re_8"},
         [{"refund": "re_9", "amount_minor": 5}]),
    ],
)  # fmt: skip
def test_every_refund_of_a_note_is_listed(says: Json, refunds: Any) -> None:
    assert spoken(fact(LEAST | says, KIND))["refunds"] == refunds


def test_what_was_charged_in_reverse_is_taken_back_in_reverse() -> None:
    tax = {"amount": 0, "tax_behavior": "exclusive", "taxability_reason": "reverse_charge", "taxable_amount": 900}
    found = spoken(fact(LEAST | {"total_taxes": [tax]}, KIND))
    assert (found["reverse_charge"], found["tax_minor"], found["taxes"][0]["taxable_minor"]) == (True, 0, 900)


def test_included_and_added_taxes_are_told_apart() -> None:
    listed = [old_tax(19, None), old_tax(7, None) | {"inclusive": True}]
    found = spoken(fact(LEAST | {"tax_amounts": listed}, KIND))
    assert found["tax_minor"] == 26
    assert [t["inclusive"] for t in found["taxes"]] == [False, True]


def test_a_line_may_stand_for_nothing_on_the_invoice() -> None:
    own = {"id": "cnli_2", "type": "custom_line_item", "amount": 500, "unit_amount": 500, "quantity": 1}
    (line,) = spoken(fact(LEAST | {"lines": lines(own)}, KIND))["lines"]
    assert (line["invoice_line"], line["unit_amount_decimal"], line["taxes"]) == (None, "500", None)


def test_lines_that_do_not_fit_in_one_page_wait_for_the_rest() -> None:
    found = spoken(fact(LEAST | {"lines": lines(LINE) | {"has_more": True}}, KIND))
    assert (found["line_count"], found["lines_complete"]) == (1, False)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"id": "cnli_1"}, "lacks lines.data.amount"),
        ({"amount": 1}, "lacks lines.data.id"),
        ({"id": "cnli_1", "amount": 1, "taxes": [{}]}, "lacks amount of a tax"),
        ({"id": "cnli_1", "amount": 1, "discount_amounts": [{}]}, "lacks amount of a discount"),
    ],
)
def test_a_line_without_its_amounts_is_quarantined(line: Json, reason: str) -> None:
    assert said(LEAST | {"lines": lines(line)}, KIND) == Quarantined(reason)


def test_no_fact_is_personal() -> None:
    assert "Lovelace" not in repr(spoken(fact(BASIL, KIND)))


def test_what_is_void_ends_its_second() -> None:
    assert fact(LEAST, "credit_note.created").rank == CREATED
    assert fact(LEAST, "credit_note.updated").rank == UPDATED
    assert fact(LEAST | {"status": "void"}, "credit_note.voided").rank == FINAL


def test_previous_attributes_tell_what_a_note_was() -> None:
    voided = fact(
        BASIL | {"status": "void"}, "credit_note.voided", previous={"status": "issued", "custom_fields": None}
    )
    assert was(voided) == {"status": "issued"}


def test_the_table_tells_of_every_field_where_it_comes_from() -> None:
    assert tuple(row.field for row in FAMILY.whence) == CreditNote.__struct_fields__
