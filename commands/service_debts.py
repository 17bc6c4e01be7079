"""Debts that an operator writes off: an unpaid invoice that no service is closed for any more. One stream an invoice.

Refuses to know the invoice, and to change it at Stripe.
"""

import re

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_account, require_mode
from ledger.errors import Invalid
from ledger.events import Event
from ledger.ids import PLATFORM, Mode, debt_stream
from ledger.service_events import DebtWrittenOff

MAX_REASON = 500
_INVOICE = re.compile(r"in_[A-Za-z0-9_]{1,250}")


class WriteOffDebt(msgspec.Struct, frozen=True, kw_only=True):
    """Let an unpaid invoice count no more. Mark it uncollectible at Stripe as well, if it is to be given up there."""

    mode: Mode
    account: str = PLATFORM
    invoice: str
    reason: str


def decide(command: WriteOffDebt, written_off: bool) -> tuple[Event, ...]:
    """Write off, once. Raises Invalid (`not_an_invoice`, `reason_required`, and for ids that are none)."""
    require_mode(command.mode)
    require_account(command.account)
    if _INVOICE.fullmatch(command.invoice) is None:
        raise Invalid(f"{command.invoice!r} is no invoice; its id begins with in_", code="not_an_invoice")
    if not 0 < len(command.reason.strip()) <= MAX_REASON:
        raise Invalid(f"say why, in 1 to {MAX_REASON} characters", code="reason_required")
    return () if written_off else (DebtWrittenOff(**msgspec.structs.asdict(command)),)


DEBTS: Decider[WriteOffDebt, bool] = Decider(False, lambda written_off, event: True, decide)

WRITE_OFF_DEBT = Act(
    "write_off_debt",
    WriteOffDebt,
    DEBTS,
    lambda command: debt_stream(command.mode, command.account, command.invoice),
    lambda command: About(f"invoice/{command.account}/{command.invoice}", command.mode, command.account),
    weight=50,
)
