"""A batch of provider charges that was approved becomes one Stripe invoice, to the cent, and follows it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from billing_story import DAY, HOUR, Story, story
from passthrough import NOW, ORG, Office, charge, lines_of

from api.passthrough.books import LogBooks
from commands.consequences import Follow, Receipt, append_once
from commands.reconciliation_batches_deciding import RECONCILIATION_BATCHES
from commands.reconciliation_batches_invoicing import FollowInvoice
from ledger.errors import Refused, StoreUnavailable
from ledger.events import Metadata, ReactionTaken
from ledger.ids import reconciliation_stream
from ledger.issuing_events import IssuanceRequested
from ledger.passthrough import period_of

PERIOD = period_of(NOW)
BATCH = f"{PERIOD}.1"


@pytest.fixture
def told(database: str) -> Iterator[Story]:
    with story(database, NOW) as it:
        it.customer = it.stripe.post("/v1/customers", email="a@acme.example", metadata={"org_id": ORG})["id"]
        it.card(it.customer, "pm_card_visa")
        it.settle()
        yield it


@pytest.fixture
def office(told: Story) -> Office:
    return Office(LogBooks(told.log))


def reviewed(told: Story, office: Office, owner: str | None = None, *costs: Any) -> None:
    """A batch that is reviewed, of charges that its policy passes on with a tenth on top."""
    office.policy(None, markup_bps=1_000, billing_owner=owner or told.customer)
    office.charge(*(charge(f"c{n}", cost) for n, cost in enumerate(costs or ("100.4", 50))))
    found = lines_of((r.event for r in told.log.read(0, 10_000)), period=PERIOD)
    office.batch("open_batch", currency="usd", found=found)
    office.batch("start_review", 1, statements={"openai": sum(Decimal(line.cost) for line in found)})
    office.batch("review_charges", 1, decision="accept")


def approved(office: Office, by: str = "eve") -> None:
    office.batch("approve_batch", 1, by=by, policy_versions=("inference@1",))


def batch(told: Story) -> Any:
    return told.one("reconciliation_batches", batch=BATCH)


def test_a_batch_that_was_approved_is_billed_once_to_the_cent_and_then_paid(told: Story, office: Office) -> None:
    reviewed(told, office)
    approved(office)
    told.settle()
    told.until(NOW + 4 * HOUR)
    it, issuance = batch(told), told.one("issuances", source_kind="reconciliation_batch")
    (stripes,) = told.invoices()
    assert (it["state"], it["invoice"]) == ("paid", stripes["id"])
    assert it["total_minor"] == issuance["total_minor"] == stripes["total"] == stripes["amount_paid"] == 165
    assert stripes["customer"] == told.customer
    assert [line["amount"] for line in stripes["lines"]["data"]] == [line["amount_minor"] for line in it["lines"]]


def test_what_was_reopened_before_it_was_asked_for_is_not_billed_and_what_is_approved_then_is(
    told: Story, office: Office
) -> None:
    reviewed(told, office)
    approved(office)
    office.batch("reopen_batch", 1)
    office.batch("review_charges", 1, decision="reject", charges=("openai/c1",))
    told.settle()
    assert (batch(told)["state"], told.rows("issuances")) == ("in_review", [])
    approved(office)
    office.batch("reopen_batch", 1)
    approved(office)
    told.settle()
    assert [i["total"] for i in told.invoices()] == [110]
    assert batch(told)["state"] in ("issued", "paid")


def test_an_approval_that_was_replaced_is_not_billed(told: Story, office: Office) -> None:
    reviewed(told, office)
    approved(office)
    office.batch("reopen_batch", 1)
    office.batch("review_charges", 1, decision="reject", charges=("openai/c1",))
    approved(office)
    told.settle()
    assert [i["total"] for i in told.invoices()] == [110]
    assert batch(told)["total_minor"] == 110


def test_what_is_being_invoiced_is_neither_reopened_nor_discarded(told: Story, office: Office) -> None:
    reviewed(told, office)
    approved(office)
    told.project()
    told.reactor.step()
    for act in ("reopen_batch", "discard_batch"):
        with pytest.raises(Refused, match="is issuing"):
            office.batch(act, 1)


def test_what_could_not_be_issued_may_be_tried_again_or_reviewed_again_and_is_billed_once(
    told: Story, office: Office
) -> None:
    reviewed(told, office, "cus_nobody")
    approved(office)
    told.settle()
    it = batch(told)
    assert (it["state"], it["invoice"]) == ("issue_failed", None)
    assert "resource_missing" in it["fault"]
    # when it is reviewed again, what failed is let go, and can be tried no more
    office.batch("reopen_batch", 1)
    told.settle()
    assert [i["state"] for i in told.rows("issuances")] == ["voided"]
    assert batch(told)["state"] == "in_review"
    # and what is approved then is billed as something new
    office.policy(None, markup_bps=1_000, billing_owner=told.customer)
    office.batch("review_charges", 1, decision="accept", charges=("openai/c0", "openai/c1"))
    office.batch("approve_batch", 1, by="eve", policy_versions=("inference@2",))
    told.settle()
    assert sorted(i["state"] for i in told.rows("issuances")) == ["issued", "voided"]
    assert [i["total"] for i in told.invoices()] == [165]


def test_a_batch_follows_its_invoice_to_overdue_paid_and_credited(told: Story, office: Office) -> None:
    told.card(told.customer, "pm_card_chargeCustomerFail")
    reviewed(told, office)
    approved(office)
    told.settle()
    told.until(NOW + DAY)
    it = batch(told)
    assert it["state"] == "overdue"
    told.card(told.customer, "pm_card_visa")
    told.stripe.post(f"/v1/invoices/{it['invoice']}/pay")
    told.settle()
    assert batch(told)["state"] == "paid"
    for amount, in_all in ((40, 40), (25, 65)):
        told.stripe.post("/v1/credit_notes", invoice=it["invoice"], amount=amount, refund_amount=amount)
        told.settle()
        assert (batch(told)["state"], batch(told)["credited_minor"]) == ("credited", in_all)


def test_nothing_is_billed_of_a_batch_that_comes_to_nothing(told: Story, office: Office) -> None:
    reviewed(told, office)
    office.batch("review_charges", 1, decision="reject", charges=("openai/c0", "openai/c1"))
    office.batch("approve_batch", 1, by="eve", policy_versions=())
    told.settle()
    assert (batch(told)["state"], told.rows("issuances"), told.invoices()) == ("invoice_ready", [], [])


def test_where_a_gate_refuses_nothing_behind_it_follows(told: Story, office: Office) -> None:
    reviewed(told, office)
    stream = reconciliation_stream("test", ORG, PERIOD)
    refused = FollowInvoice(
        mode="test", org=ORG, period=PERIOD, number=1, by="system", why="its invoice", now_s=NOW, state="paid",
        invoice="in_1", fault=None, credited_minor=0,
    )  # fmt: skip
    for gate, follows in ((True, False), (False, True)):
        other = f"test/gate/{gate}"
        behind = Follow(_ALWAYS, other, None)
        taken = ReactionTaken(reaction="a_test", cause_stream="s", cause_version=1)
        receipt = Receipt(f"test/receipt/{gate}", 1, taken)
        metadata = Metadata(occurred_at_s=NOW, actor="system", mode="test")
        assert append_once(told.log, receipt, (Follow(RECONCILIATION_BATCHES, stream, refused, gate), behind), metadata)
        assert bool(told.log.read_stream(other)) is follows


class _Always:
    """Decides that something happened, whatever was asked."""

    def fold(self, events: Any) -> None:
        return None

    def decide(self, command: Any, state: None) -> tuple[Any, ...]:
        return (ReactionTaken(reaction="a_test", cause_stream="s", cause_version=2),)


_ALWAYS: Any = _Always()


def test_however_often_what_reacts_dies_one_invoice_is_asked_for(
    told: Story, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    reviewed(told, office)
    approved(office)
    told.project()
    append = told.log.append
    for dies_after in (False, True):

        def dying(*unit: Any, after: bool = dies_after) -> Any:
            if after:
                append(*unit)
            raise StoreUnavailable("killed")

        monkeypatch.setattr(told.log, "append", dying)
        with pytest.raises(StoreUnavailable):
            told.reactor.step()
    monkeypatch.undo()
    told.settle()
    asked = [r for r in told.log.read(0, 10_000) if isinstance(r.event, IssuanceRequested)]
    assert len(asked) == len(told.invoices()) == 1
