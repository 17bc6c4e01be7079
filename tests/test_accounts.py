"""Who can charge and be paid and what is missing; what was paid out, and whether the balance agrees."""

import json
import os
import random
from pathlib import Path
from typing import Any

import oracle
import pytest
from histories import built, different, folded, ingest, project, remembered, rows_of
from samples import Delivery, T, event

from ledger.store import Log
from replay.verify import verify

Json = dict[str, Any]
SELLER = "acct_1"


def told(*events: Json) -> list[Delivery]:
    return [Delivery(e, "connect" if "account" in e else "platform") for e in events]


def said(number: int, kind: str, obj: Json, **fields: Any) -> Json:
    return event(number, kind, obj, **{"account": SELLER, **fields})


def account(**fields: Any) -> Json:
    """A seller to whom nothing is in the way."""
    return {
        "object": "account",
        "id": SELLER,
        "type": "express",
        "country": "DE",
        "default_currency": "eur",
        "charges_enabled": True,
        "payouts_enabled": True,
        "details_submitted": True,
        "requirements": {"currently_due": [], "past_due": [], "eventually_due": [], "disabled_reason": None},
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "created": T,
        **fields,
    }


def capability(name: str, status: str) -> Json:
    return {"object": "capability", "id": name, "account": SELLER, "status": status, "requested": True}


def bank(id: str = "ba_1", **fields: Any) -> Json:
    return {"object": "bank_account", "id": id, "account": SELLER, "last4": "6789", "currency": "eur", **fields}


APPLICATION = {"object": "application", "id": "ca_1", "name": "Ours"}
BARRED = account(
    payouts_enabled=False,
    details_submitted=False,
    requirements={
        "currently_due": ["external_account", "owners.email"],
        "past_due": ["external_account"],
        "pending_verification": ["company.tax_id"],
        "disabled_reason": "requirements.past_due",
    },
    capabilities={"card_payments": "active", "transfers": "inactive", "jcb_payments": "unrequested"},
)


def the_account(*events: Json) -> Json:
    """The one account of a history, in which fold and oracle agree."""
    rows, expected = folded(remembered(told(*events))), oracle.recount(told(*events))
    assert different(rows, expected) == []
    (row,) = rows["accounts"].values()
    return row


def reasons(row: Json) -> list[tuple[str, str | None]]:
    return [(b["reason"], b["detail"]) for b in row["blocked_by"]]


def test_a_seller_with_nothing_in_the_way_can_charge_and_be_paid() -> None:
    row = the_account(said(1, "account.updated", account()), said(2, "account.external_account.created", bank()))
    assert (row["can_charge"], row["can_be_paid"], row["blocked_by"]) == (True, True, [])
    assert (row["connected"], row["known"], row["authorized"]) == (True, True, None)
    assert [(e["id"], e["kind"], e["last4"]) for e in row["external_accounts"]] == [("ba_1", "bank_account", "6789")]


def test_what_is_missing_is_told_the_most_urgent_first_and_once() -> None:
    row = the_account(said(1, "account.updated", BARRED))
    assert (row["can_charge"], row["can_be_paid"]) == (True, False)
    assert reasons(row) == [
        ("details_not_submitted", None),
        ("disabled", "requirements.past_due"),
        ("past_due", "external_account"),
        ("currently_due", "owners.email"),
        ("pending_verification", "company.tax_id"),
        ("capability_inactive", "transfers"),
    ]


def test_a_seller_that_took_back_its_authorization_can_do_nothing_through_us() -> None:
    # given a seller that could do all
    before = [
        said(1, "account.application.authorized", APPLICATION),
        said(2, "account.updated", account(), at=T + 1),
    ]
    assert (row := the_account(*before))["authorized"] is row["can_charge"] is True
    # when it takes back its authorization
    after = [*before, said(3, "account.application.deauthorized", APPLICATION, at=T + 2)]
    row = the_account(*after)
    # then nothing goes, though Stripe's last word of the account is that it is enabled
    assert (row["authorized"], row["can_charge"], row["can_be_paid"]) == (False, False, False)
    assert (row["charges_enabled"], reasons(row)) == (True, [("not_authorized", None)])
    # and when it comes back, all goes again
    row = the_account(*after, said(4, "account.application.authorized", APPLICATION, at=T + 3))
    assert (row["authorized"], row["can_charge"], row["blocked_by"]) == (True, True, [])


def test_taken_back_in_the_second_in_which_it_was_given_is_taken_back() -> None:
    row = the_account(
        said(1, "account.application.deauthorized", APPLICATION), said(2, "account.application.authorized", APPLICATION)
    )
    assert row["authorized"] is False


def test_an_account_that_nobody_described_is_not_said_to_be_barred() -> None:
    row = the_account(said(1, "capability.updated", capability("transfers", "active")))
    assert (row["known"], row["can_charge"], row["can_be_paid"]) == (False, None, None)
    assert (reasons(row), row["capabilities"]) == ([("account_not_seen", None)], {"transfers": "active"})


def test_an_account_that_is_barred_without_a_word_why_says_so() -> None:
    row = the_account(said(1, "account.updated", account(charges_enabled=False)))
    assert reasons(row) == [("not_enabled", None)]


@pytest.mark.parametrize(("after", "status"), [(-1, "active"), (0, "pending"), (1, "pending")])
def test_a_capability_is_what_was_said_of_it_last(after: int, status: str) -> None:
    """By its own event or the account's; within one second its own."""
    row = the_account(
        said(1, "account.updated", account(capabilities={"transfers": "active"})),
        said(2, "capability.updated", capability("transfers", "pending"), at=T + after),
        said(3, "capability.updated", capability("card_payments", "active"), at=T - 5),
    )
    assert row["capabilities"] == {"transfers": status, "card_payments": "active"}


def test_a_deleted_bank_account_is_not_listed() -> None:
    row = the_account(
        said(1, "account.external_account.created", bank()),
        said(2, "account.external_account.created", bank("ba_2"), at=T + 1),
        said(3, "account.external_account.deleted", bank(), at=T + 2),
    )
    assert [e["id"] for e in row["external_accounts"]] == ["ba_2"]


def test_the_platforms_own_account_is_not_connected() -> None:
    row = the_account(event(1, "account.updated", account(id="acct_own")))
    assert (row["account"], row["id"], row["connected"], row["can_charge"]) == ("platform", "acct_own", False, True)


def payout(status: str = "paid", **fields: Any) -> Json:
    return {
        "object": "payout",
        "id": "po_1",
        "amount": 25000,
        "currency": "eur",
        "status": status,
        "arrival_date": T + 86_400,
        "automatic": True,
        "method": "standard",
        "destination": "ba_1",
        "type": "bank_account",
        "balance_transaction": "txn_1",
        "created": T,
        **fields,
    }


def old_payout(status: str = "paid", **fields: Any) -> Json:
    return {
        "object": "transfer",
        "id": "tr_1",
        "amount": 25000,
        "currency": "eur",
        "status": status,
        "type": "bank_account",
        "date": T + 86_400,
        "destination": "ba_1",
        "bank_account": {"object": "bank_account", "id": "ba_1", "last4": "6789"},
        "created": T,
        **fields,
    }


def booking(id: str, amount: int, kind: str = "payout", **fields: Any) -> Json:
    return {
        "object": "balance_transaction",
        "id": id,
        "type": kind,
        "source": "po_1",
        "amount": amount,
        "fee": 250,
        "net": amount - 250,
        "currency": "eur",
        "status": "available",
        "created": T,
        **fields,
    }


def the_payout(*events: Json) -> Json:
    """The one payout of a history, in which fold and oracle agree."""
    rows = folded(remembered(told(*events)))
    assert different(rows, oracle.recount(told(*events))) == []
    (row,) = rows["payouts"].values()
    assert row["paid_minor"] + row["pending_minor"] + row["returned_minor"] == row["amount_minor"]
    return row


@pytest.mark.parametrize(
    ("status", "amounts"),
    [
        ("pending", (0, 25000, 0)),
        ("in_transit", (0, 25000, 0)),
        ("paid", (25000, 0, 0)),
        ("failed", (0, 0, 25000)),
        ("canceled", (0, 0, 25000)),
    ],
)
@pytest.mark.parametrize(
    ("kind", "make"), [("payout.updated", payout), ("transfer.updated", old_payout)], ids=["payout", "transfer"]
)
def test_a_payout_is_paid_on_its_way_or_came_back(kind: str, make: Any, status: str, amounts: tuple[int, ...]) -> None:
    row = the_payout(said(1, kind, make(status)))
    assert (row["paid_minor"], row["pending_minor"], row["returned_minor"]) == amounts
    assert (row["status"], row["destination"], row["bookings"], row["reconciled"]) == (status, "ba_1", [], None)


def test_a_payout_of_before_payouts_is_one() -> None:
    row = the_payout(said(1, "transfer.paid", old_payout(), version="2015-10-16"))
    assert (row["id"], row["destination_type"], row["destination_last4"]) == ("tr_1", "bank_account", "6789")
    assert (row["arrival_date_s"], row["automatic"]) == (T + 86_400, None)


def test_a_transfer_between_accounts_is_no_payout() -> None:
    sent = {"object": "transfer", "id": "tr_2", "amount": 5, "currency": "eur", "destination": SELLER, "created": T}
    rows = folded(remembered(told(event(1, "transfer.created", sent))))
    assert (rows["payouts"], rows["transfers"]["test", "platform", "tr_2"]["kind"]) == ({}, "transfer")


@pytest.mark.parametrize("later", ["payout", "transfer"])
def test_where_both_shapes_tell_of_a_payout_the_later_word_counts(later: str) -> None:
    # given one payout, in the new shape and in that of an old API version
    new_at, old_at = (T + 1, T) if later == "payout" else (T, T + 1)
    row = the_payout(
        said(1, "payout.updated", payout("paid" if later == "payout" else "pending"), at=new_at),
        said(2, "transfer.paid", old_payout("paid" if later == "transfer" else "pending", id="po_1"), at=old_at),
    )
    # then it is one row, with what only the new shape tells
    assert (row["id"], row["status"], row["automatic"]) == ("po_1", "paid", True)


@pytest.mark.parametrize(
    ("status", "booked", "reconciled"),
    [
        ("paid", [booking("txn_1", -25000)], True),
        ("pending", [booking("txn_1", -25000)], True),
        ("paid", [booking("txn_1", -24000)], False),
        ("paid", [booking("txn_1", -25000, currency="usd")], False),
        ("failed", [booking("txn_1", -25000)], False),
        ("failed", [booking("txn_1", -25000), booking("txn_2", 25000, "payout_failure", fee=0)], True),
        ("canceled", [booking("txn_1", -25000), booking("txn_2", 25000, "payout_cancel")], True),
        ("paid", [booking("txn_1", -25000), booking("txn_3", 777, "payout_minimum_balance_hold")], True),
    ],
)
def test_a_payout_is_reconciled_when_the_balance_went_down_by_what_is_out(
    status: str, booked: list[Json], reconciled: bool
) -> None:
    bookings = [said(n, "balance_transaction.created", b) for n, b in enumerate(booked, 10)]
    row = the_payout(said(1, "payout.updated", payout(status)), *bookings)
    own = [b for b in booked if b["type"] != "payout_minimum_balance_hold"]
    assert (row["reconciled"], row["fee_minor"]) == (reconciled, sum(b["fee"] for b in own))
    assert [b["id"] for b in row["bookings"]] == [b["id"] for b in own]


def test_a_booking_without_its_payout_is_no_payout() -> None:
    rows = folded(remembered(told(said(1, "balance_transaction.created", booking("txn_1", -5)))))
    assert rows["payouts"] == {}


def a_sellers_year() -> list[Delivery]:
    """Onboarding, capabilities, banks, payouts by both names, bookings, deauthorization; ties, and a second seller."""
    events = [
        said(1, "account.application.authorized", APPLICATION),
        said(2, "account.updated", BARRED, at=T + 1),
        said(3, "account.updated", account(), at=T + 2),
        said(4, "capability.updated", capability("transfers", "pending"), at=T + 2),
        said(5, "capability.updated", capability("card_payments", "active"), at=T + 1),
        said(6, "account.external_account.created", bank(), at=T + 2),
        said(7, "account.external_account.updated", bank(status="verified"), at=T + 2),
        said(8, "account.external_account.deleted", bank("ba_0"), at=T + 3),
        said(9, "payout.created", payout("pending"), at=T + 3),
        said(10, "payout.paid", payout("paid"), at=T + 3),
        said(11, "payout.failed", payout("failed", failure_code="account_closed"), at=T + 5),
        said(12, "transfer.paid", old_payout("paid", id="po_1"), at=T + 3, version="2017-01-27"),
        said(13, "transfer.created", old_payout("pending"), at=T, version="2015-10-16"),
        said(14, "transfer.paid", old_payout("paid"), at=T, version="2015-10-16"),
        said(15, "balance_transaction.created", booking("txn_1", -25000), at=T + 3),
        said(16, "balance_transaction.created", booking("txn_2", 25000, "payout_failure"), at=T + 5),
        said(17, "balance_transaction.created", booking("txn_3", -25000, "transfer", source="tr_1"), at=T),
        said(18, "account.application.deauthorized", APPLICATION, at=T + 9),
        said(19, "account.updated", account(id="acct_2"), account="acct_2"),
        said(20, "capability.updated", capability("transfers", "inactive") | {"account": "acct_2"}, account="acct_2"),
        said(21, "payout.paid", payout(), account="acct_2"),
        event(22, "account.updated", account(id="acct_own")),
    ]
    return told(*events)


def test_live_rows_are_what_the_oracle_says_in_any_order_and_rebuilt(database: str) -> None:
    # given a history, delivered in an order of no meaning, in part twice
    history = a_sellers_year()
    shuffled = [*history, *history[::3]]
    random.Random(7).shuffle(shuffled)
    log = Log(built(database))
    ingest(log, shuffled)
    log.close()
    # when it is folded live in small steps
    project(database, sizes=[2, 3, 5, 1, 4])
    # then every row is as the oracle says, and as a rebuild makes it
    rows, expected = rows_of(database), oracle.recount(history)
    assert different(rows, expected) == []
    assert [v.differences for v in verify(database)] == [(), ()]
    assert (len(rows["accounts"]), len(rows["payouts"])) == (3, 3)
    assert rows["payouts"]["test", SELLER, "po_1"]["status"] == "failed"
    assert rows["payouts"]["test", SELLER, "po_1"]["reconciled"] is True
    assert reasons(rows["accounts"]["test", SELLER, SELLER])[0] == ("not_authorized", None)


@pytest.mark.parametrize("seed", range(8))
def test_any_order_gives_the_same_sellers(seed: int) -> None:
    history = a_sellers_year()
    shuffled = random.Random(seed).sample(history, len(history))
    assert different(folded(remembered(shuffled)), oracle.recount(history)) == []


CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")
OURS = ("account.", "balance.", "payout.", "transfer.", "application_fee.", "capability.", "cash_balance.")


@pytest.mark.corpus
@pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is")
def test_every_event_of_the_corpus_about_sellers_and_payouts_counts() -> None:
    # given
    assert CORPUS is not None
    files = [f for f in sorted(Path(CORPUS, "events").glob("*.json")) if f.name.startswith(OURS)]
    events = [{**json.loads(f.read_text()), "id": f"evt_{n}"} for n, f in enumerate(files)]
    assert len(events) >= 19
    # when
    rows = folded(remembered(told(*events)))
    # then all are applied, and known sellers stand as their events say
    assert {r["type"]: r["state"] for r in rows["stripe_events"].values()} == {e["type"]: "applied" for e in events}
    assert different(rows, oracle.recount(told(*events))) == []
    barred = rows["accounts"]["test", "acct_1Fg9jUA3kq9o1aTc", "acct_1Fg9jUA3kq9o1aTc"]
    assert (barred["authorized"], barred["can_charge"], reasons(barred)[0]) == (False, False, ("not_authorized", None))
    able = rows["accounts"]["test", "acct_1IuHosQveW0ONQsd", "acct_1IuHosQveW0ONQsd"]
    assert (able["can_charge"], able["can_be_paid"], able["blocked_by"]) == (True, True, [])
    assert {key[2] for key in rows["payouts"]} == {"po_000000000000000000000000", "tr_00000000000000"}
