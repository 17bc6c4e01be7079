"""Invoices to facts: one invoice says the same in every API version, and silence is not null."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, StoredOnly, Translation
from ledger.translations import translate
from ledger.translations.base import CREATED, DELETED, FINAL
from ledger.translations.invoice import FAMILY, Invoice, rank

FIELDS = Invoice.__struct_fields__


def event(obj: Any, kind: str = "invoice.updated", previous: Any = None, version: str | None = None) -> Any:
    body: dict[str, Any] = {"object": obj}
    if previous is not None:
        body["previous_attributes"] = previous
    return StripeEventReceived(
        event_id="evt_1",
        type=kind,
        created_s=1_700_000_000,
        mode="test",
        account="platform",
        api_version=version,
        endpoint="platform",
        payload=Raw(json.dumps({"id": "evt_1", "type": kind, "data": body}).encode()),
    )


def fact(obj: Any, kind: str = "invoice.updated", previous: Any = None) -> ObjectFact:
    found = translate(event(obj, kind, previous))
    assert isinstance(found, ObjectFact), found
    return found


def spoken(found: ObjectFact) -> dict[str, Any]:
    """What a fact speaks of, by field name."""
    names = [name for i, name in enumerate(FIELDS) if found.mask >> i & 1]
    return dict(zip(names, found.values, strict=True))


def said(obj: Any, kind: str = "invoice.updated") -> dict[str, Any]:
    return spoken(fact(obj, kind))


def was(found: ObjectFact) -> dict[str, Any]:
    return {FIELDS[i]: value for i, value in (found.was or {}).items()}


# One invoice of a subscription: 20.00 on two lines less a coupon of 1.00, 3.61 of tax on top, paid at the second
# attempt, with 5.00 of it out of the customer's balance.

PERIOD = {"start": 1_692_600_000, "end": 1_695_200_000}


def line(amount: int, discount: int) -> dict[str, Any]:
    """What a line has had in common since 2020-08-27."""
    return {
        "object": "line_item",
        "amount": amount,
        "currency": "eur",
        "description": "Agents for Ada Lovelace",
        "discount_amounts": [{"amount": discount, "discount": "di_1"}],
        "period": PERIOD,
        "metadata": {},
    }


def taxed(tax: int, taxable: int) -> dict[str, Any]:
    """A tax up to acacia."""
    return {
        "amount": tax,
        "inclusive": False,
        "tax_rate": "txr_1",
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
    }


def tax_of(tax: int, taxable: int) -> dict[str, Any]:
    """A tax since basil."""
    return {
        "amount": tax,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": "txr_1"},
        "taxability_reason": "standard_rated",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


PLAN = {"object": "plan", "id": "price_1", "amount": 750, "interval": "month", "product": "prod_1"}
LINES_2015 = [
    {"id": "sub_1", "object": "line_item", "type": "subscription", "amount": 1500, "currency": "eur", "quantity": 2,
     "subscription": None, "plan": {k: v for k, v in PLAN.items() if k != "product"}, "proration": False,
     "period": PERIOD, "description": None},
    {"id": "ii_1", "object": "line_item", "type": "invoiceitem", "amount": 500, "currency": "eur", "quantity": None,
     "subscription": "sub_1", "plan": None, "proration": True, "period": PERIOD, "description": "Set-up"},
]  # fmt: skip
LINES_2018 = [
    LINES_2015[0] | {"id": "sli_1", "subscription": "sub_1", "subscription_item": "si_1", "plan": PLAN},
    LINES_2015[1] | {"id": "sli_2", "invoice_item": "ii_1", "tax_amounts": []},
]
LINES_2020 = [
    line(1500, 75)
    | {"id": "il_1", "type": "subscription", "quantity": 2, "subscription": "sub_1", "subscription_item": "si_1",
       "plan": PLAN, "price": {"object": "price", "id": "price_1", "product": "prod_1", "unit_amount_decimal": "750"},
       "proration": False, "tax_amounts": [taxed(271, 1425)], "tax_rates": []},
    line(500, 25)
    | {"id": "il_2", "type": "invoiceitem", "quantity": 1, "subscription": "sub_1", "invoice_item": "ii_1",
       "plan": None, "price": {"object": "price", "id": "price_2", "product": {"object": "product", "id": "prod_2"},
       "unit_amount_decimal": "500"}, "proration": True, "tax_amounts": [taxed(90, 475)], "tax_rates": []},
]  # fmt: skip
LINES_BASIL = [
    line(1500, 75)
    | {"id": "il_1", "quantity": 2, "taxes": [tax_of(271, 1425)],
       "pricing": {"type": "price_details", "unit_amount_decimal": "750",
                   "price_details": {"price": "price_1", "product": "prod_1"}},
       "parent": {"type": "subscription_item_details", "invoice_item_details": None, "subscription_item_details":
                  {"subscription": "sub_1", "subscription_item": "si_1", "invoice_item": None, "proration": False}}},
    line(500, 25)
    | {"id": "il_2", "quantity": 1, "taxes": [tax_of(90, 475)],
       "pricing": {"type": "price_details", "unit_amount_decimal": "500",
                   "price_details": {"price": "price_2", "product": "prod_2"}},
       "parent": {"type": "invoice_item_details", "subscription_item_details": None, "invoice_item_details":
                  {"subscription": "sub_1", "invoice_item": "ii_1", "proration": True}}},
]  # fmt: skip
#: Since dahlia the quantity comes as a decimal as well, and the price may be expanded.
LINES_ENDIVE = [
    LINES_BASIL[0]
    | {"quantity_decimal": "2", "subtotal": 1500,
       "pricing": {"type": "price_details", "unit_amount_decimal": "750",
                   "price_details": {"price": {"object": "price", "id": "price_1"}, "product": "prod_1"}}},
    LINES_BASIL[1] | {"quantity_decimal": "1", "subtotal": 500},
]  # fmt: skip


def listed(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": lines, "has_more": False}


EVERYWHERE = {
    "object": "invoice",
    "id": "in_1",
    "customer": "cus_1",
    "currency": "eur",
    "subtotal": 2000,
    "total": 2261,
    "amount_due": 1761,
    "starting_balance": -500,
    "ending_balance": 0,
    "attempt_count": 2,
    "attempted": True,
    "next_payment_attempt": None,
    "period_start": 1_690_000_000,
    "period_end": 1_692_600_000,
    "metadata": {"order": "7"},
    "customer_email": "ada@example.com",
}
SINCE_2020 = EVERYWHERE | {
    "status": "paid",
    "number": "A-0001",
    "collection_method": "charge_automatically",
    "billing_reason": "subscription_cycle",
    "amount_paid": 1761,
    "amount_remaining": 0,
    "customer_tax_exempt": "none",
    "pre_payment_credit_notes_amount": 0,
    "post_payment_credit_notes_amount": 0,
    "total_discount_amounts": [{"amount": 100, "discount": "di_1"}],
    "due_date": None,
    "auto_advance": False,
    "hosted_invoice_url": "https://invoice.stripe.com/i/1",
    "invoice_pdf": "https://pay.stripe.com/invoice/1/pdf",
    "default_payment_method": None,
    "status_transitions": {
        "finalized_at": 1_692_603_600,
        "paid_at": 1_692_700_000,
        "voided_at": None,
        "marked_uncollectible_at": None,
    },
    "created": 1_692_600_000,
}
SINCE_2022 = SINCE_2020 | {
    "total_excluding_tax": 1900,
    "amount_shipping": 0,
    "automatic_tax": {"enabled": True, "status": "complete"},
}
#: What acacia brought and stayed.
SINCE_2025 = SINCE_2022 | {
    "total_pretax_credit_amounts": [{"amount": 100, "discount": "di_1", "type": "discount"}],
    "automatic_tax": {"disabled_reason": None, "enabled": True, "liability": {"type": "self"}, "status": "complete"},
}
UP_TO_ACACIA = {
    "subscription": "sub_1",
    "paid": True,
    "paid_out_of_band": False,
    "payment_intent": "pi_1",
    "charge": "ch_1",
    "tax": 361,
    "discount": {"id": "di_1", "coupon": {"id": "WELCOME", "object": "coupon"}},
    "discounts": ["di_1"],
    "total_tax_amounts": [taxed(361, 1900)],
    "lines": listed(LINES_2020),
}
PAYMENT = {
    "id": "inpay_1",
    "object": "invoice_payment",
    "amount_paid": 1761,
    "amount_requested": 1761,
    "is_default": True,
    "status": "paid",
}
SINCE_BASIL = SINCE_2025 | {
    "amount_overpaid": 0,
    "lines": listed(LINES_BASIL),
    "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1", "metadata": {}}},
    "total_taxes": [tax_of(361, 1900)],
}
SHAPES: dict[str, dict[str, Any]] = {
    "2015-10-01": EVERYWHERE
    | {
        "subscription": "sub_1",
        "paid": True,
        "closed": True,
        "forgiven": False,
        "charge": "ch_1",
        "discount": {"object": "discount", "coupon": {"id": "WELCOME", "object": "coupon"}, "customer": "cus_1"},
        "tax": 361,
        "tax_percent": 19.0,
        "date": 1_692_600_000,
        "lines": {"object": "list", "data": LINES_2015, "total_count": 2},
    },
    "2018-11-08": EVERYWHERE
    | {
        "subscription": "sub_1",
        "status": "paid",
        "paid": True,
        "number": "A-0001",
        "billing": "charge_automatically",
        "billing_reason": "subscription_cycle",
        "amount_paid": 1761,
        "amount_remaining": 0,
        "auto_advance": False,
        "charge": "ch_1",
        "discount": {"object": "discount", "coupon": {"id": "WELCOME", "object": "coupon"}, "customer": "cus_1"},
        "tax": 361,
        "date": 1_692_600_000,
        "finalized_at": 1_692_603_600,
        "lines": listed(LINES_2018),
    },
    "2020-08-27": SINCE_2020 | UP_TO_ACACIA,
    "2022-11-15": SINCE_2022 | UP_TO_ACACIA,
    "2025-02-24.acacia": SINCE_2025 | UP_TO_ACACIA | {"subscription_details": {"metadata": {}}},
    "2025-03-31.basil": SINCE_BASIL | {"discounts": [{"id": "di_1", "coupon": {"id": "WELCOME"}}]},
    "2025-10-29.clover": SINCE_BASIL
    | {
        "discounts": [{"id": "di_1", "source": {"type": "coupon", "coupon": "WELCOME"}}],
        "payments": {
            "object": "list",
            "data": [PAYMENT | {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}],
            "has_more": False,
        },
    },
    "2026-10-28.endive": SINCE_BASIL
    | {
        "customer_account": "acct_9",
        "amount_paid_off_stripe": 0,
        "lines": listed(LINES_ENDIVE),
        "discounts": [{"id": "di_1", "source": {"type": "coupon", "coupon": {"id": "WELCOME"}}}],
        "payments": {
            "object": "list",
            "data": [PAYMENT | {"payment": {"type": "charge", "charge": {"object": "charge", "id": "ch_1"}}}],
            "has_more": False,
        },
    },
}
TAX = {"inclusive": False, "rate": "txr_1", "reason": "standard_rated"}
LINES: list[dict[str, Any]] = [
    {
        "id": "il_1",
        "amount_minor": 1500,
        "currency": "eur",
        "price": "price_1",
        "product": "prod_1",
        "unit_amount_decimal": "750",
        "quantity": 2,
        "quantity_decimal": None,
        "period_start_s": 1_692_600_000,
        "period_end_s": 1_695_200_000,
        "proration": False,
        "subscription": "sub_1",
        "subscription_item": "si_1",
        "invoice_item": None,
        "discounts": [{"discount": "di_1", "amount_minor": 75}],
        "taxes": [TAX | {"amount_minor": 271, "taxable_minor": 1425}],
    },
    {
        "id": "il_2",
        "amount_minor": 500,
        "currency": "eur",
        "price": "price_2",
        "product": "prod_2",
        "unit_amount_decimal": "500",
        "quantity": 1,
        "quantity_decimal": None,
        "period_start_s": 1_692_600_000,
        "period_end_s": 1_695_200_000,
        "proration": True,
        "subscription": "sub_1",
        "subscription_item": None,
        "invoice_item": "ii_1",
        "discounts": [{"discount": "di_1", "amount_minor": 25}],
        "taxes": [TAX | {"amount_minor": 90, "taxable_minor": 475}],
    },
]
FACTS: dict[str, Any] = {
    "deleted": False,
    "customer": "cus_1",
    "subscription": "sub_1",
    "status": "paid",
    "number": "A-0001",
    "currency": "eur",
    "collection_method": "charge_automatically",
    "billing_reason": "subscription_cycle",
    "amount_due_minor": 1761,
    "amount_paid_minor": 1761,
    "amount_remaining_minor": 0,
    "subtotal_minor": 2000,
    "total_minor": 2261,
    "total_excluding_tax_minor": 1900,
    "tax_minor": 361,
    "discount_minor": 100,
    "credit_grants_minor": 0,
    "shipping_minor": 0,
    "starting_balance_minor": -500,
    "ending_balance_minor": 0,
    "balance_applied_minor": 500,
    "amount_overpaid_minor": 0,
    "amount_paid_off_stripe_minor": 0,
    "pre_payment_credit_notes_minor": 0,
    "post_payment_credit_notes_minor": 0,
    "taxes": [TAX | {"amount_minor": 361, "taxable_minor": 1900}],
    "reverse_charge": False,
    "customer_tax_exempt": "none",
    "automatic_tax_enabled": True,
    "automatic_tax_status": "complete",
    "automatic_tax_disabled_reason": None,
    "discounts": [{"id": "di_1", "coupon": "WELCOME"}],
    "paid": True,
    "paid_out_of_band": False,
    "attempt_count": 2,
    "attempted": True,
    "next_payment_attempt_s": None,
    "due_date_s": None,
    "auto_advance": False,
    "hosted_invoice_url": "https://invoice.stripe.com/i/1",
    "invoice_pdf": "https://pay.stripe.com/invoice/1/pdf",
    "payment_intent": "pi_1",
    "charge": "ch_1",
    "payments": [
        {"id": "inpay_1", "status": "paid", "amount_requested_minor": 1761, "amount_paid_minor": 1761,
         "is_default": True, "payment_intent": "pi_1", "charge": None, "payment_record": None}
    ],
    "default_payment_method": None,
    "period_start_s": 1_690_000_000,
    "period_end_s": 1_692_600_000,
    "finalized_at_s": 1_692_603_600,
    "paid_at_s": 1_692_700_000,
    "voided_at_s": None,
    "marked_uncollectible_at_s": None,
    "lines": LINES,
    "lines_complete": True,
    "line_count": 2,
    "metadata": {"order": "7"},
    "created_s": 1_692_600_000,
}  # fmt: skip
_BASIL_ON = {"amount_overpaid_minor", "payments"}
_ACACIA_ON = _BASIL_ON | {"credit_grants_minor", "automatic_tax_disabled_reason"}
_2022_ON = _ACACIA_ON | {
    "total_excluding_tax_minor", "shipping_minor", "automatic_tax_enabled", "automatic_tax_status",
}  # fmt: skip
_2020_ON = _2022_ON | {
    "discount_minor", "taxes", "paid_out_of_band", "due_date_s", "hosted_invoice_url", "invoice_pdf", "payment_intent",
    "default_payment_method", "paid_at_s", "voided_at_s", "marked_uncollectible_at_s", "reverse_charge",
    "customer_tax_exempt", "pre_payment_credit_notes_minor", "post_payment_credit_notes_minor",
}  # fmt: skip
_ENDIVE_ON = {"amount_paid_off_stripe_minor"}
SILENT: dict[str, set[str]] = {
    "2015-10-01": _ENDIVE_ON | _2020_ON | {"number", "collection_method", "billing_reason", "finalized_at_s"},
    "2018-11-08": _ENDIVE_ON | _2020_ON,
    "2020-08-27": _ENDIVE_ON | _2022_ON,
    "2022-11-15": _ENDIVE_ON | _ACACIA_ON,
    "2025-02-24.acacia": _ENDIVE_ON | _BASIL_ON,
    "2025-03-31.basil": _ENDIVE_ON | {"paid_out_of_band", "payment_intent", "charge", "payments"},
    "2025-10-29.clover": _ENDIVE_ON | {"paid_out_of_band", "charge"},
    "2026-10-28.endive": {"paid_out_of_band", "payment_intent"},
}
_UNTOLD = {"discounts": None, "taxes": None}
_OLD = {"unit_amount_decimal": None, "price": None, "product": None, "quantity": None}
#: What a version says otherwise. Before 2020-08-27 a discount had no id, and lines said nothing of discounts.
OTHERWISE: dict[str, dict[str, Any]] = {
    "2015-10-01": {
        "discounts": [{"id": None, "coupon": "WELCOME"}],
        "lines": [
            LINES[0] | _UNTOLD | {"id": "sub_1", "product": None, "subscription_item": None},
            LINES[1] | _UNTOLD | _OLD | {"id": "ii_1"},
        ],
    },
    "2018-11-08": {
        "discounts": [{"id": None, "coupon": "WELCOME"}],
        "lines": [
            LINES[0] | _UNTOLD | {"id": "sli_1"},
            LINES[1] | _UNTOLD | _OLD | {"id": "sli_2", "taxes": []},
        ],
    },
    "2026-10-28.endive": {"payments": [FACTS["payments"][0] | {"payment_intent": None, "charge": "ch_1"}]},
}


@pytest.mark.parametrize("version", SHAPES)
def test_an_invoice_says_the_same_in_every_api_version(version: str):
    # given one invoice, rendered in an API version
    obj = SHAPES[version]
    # when it is translated
    found = said(obj)
    # then it says the same as in any other, of all that this version speaks of
    expected = FACTS | OTHERWISE.get(version, {})
    assert found == {field: value for field, value in expected.items() if field not in SILENT[version]}


@pytest.mark.parametrize("version", SHAPES)
def test_an_event_names_the_invoice_and_its_customer(version: str):
    found = translate(event(SHAPES[version], "invoice.paid", version=version))
    assert isinstance(found, ObjectFact)
    assert (found.model, found.id, found.customer, found.claim) == ("invoices", "in_1", "cus_1", None)
    assert (found.api_version, found.rank, found.mode, found.account) == (version, FINAL, "test", "platform")


MINIMAL: dict[str, Any] = {"object": "invoice", "id": "in_1", "customer": "cus_1", "currency": "usd", "total": 5}


@pytest.mark.parametrize("field", ["id", "customer", "currency", "total"])
def test_an_invoice_without_a_required_field_is_quarantined(field: str):
    lacking = {k: v for k, v in MINIMAL.items() if k != field}
    assert translate(event(lacking)) == Quarantined(f"lacks {field}")


@pytest.mark.parametrize("field", ["id", "currency", "total"])
def test_a_required_field_that_is_null_does_not_become_a_null(field: str):
    assert isinstance(translate(event(MINIMAL | {field: None})), Quarantined)


def test_an_invoice_of_a_customer_account_has_no_customer():
    found = fact(MINIMAL | {"customer": None, "customer_account": "acct_1"})
    assert spoken(found)["customer"] is None
    assert found.customer is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"object": "charge"}, "the object is a 'charge', not a 'invoice'"),
        ({"total": "12"}, "wrong shape: "),
        ({"total": 12.5}, "wrong shape: "),
        ({"total_taxes": [{"tax_behavior": "inclusive"}]}, "lacks amount of a tax"),
        ({"total_discount_amounts": [{"discount": "di_1"}]}, "lacks amount of a discount"),
    ],
)
def test_what_is_no_invoice_is_quarantined_with_the_reason(change: dict[str, Any], reason: str):
    found = translate(event(MINIMAL | change))
    assert isinstance(found, Quarantined)
    assert found.reason.startswith(reason)


def test_absent_is_silence():
    # given an invoice that says nothing but what it must
    # when it is translated, then it is silent about everything else
    assert said(MINIMAL) == {"deleted": False, "customer": "cus_1", "currency": "usd", "total_minor": 5}


_NULLABLE = {
    "subscription": "subscription", "number": "number", "collection_method": "collection_method",
    "billing_reason": "billing_reason", "total_excluding_tax_minor": "total_excluding_tax",
    "discount_minor": "total_discount_amounts", "ending_balance_minor": "ending_balance", "taxes": "total_taxes",
    "tax_minor": "tax", "next_payment_attempt_s": "next_payment_attempt", "due_date_s": "due_date",
    "hosted_invoice_url": "hosted_invoice_url", "invoice_pdf": "invoice_pdf", "payment_intent": "payment_intent",
    "charge": "charge", "default_payment_method": "default_payment_method", "finalized_at_s": "status_transitions",
    "paid_at_s": "status_transitions", "status": "status", "amount_paid_minor": "amount_paid",
    "created_s": "created", "auto_advance": "auto_advance", "discounts": "discounts",
}  # fmt: skip


@pytest.mark.parametrize("field", _NULLABLE)
def test_null_stays_null(field: str):
    found = said(MINIMAL | {_NULLABLE[field]: None})
    assert field in found
    assert found[field] is None


def test_null_metadata_is_empty():
    assert said(MINIMAL | {"metadata": None})["metadata"] == {}


@pytest.mark.parametrize("field", ["lines", "payments", "parent", "discount", "status_transitions", "total_taxes"])
def test_null_where_an_object_is_usual_does_no_harm(field: str):
    assert said(MINIMAL | {field: None})["total_minor"] == 5
    before = fact(SHAPES["2025-10-29.clover"], previous={field: None, "number": "A-0000"})
    assert was(before)["number"] == "A-0000"


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ({"paid": True, "closed": True, "forgiven": False, "attempted": True}, "paid"),
        ({"paid": True, "forgiven": True}, "paid"),
        ({"paid": False, "closed": True, "forgiven": True}, "uncollectible"),
        ({"paid": False, "closed": True, "forgiven": False, "attempted": True}, "void"),
        ({"paid": False, "closed": False, "attempted": True}, "open"),
        ({"paid": False, "closed": False, "attempted": False, "number": "A-0001"}, "open"),
        ({"paid": False, "closed": False, "attempted": False, "finalized_at": 1_540_000_000}, "open"),
        ({"paid": False, "closed": False, "attempted": False, "number": "A-DRAFT"}, "draft"),
        ({"paid": False, "closed": False, "attempted": False, "number": None}, "draft"),
        ({"paid": True, "status": "void"}, "void"),
        ({"paid": False, "attempted": True, "status": None}, None),
    ],
)
def test_the_flags_of_old_versions_amount_to_a_status(flags: dict[str, Any], status: str | None):
    assert said(MINIMAL | flags)["status"] == status


@pytest.mark.parametrize(
    ("says", "amounts"),
    [
        ({"paid": True, "amount_due": 900}, (900, 0)),
        ({"paid": False, "amount_due": 900}, (0, 900)),
        ({"paid": False, "amount_due": 900, "amount_paid": 400}, (400, 500)),
        ({"paid": False, "amount_due": 900, "amount_paid": 400, "amount_remaining": 499}, (400, 499)),
        ({"status": "paid", "amount_due": 900}, (900, 0)),
        ({"amount_due": 900}, (None, None)),
        ({"paid": True}, (None, None)),
    ],
)
def test_old_invoices_are_paid_whole_or_not_at_all(says: dict[str, Any], amounts: tuple[int | None, int | None]):
    found = said(MINIMAL | says)
    assert (found.get("amount_paid_minor"), found.get("amount_remaining_minor")) == amounts


def test_an_invoice_that_is_not_closed_advances_by_itself():
    assert said(MINIMAL | {"closed": False})["auto_advance"] is True
    assert said(MINIMAL | {"closed": True})["auto_advance"] is False
    assert said(MINIMAL | {"closed": True, "auto_advance": True})["auto_advance"] is True


def test_the_tax_is_the_sum_of_all_taxes_inclusive_ones_too():
    # given an invoice with a tax on top and one included in the price, and `tax` null beside them
    listed = [
        {"amount": 19, "inclusive": False, "tax_rate": {"id": "txr_1", "object": "tax_rate"}},
        {"amount": 7, "inclusive": True, "tax_rate": "txr_2", "taxability_reason": None},
    ]
    # when it is translated
    found = said(MINIMAL | {"tax": None, "total_tax_amounts": listed})
    # then both count
    assert found["tax_minor"] == 26
    assert found["taxes"] == [
        {"amount_minor": 19, "inclusive": False, "rate": "txr_1", "reason": None, "taxable_minor": None},
        {"amount_minor": 7, "inclusive": True, "rate": "txr_2", "reason": None, "taxable_minor": None},
    ]


@pytest.mark.parametrize(
    ("says", "tax"),
    [
        ({"tax": None, "total_tax_amounts": []}, 0),
        ({"tax": None}, None),
        ({"tax": 12}, 12),
        ({"tax": 12, "total_tax_amounts": None}, 12),
        ({"total_taxes": None}, None),
        ({"total_taxes": [{"amount": 3, "tax_behavior": "inclusive", "tax_rate_details": None}]}, 3),
    ],
)
def test_a_list_of_taxes_tells_more_than_the_tax(says: dict[str, Any], tax: int | None):
    assert said(MINIMAL | says)["tax_minor"] == tax


def test_no_discount_is_no_discount():
    assert said(MINIMAL | {"total_discount_amounts": [], "discounts": []})["discount_minor"] == 0


@pytest.mark.parametrize(
    ("says", "discounts"),
    [
        ({"discount": None}, []),
        ({"discount": None, "discounts": []}, []),
        ({"discount": None, "discounts": ["di_1", "di_2"]}, [("di_1", None), ("di_2", None)]),
        ({"discount": {"id": "di_2", "coupon": {"id": "B"}}, "discounts": ["di_1", "di_2"]},
         [("di_2", "B"), ("di_1", None)]),
        ({"discount": {"id": "di_1", "coupon": {"id": "A"}}, "discounts": []}, [("di_1", "A")]),
        ({"discounts": [{"id": "di_1", "source": {"type": "coupon", "coupon": None}}]}, [("di_1", None)]),
    ],
)  # fmt: skip
def test_every_discount_is_listed_once(says: dict[str, Any], discounts: list[tuple[str, str | None]]):
    assert said(MINIMAL | says)["discounts"] == [{"id": i, "coupon": c} for i, c in discounts]


@pytest.mark.parametrize(
    ("says", "subscription"),
    [
        ({"subscription": {"id": "sub_1", "object": "subscription"}}, "sub_1"),
        ({"parent": {"subscription_details": {"subscription": {"id": "sub_1"}}}}, "sub_1"),
        ({"subscription": None, "parent": {"subscription_details": {"subscription": "sub_1"}}}, "sub_1"),
        ({"parent": {"type": "quote_details", "subscription_details": None}}, None),
        ({"parent": None}, None),
        ({"subscription": "sub_1", "parent": None}, "sub_1"),
    ],
)
def test_the_subscription_is_found_in_any_version(says: dict[str, Any], subscription: str | None):
    found = said(MINIMAL | says)
    assert "subscription" in found
    assert found["subscription"] == subscription


def test_of_several_payments_the_default_one_is_named():
    payments = [
        {"is_default": False, "payment": {"type": "payment_intent", "payment_intent": "pi_1"}},
        {"is_default": True, "payment": {"type": "payment_intent", "payment_intent": {"id": "pi_2"}}},
    ]
    assert said(MINIMAL | {"payments": {"data": payments}})["payment_intent"] == "pi_2"
    assert said(MINIMAL | {"payments": {"data": payments[:1]}})["payment_intent"] == "pi_1"


def test_an_empty_list_of_payments_says_that_there_are_none():
    found = said(MINIMAL | {"payments": {"data": []}})
    assert (found["payment_intent"], found["charge"]) == (None, None)


_A_LINE = {"id": "il_1", "amount": 5}


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ({"data": [_A_LINE, _A_LINE], "has_more": True}, (False, 2)),
        ({"data": [_A_LINE], "has_more": False, "total_count": 9}, (True, 1)),
        ({"data": [_A_LINE], "total_count": 2}, (False, 1)),
        ({"data": [_A_LINE], "count": 1}, (True, 1)),
        ({"data": [], "total_count": 0}, (True, 0)),
        ({"data": [_A_LINE]}, (None, 1)),
        ({"invoiceitems": [], "prorations": [], "subscriptions": []}, (None, None)),
        ({}, (None, None)),
        (None, (None, None)),
    ],
)
def test_lines_are_counted_and_known_to_be_all_or_not(lines: Any, told: tuple[bool | None, int | None]):
    found = said(MINIMAL | {"lines": lines})
    assert (found.get("lines_complete"), found.get("line_count")) == told
    assert len(found.get("lines", [])) == (told[1] or 0)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"id": "il_1"}, "lacks lines.data.amount"),
        ({"amount": 5}, "lacks lines.data.id"),
        ({"id": "il_1", "amount": 5, "taxes": [{}]}, "lacks amount of a tax"),
        ({"id": "il_1", "amount": 5, "discount_amounts": [{}]}, "lacks amount of a discount"),
    ],
)
def test_a_line_without_its_amounts_is_quarantined(line: dict[str, Any], reason: str):
    assert translate(event(MINIMAL | {"lines": listed([line])})) == Quarantined(reason)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"plan": {"id": "gold", "amount": 0}}, {"price": "gold", "unit_amount_decimal": "0"}),
        ({"plan": {"id": "gold", "amount": 1, "amount_decimal": "0.5"}}, {"unit_amount_decimal": "0.5"}),
        ({"price": {"id": "p_1"}, "plan": {"id": "gold"}}, {"price": "p_1"}),
        ({"pricing": None, "price": {"id": "p_1", "product": None}}, {"price": "p_1", "product": None}),
        ({"pricing": {"unit_amount_decimal": "3.5"}}, {"price": None, "unit_amount_decimal": "3.5"}),
        ({"quantity": 1, "quantity_decimal": "1.25"}, {"quantity": 1, "quantity_decimal": "1.25"}),
        ({"parent": None}, {"subscription": None, "proration": False}),
        ({"parent": {"type": "manual"}}, {"subscription": None, "invoice_item": None}),
        ({"type": "subscription", "id": "il_9"}, {"subscription": None}),
        ({"type": "invoiceitem", "id": "ii_9"}, {"invoice_item": "ii_9"}),
        ({"period": None}, {"period_start_s": None, "period_end_s": None}),
        ({"taxes": None, "discount_amounts": None}, {"taxes": None, "discounts": None}),
        ({"taxes": [], "discount_amounts": []}, {"taxes": [], "discounts": []}),
    ],
)  # fmt: skip
def test_a_line_is_read_in_the_shape_that_it_comes_in(line: dict[str, Any], expected: dict[str, Any]):
    (found,) = said(MINIMAL | {"lines": listed([_A_LINE | line])})["lines"]
    assert {key: found[key] for key in expected} == expected


def test_lines_that_do_not_fit_in_one_page_wait_for_the_rest():
    # given an invoice of twelve lines, of which Stripe sends ten
    ten = [_A_LINE | {"id": f"il_{n}"} for n in range(10)]
    # when it is translated
    found = said(MINIMAL | {"lines": listed(ten) | {"has_more": True, "total_count": 12}})
    # then the ten are known, and that they are not all
    assert (found["line_count"], found["lines_complete"]) == (10, False)


def test_an_invoice_in_favor_of_the_customer_is_paid_into_the_balance():
    # given an invoice of -48.00 that is "paid" although nobody paid anything
    negative = MINIMAL | {"status": "paid", "total": -4800, "amount_due": 0, "amount_paid": 0, "amount_remaining": 0}
    # when it is translated
    found = said(negative | {"starting_balance": 0, "ending_balance": -4800})
    # then what it gave went to the customer's balance
    assert (found["paid"], found["amount_paid_minor"], found["balance_applied_minor"]) == (True, 0, -4800)


@pytest.mark.parametrize(
    ("says", "applied"),
    [
        ({"starting_balance": -500, "ending_balance": 0}, 500),
        ({"starting_balance": 0, "ending_balance": 30}, 30),
        ({"starting_balance": -500, "ending_balance": None}, None),
    ],
)
def test_what_the_balance_paid_is_known_once_the_invoice_is_finalized(says: dict[str, Any], applied: int | None):
    assert said(MINIMAL | says)["balance_applied_minor"] == applied


def test_half_a_balance_is_silence():
    assert "balance_applied_minor" not in said(MINIMAL | {"ending_balance": 5})
    assert "balance_applied_minor" not in said(MINIMAL | {"starting_balance": 5})


_REVERSED = {"amount": 0, "tax_behavior": "exclusive", "taxability_reason": "reverse_charge", "taxable_amount": 900}


@pytest.mark.parametrize(
    ("says", "reversed_"),
    [
        ({"total_taxes": [_REVERSED]}, True),
        ({"customer_tax_exempt": "none", "total_tax_amounts": [{"amount": 0, "inclusive": False,
          "taxability_reason": "reverse_charge"}]}, True),
        ({"customer_tax_exempt": "reverse"}, True),
        ({"customer_tax_exempt": "exempt", "total_taxes": None}, False),
        ({"customer_tax_exempt": None, "total_taxes": []}, False),
        ({"total_taxes": [_REVERSED | {"taxability_reason": "standard_rated"}]}, False),
    ],
)  # fmt: skip
def test_a_reverse_charge_is_told_by_the_tax_or_by_the_customer(says: dict[str, Any], reversed_: bool):
    assert said(MINIMAL | says)["reverse_charge"] is reversed_


@pytest.mark.parametrize(
    ("credits", "used"),
    [
        ([{"amount": 300, "type": "credit_balance_transaction", "credit_balance_transaction": "cbtxn_1"},
          {"amount": 100, "type": "discount", "discount": "di_1"}], 300),
        ([], 0),
        (None, None),
    ],
)  # fmt: skip
def test_credit_grants_are_told_apart_from_discounts(credits: Any, used: int | None):
    assert said(MINIMAL | {"total_pretax_credit_amounts": credits})["credit_grants_minor"] == used


def test_automatic_tax_that_is_null_is_off_and_absent_is_silent():
    off = said(MINIMAL | {"automatic_tax": None})
    assert (off["automatic_tax_enabled"], off["automatic_tax_status"]) == (None, None)
    failed = {"enabled": False, "status": None, "disabled_reason": "finalization_requires_location_inputs"}
    found = said(MINIMAL | {"automatic_tax": failed})
    assert found["automatic_tax_disabled_reason"] == "finalization_requires_location_inputs"


def test_a_sealed_value_in_metadata_stays_in_the_log():
    found = said(MINIMAL | {"metadata": {"order": "7", "name": "sealed:1:cus_1:stripe/test/platform/evt_1:x:AAAA"}})
    assert found["metadata"] == {"order": "7"}


def test_no_fact_is_personal():
    # given an invoice that carries a person's name wherever it can
    keys = ["customer_name", "customer_email", "customer_phone", "description", "footer", "account_name"]
    personal = dict.fromkeys(keys, "Lovelace") | {"customer_address": {"line1": "Lovelace", "country": "GB"}}
    # when it is translated, then no fact tells
    assert "Lovelace" not in repr(said(SHAPES["2026-10-28.endive"] | personal))


OPEN_TO_PAID: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "flags": (
        SHAPES["2015-10-01"],
        {"paid": False, "closed": False, "attempt_count": 1},
        {
            "status": "open",
            "paid": False,
            "attempt_count": 1,
            "auto_advance": True,
            "amount_paid_minor": 0,
            "amount_remaining_minor": 1761,
        },
    ),
    "acacia": (
        SHAPES["2025-02-24.acacia"],
        {"status": "open", "paid": False, "amount_paid": 0, "amount_remaining": 1761, "charge": None,
         "status_transitions": {"paid_at": None}},
        {"status": "open", "paid": False, "amount_paid_minor": 0, "amount_remaining_minor": 1761, "charge": None,
         "paid_at_s": None},
    ),
    "basil": (
        SHAPES["2025-03-31.basil"],
        {"status": "open", "amount_paid": 0, "amount_remaining": 1761, "status_transitions": {"paid_at": None}},
        {"status": "open", "paid": False, "amount_paid_minor": 0, "amount_remaining_minor": 1761, "paid_at_s": None},
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", OPEN_TO_PAID)
def test_an_invoice_that_was_paid_was_open_before(shape: str):
    # given a paid invoice whose event tells what changed
    obj, previous, before = OPEN_TO_PAID[shape]
    # when it is translated
    found = fact(obj, previous=previous)
    # then it says what held before, of the changed fields alone
    assert spoken(found)["status"] == "paid"
    assert was(found) == before


def test_a_moved_parent_is_followed_in_what_was_before():
    previous = {"parent": {"subscription_details": {"subscription": "sub_0"}}, "lines": {"data": LINES_BASIL[:1]}}
    assert was(fact(SHAPES["2025-03-31.basil"], previous=previous)) == {
        "subscription": "sub_0",
        "lines": LINES[:1],
        "line_count": 1,
    }


@pytest.mark.parametrize("previous", [None, {}])
def test_nothing_changed_is_nothing_before(previous: Any):
    assert fact(MINIMAL, previous=previous).was is None


def test_a_second_runs_from_draft_over_open_to_an_end():
    lives = [
        ("created", "draft"), ("updated", "draft"), ("finalized", "open"), ("marked_uncollectible", "uncollectible"),
        ("paid", "paid"), ("deleted", "draft"),
    ]  # fmt: skip
    ranks = [rank(verb, Invoice(status=status)) for verb, status in lives]
    assert ranks == sorted(set(ranks))
    assert (ranks[0], ranks[-2], ranks[-1]) == (CREATED, FINAL, DELETED)


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        ("invoice.created", "paid", FINAL),
        ("invoice.created", "open", 2),
        ("invoice.finalized", "draft", 1),
        ("invoice.voided", "void", FINAL),
        ("invoice.updated", "something_new", 1),
        ("invoice.created", None, CREATED),
        ("invoice.deleted", "draft", DELETED),
        ("invoice.updated", "deleted", DELETED),
    ],
)
def test_the_state_ranks_an_event_not_its_name(kind: str, status: str | None, expected: int):
    assert fact(MINIMAL | {"status": status}, kind).rank == expected


def test_a_deleted_stub_says_that_it_is_deleted_and_no_more():
    stub = fact({"object": "invoice", "id": "in_1", "deleted": True}, "invoice.deleted")
    assert spoken(stub) == {"deleted": True}
    assert stub.rank == DELETED


def test_a_deleted_invoice_that_comes_whole_says_all_it_has():
    found = said(MINIMAL | {"deleted": True, "status": "draft"}, "invoice.deleted")
    assert (found["deleted"], found["total_minor"], found["status"]) == (True, 5, "draft")


def test_expanded_objects_are_read_as_their_ids():
    keys = ["customer", "subscription", "payment_intent", "charge", "default_payment_method"]
    found = said(MINIMAL | {key: {"id": f"x_{key}", "object": key, "metadata": {}} for key in keys})
    assert {key: found[key] for key in keys} == {key: f"x_{key}" for key in keys}


def test_an_upcoming_invoice_has_no_identity_and_moves_nothing():
    found = translate(event({k: v for k, v in MINIMAL.items() if k != "id"}, "invoice.upcoming"))
    assert isinstance(found, StoredOnly)


def test_the_table_tells_of_every_field_where_it_comes_from():
    assert tuple(row.field for row in FAMILY.whence) == FIELDS
    assert all(row.places for row in FAMILY.whence)
    assert {row.field for row in FAMILY.whence if row.required} == {"customer", "currency", "total_minor"}


# The third-party corpus, read in place.


@pytest.fixture
def corpus() -> Path:
    root = Path(os.environ.get("RECOUNT_STRIPE_CORPUS", ""))
    if not os.environ.get("RECOUNT_STRIPE_CORPUS") or not root.is_dir():
        pytest.skip("RECOUNT_STRIPE_CORPUS does not name the Stripe corpus")
    return root


SAMPLE = {
    "deleted": False,
    "subscription": None,
    "status": "draft",
    "number": None,
    "currency": "usd",
    "collection_method": "charge_automatically",
    "billing_reason": "manual",
    "amount_due_minor": 1000,
    "amount_paid_minor": 0,
    "amount_remaining_minor": 1000,
    "subtotal_minor": 1000,
    "total_minor": 1000,
    "total_excluding_tax_minor": 1000,
    "tax_minor": 0,
    "discount_minor": 0,
    "starting_balance_minor": 0,
    "ending_balance_minor": None,
    "balance_applied_minor": None,
    "shipping_minor": 0,
    "pre_payment_credit_notes_minor": 0,
    "post_payment_credit_notes_minor": 0,
    "reverse_charge": False,
    "customer_tax_exempt": "none",
    "automatic_tax_enabled": False,
    "automatic_tax_status": None,
    "taxes": [],
    "discounts": [],
    "paid": False,
    "paid_out_of_band": False,
    "attempt_count": 0,
    "attempted": False,
    "next_payment_attempt_s": 1234567890,
    "due_date_s": 1234567890,
    "auto_advance": False,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "payment_intent": None,
    "charge": None,
    "default_payment_method": None,
    "period_start_s": 1234567890,
    "period_end_s": 1234567890,
    "finalized_at_s": None,
    "paid_at_s": None,
    "voided_at_s": None,
    "marked_uncollectible_at_s": None,
    "lines_complete": True,
    "line_count": 1,
    "metadata": {},
    "created_s": 1234567890,
}
_ACACIA = {"credit_grants_minor": None, "automatic_tax_disabled_reason": None}
_BASIL = (_ACACIA | {"subscription": "subscription", "tax_minor": None, "taxes": None,
                     "amount_overpaid_minor": 149_300_825},
          {"paid_out_of_band", "payment_intent", "charge"})  # fmt: skip
#: Version: what differs from SAMPLE, and what is silent.
SAMPLES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "2020-08-27": ({"auto_advance": True}, {"total_excluding_tax_minor", "shipping_minor"}),
    "2023-10-16": ({}, set()),
    "2024-06-20": ({}, set()),
    "2025-02-24.acacia": (_ACACIA, set()),
    "2025-08-27.basil": _BASIL,
    "2025-10-29.clover": _BASIL,
    "2026-02-25.clover": _BASIL,
    "2026-07-29.dahlia": _BASIL,
}


@pytest.mark.corpus
@pytest.mark.parametrize("version", SAMPLES)
def test_stripes_own_sample_of_each_version_has_the_expected_facts(version: str, corpus: Path):
    # given Stripe's sample invoice of an API version
    resources = json.loads((corpus / f"openapi/fixtures/fixtures3-{version}.json").read_bytes())["resources"]
    obj = resources["invoice"]
    # when it is translated
    found = said(obj, "invoice.created")
    lines = found.pop("lines")
    # then every fact has the value that the sample states, and the rest is silent
    changes, silent = SAMPLES[version]
    expected = SAMPLE | {"customer": obj["customer"]} | changes
    assert found == {field: value for field, value in expected.items() if field not in silent}
    assert obj["customer"].startswith("cus_")
    assert [(found["id"], found["amount_minor"]) for found in lines] == [(obj["lines"]["data"][0]["id"], 1000)]


def recorded(corpus: Path) -> Iterator[dict[str, Any]]:
    """Every invoice event of the corpus."""
    for path in sorted((corpus / "events").glob("invoice.*.json")):
        yield json.loads(path.read_bytes())
    for path in sorted((corpus / "event_lists").glob("*Event.list*.json")):
        yield from (e for e in json.loads(path.read_bytes())["data"] if e["type"].startswith("invoice."))


def translated(e: dict[str, Any]) -> Translation:
    return translate(event(e["data"]["object"], e["type"], e["data"].get("previous_attributes"), e.get("api_version")))


@pytest.mark.corpus
def test_every_recorded_invoice_event_is_translated(corpus: Path):
    applied = 0
    for e in recorded(corpus):
        # when a recorded event is translated
        found, obj = translated(e), e["data"]["object"]
        if e["type"] == "invoice.upcoming":
            assert isinstance(found, StoredOnly)
            continue
        # then it says what its object says
        assert isinstance(found, ObjectFact), (e["type"], found)
        facts = spoken(found)
        assert (found.id, found.customer, facts["currency"]) == (obj["id"], obj["customer"], obj["currency"])
        assert (facts["total_minor"], facts["amount_due_minor"]) == (obj["total"], obj["amount_due"])
        assert facts["status"] == obj.get("status", facts["status"])
        lines = obj.get("lines", {}).get("data")
        assert facts.get("line_count") == (len(lines) if lines is not None else None)
        applied += 1
    assert applied >= 90


@pytest.mark.corpus
def test_recorded_changes_of_status_are_told(corpus: Path):
    told = 0
    for e in recorded(corpus):
        before = e["data"].get("previous_attributes") or {}
        if "status" in before:
            assert was(translated(e))["status"] == before["status"]  # type: ignore[arg-type]
            told += 1
    assert told > 0
