"""Laws of simulated invoices and payments: what is said of an amount in one place agrees with all other places."""

from collections import Counter, defaultdict

import pytest
from simulated import ONE_OF_EACH_FAMILY, YEAR, account_of, history, in_version, last, objects

from replay.simulator import Object

Key = tuple[str, str]


def _exclusive_tax(rendered: Object) -> int:
    taxes = rendered.get("total_tax_amounts", rendered.get("total_taxes"))
    if taxes is None:
        return rendered["tax"] or 0
    return sum(tax["amount"] for tax in taxes)


@pytest.mark.parametrize("version", ONE_OF_EACH_FAMILY)
def test_an_invoice_adds_up(version: str) -> None:
    seen = Counter[str]()
    for invoice in objects(in_version(version), "invoice"):
        lines = invoice["lines"]["data"]
        if invoice["lines"]["has_more"]:
            assert len(lines) == 10 < invoice["lines"]["total_count"]
            continue
        assert invoice["subtotal"] == sum(line["amount"] for line in lines)
        discounts = sum(discount["amount"] for discount in invoice.get("total_discount_amounts", ()))
        credits = sum(credit["amount"] for credit in invoice.get("total_pretax_credit_amounts", ()))
        if "total_discount_amounts" in invoice:
            assert invoice["total"] == invoice["subtotal"] - discounts - credits + _exclusive_tax(invoice)
            assert discounts == sum(d["amount"] for line in lines for d in line["discount_amounts"])
        credited = invoice["pre_payment_credit_notes_amount"]
        assert invoice["amount_due"] == max(0, invoice["total"] + invoice["starting_balance"]) - credited
        assert invoice["amount_paid"] + invoice["amount_remaining"] == invoice["amount_due"]
        if invoice.get("status") == "paid" or invoice.get("paid"):
            assert invoice["amount_remaining"] == 0
        if "status" in invoice and invoice["status"] != "draft":
            assert invoice["ending_balance"] == min(0, invoice["total"] + invoice["starting_balance"])
        if invoice["currency"] == "kwd":
            assert invoice["total"] % 10 == 0
        seen["discounted"] += bool(discounts)
        seen["taxed"] += _exclusive_tax(invoice) != 0
    assert seen["taxed"]


def test_no_more_goes_back_than_came_and_a_charge_knows_its_refunds() -> None:
    given: dict[Key, dict[str, int]] = defaultdict(dict)
    seen = Counter[str]()
    for event in history(YEAR):
        rendered, account = event["data"]["object"], account_of(event)
        if rendered["object"] == "refund":
            counts = rendered["status"] != "failed"
            given[account, rendered["charge"]][rendered["id"]] = rendered["amount"] if counts else 0
            seen[rendered["status"]] += 1
        if event["type"] == "charge.refunded":
            assert 0 < rendered["amount_refunded"] <= rendered["amount_captured"]
            assert rendered["refunded"] == (rendered["amount_refunded"] == rendered["amount"])
        if "refunds" in rendered and rendered["object"] == "charge":
            counting = [refund["amount"] for refund in rendered["refunds"]["data"] if refund["status"] != "failed"]
            assert rendered["amount_refunded"] == sum(counting)
    charges = last(history(YEAR), "charge")
    assert given
    for key, refunds in given.items():
        assert charges[key]["amount_refunded"] == sum(refunds.values())
    assert min(seen[status] for status in ("succeeded", "pending", "failed")) > 5


def test_an_intent_and_its_charges_are_of_one_amount_and_only_success_receives_it() -> None:
    charges = defaultdict(list)
    for (account, _), charge in last(history(YEAR), "charge").items():
        charges[account, charge["payment_intent"]].append(charge)
    for key, intent in last(history(YEAR), "payment_intent").items():
        ended = {"succeeded": ["succeeded"], "processing": ["pending"]}.get(intent["status"], [])
        assert [charge["status"] for charge in charges[key] if charge["status"] != "failed"] == ended
        received = [charge for charge in charges[key] if charge["status"] == "succeeded"]
        assert intent["amount_received"] == sum(charge["amount"] for charge in received)
        assert all((c["amount"], c["currency"]) == (intent["amount"], intent["currency"]) for c in received)
    statuses = {intent["status"] for intent in objects(history(YEAR), "payment_intent")}
    assert statuses == {"processing", "requires_action", "requires_payment_method", "succeeded"}


def test_a_bank_debit_takes_days_and_may_still_fail() -> None:
    began: dict[Key, int] = {}
    ended = Counter[str]()
    for event in history(YEAR):
        charge = event["data"]["object"]
        if event["type"] == "charge.pending":
            began[account_of(event), charge["id"]] = event["created"]
            assert charge["status"] == "pending" and not charge["paid"]
        elif event["type"] in ("charge.succeeded", "charge.failed"):
            slow = charge["payment_method_details"]["type"] in ("sepa_debit", "us_bank_account")
            assert slow == ((account_of(event), charge["id"]) in began)
            if slow:
                assert event["created"] - began[account_of(event), charge["id"]] >= 86_400
                ended[charge["status"]] += 1
    assert min(ended["succeeded"], ended["failed"]) > 5


def test_an_invoice_was_paid_by_what_its_payment_received() -> None:
    intents = last(history(YEAR), "payment_intent")
    checked = 0
    for event in history(YEAR):
        paid = event["data"]["object"]
        if event["type"] == "invoice_payment.paid":
            intent = intents[account_of(event), paid["payment"]["payment_intent"]]
            assert paid["amount_paid"] == paid["amount_requested"] == intent["amount_received"]
            checked += 1
        elif event["type"] == "invoice.paid" and paid.get("payment_intent"):
            intent = intents[account_of(event), paid["payment_intent"]]
            assert paid["amount_paid"] == intent["amount_received"]
            checked += 1
    assert checked > 500
