"""Reconciliation batches: collected, compared, reviewed, approved by somebody else, and then to be invoiced."""

from decimal import Decimal
from typing import Any

import pytest
from histories import built, project, rows_of
from passthrough import META, NOW, ORG, Memory, Office, charge, lines_of

from api.passthrough.books import LogBooks
from commands.acts import SECOND_PERSON_FROM
from commands.reconciliation_batches import INVOICE_LINES, Batch
from commands.reconciliation_batches_deciding import RECONCILIATION_BATCHES, MoveInvoice
from commands.registry import ACTS
from ledger.errors import Invalid, NotFound, Refused
from ledger.events import NewEvent
from ledger.ids import reconciliation_stream
from ledger.passthrough import period_of
from ledger.store import Log
from replay.verify import verify

PERIOD = period_of(NOW)


@pytest.fixture
def office() -> Office:
    return Office(Memory())


def found(office: Office) -> Any:
    return lines_of(r.event for r in office.books.all)  # type: ignore[attr-defined]


def collecting(office: Office, *charges: Any, **policy: Any) -> None:
    """A batch of these charges, under a policy."""
    office.policy(**{"cap_minor": 1_000, **policy})
    office.charge(*charges)
    office.batch("open_batch", currency="usd", found=found(office))


def in_review(office: Office, *charges: Any, total: Any = None, **policy: Any) -> None:
    collecting(office, *charges, **policy)
    total = sum(c.cost_minor for c in charges) if total is None else total
    office.batch("start_review", 1, statements={"openai": Decimal(total)})


def refusal(do: Any, *given: Any, **more: Any) -> str:
    with pytest.raises((Refused, Invalid)) as caught:
        do(*given, **more)
    return caught.value.code


def batch(office: Office, number: int = 1) -> Batch:
    found: Batch = office.batches()[number]
    return found


def approve(
    office: Office, number: int = 1, by: str = "eve", policies: tuple[str, ...] = ("inference@1",), **more: Any
):
    return office.batch("approve_batch", number, by=by, policy_versions=policies, **more)


def test_a_reviewed_batch_is_ready_to_the_cent(office: Office) -> None:
    in_review(office, charge("c1", "10.4"), charge("c2", 20), charge("c3", 30), markup_bps=1_250)
    office.batch("review_charges", 1, decision="accept", charges=("openai/c1",))
    office.batch("review_charges", 1, decision="adjust", charges=("openai/c2",), cost_minor=Decimal(15), why="half")
    office.batch("review_charges", 1, decision="reject", charges=("openai/c3",))
    approve(office)
    it = batch(office)
    assert (it.state, it.ready and it.ready.billing_owner) == ("invoice_ready", "cus_1")
    assert it.ready is not None
    (line,) = it.ready.lines
    assert (line.category, line.policy_version, line.charges, line.cost, line.amount_minor) == (
        "inference", 1, 2, "25.4", 29,  # 28.575
    )  # fmt: skip
    assert it.ready.total_minor == 29


def test_who_took_part_in_a_review_does_not_approve_it(office: Office) -> None:
    in_review(office, charge("c1"))
    office.batch("review_charges", 1, by="carl", decision="accept")
    for by in ("ada", "carl"):
        assert refusal(approve, office, by=by) == "second_person"
    assert approve(office, by="eve").changed


def test_nothing_is_billed_that_nobody_decided_on(office: Office) -> None:
    in_review(office, charge("c1"), charge("c2"))
    office.batch("review_charges", 1, decision="accept", charges=("openai/c1",))
    assert refusal(approve, office) == "not_reviewed"
    office.batch("review_charges", 1, decision="defer")
    approve(office)
    assert batch(office).ready.total_minor == 100  # type: ignore[union-attr]


def test_nothing_is_approved_without_a_review(office: Office) -> None:
    collecting(office, charge("c1"))
    assert refusal(approve, office) == "batch_state"
    assert refusal(office.batch, "review_charges", 1, decision="accept") == "batch_state"


def test_the_policy_versions_are_named_exactly(office: Office) -> None:
    in_review(office, charge("c1"))
    office.batch("review_charges", 1, decision="accept")
    for wrong in ((), ("inference@2",), ("inference@1", "search@1")):
        assert refusal(approve, office, policies=wrong) == "policy_not_named"


def test_a_statement_that_says_another_total_keeps_a_batch_from_being_approved(office: Office) -> None:
    in_review(office, charge("c1", "99.5"), total=100)
    office.batch("review_charges", 1, decision="accept")
    assert refusal(approve, office) == "statement_differs"
    assert approve(office, despite_difference=True).changed


def test_every_providers_statement_is_asked_for(office: Office) -> None:
    collecting(office, charge("c1"))
    assert refusal(office.batch, "start_review", 1, statements={"aws": Decimal(1)}) == "statement_missing"


def test_what_is_held_cannot_be_accepted_and_may_be_left(office: Office) -> None:
    in_review(office, charge("c1"), charge("late", occurred_s=NOW), until_s=NOW - 5)
    assert refusal(office.batch, "review_charges", 1, decision="accept", charges=("openai/late",)) == "charge_held"
    office.batch("review_charges", 1, decision="accept")
    assert len(batch(office).decided) == 1
    approve(office)
    office.batch("open_batch", currency="usd", found=found(office))
    assert [line.reference for _, line in batch(office, 2).lines()] == ["late"]


def test_what_has_not_occurred_yet_by_our_clock_cannot_be_accepted(office: Office) -> None:
    in_review(office, charge("soon", occurred_s=NOW + 200))
    assert refusal(office.batch, "review_charges", 1, decision="accept", charges=("openai/soon",)) == "charge_held"
    assert not office.batch("review_charges", 1, decision="accept").changed


def test_a_cap_holds_for_what_is_accepted_in_all_batches_together(office: Office) -> None:
    in_review(office, *(charge(f"c{n}", 40) for n in range(3)), cap_minor=100)
    office.batch("review_charges", 1, decision="accept")
    assert len(list(batch(office).billed())) == 2
    assert refusal(office.batch, "review_charges", 1, decision="accept", charges=("openai/c2",)) == "charge_held"
    office.batch(
        "review_charges", 1, decision="adjust", charges=("openai/c2",), cost_minor=Decimal(20), why="as far as it goes"
    )
    approve(office)
    office.charge(charge("c9", 1))
    office.batch("open_batch", currency="usd", found=found(office))
    office.batch("start_review", 2, statements={"openai": Decimal(121)})
    assert refusal(office.batch, "review_charges", 2, decision="accept", charges=("openai/c9",)) == "charge_held"


def test_what_was_given_back_and_then_rejected_cannot_let_a_cap_be_passed(office: Office) -> None:
    in_review(office, charge("back", -50), charge("c1", 140), cap_minor=100)
    office.batch("review_charges", 1, decision="accept", charges=("openai/back", "openai/c1"))
    office.batch("review_charges", 1, decision="reject", charges=("openai/back",))
    assert refusal(approve, office) == "above_cap"


def test_refunds_of_another_batch_make_room_once_it_is_paid(office: Office) -> None:
    office.policy(1_000, category="search")
    in_review(office, charge("back", -50), charge("s1", 60, category="search"), cap_minor=100)
    office.batch("review_charges", 1, decision="accept")
    approve(office, policies=("inference@1", "search@1"))
    office.charge(charge("c1", 140))
    office.batch("open_batch", currency="usd", found=found(office))
    office.batch("start_review", 2, statements={"openai": Decimal(150)})
    accept = {"decision": "accept", "charges": ("openai/c1",)}
    # when it could still be dropped, then it makes none
    assert refusal(office.batch, "review_charges", 2, **accept) == "charge_held"
    for state in ("issuing", "issued", "paid"):
        move(office, state, invoice="in_1")
    office.batch("review_charges", 2, **accept)
    approve(office, 2)
    assert batch(office, 2).state == "invoice_ready"


def test_one_batch_of_a_currency_is_under_way_at_a_time(office: Office) -> None:
    collecting(office, charge("c1"))
    assert refusal(office.batch, "open_batch", currency="usd", found=()) == "batch_open"
    assert office.batch("open_batch", currency="eur", found=()).changed


def test_a_charge_is_in_one_batch_alone(office: Office) -> None:
    in_review(office, charge("c1"), charge("c2"))
    office.batch("review_charges", 1, decision="accept", charges=("openai/c1",))
    office.batch("review_charges", 1, decision="reject", charges=("openai/c2",))
    approve(office)
    office.charge(charge("c3"))
    office.batch("open_batch", currency="usd", found=found(office))
    assert [line.reference for _, line in batch(office, 2).lines()] == ["c3"]


def test_what_is_charged_meanwhile_is_collected_until_the_review(office: Office) -> None:
    collecting(office, charge("c1"))
    office.charge(charge("c2"))
    office.batch("collect_batch", 1, found=found(office))
    assert not office.batch("collect_batch", 1, found=found(office)).changed
    assert [line.reference for _, line in batch(office).lines()] == ["c1", "c2"]
    office.batch("start_review", 1, statements={"openai": Decimal(200)})
    assert refusal(office.batch, "collect_batch", 1, found=found(office)) == "batch_state"


def test_charges_of_two_billing_owners_are_not_put_on_one_invoice(office: Office) -> None:
    office.policy(None, category="search", billing_owner="cus_2")
    in_review(office, charge("c1"), charge("c2", category="search"))
    office.batch("review_charges", 1, decision="accept")
    assert refusal(approve, office, policies=("inference@1", "search@1")) == "several_billing_owners"
    office.batch("review_charges", 1, decision="defer", charges=("openai/c2",))
    assert approve(office).changed


def test_a_batch_is_reopened_until_it_is_invoiced_and_only_credited_after(office: Office) -> None:
    in_review(office, charge("c1"))
    office.batch("review_charges", 1, decision="accept")
    approve(office)
    office.batch("reopen_batch", 1, by="carl")
    assert (batch(office).state, batch(office).ready) == ("in_review", None)
    assert refusal(approve, office, by="carl") == "second_person"
    approve(office)
    for state, fault in (
        ("issuing", None),
        ("issue_failed", "stripe_unavailable"),
        ("issuing", None),
        ("issued", None),
    ):
        move(office, state, fault=fault, invoice="in_1" if state == "issued" else None)
        if state == "issue_failed":  # our failure is none of Stripe's: nobody was invoiced, so it may be reviewed again
            office.batch("reopen_batch", 1)
            approve(office)
        else:
            assert refusal(office.batch, "reopen_batch", 1) == "batch_state"
            assert refusal(office.batch, "discard_batch", 1) == "batch_state"
    move(office, "paid")
    assert refusal(move, office, "credited", credited_minor=101) == "above_invoice"
    move(office, "credited", credited_minor=60)
    move(office, "credited", credited_minor=100)
    assert refusal(move, office, "credited", credited_minor=90) == "bad_amount"
    assert refusal(move, office, "paid") == "batch_state"


def move(office: Office, state: str, **more: Any) -> None:
    """What the caller of Stripe will say."""

    stream = reconciliation_stream("test", ORG, PERIOD)
    given = {"invoice": None, "fault": None, "credited_minor": batch(office).credited_minor, **more}
    command = MoveInvoice(
        mode="test", org=ORG, period=PERIOD, number=1, state=state, by="system", why="told", now_s=NOW, **given
    )
    history = office.books.read_stream(stream)
    events = RECONCILIATION_BATCHES.decide(command, RECONCILIATION_BATCHES.fold(r.event for r in history))
    office.books.append(*(NewEvent(stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)))


def test_an_invoice_moves_along_its_lines_alone() -> None:
    states = {*INVOICE_LINES, "void", "collecting", "in_review", "approved", "discarded"}
    ways = {
        (a, b)
        for a in states
        for b in ("issuing", "issue_failed", "issued", "paid", "overdue", "void", "credited")
        if b in INVOICE_LINES.get(a, ())  # type: ignore[call-overload]
    }
    assert ways == {
        ("invoice_ready", "issuing"), ("issue_failed", "issuing"), ("issuing", "issued"), ("issuing", "issue_failed"),
        ("issuing", "void"), ("issue_failed", "void"),
        ("issued", "paid"), ("issued", "overdue"), ("issued", "void"), ("issued", "credited"),
        ("overdue", "paid"), ("overdue", "void"), ("overdue", "credited"), ("paid", "credited"),
        ("credited", "credited"),
    }  # fmt: skip


def test_nothing_is_invoiced_for_nothing(office: Office) -> None:
    in_review(office, charge("c1"))
    office.batch("review_charges", 1, decision="reject")
    approve(office, policies=())
    assert refusal(move, office, "issuing") == "nothing_to_invoice"


def test_a_later_batch_keeps_an_earlier_one_from_being_reopened(office: Office) -> None:
    in_review(office, charge("c1"))
    office.batch("review_charges", 1, decision="defer")
    approve(office, policies=())
    office.batch("open_batch", currency="usd", found=found(office))
    assert refusal(office.batch, "reopen_batch", 1) == "later_batch"
    office.batch("discard_batch", 2)
    assert office.batch("reopen_batch", 1).changed


def test_what_is_discarded_frees_its_charges(office: Office) -> None:
    in_review(office, charge("c1"))
    office.batch("review_charges", 1, decision="accept")
    for changed in (True, False):
        assert office.batch("discard_batch", 1).changed is changed
    office.batch("open_batch", currency="usd", found=found(office))
    assert [line.reference for _, line in batch(office, 2).lines()] == ["c1"]


def test_what_was_never_opened_is_not_found(office: Office) -> None:
    with pytest.raises(NotFound):
        office.batch("discard_batch", 7)
    collecting(office, charge("c1"))
    office.batch("start_review", 1, statements={"openai": Decimal(100)})
    with pytest.raises(NotFound):
        office.batch("review_charges", 1, decision="accept", charges=("openai/c9",))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"decision": "adjust"}, "bad_amount"),
        ({"decision": "accept", "cost_minor": Decimal(1)}, "bad_amount"),
        ({"decision": "adjust", "cost_minor": Decimal(1), "charges": ()}, "not_one_charge"),
        ({"decision": "adjust", "cost_minor": Decimal("1e-9")}, "bad_amount"),
    ],
)
def test_a_review_that_cannot_be_meant_is_refused(office: Office, wrong: dict[str, Any], code: str) -> None:
    in_review(office, charge("c1"))
    assert refusal(office.batch, "review_charges", 1, **{"charges": ("openai/c1",), **wrong}) == code


def test_a_second_person_is_asked_for_by_the_batch_itself_whatever_acts_weigh() -> None:
    """So that no installation can do without, and nobody has to approve an approval."""
    weights = [ACTS[name].weight for name in ("open_batch", "review_charges", "approve_batch", "approve_cost_policy")]
    assert max(weights) < SECOND_PERSON_FROM


# ---- what is believed of them -------------------------------------------------------------------


def test_a_batch_is_told_with_its_charges_as_they_were_decided(database: str, log: Log) -> None:
    built(database)
    office = Office(LogBooks(log))
    office.policy(None, markup_bps=1_000)
    office.charge(charge("c1", 100), charge("c2", 50), charge("c3", 25))
    every = lines_of(r.event for r in log.read(0, 100))
    office.batch("open_batch", currency="usd", found=every)
    office.batch("start_review", 1, statements={"openai": Decimal(180)})
    office.batch("review_charges", 1, decision="adjust", charges=("openai/c1",), cost_minor=Decimal("90.5"), why="late")
    office.batch("review_charges", 1, decision="reject", charges=("openai/c2",))
    project(database)
    rows = rows_of(database)
    told = rows["reconciliation_batches"]["test", ORG, f"{PERIOD}.1"]
    assert (told["state"], told["charges"], told["undecided"], told["adjusted"], told["rejected"]) == (
        "in_review", 3, 1, 1, 1,
    )  # fmt: skip
    assert (told["cost_minor"], told["billed_cost_minor"], told["total_minor"]) == ("175", "90.5", None)
    assert told["statements"] == [
        {"provider": "openai", "total_minor": "180", "recorded_minor": "175", "difference_minor": "5"}
    ]
    charges = {
        r["reference"]: (r["status"], r["batch"], r["billed_cost_minor"]) for r in rows["provider_charges"].values()
    }
    assert charges == {
        "c1": ("adjusted", f"{PERIOD}.1", "90.5"),
        "c2": ("rejected", f"{PERIOD}.1", "0"),
        "c3": ("matched", f"{PERIOD}.1", None),
    }
    office.batch("review_charges", 1, decision="accept")
    approve(office, despite_difference=True)
    project(database)
    told = rows_of(database)["reconciliation_batches"]["test", ORG, f"{PERIOD}.1"]
    assert (told["state"], told["billed_cost_minor"], told["total_minor"]) == ("invoice_ready", "115.5", 127)
    assert [line["amount_minor"] for line in told["lines"]] == [127]
    office.batch("discard_batch", 1)
    project(database)
    rows = rows_of(database)
    assert rows["reconciliation_lines"] == {}
    assert {(r["status"], r["batch"]) for r in rows["provider_charges"].values()} == {("matched", None)}
    assert [v.differences for v in verify(database)] == [(), ()]
