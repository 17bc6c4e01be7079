"""Credit notes of the sandbox: before payment they lower what is due, after it they give money back."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sandboxes import VERSIONS, Asked, faults_of


def invoiced(asked: Asked, amounts: tuple[int, ...], *, paid: bool, percent: str | None = None) -> dict[str, Any]:
    """A finalized invoice with a line for each amount."""
    customer = asked.post(
        "/v1/customers", email="a@b.example", payment_method="pm_card_visa",
        invoice_settings={"default_payment_method": "pm_card_visa"},
    )["id"]  # fmt: skip
    rates = {}
    if percent is not None:
        rate = asked.post("/v1/tax_rates", display_name="VAT", percentage=percent, inclusive=False)["id"]
        rates = {"tax_rates": [rate]}
    invoice = asked.post(
        "/v1/invoices", customer=customer, collection_method="charge_automatically", auto_advance=False
    )
    for amount in amounts:
        said = {"customer": customer, "invoice": invoice["id"], "amount": amount, "currency": "usd", **rates}
        asked.post("/v1/invoiceitems", **said)
    asked.post(f"/v1/invoices/{invoice['id']}/finalize")
    if paid:
        asked.post(f"/v1/invoices/{invoice['id']}/pay")
    return asked.get(f"/v1/invoices/{invoice['id']}")


@settings(max_examples=25)
@given(st.lists(st.integers(100, 9_999), min_size=1, max_size=4), st.floats(0.01, 1.0), st.booleans())
def test_an_amount_is_spread_over_the_lines_to_the_cent(amounts: list[int], share: float, taxed: bool) -> None:
    # given
    asked = Asked()
    invoice = invoiced(asked, tuple(amounts), paid=False, percent="19" if taxed else None)
    amount = max(1, int(invoice["total"] * share))
    # when
    note = asked.post("/v1/credit_notes", invoice=invoice["id"], amount=amount)
    # then
    after = asked.get(f"/v1/invoices/{invoice['id']}")
    assert (note["total"], note["type"]) == (amount, "pre_payment")
    on_top = sum(t["amount"] for t in note["total_taxes"])
    assert note["subtotal"] - note["discount_amount"] + on_top == amount
    assert after["amount_remaining"] == invoice["total"] - amount
    assert after["pre_payment_credit_notes_amount"] == amount
    assert (after["status"] == "paid") == (after["amount_remaining"] == 0)


@pytest.mark.parametrize("way", ["refund_amount", "credit_amount", "out_of_band_amount"])
def test_what_was_paid_is_refunded_credited_or_settled_elsewhere(way: str) -> None:
    # given
    asked = Asked()
    invoice = invoiced(asked, (1000,), paid=True)
    # when
    note = asked.post("/v1/credit_notes", invoice=invoice["id"], amount=400, **{way: 400})
    # then
    assert (note["type"], note["post_payment_amount"]) == ("post_payment", 400)
    refunds = asked.get("/v1/refunds")["data"]
    assert [r["amount"] for r in refunds] == ([400] if way == "refund_amount" else [])
    balance = asked.get(f"/v1/customers/{invoice['customer']}")["balance"]
    assert balance == (-400 if way == "credit_amount" else 0)
    assert asked.get(f"/v1/invoices/{invoice['id']}")["post_payment_credit_notes_amount"] == 400


def test_more_than_is_left_is_refused_and_a_wrong_sum_too() -> None:
    asked = Asked()
    open_one, paid_one = invoiced(asked, (1000,), paid=False), invoiced(asked, (1000,), paid=True)
    assert asked.refused("/v1/credit_notes", invoice=open_one["id"], amount=1001)["param"] == "amount"
    assert asked.refused("/v1/credit_notes", invoice=paid_one["id"], amount=400, refund_amount=300)["status"] == 400
    asked.post("/v1/credit_notes", invoice=paid_one["id"], amount=700, out_of_band_amount=700)
    assert asked.refused("/v1/credit_notes", invoice=paid_one["id"], amount=400, refund_amount=400)["param"] == "amount"


def test_a_note_is_voided_while_its_invoice_is_open() -> None:
    # given
    asked = Asked()
    invoice = invoiced(asked, (1000,), paid=False)
    note = asked.post("/v1/credit_notes", invoice=invoice["id"], amount=400)
    # when
    void = asked.post(f"/v1/credit_notes/{note['id']}/void")
    # then
    assert void["status"] == "void"
    assert asked.get(f"/v1/invoices/{invoice['id']}")["amount_remaining"] == 1000
    assert [e["type"] for e in asked.events("credit_note.created", "credit_note.voided")] == [
        "credit_note.created",
        "credit_note.voided",
    ]


def test_a_preview_keeps_nothing() -> None:
    asked = Asked()
    invoice = invoiced(asked, (1000, 500), paid=False)
    assert asked.get("/v1/credit_notes/preview", invoice=invoice["id"], amount=300)["total"] == 300
    assert asked.get("/v1/credit_notes")["data"] == []
    assert asked.events("credit_note.created") == []


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_notes_satisfy_stripes_own_types(version: str) -> None:
    asked = Asked()
    invoice = invoiced(asked, (1000,), paid=True, percent="19")
    note = asked.post("/v1/credit_notes", invoice=invoice["id"], amount=400, refund_amount=400)
    assert faults_of(asked.speaking(version).get(f"/v1/credit_notes/{note['id']}"), version) == []
