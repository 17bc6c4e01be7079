"""Laws of simulated balances: disputes, fees, transfers and payouts, and the sellers that they are of."""

from collections import Counter, defaultdict
from typing import Any

from simulated import YEAR, account_of, history, last

from replay.simulator import Event

Key = tuple[str, str]


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
        case "application_fee.created" | "topup.succeeded":
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
