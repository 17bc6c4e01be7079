"""Approving a reconciliation batch: what has to be so, and the invoice's lines that come of it, to the cent.

Every matched charge was decided on, by persons of whom none approves; each is billed under a named version that covers
it; no cap is passed; and every statement agrees, or somebody says that it does not matter.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from commands.reconciliation_batches import Batch, Batches, spent_of, spent_under
from ledger.errors import Refused
from ledger.events import Event
from ledger.ids import Mode
from ledger.passthrough import Terms, match, told, with_markup
from ledger.passthrough_events import BatchApproved, BatchInvoiceReady, BatchLine, InvoiceLineReady, LineDecision

_ZERO = Decimal(0)


class OfBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Which batch, and who acts."""

    mode: Mode
    org: str
    period: str
    number: int
    by: str
    why: str
    now_s: int


class ApproveBatch(OfBatch, frozen=True, kw_only=True):
    """Approve a reviewed batch under named versions of the cost policies. It takes somebody who did not review."""

    policy_versions: tuple[str, ...]
    """Each `category@version`: those that the batch bills under, all of them."""
    despite_difference: bool = False
    """Although a statement says another total than what was recorded."""
    policies: dict[str, tuple[Terms, ...]]


def approved(where: Mapping[str, Any], command: ApproveBatch, batches: Batches, batch: Batch) -> tuple[Event, ...]:
    """The approval, and what is to be invoiced by it.

    Raises Refused: `second_person`, `not_reviewed`, `statement_differs`, `policy_not_named`, `charge_held`,
    `above_cap`, `several_billing_owners`.
    """
    if command.by in batch.persons:
        raise Refused(f"{command.by} took part in reviewing it, so somebody else must approve it", code="second_person")
    _must_be_reviewed(command, batches, batch)
    _must_agree(command, batch)
    billed = list(batch.billed())
    used = sorted({f"{line.category}@{decision.policy_version}" for line, decision in billed})
    if used != sorted(set(command.policy_versions)):
        raise Refused(
            f"it bills under {', '.join(used) or 'no policy'}: name exactly these versions", code="policy_not_named"
        )
    terms = {f"{category}@{t.version}": t for category, each in command.policies.items() for t in each}
    for line, decision in billed:
        _must_cover(terms.get(f"{line.category}@{decision.policy_version}"), line, batch.opened.currency)
    _must_be_within_caps(terms, batches, batch)
    owners = sorted({terms[name].billing_owner for name in used})
    if len(owners) > 1:
        raise Refused(
            f"{' and '.join(owners)} would share an invoice: defer the charges of all but one",
            code="several_billing_owners",
        )
    lines = tuple(_invoice_lines(billed, terms))
    at = {**where, "at_s": command.now_s}
    return (
        BatchApproved(
            **at,
            policies=tuple(used),
            reviewers=tuple(sorted(batch.persons)),
            by=command.by,
            why=command.why,
        ),
        BatchInvoiceReady(
            **at,
            billing_owner=owners[0] if owners else None,
            currency=batch.opened.currency,
            lines=lines,
            total_minor=sum(line.amount_minor for line in lines),
        ),
    )


def _must_be_reviewed(command: ApproveBatch, batches: Batches, batch: Batch) -> None:
    """What is held may be left; what could be billed has to be decided on."""
    spent = spent_of(batches, batch)
    open_lines = [line for place, line in batch.lines() if place not in batch.decided]
    left = 0
    for line in open_lines:
        running = spent.get(line.category, _ZERO) + Decimal(line.cost)
        its = match(command.policies.get(line.category, ()), line.occurred_s, batch.opened.currency, running)
        left += its.terms is not None
    if left:
        raise Refused(f"{left} charges are not reviewed: accept, adjust, reject or defer them", code="not_reviewed")


def _must_agree(command: ApproveBatch, batch: Batch) -> None:
    different = [s for s in batch.statements if Decimal(s.total) != Decimal(s.recorded)]
    if different and not command.despite_difference:
        told_of = "; ".join(f"{s.provider} says {s.total}, recorded is {s.recorded}" for s in different)
        raise Refused(f"{told_of}: find out why, or approve despite the difference", code="statement_differs")


def _must_cover(terms: Terms | None, line: BatchLine, currency: str) -> None:
    if terms is None or not terms.covers(line.occurred_s) or terms.currency != currency:
        raise Refused(f"no policy covers {line.provider}/{line.reference}: review it again", code="charge_held")


def _must_be_within_caps(terms: Mapping[str, Terms], batches: Batches, batch: Batch) -> None:
    """Everything that is billed under a version or an earlier one stays within its cap, in all batches together."""
    spent = spent_under(batches, batch)
    for category in sorted({line.category for line, _ in batch.billed()}):
        for version, cost in spent[category].items():
            its = terms.get(f"{category}@{version}")
            if its is not None and its.cap_minor is not None and cost > its.cap_minor:
                raise Refused(
                    f"{category} would come to {told(cost)}, above the cap of {its.cap_minor}", code="above_cap"
                )


def _invoice_lines(
    billed: Sequence[tuple[BatchLine, LineDecision]], terms: Mapping[str, Terms]
) -> Iterator[InvoiceLineReady]:
    """One a category and version. The markup is added to the exact sum, and that is rounded, once."""
    sums: dict[tuple[str, int], list[Decimal]] = {}
    for line, decision in billed:
        assert decision.policy_version is not None
        sums.setdefault((line.category, decision.policy_version), []).append(Decimal(decision.cost))
    for (category, version), costs in sorted(sums.items()):
        its = terms[f"{category}@{version}"]
        cost = sum(costs, _ZERO)
        amount = with_markup(cost, its.markup_bps)
        yield InvoiceLineReady(category, version, len(costs), told(cost), its.markup_bps, amount)
