"""Events of pass-through: cost policies, what providers charged, reservations, budgets, and reconciliation batches.

A cost is exact: a decimal as text, in minor units of its currency. What is billed is whole minor units.
`ledger.events` lists them; no other file need know these.
"""

from typing import ClassVar, Literal

import msgspec

from ledger.event_base import Event
from ledger.ids import Mode
from ledger.passthrough import StopRule


class CostPolicyProposed(Event, frozen=True, kw_only=True, gc=False):
    """Somebody proposed a version of what a category of provider costs may be passed through to an organization."""

    NAME: ClassVar[str] = "cost_policy.proposed"

    mode: Mode
    org: str
    category: str
    version: int
    """1 for the first; each the next."""
    billing_owner: str
    """Who is invoiced: a Stripe customer of the platform's own account."""
    currency: str
    cap_minor: int | None
    """Of costs before markup, per calendar month in UTC; None: explicitly without one."""
    warn_percent: int | None
    """Of the cap; None: nobody is warned."""
    stop_rule: StopRule
    markup_bps: int
    """In hundredths of a percent."""
    from_s: int | None
    """None: from when it is approved."""
    until_s: int | None
    """None: until it is ended."""
    by: str
    why: str


class CostPolicyApproved(Event, frozen=True, kw_only=True, gc=False):
    """A second person approved a version of a cost policy: it holds from here on, in its dates."""

    NAME: ClassVar[str] = "cost_policy.approved"

    mode: Mode
    org: str
    category: str
    version: int
    from_s: int
    """Since when it holds, now that this is known."""
    by: str
    why: str


class CostPolicyRejected(Event, frozen=True, kw_only=True, gc=False):
    """A proposed version of a cost policy was rejected, or taken back."""

    NAME: ClassVar[str] = "cost_policy.rejected"

    mode: Mode
    org: str
    category: str
    version: int
    by: str
    why: str


class CostPolicyEnded(Event, frozen=True, kw_only=True, gc=False):
    """A version of a cost policy holds no longer than until then. What was charged before stays billable."""

    NAME: ClassVar[str] = "cost_policy.ended"

    mode: Mode
    org: str
    category: str
    version: int
    at_s: int
    by: str
    why: str


class Charge(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a provider charged."""

    reference: str
    """The provider's own; claimed once for ever."""
    org: str
    category: str
    occurred_s: int
    currency: str
    cost: str
    """Exact, in minor units; negative: the provider gave it back."""
    running: str
    """What was recorded of its organization, category, month and currency, up to and with it."""
    reservation: str | None = None
    """The reservation that it was spent under, whose settlement it is counted with."""


class ProviderChargesRecorded(Event, frozen=True, kw_only=True, gc=False):
    """Charges of a provider were recorded, each reference claimed with them (`ledger.charge_claims`)."""

    NAME: ClassVar[str] = "provider_charges.recorded"

    mode: Mode
    record: str
    provider: str
    source: Literal["api", "import"]
    by: str
    charges: tuple[Charge, ...]


class ReservationMade(Event, frozen=True, kw_only=True, gc=False):
    """Something may be spent: so much of a budget is held for it until a time."""

    NAME: ClassVar[str] = "reservation.made"

    mode: Mode
    org: str
    id: str
    category: str
    period: str
    currency: str
    estimate: str
    policy_version: int
    until_s: int
    at_s: int
    by: str


class ReservationSettled(Event, frozen=True, kw_only=True, gc=False):
    """What was reserved for cost so much. The rest is free again."""

    NAME: ClassVar[str] = "reservation.settled"

    mode: Mode
    org: str
    id: str
    cost: str
    over: str
    """By how much that is more than was reserved; 0 mostly."""
    late: bool
    """Whether the reservation had run out."""
    at_s: int


class ReservationReleased(Event, frozen=True, kw_only=True, gc=False):
    """Nothing was spent: what was reserved is free again."""

    NAME: ClassVar[str] = "reservation.released"

    mode: Mode
    org: str
    id: str
    at_s: int


class ReservationExpired(Event, frozen=True, kw_only=True, gc=False):
    """A reservation ran out: it has held nothing since its own time, whenever this was noticed."""

    NAME: ClassVar[str] = "reservation.expired"

    mode: Mode
    org: str
    id: str
    at_s: int


class ReservationCharged(Event, frozen=True, kw_only=True, gc=False):
    """A provider's charge named a reservation: it cost at least what was charged under it."""

    NAME: ClassVar[str] = "reservation.charged"

    mode: Mode
    org: str
    id: str
    provider: str
    reference: str
    cost: str
    charged: str
    """Everything that was charged under it so far."""
    at_s: int


class Hold(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What reservations hold of a budget until a time."""

    until_s: int
    amount: str


class BudgetStop(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What was spent reached the cap: who spends is told, and has to say that they were."""

    rule: StopRule
    policy_version: int
    at_s: int
    notice: str
    acknowledged_by: str | None = None
    acknowledged_s: int | None = None


class BudgetMoved(Event, frozen=True, kw_only=True, gc=False):
    """A budget (an organization's, of a category, month and currency) moved. All of it is said: the last one counts."""

    NAME: ClassVar[str] = "budget.moved"

    mode: Mode
    org: str
    category: str
    period: str
    currency: str
    because: Literal["reserved", "settled", "released", "charged", "recorded", "acknowledged"]
    about: str | None
    """The reservation or the record of charges that moved it."""
    settled: str
    """What was spent: what reservations cost, and what was charged without one."""
    holds: tuple[Hold, ...]
    """What is reserved, by when that ends; what had ended is left out."""
    recorded: str
    """Everything that providers charged."""
    cap_minor: int | None
    """As the policy in force said; None: it has none, or none is in force."""
    warned: tuple[str, ...]
    """Of which thresholds, in minor units, somebody was warned."""
    stop: BudgetStop | None
    at_s: int


class BatchLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A charge in a reconciliation batch."""

    provider: str
    reference: str
    record: str
    """The record of charges that it came in."""
    category: str
    occurred_s: int
    cost: str


class LineDecision(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a reviewer said of a charge."""

    line: int
    """Its number in the chunk."""
    decision: Literal["accept", "adjust", "reject", "defer"]
    cost: str
    """What is billed of it, before markup."""
    policy_version: int | None
    """Under which; None: it is not billed."""


class Statement(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a provider's statement says, beside what was recorded of it."""

    provider: str
    total: str
    recorded: str


class BatchOpened(Event, frozen=True, kw_only=True, gc=False):
    """Somebody opened a reconciliation batch of an organization and month: it collects what was charged."""

    NAME: ClassVar[str] = "reconciliation_batch.opened"

    mode: Mode
    org: str
    period: str
    number: int
    """1 for the first of the month; each the next."""
    currency: str
    by: str
    why: str
    at_s: int


class BatchLinesCollected(Event, frozen=True, kw_only=True, gc=False):
    """A batch took in charges that no batch of the month had. Chunks are numbered from 1."""

    NAME: ClassVar[str] = "reconciliation_batch.lines_collected"

    mode: Mode
    org: str
    period: str
    number: int
    chunk: int
    count: int
    cost: str
    """What they sum to."""
    collected: tuple[BatchLine, ...]


class BatchReviewStarted(Event, frozen=True, kw_only=True, gc=False):
    """A batch takes in nothing more: its charges are reviewed, beside what the providers' statements say."""

    NAME: ClassVar[str] = "reconciliation_batch.review_started"

    mode: Mode
    org: str
    period: str
    number: int
    statements: tuple[Statement, ...]
    by: str
    why: str
    at_s: int


class BatchLinesReviewed(Event, frozen=True, kw_only=True, gc=False):
    """A reviewer decided on charges of a chunk. The last word on each counts until the batch is approved."""

    NAME: ClassVar[str] = "reconciliation_batch.lines_reviewed"

    mode: Mode
    org: str
    period: str
    number: int
    chunk: int
    decided: tuple[LineDecision, ...]
    by: str
    why: str
    at_s: int


class InvoiceLineReady(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A line of the invoice to be: what one category cost under one version of its policy."""

    category: str
    policy_version: int
    charges: int
    cost: str
    markup_bps: int
    amount_minor: int


class BatchApproved(Event, frozen=True, kw_only=True, gc=False):
    """A second person approved a batch, under named versions of the cost policies."""

    NAME: ClassVar[str] = "reconciliation_batch.approved"

    mode: Mode
    org: str
    period: str
    number: int
    policies: tuple[str, ...]
    """Each `category@version`."""
    reviewers: tuple[str, ...]
    by: str
    why: str
    at_s: int


class BatchInvoiceReady(Event, frozen=True, kw_only=True, gc=False):
    """A batch is ready to be invoiced: who is to be, and for what, to the cent."""

    NAME: ClassVar[str] = "reconciliation_batch.invoice_ready"

    mode: Mode
    org: str
    period: str
    number: int
    billing_owner: str | None
    """None: nothing of it is billed."""
    currency: str
    lines: tuple[InvoiceLineReady, ...]
    total_minor: int
    """What the lines sum to."""
    at_s: int


class BatchReopened(Event, frozen=True, kw_only=True, gc=False):
    """A batch that was not invoiced yet is reviewed again. What was decided stands until it is decided anew."""

    NAME: ClassVar[str] = "reconciliation_batch.reopened"

    mode: Mode
    org: str
    period: str
    number: int
    by: str
    why: str
    at_s: int


class BatchDiscarded(Event, frozen=True, kw_only=True, gc=False):
    """A batch that was not invoiced is dropped: its charges may be collected by another."""

    NAME: ClassVar[str] = "reconciliation_batch.discarded"

    mode: Mode
    org: str
    period: str
    number: int
    by: str
    why: str
    at_s: int


class BatchInvoiceMoved(Event, frozen=True, kw_only=True, gc=False):
    """What became of a batch's invoice. That we could not issue it is `issue_failed`; the other states are Stripe's."""

    NAME: ClassVar[str] = "reconciliation_batch.invoice_moved"

    mode: Mode
    org: str
    period: str
    number: int
    state: Literal["issuing", "issue_failed", "issued", "paid", "overdue", "void", "credited"]
    invoice: str | None
    """Stripe's id, once there is one."""
    fault: str | None
    """Why it could not be issued."""
    credited_minor: int
    """What was credited in all; 0 before."""
    by: str
    why: str | None
    at_s: int


#: In the order of `ledger.events.EVENTS`.
PASSTHROUGH_EVENTS: tuple[type[Event], ...] = (
    CostPolicyProposed,
    CostPolicyApproved,
    CostPolicyRejected,
    CostPolicyEnded,
    ProviderChargesRecorded,
    ReservationMade,
    ReservationSettled,
    ReservationReleased,
    ReservationExpired,
    ReservationCharged,
    BudgetMoved,
    BatchOpened,
    BatchLinesCollected,
    BatchReviewStarted,
    BatchLinesReviewed,
    BatchApproved,
    BatchInvoiceReady,
    BatchReopened,
    BatchDiscarded,
    BatchInvoiceMoved,
)
