"""Events of issuances: our own billable lines on their way to becoming one Stripe invoice. `ledger.events` lists them.

An issuance is what we mean to bill; the invoice is what Stripe makes of it. Amounts are minor units of one currency.
"""

from typing import ClassVar, Literal

import msgspec

from ledger.event_base import Event
from ledger.ids import Mode

#: What is done at Stripe, in this order; `compare` and `confirm` look before and after it is finalized. To undo it,
#: `take_back` deletes a draft's items, so that none is left for the next invoice, and `void` the invoice.
Step = Literal["draft", "items", "compare", "finalize", "confirm", "send", "take_back", "void"]
Collection = Literal["charge_automatically", "send_invoice"]
TaxBehavior = Literal["exclusive", "inclusive"]


class TaxRate(msgspec.Struct, frozen=True, gc=False):
    """A tax rate of Stripe's as it stood when we computed with it."""

    id: str
    percentage: str
    """Decimal, e.g. `19` or `8.1`."""
    inclusive: bool


class IssuanceLine(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line as we bill it."""

    key: str
    """Ours, unique in the issuance: Stripe's invoice item carries it as `recount_line`."""
    description: str
    """What the customer reads; sealed where it came from a person."""
    amount_minor: int
    """With taxes that are included in it, without those added to it. Negative: a credit."""
    from_s: int | None = None
    """The period that it is for, half-open; None: none is told."""
    until_s: int | None = None
    tax_rates: tuple[TaxRate, ...] = ()


class IssuanceCall(msgspec.Struct, frozen=True, gc=False):
    """A call that a step asked for, and of which line it is."""

    call: str
    line: str | None = None


class MadeObject(msgspec.Struct, frozen=True, gc=False):
    """What came back of a call."""

    call: str
    object_id: str


class Discrepancy(msgspec.Struct, frozen=True, gc=False):
    """Where Stripe's invoice is not what we meant."""

    what: str
    """`total`, `subtotal`, `tax`, `currency`, `customer`, `status`, `lines`, or a line's key behind `line:`."""
    ours: str
    stripes: str


class IssuanceRequested(Event, frozen=True, kw_only=True, gc=False):
    """These lines are to become one Stripe invoice of the organization, once."""

    NAME: ClassVar[str] = "issuance.requested"
    VERSION: ClassVar[int] = 3

    issuance: str
    mode: Mode
    account: str
    org: str
    currency: str
    source_kind: str
    """What is billed so, e.g. `hosting_invoice`, `reconciliation_batch`, `manual`."""
    source: str
    """Its id."""
    lines: tuple[IssuanceLine, ...]
    collection: Collection
    days_until_due: int | None
    automatic_tax: bool
    """Stripe computes the tax, which we then check for consistency alone."""
    tax_exempt: bool
    """The customer is exempt, or declares the tax itself: named rates then come to nothing."""
    subtotal_minor: int
    """Of our lines, taxes that are included in them with it."""
    tax_minor: int | None
    """As we compute it, line by line; None: Stripe does."""
    total_minor: int | None
    draft_only: bool
    """Whether it stops as a checked draft until somebody has it go out."""
    customer: str | None = None
    """Stripe's customer who is billed; None: the organization's own."""
    tax_behavior: TaxBehavior | None = None
    """Whether automatic tax comes on top of our lines or stands in them; None: as the account's tax settings say."""
    tax_code: str | None = None
    """What is sold, in Stripe's words; None: as the account's tax settings say."""


class IssuanceStepAsked(Event, frozen=True, kw_only=True, gc=False):
    """Calls were asked for, in the same unit as this."""

    NAME: ClassVar[str] = "issuance.step_asked"

    issuance: str
    mode: Mode
    step: Step
    customer: str
    calls: tuple[IssuanceCall, ...]


class IssuanceStepDone(Event, frozen=True, kw_only=True, gc=False):
    """Stripe did these calls of the step."""

    NAME: ClassVar[str] = "issuance.step_done"

    issuance: str
    mode: Mode
    step: Step
    made: tuple[MadeObject, ...]


class IssuanceCompared(Event, frozen=True, kw_only=True, gc=False):
    """Stripe's invoice was read, and is what we meant: to the cent, line by line."""

    NAME: ClassVar[str] = "issuance.compared"

    issuance: str
    mode: Mode
    step: Literal["compare", "confirm"]
    invoice: str
    status: str | None
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    at_s: int


class IssuanceHeld(Event, frozen=True, kw_only=True, gc=False):
    """Stripe's invoice is not what we meant: nothing more happens until a person says what shall."""

    NAME: ClassVar[str] = "issuance.held"

    issuance: str
    mode: Mode
    org: str
    account: str
    step: Literal["compare", "confirm"]
    invoice: str
    discrepancies: tuple[Discrepancy, ...]
    total_minor: int | None
    """As Stripe has it; None: it has no such invoice to go by."""
    at_s: int


class IssuanceFailed(Event, frozen=True, kw_only=True, gc=False):
    """A step could not be done: Stripe refused it, or what it is to act on is gone."""

    NAME: ClassVar[str] = "issuance.failed"

    issuance: str
    mode: Mode
    org: str
    account: str
    step: Step
    call: str | None
    """The first call that failed; None: none was made."""
    type: str
    """Stripe's `error.type`, or ours: `never_happened`, `not_sent`, `invoice_gone`, `subject_erased`."""
    code: str | None
    at_s: int


class IssuanceIssued(Event, frozen=True, kw_only=True, gc=False):
    """The invoice is out."""

    NAME: ClassVar[str] = "issuance.issued"

    issuance: str
    mode: Mode
    org: str
    account: str
    source_kind: str
    source: str
    invoice: str


class IssuanceApproved(Event, frozen=True, kw_only=True, gc=False):
    """A draft that was to wait goes out."""

    NAME: ClassVar[str] = "issuance.approved"

    issuance: str
    mode: Mode


class IssuanceRetried(Event, frozen=True, kw_only=True, gc=False):
    """What failed is tried again; what was held is looked at again."""

    NAME: ClassVar[str] = "issuance.retried"

    issuance: str
    mode: Mode


class IssuanceReleased(Event, frozen=True, kw_only=True, gc=False):
    """A held invoice goes on as Stripe has it; its total was what the person saw."""

    NAME: ClassVar[str] = "issuance.released"

    issuance: str
    mode: Mode
    total_minor: int


class IssuanceVoidAsked(Event, frozen=True, kw_only=True, gc=False):
    """It shall not be billed: a draft is deleted, an invoice voided."""

    NAME: ClassVar[str] = "issuance.void_asked"

    issuance: str
    mode: Mode


class IssuanceVoided(Event, frozen=True, kw_only=True, gc=False):
    """It is not billed."""

    NAME: ClassVar[str] = "issuance.voided"

    issuance: str
    mode: Mode
    org: str
    account: str
    source_kind: str
    source: str
    invoice: str | None


#: For the registry in `ledger.events`.
ISSUING_EVENTS: tuple[type[Event], ...] = (
    IssuanceRequested,
    IssuanceStepAsked,
    IssuanceStepDone,
    IssuanceCompared,
    IssuanceHeld,
    IssuanceFailed,
    IssuanceIssued,
    IssuanceApproved,
    IssuanceRetried,
    IssuanceReleased,
    IssuanceVoidAsked,
    IssuanceVoided,
)
