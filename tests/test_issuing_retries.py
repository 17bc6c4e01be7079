"""Trying again and reviewing again exclude each other: nothing is on its way for an approval that does not hold.

Everything in memory. Two persons, what follows an invoice, and what bills it come in any order, also between each
other's reading and appending, and what follows may have looked long before it acts.
"""

from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import msgspec
import oracle.invoicing as judge
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from laws import examples
from passthrough import META, NOW, ORG, Memory, Office, charge, lines_of

from commands import reactions
from commands.acts import Asked, carry_out
from commands.issuing import ISSUANCES, RETRY_ISSUANCE, RetryIssuance
from commands.issuing_batches import BATCH, batch_source, billed_again
from commands.issuing_steps import GiveUpStep
from commands.issuing_terms import issuance_id
from commands.reactions import REACTIONS, WATCHES, Difference
from ledger.errors import Refused, StreamMoved
from ledger.events import NewEvent, Recorded
from ledger.ids import issuance_stream
from ledger.issuing_events import IssuanceRequested
from ledger.passthrough import period_of
from ledger.passthrough_events import BatchInvoiceReady
from ledger.store import Outcome

PERIOD = period_of(NOW)
(BILLS,) = (r for r in REACTIONS if BatchInvoiceReady.NAME in r.reads)
(FOLLOWS,) = (w for w in WATCHES if w.name == "batch_invoice_changes")


class Between(Memory):
    """Books in which others may come between somebody's reading and appending."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Callable[[], None]] = []

    def append(self, *events: NewEvent) -> Outcome:
        others, self.others = self.others, []
        for other in others:
            other()
        return super().append(*events)


class World:
    """A batch that was approved, and all who have to do with its invoice."""

    def __init__(self) -> None:
        self.books = Between()
        self.office = Office(self.books)
        self.looks: list[Difference] = []
        self._acts = 0
        self.office.policy(None)
        self.office.charge(charge("c1", 100))
        found = lines_of((r.event for r in self.books.all), period=PERIOD)
        self.office.batch("open_batch", currency="usd", found=found)
        self.office.batch("start_review", 1, statements={"openai": Decimal(100)})
        self.office.batch("review_charges", 1, decision="accept")
        self.approve()
        self.bill()

    def approve(self) -> None:
        self.office.batch("approve_batch", 1, by="eve", policy_versions=("inference@1",))

    def reopen(self) -> None:
        self.office.batch("reopen_batch", 1)

    def bill(self) -> None:
        """What bills reacts to every approval that it has not reacted to."""
        for recorded in list(self.books.all):
            if recorded.event.NAME == BatchInvoiceReady.NAME:
                reactions.take(self.books, BILLS, recorded)

    def fail(self) -> None:
        """Stripe refuses what is on its way."""
        for id in self.issuances():
            self._said(id, GiveUpStep(type="api_error", code=None, at_s=NOW))

    def retry(self) -> None:
        """A person tries again whatever failed."""
        for id in self.issuances():
            self._acts += 1
            asked = Asked(person="bob", reason="again", idempotency_key=f"r{self._acts}", now_s=NOW, origin="cli")
            with suppress(Refused, StreamMoved):
                carry_out(self.books, RETRY_ISSUANCE, RetryIssuance(mode="test", issuance=id), asked)

    def look(self) -> None:
        """What follows sees what differs, and may act on it much later."""
        said = [(r.version, r.event) for r in self.books.all]
        changes = judge.batch_invoice_changes(said, [self._row(id) for id in self.issuances()])
        self.looks += [
            Difference("test", key[1:], row["was"], row["now"], row["closed"]) for key, row in changes.items()
        ]

    def follow(self) -> None:
        """What follows acts on what it saw first."""
        if self.looks:
            reactions.close(self.books, FOLLOWS, self.looks.pop(0), NOW)

    def issuances(self) -> list[str]:
        return [r.event.issuance for r in self.books.all if isinstance(r.event, IssuanceRequested)]

    def issuance(self, id: str) -> Any:
        return ISSUANCES.fold(r.event for r in self.books.read_stream(issuance_stream("test", id)))

    def on_its_way(self) -> list[str]:
        """The approvals that may be billed at Stripe by now."""
        alive = [id for id in self.issuances() if self.issuance(id).state in ("issuing", "held", "issued")]
        return [self.issuance(id).requested.source for id in alive]

    def approval(self) -> str | None:
        """The one that holds and is billed."""
        newest: Recorded = max(
            (r for r in self.books.all if isinstance(r.event, BatchInvoiceReady)), key=lambda r: r.version
        )
        if self.office.batches()[1].state not in ("issuing", "issue_failed"):
            return None
        return batch_source(ORG, PERIOD, 1, newest.version)

    def _said(self, id: str, command: Any) -> None:
        stream = issuance_stream("test", id)
        history = self.books.read_stream(stream)
        events = ISSUANCES.decide(command, ISSUANCES.fold(r.event for r in history))
        unit = [NewEvent(stream, len(history) + 1 + i, e, META) for i, e in enumerate(events)]
        Memory.append(self.books, *unit)

    def _row(self, id: str) -> dict[str, Any]:
        it = self.issuance(id)
        stands = {"voiding": "issuing", "voided": "void"}.get(it.state, it.state)
        return {
            "mode": "test", "source_kind": BATCH, "source": it.requested.source, "standing": stands,
            "invoice": it.invoice, "failure": it.failed.type if it.failed else None, "credited_minor": 0,
        }  # fmt: skip


STEPS = ("approve", "reopen", "bill", "fail", "retry", "look", "follow")
steps = st.sampled_from(STEPS)


@examples(150)
@given(st.lists(st.tuples(steps, st.lists(steps, max_size=3)), max_size=25))
@example([("fail", []), ("look", []), ("follow", []), ("retry", []), ("reopen", [])])
@example([("fail", []), ("look", []), ("follow", []), ("retry", ["reopen"])])
@example([("fail", []), ("look", []), ("follow", []), ("reopen", ["retry"])])
@example([("fail", []), ("look", []), ("retry", []), ("follow", []), ("reopen", [])])
@example([("fail", []), ("look", []), ("retry", ["follow", "reopen"])])
@example([("fail", []), ("look", []), ("follow", []), ("reopen", []), ("approve", []), ("bill", []), ("retry", [])])
def test_however_trying_again_and_reviewing_again_meet_nothing_is_on_its_way_that_is_not_approved(
    course: list[tuple[str, list[str]]],
) -> None:
    here = World()
    for step, between in course:
        here.books.others = [lambda s=other: done(here, s) for other in between]  # type: ignore[misc]
        done(here, step)
        here.books.others = []
        assert set(here.on_its_way()) <= {here.approval()}, (step, between)
    # and when everything has been looked at, the batch is where its invoice is
    here.looks.clear()
    for _ in range(6):
        here.look()
        while here.looks:
            here.follow()
    its = here.approval()
    billed = here.issuance(issuance_id("test", "platform", BATCH, its)) if its is not None else None
    if billed is not None and billed.requested is not None:
        assert here.office.batches()[1].state == billed.state


def done(here: World, step: str) -> None:
    with suppress(Refused, StreamMoved):
        getattr(here, step)()


def failed() -> tuple[World, str]:
    here = World()
    for step in ("fail", "look", "follow"):
        done(here, step)
    (id,) = here.issuances()
    return here, id


def retry(here: World, id: str) -> Any:
    asked = Asked(person="bob", reason="again", idempotency_key="x", now_s=NOW, origin="cli")
    return carry_out(here.books, RETRY_ISSUANCE, RetryIssuance(mode="test", issuance=id), asked)


def test_trying_again_takes_the_batch_with_it_in_one_unit() -> None:
    here, id = failed()
    assert here.office.batches()[1].state == "issue_failed"
    told = [e["event"] for e in retry(here, id).events]
    assert told == ["issuance.retried", "reconciliation_batch.invoice_moved", "difference.closed"]
    assert here.office.batches()[1].state == "issuing"
    with pytest.raises(Refused, match="is issuing"):
        here.reopen()


def test_what_was_reopened_is_not_tried_again() -> None:
    here, id = failed()
    here.reopen()
    with pytest.raises(Refused) as refused:
        retry(here, id)
    assert refused.value.code == "approval_withdrawn"
    assert here.issuance(id).state == "issue_failed"
    # and it is let go
    here.look()
    here.follow()
    assert here.issuance(id).state == "voided"


def test_an_approval_that_failed_twice_is_seen_to_have_failed_twice() -> None:
    here, id = failed()
    retry(here, id)
    here.fail()  # before anything looked
    here.look()
    here.follow()
    assert here.office.batches()[1].state == "issue_failed"


def test_what_bills_no_batch_is_tried_again_by_itself() -> None:
    here, id = failed()
    it = here.issuance(id)
    asked = Asked(person="bob", reason="again", idempotency_key="x", now_s=NOW, origin="cli")
    assert [f.stream.partition("/")[0] for f in billed_again(it, asked)] == ["reconciliation", "difference"]
    other = msgspec.structs.replace(it, requested=msgspec.structs.replace(it.requested, source_kind="hosting_invoice"))
    assert billed_again(other, asked) == ()
