"""Laws of what simulated customers are promised: credit of all kinds, sessions, quotes and plans."""

from collections import Counter, defaultdict

from simulated import MIXED, YEAR, account_of, history, last

Key = tuple[str, str]


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
