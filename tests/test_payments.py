"""One trail a payment: stories with amounts worked by hand, and laws over any of them, live and against the oracle."""

import random
from typing import Any

import oracle
import pytest
from histories import built, different, folded, ingest, project, remembered, rows_of
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from samples import Delivery, T, event

from ledger.store import Log
from replay.verify import verify

Json = dict[str, Any]


def intent(status: str = "succeeded", amount: int = 1000, id: str = "pi_1", **fields: Any) -> Json:
    """A payment intent of clover; received in full where it succeeded."""
    return {
        "object": "payment_intent",
        "id": id,
        "status": status,
        "amount": amount,
        "amount_received": amount if status == "succeeded" else 0,
        "amount_capturable": amount if status == "requires_capture" else 0,
        "currency": "eur",
        "customer": "cus_1",
        "latest_charge": "ch_1",
        "next_action": None,
        "last_payment_error": None,
        "payment_method": "pm_1",
        "created": T,
        **fields,
    }


def charge(status: str = "succeeded", amount: int = 1000, id: str = "ch_1", **fields: Any) -> Json:
    """A charge of clover, captured where it succeeded."""
    captured = fields.pop("captured", status == "succeeded")
    return {
        "object": "charge",
        "id": id,
        "status": status,
        "paid": status == "succeeded",
        "captured": captured,
        "amount": amount,
        "amount_captured": amount if captured and status == "succeeded" else 0,
        "amount_refunded": 0,
        "currency": "eur",
        "customer": "cus_1",
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "payment_method_details": {
            "type": "card",
            "card": {"brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2030},
        },
        "disputed": False,
        "failure_code": None,
        "balance_transaction": f"txn_{id}" if captured and status == "succeeded" else None,
        "created": T,
        **fields,
    }


def refund(status: str = "succeeded", amount: int = 400, id: str = "re_1", **fields: Any) -> Json:
    return {
        "object": "refund",
        "id": id,
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "amount": amount,
        "currency": "eur",
        "status": status,
        "reason": None,
        "balance_transaction": f"txn_{id}",
        "created": T + 100,
        **fields,
    }


def booking(source: str, amount: int, fee: int = 0, **fields: Any) -> Json:
    return {
        "object": "balance_transaction",
        "id": f"txn_{source}",
        "source": source,
        "type": "charge",
        "amount": amount,
        "fee": fee,
        "net": amount - fee,
        "currency": "eur",
        "status": "available",
        "available_on": T + 86_400,
        "created": T,
        **fields,
    }


def dispute(
    status: str = "needs_response", amount: int = 1000, moved: tuple[int, ...] = (-1000,), **fields: Any
) -> Json:
    """A dispute; `moved` are the amounts of its balance transactions, each with a fee of 15.00 the same way."""
    return {
        "object": "dispute",
        "id": "dp_1",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "amount": amount,
        "currency": "eur",
        "status": status,
        "reason": "fraudulent",
        "is_charge_refundable": False,
        "evidence_details": {"due_by": T + 1_000_000, "has_evidence": False, "past_due": False, "submission_count": 0},
        "balance_transactions": [
            booking("dp_1", m, 1500 if m < 0 else -1500, id=f"txn_dp_1_{n}", type="adjustment")
            for n, m in enumerate(moved)
        ],
        "created": T + 200,
        **fields,
    }


_KINDS = {
    "payment_intent": "payment_intent.succeeded",
    "charge": "charge.updated",
    "refund": "refund.updated",
    "dispute": "charge.dispute.updated",
    "balance_transaction": "balance_transaction.updated",
    "invoice_payment": "invoice_payment.paid",
}


def told(*objects: Json) -> list[Delivery]:
    """An event about each object, a second apart."""
    return [Delivery(event(n, _KINDS[o["object"]], o, at=T + n)) for n, o in enumerate(objects, 1)]


def payment(*objects: Json, id: str = "pi_1") -> Json:
    """The payment's row, on which the oracle agrees."""
    rows = folded(remembered(told(*objects)))
    assert different({"payments": rows["payments"]}, {"payments": oracle.recount(told(*objects))["payments"]}) == []
    return rows["payments"]["test", "platform", id]


def amounts(row: Json) -> Json:
    """What of its money is not zero."""
    names = ("asked", "received", "refunded", "lost", "kept", "pending", "pending_refund", "disputed")
    return {n: row[f"{n}_minor"] for n in names if row[f"{n}_minor"]}


def test_a_payment_that_nothing_happened_to_is_what_was_received() -> None:
    row = payment(intent(), charge(), booking("ch_1", 1000, 59))
    assert amounts(row) == {"asked": 1000, "received": 1000, "kept": 1000}
    assert (row["fee_minor"], row["net_minor"], row["settlement_currency"]) == (59, 941, "eur")
    assert (row["status"], row["customer"], row["currency"]) == ("succeeded", "cus_1", "eur")
    assert (row["reconciled"], row["reconciled_reason"]) == (True, None)
    assert row["available_on_s"] == T + 86_400
    assert row["method"] == {
        "id": "pm_1", "type": "card", "brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2030,
        "bank": None, "wallet": None,
    }  # fmt: skip


def test_a_payment_waits_for_the_balance_transactions_that_it_names() -> None:
    row = payment(intent(), charge(), refund())
    assert (row["reconciled"], row["fee_minor"], row["net_minor"]) == (False, None, None)
    assert row["reconciled_reason"] == "balance transactions have not arrived: txn_ch_1, txn_re_1"


def test_what_is_booked_for_a_charge_that_nobody_told_of_is_not_reconciled() -> None:
    row = payment(intent("requires_payment_method", amount_received=0, latest_charge="ch_1"), booking("ch_1", 1000))
    assert (row["received_minor"], row["reconciled_reason"]) == (0, "a charge has not arrived")


def test_a_balance_that_says_otherwise_is_told() -> None:
    row = payment(intent(), charge(), booking("ch_1", 900))
    assert row["reconciled_reason"] == "the balance says otherwise of ch_1"


def test_a_balance_in_another_currency_says_nothing_against_a_payment() -> None:
    row = payment(intent(), charge(), booking("ch_1", 1171, 60, currency="usd"))
    assert (row["reconciled"], row["net_minor"], row["settlement_currency"]) == (True, 1111, "usd")
    assert row["kept_minor"] == 1000


def test_refunds_count_once_they_succeed_and_not_when_they_fail() -> None:
    row = payment(
        intent(), charge(), refund(amount=100), refund("pending", 200, "re_2"), refund("failed", 300, "re_3"),
    )  # fmt: skip
    assert amounts(row) == {"asked": 1000, "received": 1000, "refunded": 100, "kept": 900, "pending_refund": 200}
    assert [r["id"] for r in row["refunds"]] == ["re_1", "re_2", "re_3"]


def test_a_failed_refund_is_reconciled_once_the_money_is_back() -> None:
    failed = refund("failed", failure_balance_transaction="txn_back")
    out, back = booking("re_1", -400), booking("re_1", 400, id="txn_back", type="refund_failure")
    told_half = payment(intent(), charge(), failed, booking("ch_1", 1000), out)
    assert told_half["reconciled_reason"] == "the balance says otherwise of re_1"
    assert payment(intent(), charge(), failed, booking("ch_1", 1000), out, back)["reconciled"] is True


def test_a_refund_that_only_the_charge_lists_counts_and_its_own_word_wins() -> None:
    # given an old version's charge with two refunds, of which one failed later
    listed = [
        {
            "id": "re_1",
            "object": "refund",
            "amount": 400,
            "status": "succeeded",
            "created": T,
            "balance_transaction": "t",
        },
        {
            "id": "re_2",
            "object": "refund",
            "amount": 100,
            "status": "pending",
            "created": T,
            "balance_transaction": "u",
        },
    ]
    old = charge(amount_refunded=500, refunds={"object": "list", "data": listed, "has_more": False})
    assert amounts(payment(intent(), old))["refunded"] == 400
    assert "refunded" not in amounts(payment(intent(), old, refund("failed")))


def test_what_a_charge_counts_as_refunded_and_nobody_lists_is_refunded() -> None:
    row = payment(intent(), charge(amount_refunded=700), refund())
    assert amounts(row)["refunded"] == 700
    assert row["reconciled_reason"].startswith("refunds of 300 have not arrived")


def test_money_that_was_held_and_let_go_is_neither_received_nor_refunded() -> None:
    # given an authorization that expired: Stripe shows a refund, of which no balance knows
    gone = refund(amount=1000, reason="expired_uncaptured_charge", balance_transaction=None)
    row = payment(intent("canceled"), charge(captured=False, amount_refunded=1000), gone)
    assert amounts(row) == {"asked": 1000}
    assert (row["status"], row["reconciled"], row["refunds"][0]["released"]) == ("canceled", True, True)
    # and without an intent, nor the refund's own word
    row = payment(charge(captured=False, amount_refunded=1000, payment_intent=None), id="ch_1")
    assert (amounts(row), row["status"]) == ({"asked": 1000}, "canceled")


def test_of_an_amount_captured_in_part_the_rest_is_let_go() -> None:
    let_go = refund(amount=400, balance_transaction=None)
    real = refund(amount=100, id="re_2")
    part = charge(amount_captured=600, amount_refunded=500)
    row = payment(intent(amount_received=600), part, let_go, real, booking("ch_1", 600), booking("re_2", -100))
    assert amounts(row) == {"asked": 1000, "received": 600, "refunded": 100, "kept": 500}
    assert [a["released_minor"] for a in row["attempts"]] == [400]
    assert row["reconciled"] is True


def test_before_2020_the_intent_tells_how_much_was_captured() -> None:
    old = charge(amount_refunded=400)
    del old["amount_captured"]
    row = payment(intent(amount_received=600), old)
    assert amounts(row) == {"asked": 1000, "received": 600, "kept": 600}


@pytest.mark.parametrize(
    ("asking", "charged", "status", "pending"),
    [
        (intent("processing"), charge("pending"), "processing", 1000),
        (intent("requires_capture"), charge(captured=False), "requires_capture", 1000),
        (intent("requires_payment_method"), charge("failed"), "requires_payment_method", 0),
        (intent("requires_action"), None, "requires_action", 0),
        (
            intent(
                "requires_action",
                next_action={
                    "type": "display_bank_transfer_instructions",
                    "display_bank_transfer_instructions": {"amount_remaining": 250},
                },
            ),
            None,
            "requires_action",
            750,
        ),
        (None, charge("pending", payment_intent=None), "processing", 1000),
        (None, charge(captured=False, payment_intent=None), "requires_capture", 1000),
        (None, charge("failed", payment_intent=None), "failed", 0),
    ],
)
def test_what_is_under_way_is_pending(asking: Json | None, charged: Json | None, status: str, pending: int) -> None:
    row = payment(*filter(None, (asking, charged)), id="pi_1" if asking else "ch_1")
    assert (row["status"], row["pending_minor"], row["received_minor"]) == (status, pending, 0)
    assert row["reconciled"] is True


@pytest.mark.parametrize(
    ("objects", "status", "received"),
    [
        ((intent("processing"), charge()), "succeeded", 1000),  # the intent's word is late
        ((charge("pending"), intent()), "succeeded", 1000),  # the charge's is
        ((intent(), charge("failed", failure_code="insufficient_funds")), "failed", 0),  # a debit came back
        ((charge("failed"), intent()), "succeeded", 1000),  # another attempt, which has not arrived
    ],
)
def test_a_late_word_does_not_mislead(objects: tuple[Json, ...], status: str, received: int) -> None:
    row = payment(*objects)
    assert (row["status"], row["received_minor"]) == (status, received)


@pytest.mark.parametrize(
    ("status", "moved", "lost", "disputed"),
    [
        ("warning_needs_response", (), 0, 1000),
        ("needs_response", (-1000,), 1000, 1000),
        ("won", (-1000,), 1000, 0),  # won, and the money not yet back
        ("won", (-1000, 1000), 0, 0),
        ("lost", (-1000,), 1000, 0),
        ("lost", (), 1000, 0),
        ("charge_refunded", (), 0, 0),
    ],
)
def test_what_a_dispute_took_and_did_not_give_back_is_lost(
    status: str, moved: tuple[int, ...], lost: int, disputed: int
) -> None:
    row = payment(intent(), charge(disputed=True), dispute(status, moved=moved), booking("ch_1", 1000, 59))
    assert (row["lost_minor"], row["disputed_minor"], row["kept_minor"]) == (lost, disputed, 1000 - lost)
    assert row["disputes"][0]["lost_minor"] == lost
    assert row["reconciled"] is (status != "lost" or bool(moved))
    if moved:  # the fee of a dispute goes back with the money
        assert row["net_minor"] == row["kept_minor"] - row["fee_minor"] == 1000 - lost - 59 - (1500 if lost else 0)


def test_a_dispute_in_another_currency_is_told_and_counts_nowhere() -> None:
    row = payment(intent(), charge(), dispute(amount=900, moved=(), currency="usd"), booking("ch_1", 1000))
    assert (row["lost_minor"], row["disputed_minor"], row["kept_minor"]) == (0, 0, 1000)
    assert (row["disputes"][0]["amount_minor"], row["disputes"][0]["currency"]) == (900, "usd")
    assert row["reconciled_reason"] == "dp_1 is in another currency"


def test_a_dispute_of_old_that_names_its_balance_transaction_alone_waits_for_it() -> None:
    old = dispute(moved=(), balance_transaction="txn_dp_1")
    row = payment(intent(), charge(), old, booking("ch_1", 1000))
    assert (row["lost_minor"], row["reconciled_reason"]) == (1000, "balance transactions have not arrived: txn_dp_1")
    row = payment(intent(), charge(), old, booking("ch_1", 1000), booking("dp_1", -990, type="adjustment"))
    assert (row["lost_minor"], row["reconciled"]) == (990, True)


def test_every_attempt_is_told_in_order() -> None:
    first = charge("failed", id="ch_0", failure_code="card_declined", created=T - 50)
    row = payment(intent(), first, charge(), booking("ch_1", 1000))
    assert [(a["charge"], a["status"], a["failure_code"], a["captured_minor"]) for a in row["attempts"]] == [
        ("ch_0", "failed", "card_declined", 0),
        ("ch_1", "succeeded", None, 1000),
    ]
    assert row["reconciled"] is True


def test_a_charge_without_an_intent_is_a_payment_of_its_own() -> None:
    row = payment(charge(payment_intent=None, invoice="in_1"), refund(payment_intent=None), id="ch_1")
    assert amounts(row) == {"asked": 1000, "received": 1000, "refunded": 400, "kept": 600}
    assert (row["status"], row["invoice"]) == ("succeeded", "in_1")


def test_since_basil_an_invoice_payment_tells_which_invoice() -> None:
    paid = {
        "object": "invoice_payment",
        "id": "inpay_1",
        "invoice": "in_1",
        "status": "paid",
        "currency": "eur",
        "amount_requested": 1000,
        "amount_paid": 1000,
        "is_default": True,
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "created": T,
    }
    assert payment(intent(), charge(), paid)["invoice"] == "in_1"
    assert payment(intent(invoice="in_2"), charge(), paid)["invoice"] == "in_2"


def test_a_refund_or_a_dispute_alone_is_no_payment() -> None:
    assert folded(remembered(told(refund(), dispute())))["payments"] == {}


def test_zero_decimal_amounts_are_as_stripe_gives_them() -> None:
    row = payment(
        intent(amount=1000, currency="jpy"), charge(currency="jpy"), booking("ch_1", 1000, 36, currency="jpy")
    )
    assert (row["received_minor"], row["fee_minor"], row["currency"]) == (1000, 36, "jpy")


# ---- laws -----------------------------------------------------------------------------------

_AMOUNTS = st.sampled_from([100, 400, 600, 1000])
_CHARGES = st.sampled_from(["ch_1", "ch_2"])
_INTENTS = st.builds(
    lambda status, received, latest: intent(status, amount_received=received, latest_charge=latest),
    st.sampled_from(["requires_payment_method", "processing", "requires_capture", "succeeded", "canceled"]),
    st.sampled_from([0, 600, 1000]),
    st.sampled_from([None, "ch_1", "ch_2"]),
)
_CHARGED = st.builds(
    lambda id, status, captured, taken, refunded, of, listed, named: charge(
        status,
        id=id,
        captured=captured,
        amount_captured=taken if captured and status == "succeeded" else 0,
        amount_refunded=refunded,
        payment_intent=of,
        refunds={"object": "list", "data": listed, "has_more": False},
        balance_transaction=named and f"txn_{id}",
    ),
    _CHARGES,
    st.sampled_from(["pending", "succeeded", "failed"]),
    st.booleans(),
    st.sampled_from([600, 1000]),
    st.sampled_from([0, 400, 1000]),
    st.sampled_from([None, "pi_1"]),
    st.lists(
        st.builds(
            lambda id, amount, status: {"id": id, "amount": amount, "status": status, "created": T},
            st.sampled_from(["re_1", "re_2", "re_3"]),
            _AMOUNTS,
            st.sampled_from(["succeeded", "failed"]),
        ),
        max_size=2,
        unique_by=lambda r: r["id"],
    ),
    st.sampled_from([None, "yes"]),
)
_REFUNDED = st.builds(
    lambda id, status, amount, of, named: refund(
        status, amount, id, charge=of, balance_transaction=named and f"txn_{id}"
    ),
    st.sampled_from(["re_1", "re_2"]),
    st.sampled_from(["pending", "requires_action", "succeeded", "failed", "canceled"]),
    _AMOUNTS,
    _CHARGES,
    st.sampled_from([None, "yes"]),
)
_DISPUTED = st.builds(
    lambda status, moved, of, currency: dispute(status, moved=moved, charge=of, currency=currency),
    st.sampled_from(["warning_needs_response", "needs_response", "under_review", "won", "lost", "charge_refunded"]),
    st.sampled_from([(), (-1000,), (-1000, 1000), (-600,)]),
    _CHARGES,
    st.sampled_from(["eur", "eur", "usd"]),
)
_BOOKED = st.builds(
    lambda source, amount, fee, currency: booking(source, amount, fee, currency=currency),
    st.sampled_from(["ch_1", "ch_2", "re_1", "re_2", "dp_1"]),
    st.sampled_from([1000, 600, -1000, -400, -100]),
    st.sampled_from([0, 30]),
    st.sampled_from(["eur", "eur", "eur", "usd"]),
)
_HISTORIES = st.lists(st.one_of(_INTENTS, _CHARGED, _REFUNDED, _DISPUTED, _BOOKED), min_size=1, max_size=12)


@given(_HISTORIES, st.randoms(use_true_random=False))
@examples(150)
def test_the_amounts_of_any_payment_add_up(objects: list[Json], rnd: random.Random) -> None:
    # given anything that may be said of a payment, in any order
    deliveries = told(*objects)
    # when
    rows = folded(remembered(deliveries))["payments"]
    # then the oracle says the same, whatever the order
    assert different({"payments": rows}, {"payments": oracle.recount(deliveries)["payments"]}) == []
    rnd.shuffle(deliveries)
    assert different({"payments": folded(remembered(deliveries))["payments"]}, {"payments": rows}) == []
    for row in rows.values():
        holds_together(row)


def holds_together(row: Json) -> None:
    """The identities of a payment's row."""
    real = [r for r in row["refunds"] if not r["released"]]
    assert row["kept_minor"] == row["received_minor"] - row["refunded_minor"] - row["lost_minor"]
    assert row["refunded_minor"] == sum(r["amount_minor"] for r in real if r["status"] in ("succeeded", None))
    assert row["lost_minor"] == sum(d["lost_minor"] for d in row["disputes"])
    assert row["received_minor"] >= sum(a["captured_minor"] for a in row["attempts"])
    assert row["pending_minor"] >= 0
    assert row["pending_minor"] == 0 or row["received_minor"] + row["pending_minor"] <= row["asked_minor"]
    assert all(0 <= a["captured_minor"] + a["released_minor"] <= a["amount_minor"] for a in row["attempts"])
    assert (row["reconciled_reason"] is None) == row["reconciled"]
    gross = sum(m["amount_minor"] for m in row["movements"])
    if row["settlement_currency"] is not None:
        assert row["net_minor"] == gross - row["fee_minor"]
    else:
        assert (row["fee_minor"], row["net_minor"]) == (None, None)
    if row["reconciled"] and row["settlement_currency"] == row["currency"]:
        # what is not settled yet may be booked already
        open_ones = {a["charge"] for a in row["attempts"] if a["status"] == "pending"}
        open_ones |= {r["id"] for r in real if r["status"] in ("pending", "requires_action")}
        early = sum(m["amount_minor"] for m in row["movements"] if m["source"] in open_ones)
        assert gross - early == row["kept_minor"]


def test_live_rows_follow_whatever_arrives_last(database: str) -> None:
    # given a payment of which everything arrives alone, the refund's and the dispute's words without an intent's id
    objects = [
        intent(),
        charge(),
        charge(id="ch_2", payment_intent=None),
        refund(payment_intent=None),
        refund(id="re_2", charge="ch_2"),
        dispute(payment_intent=None),
        booking("ch_1", 1000, 59),
        booking("re_1", -400),
        booking("re_2", -400),
        booking("dp_1", -1000, 1500, id="txn_dp_1_0"),
    ]
    deliveries = told(*objects)
    random.Random(7).shuffle(deliveries)
    # when each is folded in a step of its own
    log = Log(built(database))
    ingest(log, deliveries)
    log.close()
    project(database, sizes=[1])
    # then the rows are what the whole says
    assert different(rows_of(database), oracle.recount(deliveries)) == []
    assert [v.differences for v in verify(database)] == [(), ()]
    row = rows_of(database)["payments"]["test", "platform", "pi_1"]
    assert amounts(row) == {
        "asked": 1000, "received": 1000, "refunded": 400, "lost": 1000, "kept": -400, "disputed": 1000,
    }  # fmt: skip
    assert row["reconciled"] is True
