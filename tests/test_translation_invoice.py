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


# One invoice of a subscription: 20.00 less a coupon of 1.00, 3.61 of tax on top, paid at the second attempt.

EVERYWHERE = {
    "object": "invoice",
    "id": "in_1",
    "customer": "cus_1",
    "currency": "eur",
    "subtotal": 2000,
    "total": 2261,
    "amount_due": 2261,
    "starting_balance": 0,
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
    "amount_paid": 2261,
    "amount_remaining": 0,
    "total_excluding_tax": 1900,
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
    "lines": {"object": "list", "data": [{"id": "il_1"}, {"id": "il_2"}], "has_more": False},
    "created": 1_692_600_000,
}
SINCE_BASIL = SINCE_2020 | {
    "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1", "metadata": {}}},
    "total_taxes": [
        {
            "amount": 361,
            "tax_behavior": "exclusive",
            "tax_rate_details": {"tax_rate": "txr_1"},
            "taxability_reason": "standard_rated",
            "taxable_amount": 1900,
            "type": "tax_rate_details",
        }
    ],
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
        "lines": {"object": "list", "data": [{"id": "sub_1"}, {"id": "ii_1"}], "total_count": 2},
    },
    "2018-11-08": EVERYWHERE
    | {
        "subscription": "sub_1",
        "status": "paid",
        "paid": True,
        "number": "A-0001",
        "billing": "charge_automatically",
        "billing_reason": "subscription_cycle",
        "amount_paid": 2261,
        "amount_remaining": 0,
        "auto_advance": False,
        "charge": "ch_1",
        "discount": {"object": "discount", "coupon": {"id": "WELCOME", "object": "coupon"}, "customer": "cus_1"},
        "tax": 361,
        "date": 1_692_600_000,
        "finalized_at": 1_692_603_600,
        "lines": {"object": "list", "data": [{"id": "sli_1"}, {"id": "sli_2"}], "has_more": False},
    },
    "2025-02-24.acacia": SINCE_2020
    | {
        "subscription": "sub_1",
        "subscription_details": {"metadata": {}},
        "paid": True,
        "paid_out_of_band": False,
        "payment_intent": "pi_1",
        "charge": "ch_1",
        "tax": 361,
        "total_tax_amounts": [
            {"amount": 361, "inclusive": False, "tax_rate": "txr_1", "taxability_reason": "standard_rated"}
        ],
        "discount": {"id": "di_1", "coupon": {"id": "WELCOME", "object": "coupon"}},
        "discounts": ["di_1"],
    },
    "2025-03-31.basil": SINCE_BASIL | {"discounts": [{"id": "di_1", "coupon": {"id": "WELCOME"}}]},
    "2025-10-29.clover": SINCE_BASIL
    | {
        "discounts": [{"id": "di_1", "source": {"type": "coupon", "coupon": "WELCOME"}}],
        "payments": {
            "object": "list",
            "data": [{"is_default": True, "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}],
            "has_more": False,
        },
    },
    "2026-10-28.endive": SINCE_BASIL
    | {
        "customer_account": "acct_9",
        "amount_paid_off_stripe": 0,
        "discounts": [{"id": "di_1", "source": {"type": "coupon", "coupon": {"id": "WELCOME"}}}],
        "payments": {
            "object": "list",
            "data": [{"is_default": True, "payment": {"type": "charge", "charge": "ch_1"}}],
            "has_more": False,
        },
    },
}
FACTS = {
    "deleted": False,
    "customer": "cus_1",
    "subscription": "sub_1",
    "status": "paid",
    "number": "A-0001",
    "currency": "eur",
    "collection_method": "charge_automatically",
    "billing_reason": "subscription_cycle",
    "amount_due_minor": 2261,
    "amount_paid_minor": 2261,
    "amount_remaining_minor": 0,
    "subtotal_minor": 2000,
    "total_minor": 2261,
    "total_excluding_tax_minor": 1900,
    "tax_minor": 361,
    "discount_minor": 100,
    "starting_balance_minor": 0,
    "ending_balance_minor": 0,
    "taxes": [{"amount_minor": 361, "inclusive": False, "rate": "txr_1", "reason": "standard_rated"}],
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
    "default_payment_method": None,
    "period_start_s": 1_690_000_000,
    "period_end_s": 1_692_600_000,
    "finalized_at_s": 1_692_603_600,
    "paid_at_s": 1_692_700_000,
    "voided_at_s": None,
    "marked_uncollectible_at_s": None,
    "lines_complete": True,
    "line_count": 2,
    "metadata": {"order": "7"},
    "created_s": 1_692_600_000,
}
_BEFORE_2020 = {
    "total_excluding_tax_minor", "discount_minor", "taxes", "paid_out_of_band", "due_date_s", "hosted_invoice_url",
    "invoice_pdf", "payment_intent", "default_payment_method", "paid_at_s", "voided_at_s", "marked_uncollectible_at_s",
}  # fmt: skip
SILENT: dict[str, set[str]] = {
    "2015-10-01": _BEFORE_2020 | {"number", "collection_method", "billing_reason", "finalized_at_s"},
    "2018-11-08": _BEFORE_2020,
    "2025-02-24.acacia": set(),
    "2025-03-31.basil": {"paid_out_of_band", "payment_intent", "charge"},
    "2025-10-29.clover": {"paid_out_of_band", "charge"},
    "2026-10-28.endive": {"paid_out_of_band", "payment_intent"},
}
#: Before 2020-08-27 a discount had no id.
WITHOUT_DISCOUNT_ID = {"discounts": [{"id": None, "coupon": "WELCOME"}]}


@pytest.mark.parametrize("version", SHAPES)
def test_an_invoice_says_the_same_in_every_api_version(version: str):
    # given one invoice, rendered in an API version
    obj = SHAPES[version]
    # when it is translated
    found = said(obj)
    # then it says the same as in any other, of all that this version speaks of
    expected = FACTS | (WITHOUT_DISCOUNT_ID if version < "2020" else {})
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
        {"amount_minor": 19, "inclusive": False, "rate": "txr_1", "reason": None},
        {"amount_minor": 7, "inclusive": True, "rate": "txr_2", "reason": None},
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


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ({"data": [{}, {}], "has_more": True}, (False, 2)),
        ({"data": [{}], "has_more": False, "total_count": 9}, (True, 1)),
        ({"data": [{}], "total_count": 2}, (False, 1)),
        ({"data": [], "total_count": 0}, (True, 0)),
        ({"data": [{}]}, (None, 1)),
        ({}, (None, None)),
        (None, (None, None)),
    ],
)
def test_lines_are_counted_and_known_to_be_all_or_not(lines: Any, told: tuple[bool | None, int | None]):
    found = said(MINIMAL | {"lines": lines})
    assert (found.get("lines_complete"), found.get("line_count")) == told


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
            "amount_remaining_minor": 2261,
        },
    ),
    "acacia": (
        SHAPES["2025-02-24.acacia"],
        {"status": "open", "paid": False, "amount_paid": 0, "amount_remaining": 2261, "charge": None,
         "status_transitions": {"paid_at": None}},
        {"status": "open", "paid": False, "amount_paid_minor": 0, "amount_remaining_minor": 2261, "charge": None,
         "paid_at_s": None},
    ),
    "basil": (
        SHAPES["2025-03-31.basil"],
        {"status": "open", "amount_paid": 0, "amount_remaining": 2261, "status_transitions": {"paid_at": None}},
        {"status": "open", "paid": False, "amount_paid_minor": 0, "amount_remaining_minor": 2261, "paid_at_s": None},
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
    previous = {"parent": {"subscription_details": {"subscription": "sub_0"}}, "lines": {"data": [{}]}}
    assert was(fact(SHAPES["2025-03-31.basil"], previous=previous)) == {"subscription": "sub_0", "line_count": 1}


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


def test_a_payment_of_an_invoice_is_not_an_invoice():
    assert isinstance(
        translate(event({"object": "invoice_payment", "id": "inpay_1"}, "invoice_payment.paid")), StoredOnly
    )


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
_BASIL = ({"subscription": "subscription", "tax_minor": None, "taxes": None},
          {"paid_out_of_band", "payment_intent", "charge"})  # fmt: skip
#: Version: what differs from SAMPLE, and what is silent.
SAMPLES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "2020-08-27": ({"auto_advance": True}, {"total_excluding_tax_minor"}),
    "2023-10-16": ({}, set()),
    "2024-06-20": ({}, set()),
    "2025-02-24.acacia": ({}, set()),
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
    # then every fact has the value that the sample states, and the rest is silent
    changes, silent = SAMPLES[version]
    expected = SAMPLE | {"customer": obj["customer"]} | changes
    assert found == {field: value for field, value in expected.items() if field not in silent}
    assert obj["customer"].startswith("cus_")


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
