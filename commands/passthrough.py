"""What commands of pass-through share: how categories, currencies, providers and references look, and the journal.

Refuses to know what is decided about them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from commands.base import Journal
from commands.identifiers import MAX_ID
from ledger.charge_claims import Claims
from ledger.errors import Invalid
from ledger.events import Recorded
from ledger.ids import Mode, budget_stream
from ledger.passthrough_events import Charge, ProviderChargesRecorded
from ledger.store import Unit

_CURRENCY = re.compile(r"[a-z]{3}")
_PROVIDER = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
#: How often what depends on a budget is decided anew while others move it.
ATTEMPTS = 100


class Books(Journal, Protocol):
    """As much of the log as spending needs."""

    def read_heads(self, streams: Sequence[str]) -> Mapping[str, Recorded]:
        """The last event of each of these streams that has any."""

    def claims_of(self, mode: Mode, provider: str, charges: Iterable[Charge]) -> Claims:
        """Which references are claimed, by the same content or by other."""

    def append_claiming(self, event: ProviderChargesRecorded, unit: Unit) -> int | None:
        """Append a unit whose event records charges, their references claimed with it; None: some were taken."""


class BudgetKey(NamedTuple):
    """Which budget: an organization's, of a category, a calendar month and a currency."""

    mode: Mode
    org: str
    category: str
    period: str
    currency: str

    @property
    def stream(self) -> str:
        """Where it stands in the log."""
        return budget_stream(*self)


def require_category(category: str) -> None:
    """Raises Invalid("not_a_category") unless 1 to 255 printable characters, no @, no blanks around them."""
    if not (0 < len(category) <= MAX_ID and category.isprintable() and category == category.strip()) or "@" in category:
        raise Invalid(
            f"a category has 1 to {MAX_ID} printable characters, no @ and no blanks around them", code="not_a_category"
        )


def require_currency(currency: str) -> None:
    """Raises Invalid("bad_currency") unless lower-case ISO 4217."""
    if _CURRENCY.fullmatch(currency) is None:
        raise Invalid("a currency is three lower-case letters, as Stripe writes it", code="bad_currency")


def require_provider(provider: str) -> None:
    """Raises Invalid("not_a_provider") unless lower-case letters, digits, `_`, `.` and `-`, at most 64."""
    if _PROVIDER.fullmatch(provider) is None:
        raise Invalid(
            "a provider has 1 to 64 lower-case letters, digits, `_`, `.` or `-`, and begins with neither of these",
            code="not_a_provider",
        )


def require_reference(reference: str) -> None:
    """Raises Invalid("bad_reference") unless 1 to 255 printable characters without blanks around them."""
    if not (0 < len(reference) <= MAX_ID and reference.isprintable() and reference == reference.strip()):
        raise Invalid(
            f"a reference has 1 to {MAX_ID} printable characters and no blanks around them", code="bad_reference"
        )
