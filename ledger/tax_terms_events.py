"""Events of tax terms: how what Recount bills by itself is taxed. `ledger.events` lists them.

They are in the log, and not in a setting, so that a reaction finds them as they stood when it billed.
"""

from typing import ClassVar

from ledger.event_base import Event
from ledger.ids import Mode
from ledger.issuing_events import TaxBehavior, TaxRate


class TaxTermsSet(Event, frozen=True, kw_only=True, gc=False):
    """From now on what Recount bills by itself is taxed like this."""

    NAME: ClassVar[str] = "tax_terms.set"

    mode: Mode
    org: str | None
    """Whose; None: of everybody who has none of their own."""
    automatic_tax: bool
    """Stripe computes the tax."""
    tax_behavior: TaxBehavior | None
    """Whether automatic tax comes on top of our amounts or stands in them; None: as the account's tax settings say."""
    tax_code: str | None
    """What is sold, in Stripe's words; None: as the account's tax settings say."""
    tax_rates: tuple[TaxRate, ...]
    """Rates that are named on every line, where Stripe does not compute the tax."""
    tax_exempt: bool
    """The customer is exempt, or declares the tax itself: the rates are named, and come to nothing."""


class TaxTermsDropped(Event, frozen=True, kw_only=True, gc=False):
    """An organization has no terms of its own any more; of everybody: no tax is added."""

    NAME: ClassVar[str] = "tax_terms.dropped"

    mode: Mode
    org: str | None


#: For the registry in `ledger.events`.
TAX_TERMS_EVENTS: tuple[type[Event], ...] = (TaxTermsSet, TaxTermsDropped)
