"""Invoice payments to facts: the link between an invoice and what paid it, in every API version that sends it."""

import pytest
from translating import Json, fact, said, spoken, was

from ledger.facts import Quarantined
from ledger.translations.base import FINAL, UPDATED
from ledger.translations.invoice_payment import FAMILY, InvoicePayment

BASIL: Json = {
    "object": "invoice_payment",
    "id": "inpay_1",
    "amount_paid": 900,
    "amount_requested": 1900,
    "created": 1_760_000_000,
    "currency": "eur",
    "invoice": "in_1",
    "is_default": True,
    "livemode": False,
    "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
    "status": "paid",
    "status_transitions": {"canceled_at": None, "paid_at": 1_760_000_100},
}
#: Its one shape, in the versions of endpoints that were seen to get it, and with references expanded.
SHAPES: dict[str, Json] = {
    "2015-10-16": BASIL,
    "2020-08-27": BASIL,
    "2023-10-16": BASIL,
    "2025-02-24.acacia": BASIL,
    "2025-06-30.basil": BASIL,
    "2025-10-29.clover": BASIL | {"invoice": {"object": "invoice", "id": "in_1", "total": 1900}},
    "2026-03-25.dahlia": BASIL
    | {"payment": {"type": "payment_intent", "payment_intent": {"object": "payment_intent", "id": "pi_1"}}},
    "2026-10-28.endive": BASIL | {"invoice": {"object": "invoice", "id": "in_1", "deleted": True}},
}
FACTS: Json = {
    "invoice": "in_1",
    "status": "paid",
    "currency": "eur",
    "amount_requested_minor": 1900,
    "amount_paid_minor": 900,
    "is_default": True,
    "type": "payment_intent",
    "payment_intent": "pi_1",
    "paid_at_s": 1_760_000_100,
    "canceled_at_s": None,
    "created_s": 1_760_000_000,
}
KIND = "invoice_payment.paid"


@pytest.mark.parametrize("version", SHAPES)
def test_an_invoice_payment_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], KIND, api_version=version)
    assert spoken(found) == FACTS
    assert (found.model, found.id, found.customer, found.claim) == ("invoice_payments", "inpay_1", None, None)


@pytest.mark.parametrize("field", ["id", "invoice", "status", "currency", "amount_requested", "created"])
def test_an_invoice_payment_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in BASIL.items() if k != field}, KIND) == Quarantined(f"lacks {field}")
    assert isinstance(said(BASIL | {field: None}, KIND), Quarantined)


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        ({"type": "charge", "charge": "ch_1"}, {"type": "charge", "charge": "ch_1"}),
        ({"type": "charge", "charge": {"id": "ch_1"}}, {"type": "charge", "charge": "ch_1"}),
        ({"type": "payment_record", "payment_record": "prec_1"},
         {"type": "payment_record", "payment_record": "prec_1"}),
        ({"type": "payment_intent"}, {"type": "payment_intent"}),
        (None, {"type": None, "payment_intent": None, "charge": None, "payment_record": None}),
    ],
)  # fmt: skip
def test_it_tells_what_paid(payment: Json | None, expected: Json) -> None:
    found = spoken(fact(BASIL | {"payment": payment}, KIND))
    assert {k: v for k, v in found.items() if k in ("type", "payment_intent", "charge", "payment_record")} == expected


def test_what_was_not_paid_yet_is_null() -> None:
    asked = fact(BASIL | {"status": "open", "amount_paid": None, "status_transitions": None}, "invoice_payment.updated")
    assert (spoken(asked)["amount_paid_minor"], spoken(asked)["paid_at_s"]) == (None, None)


def test_absent_is_silence() -> None:
    least = {k: BASIL[k] for k in ("object", "id", "invoice", "status", "currency", "amount_requested", "created")}
    assert set(spoken(fact(least, KIND))) == {"invoice", "status", "currency", "amount_requested_minor", "created_s"}


def test_what_ended_goes_last_in_its_second() -> None:
    ranks = [fact(BASIL | {"status": s}, "invoice_payment.updated").rank for s in ("open", "paid", "canceled")]
    assert ranks == [UPDATED, FINAL, FINAL]


def test_previous_attributes_tell_what_it_was() -> None:
    before = {"status": "open", "amount_paid": None, "status_transitions": {"paid_at": None}}
    assert was(fact(BASIL, KIND, previous=before)) == {"status": "open", "amount_paid_minor": None, "paid_at_s": None}


def test_the_table_tells_of_every_field_where_it_comes_from() -> None:
    assert tuple(row.field for row in FAMILY.whence) == InvoicePayment.__struct_fields__
