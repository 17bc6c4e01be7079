"""What may be billed by an issuance, and on which terms. Pure; refuses to know how it goes on."""

from collections.abc import Sequence
from fractions import Fraction
from hashlib import sha256

import msgspec

from commands.identifiers import MAX_ID, require_account, require_customer, require_mode, require_org
from commands.issuing_amounts import amounts
from ledger.errors import Invalid
from ledger.ids import Mode
from ledger.issuing_events import Collection, IssuanceLine, IssuanceRequested, TaxBehavior, TaxRate

#: As many invoice items as Stripe takes on one invoice: https://docs.stripe.com/invoicing/integration
MAX_LINES = 250
#: Stripe's largest amount: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
MAX_AMOUNT_MINOR = 99_999_999
MAX_DESCRIPTION = 500
MAX_RATES = 5


class RequestIssuance(msgspec.Struct, frozen=True, kw_only=True):
    """Bill these lines, once for what they come from."""

    mode: Mode
    account: str
    org: str
    currency: str
    source_kind: str
    source: str
    """Its id: with its kind it names the issuance."""
    lines: tuple[IssuanceLine, ...]
    collection: Collection = "charge_automatically"
    days_until_due: int | None = None
    """Of `send_invoice` alone; 30, if not given."""
    automatic_tax: bool = False
    tax_behavior: TaxBehavior | None = None
    tax_code: str | None = None
    tax_exempt: bool = False
    draft_only: bool = False
    customer: str | None = None
    """Stripe's customer who is billed; None: the organization's own, made where it has none."""

    @property
    def issuance(self) -> str:
        """Its id."""
        return issuance_id(self.mode, self.account, self.source_kind, self.source)


def issuance_id(mode: Mode, account: str, source_kind: str, source: str) -> str:
    """The id of the issuance of what is billed: always the same."""
    return "iss_" + sha256(f"{mode}\0{account}\0{source_kind}\0{source}".encode()).hexdigest()[:24]


def requested(command: RequestIssuance) -> IssuanceRequested:
    """What is billed, with what it comes to by our own reckoning. Raises Invalid."""
    require_mode(command.mode)
    require_account(command.account)
    require_org(command.org)
    if command.customer is not None:
        require_customer(command.customer)
    _require_terms(command)
    _require_lines(command.lines)
    mine = amounts(command.lines, exempt=command.tax_exempt)
    if mine.total_minor < 0:
        raise Invalid("what comes to less than nothing is no invoice; give a credit note", code="negative_total")
    named = any(line.tax_rates for line in command.lines)
    require_tax(command.automatic_tax, named, command.tax_behavior, command.tax_code)
    require_tax_code(command.tax_code)
    send = command.collection == "send_invoice"
    return IssuanceRequested(
        issuance=command.issuance,
        mode=command.mode,
        account=command.account,
        org=command.org,
        currency=command.currency,
        source_kind=command.source_kind,
        source=command.source,
        lines=command.lines,
        collection=command.collection,
        days_until_due=(30 if command.days_until_due is None else command.days_until_due) if send else None,
        automatic_tax=command.automatic_tax,
        tax_behavior=command.tax_behavior,
        tax_code=command.tax_code,
        tax_exempt=command.tax_exempt,
        subtotal_minor=mine.subtotal_minor,
        tax_minor=None if command.automatic_tax else mine.tax_minor,
        total_minor=None if command.automatic_tax else mine.total_minor,
        draft_only=command.draft_only,
        customer=command.customer,
    )


def same(one: IssuanceRequested, other: IssuanceRequested) -> bool:
    """Whether two requests ask for the same; a description is sealed anew each time, and so is not compared."""
    return _plain(one) == _plain(other)


def _plain(event: IssuanceRequested) -> IssuanceRequested:
    lines = tuple(msgspec.structs.replace(line, description="") for line in event.lines)
    return msgspec.structs.replace(event, lines=lines)


def _require_terms(command: RequestIssuance) -> None:
    if not (len(command.currency) == 3 and command.currency.isascii() and command.currency.islower()):
        raise Invalid(f"{command.currency!r} is no currency; write it like eur", code="bad_currency")
    for given in (command.source_kind, command.source):
        if not (0 < len(given) <= MAX_ID and given.isprintable()):
            raise Invalid(f"what is billed has a kind and an id of 1 to {MAX_ID} characters", code="bad_source")
    days = command.days_until_due
    if days is not None and (command.collection != "send_invoice" or not 0 <= days <= 365):
        raise Invalid("days_until_due goes with send_invoice, from 0 to 365", code="bad_days_until_due")


def require_tax(automatic: bool, named: bool, behavior: TaxBehavior | None, code: str | None) -> None:
    """Tax comes from Stripe, or from rates that are `named`. Raises Invalid (`two_taxes`, `bad_tax_terms`)."""
    if automatic and named:
        raise Invalid("either Stripe computes the tax, or rates are named", code="two_taxes")
    if not automatic and (behavior or code):
        raise Invalid("a behavior and a code go with automatic tax; a rate has its own", code="bad_tax_terms")


def _require_lines(lines: Sequence[IssuanceLine]) -> None:
    if not 0 < len(lines) <= MAX_LINES:
        raise Invalid(f"an invoice has 1 to {MAX_LINES} lines", code="bad_lines")
    if len({line.key for line in lines}) != len(lines):
        raise Invalid("each line has a key of its own", code="bad_lines")
    for line in lines:
        _require_line(line)


def _require_line(line: IssuanceLine) -> None:
    if not (0 < len(line.key) <= MAX_ID and line.key.isprintable()):
        raise Invalid(f"a line's key has 1 to {MAX_ID} printable characters", code="bad_lines")
    if not line.description or (len(line.description) > MAX_DESCRIPTION and not line.description.startswith("sealed:")):
        raise Invalid(f"a line says what it is for, in 1 to {MAX_DESCRIPTION} characters", code="bad_lines")
    if abs(line.amount_minor) > MAX_AMOUNT_MINOR:
        raise Invalid(f"no line is above {MAX_AMOUNT_MINOR} minor units", code="bad_amount")
    if (line.from_s is None) != (line.until_s is None) or (line.from_s or 0) > (line.until_s or 0):
        raise Invalid("a line's period has a start and an end, in that order", code="bad_period")
    require_rates(line.tax_rates)


def require_rates(rates: Sequence[TaxRate]) -> None:
    """Raises Invalid("bad_tax_rates") unless a line may bear these together."""
    if len(rates) > MAX_RATES or (len(rates) > 1 and any(r.inclusive for r in rates)):
        raise Invalid(
            f"a line has up to {MAX_RATES} tax rates; one that is included stands alone", code="bad_tax_rates"
        )
    for rate in rates:
        digits = rate.percentage.replace(".", "", 1)
        if not (digits.isascii() and digits.isdigit() and Fraction(rate.percentage) <= 100 and rate.id[:4] == "txr_"):
            raise Invalid("a tax rate has Stripe's id (txr_…) and a percentage like 19 or 8.1", code="bad_tax_rates")


def require_tax_code(code: str | None) -> None:
    """Raises Invalid("bad_tax_code") unless it looks like one of https://docs.stripe.com/tax/tax-codes, or is None."""
    if code is not None and not (code.startswith("txcd_") and code[5:].isascii() and code[5:].isdigit()):
        raise Invalid("a tax code is one of Stripe's, like txcd_10103001", code="bad_tax_code")
