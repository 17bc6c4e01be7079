"""The laws of money in simulated histories: what is said of an amount in one place agrees with all other places."""

from collections import Counter, defaultdict
from typing import Any

import pytest
from simulated import MIXED, ONE_OF_EACH_FAMILY, YEAR, account_of, history, in_version, last, objects

from replay.simulator import Event, Object

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


def test_a_dispute_takes_the_payment_and_a_won_one_brings_it_back() -> None:
    charges = last(history(YEAR), "charge")
    ended = Counter[str]()
    for (account, _), dispute in last(history(YEAR), "dispute").items():
        charge = charges[account, dispute["charge"]]
        assert dispute["amount"] == charge["amount"] and charge["amount_refunded"] == 0
        movements = dispute["balance_transactions"]
        assert all(moved["net"] == moved["amount"] - moved["fee"] for moved in movements)
        moved = sum(movement["amount"] for movement in movements)
        inquiry = dispute["status"].startswith("warning_")
        assert moved == (0 if inquiry or dispute["status"] == "won" else -dispute["amount"])
        ended[dispute["status"]] += 1
    assert min(ended["won"], ended["lost"], ended["warning_closed"]) > 0


def test_disputes_open_before_they_move_money_and_close_last() -> None:
    told: dict[Key, list[str]] = defaultdict(list)
    for event in history(YEAR):
        if event["type"].startswith("charge.dispute."):
            told[account_of(event), event["data"]["object"]["id"]].append(event["type"].rpartition(".")[2])
    courses = {tuple(types) for types in told.values()}
    assert courses <= {
        tuple(whole[:n])
        for whole in (
            ["created", "funds_withdrawn", "updated", "closed", "funds_reinstated"],
            ["created", "funds_withdrawn", "closed"],
            ["created", "updated", "closed"],
        )
        for n in range(1, 6)
    }
    assert ("created", "funds_withdrawn", "updated", "closed", "funds_reinstated") in courses


def test_a_credit_note_adds_up_and_its_invoice_knows_it() -> None:
    noted: dict[Key, Counter[str]] = defaultdict(Counter)
    for (account, _), note in last(history(YEAR), "credit_note").items():
        (line,) = note["lines"]["data"]
        taxes = note.get("tax_amounts", note.get("total_taxes"))
        assert taxes is not None
        assert note["total"] == note["amount"] == line["amount"] + sum(tax["amount"] for tax in taxes)
        refunds = note.get("refunds", [{"refund": note["refund"]}] if note.get("refund") else [])
        ways = bool(refunds) + bool(note["customer_balance_transaction"]) + bool(note["out_of_band_amount"])
        assert ways == (note["type"] == "post_payment")
        if note["status"] == "issued":
            noted[account, note["invoice"]][note["type"]] += note["amount"]
    invoices = last(history(YEAR), "invoice")
    kinds = Counter[str]()
    for key, amounts in noted.items():
        assert invoices[key]["pre_payment_credit_notes_amount"] == amounts["pre_payment"]
        assert invoices[key]["post_payment_credit_notes_amount"] == amounts["post_payment"]
        kinds.update(amounts.keys())
    assert kinds["pre_payment"] and kinds["post_payment"]


def test_a_proration_waits_as_an_item_of_the_amount_that_its_line_has() -> None:
    waiting: dict[Key, int] = {}
    matched = 0
    for event in history(YEAR):
        rendered, account = event["data"]["object"], account_of(event)
        if event["type"] == "invoiceitem.created":
            waiting[account, rendered["id"]] = rendered["amount"]
        if event["type"] != "invoice.created":
            continue
        for line in rendered["lines"]["data"]:
            item = line.get("invoice_item")
            if line.get("parent"):
                parent = line["parent"]
                item = (parent["invoice_item_details"] or parent["subscription_item_details"])["invoice_item"]
            if item is not None:
                assert waiting[account, item] == line["amount"]
                matched += 1
    assert matched > 100


def test_the_platforms_fee_is_a_share_of_the_charge_and_goes_back_with_it() -> None:
    charges = last(history(YEAR), "charge")
    fees = last(history(YEAR), "application_fee")
    given_back = 0
    for (account, id), fee in fees.items():
        assert account == "platform" and fee["account"].startswith("acct_")
        charge = charges[fee["account"], fee["charge"]]
        assert (charge["application_fee"], charge["application_fee_amount"]) == (id, fee["amount"])
        assert fee["amount"] <= charge["amount"] and fee["currency"] == charge["currency"]
        assert fee["amount_refunded"] == sum(refund["amount"] for refund in fee["refunds"]["data"]) <= fee["amount"]
        given_back += fee["amount_refunded"] > 0
    assert len(fees) > 50 and given_back


def test_a_transfer_is_reversed_by_no_more_than_its_amount() -> None:
    reversed_ = 0
    for (account, _), transfer in last(history(YEAR), "transfer").items():
        taken = sum(reversal["amount"] for reversal in transfer["reversals"]["data"])
        assert account == "platform" and 0 <= taken == transfer["amount_reversed"] <= transfer["amount"]
        assert transfer["reversed"] == (taken == transfer["amount"])
        reversed_ += taken > 0
    assert reversed_


def _balance_of(event: Event) -> dict[str, int]:
    return {one["currency"]: one["amount"] for one in event["data"]["object"]["available"]}


def test_a_payout_is_all_that_was_available_and_a_failed_one_comes_back() -> None:
    available: dict[str, tuple[int, dict[str, int]]] = {}
    states: dict[Key, str] = {}
    for event in history(YEAR):
        account, rendered = account_of(event), event["data"]["object"]
        if event["type"] == "balance.available":
            available[account] = event["created"], _balance_of(event)
        elif event["type"] == "payout.created":
            at_s, amounts = available[account]
            assert at_s == event["created"] and rendered["amount"] == amounts[rendered["currency"]] > 0
        if rendered["object"] == "payout":
            states[account, rendered["id"]] = rendered["status"]
            assert (rendered["failure_code"] is not None) == (rendered["status"] == "failed")
    assert set(states.values()) == {"pending", "paid", "failed"} or set(states.values()) == {"paid", "failed"}


def test_what_came_less_what_went_is_what_the_balance_holds() -> None:
    """Up to what Stripe keeps of each payment: which is more than nothing, and at most a tenth and a little."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    kept: dict[str, Counter[str]] = defaultdict(Counter)
    checked = 0
    for event in history(YEAR):
        account, rendered = account_of(event), event["data"]["object"]
        if event["type"] == "balance.available":
            for one, waiting in zip(rendered["available"], rendered["pending"], strict=True):
                currency = one["currency"]
                missing = seen[account][currency] - one["amount"] - waiting["amount"]
                assert 0 <= missing <= kept[account][currency], (account, currency)
                checked += 1
            continue
        for whose, net, most in _movements(event, account):
            seen[whose][rendered["currency"]] += net
            kept[whose][rendered["currency"]] += most
    assert checked > 100


def _movements(event: Event, account: str) -> list[tuple[str, int, int]]:
    """(account, what its balance changes by without fees of Stripe's, what these can be at most)."""
    rendered: Any = event["data"]["object"]
    amount = rendered.get("amount")
    match event["type"]:
        case "charge.succeeded":
            fee = rendered["application_fee_amount"] or 0
            return [(account, amount - fee, amount // 10 + 200)]
        case "refund.created" | "payout.created":
            return [(account, -amount, 0)]
        case "refund.failed" | "payout.failed":
            return [(account, amount, 0)]
        case "charge.dispute.funds_withdrawn":
            return [(account, -amount, 5_000)]
        case "charge.dispute.funds_reinstated":
            return [(account, amount, 0)]
        case "application_fee.created":
            return [(account, amount, 0)]
        case "application_fee.refunded":
            back = rendered["refunds"]["data"][0]["amount"]
            return [(account, -back, 0), (rendered["account"], back, 0)]
        case "transfer.created":
            return [(account, -amount, 0), (rendered["destination"], amount, 0)]
        case "transfer.reversed":
            back = rendered["reversals"]["data"][0]["amount"]
            return [(account, back, 0), (rendered["destination"], -back, 0)]
    return []


def test_granted_credit_is_used_up_to_what_was_granted() -> None:
    left: Counter[Key] = Counter()
    used = Counter[str]()
    for event in history(YEAR):
        rendered, account = event["data"]["object"], account_of(event)
        if rendered["object"] != "billing.credit_balance_transaction":
            continue
        way = rendered[rendered["type"]]
        value = way["amount"]["monetary"]["value"]
        left[account, rendered["credit_grant"]] += value if rendered["type"] == "credit" else -value
        assert left[account, rendered["credit_grant"]] >= 0
        used[way["type"]] += 1
        if way["type"] in ("credits_expired", "credits_voided"):
            assert left[account, rendered["credit_grant"]] == 0
    assert used["credits_granted"] and used["credits_applied"] and used["credits_expired"]


def test_credit_that_was_applied_is_on_the_line_that_it_paid() -> None:
    applied: dict[Key, tuple[str, int]] = {}
    found = 0
    for event in history(YEAR):
        rendered, account = event["data"]["object"], account_of(event)
        if rendered["object"] == "billing.credit_balance_transaction" and rendered["type"] == "debit":
            debit = rendered["debit"]
            if debit["type"] == "credits_applied":
                value = debit["amount"]["monetary"]["value"]
                applied[account, rendered["id"]] = debit["credits_applied"]["invoice"], value
        if event["type"] == "invoice.finalized":
            for credit in rendered.get("total_pretax_credit_amounts", ()):
                paid = applied.pop((account, credit["credit_balance_transaction"]))
                assert paid == (rendered["id"], credit["amount"])
                found += 1
    assert found and not applied


def test_a_customers_cash_is_what_it_sent_less_what_was_used() -> None:
    cash: Counter[tuple[str, str, str]] = Counter()
    seen = Counter[str]()
    for event in history(YEAR):
        moved = event["data"]["object"]
        if moved["object"] != "customer_cash_balance_transaction":
            continue
        key = account_of(event), moved["customer"], moved["currency"]
        cash[key] += moved["net_amount"]
        assert moved["ending_balance"] == cash[key] >= 0
        assert moved["type"] in moved
        seen[moved["type"]] += 1
    assert seen["funded"] and seen["applied_to_payment"]
    assert any(cash.values())


def test_a_session_is_paid_at_once_or_in_days_or_never() -> None:
    told: dict[Key, list[tuple[str, str]]] = defaultdict(list)
    for event in history(YEAR):
        session = event["data"]["object"]
        if session["object"] == "checkout.session":
            total = session["amount_subtotal"] - session["total_details"]["amount_discount"]
            assert session["amount_total"] == total + session["total_details"]["amount_tax"]
            said = event["type"].rpartition(".")[2], session["payment_status"]
            told[account_of(event), session["id"]].append(said)
    courses = {tuple(said) for said in told.values()}
    assert courses >= {
        (("completed", "paid"),),
        (("completed", "unpaid"), ("async_payment_succeeded", "paid")),
        (("expired", "unpaid"),),
    }
    assert all(said[0][0] in ("completed", "expired") and len(said) <= 2 for said in courses)


def test_a_quote_adds_up_and_the_accepted_one_names_its_subscription() -> None:
    subscriptions = last(history(YEAR), "subscription")
    states = Counter[str]()
    for (account, _), quote in last(history(YEAR), "quote").items():
        assert quote["amount_total"] == quote["amount_subtotal"] + quote["total_details"]["amount_tax"]
        states[quote["status"]] += 1
        if quote["status"] == "accepted":
            assert subscriptions[account, quote["subscription"]]["customer"] == quote["customer"]
    assert states["accepted"] and states["canceled"]


def test_phases_follow_each_other_and_the_subscription_is_what_the_present_one_says() -> None:
    items: dict[Key, tuple[str, ...]] = {}
    turned = 0
    for event in history(MIXED):
        rendered, account = event["data"]["object"], account_of(event)
        if rendered["object"] == "subscription":
            items[account, rendered["id"]] = tuple(item["plan"]["id"] for item in rendered["items"]["data"])
        elif rendered["object"] == "subscription_schedule":
            first, second = rendered["phases"]
            assert first["start_date"] < first["end_date"] == second["start_date"] < second["end_date"]
            current = rendered["current_phase"]
            assert (current is not None) == (rendered["status"] == "active")
            if event["type"] == "subscription_schedule.expiring":
                planned = tuple(item["plan"] for item in second.get("items", second.get("plans")))
                assert current["start_date"] == second["start_date"]
                assert items[account, rendered["subscription"]] == planned
                turned += 1
    assert turned


def test_a_seller_may_charge_again_when_it_has_said_what_was_wanted() -> None:
    stopped = 0
    for event in history(YEAR):
        account = event["data"]["object"]
        if event["type"] != "account.updated" or "requirements" not in account:
            continue
        wanted = account["requirements"]
        assert set(wanted["past_due"]) <= set(wanted["currently_due"])
        assert (wanted["disabled_reason"] is not None) == bool(wanted["past_due"])
        assert (account["charges_enabled"] and account["payouts_enabled"]) or wanted["past_due"]
        assert account["charges_enabled"] == (account["capabilities"]["card_payments"] == "active")
        stopped += not account["charges_enabled"]
    assert stopped


def test_nothing_is_heard_of_an_account_after_it_left_and_nobody_is_charged_while_it_may_not() -> None:
    left: set[str] = set()
    may: dict[str, bool] = {}
    for event in history(YEAR):
        account, rendered = account_of(event), event["data"]["object"]
        assert account not in left
        if event["type"] == "account.application.deauthorized":
            left.add(account)
        elif event["type"] == "account.updated":
            may[account] = rendered["charges_enabled"]
        elif event["type"] == "payment_intent.succeeded" and rendered["payment_method_types"] == ["card"]:
            assert may.get(account, True)
    assert left
