"""What an issuance comes to by our own reckoning, and whether Stripe's invoice comes to the same, to the cent.

Pure arithmetic in whole minor units. Tax by rates that are named is rounded line by line and rate by rate, halves away
from zero, here and nowhere else: https://docs.stripe.com/billing/taxes/tax-rates, https://docs.stripe.com/tax/faq.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from ledger.issuing_events import Discrepancy, IssuanceLine, IssuanceRequested


class Amounts(NamedTuple):
    """What lines come to, in minor units."""

    subtotal_minor: int
    """The lines' own amounts, taxes that are included in them with it."""
    included_minor: int
    """Of which taxes."""
    added_minor: int
    """Taxes on top."""

    @property
    def tax_minor(self) -> int:
        """All taxes."""
        return self.included_minor + self.added_minor

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return self.subtotal_minor + self.added_minor


class SeenLine(NamedTuple):
    """A line of Stripe's invoice, in any API version."""

    invoice_item: str | None
    amount_minor: int
    taxes: tuple[tuple[int, bool], ...] | None
    """Amount and whether it is included, of each tax; None: the API version does not tell."""


class Seen(NamedTuple):
    """Stripe's invoice as it stands."""

    status: str | None
    currency: str | None
    customer: str | None
    subtotal_minor: int
    tax_minor: int
    total_minor: int
    lines: tuple[SeenLine, ...]
    complete: bool
    """Whether these are all of its lines."""


def amounts(lines: Sequence[IssuanceLine], *, exempt: bool = False) -> Amounts:
    """What lines come to. `exempt`: the customer is, or declares the tax itself, so that none is charged."""
    included = added = 0
    for line in lines:
        for tax, within in () if exempt else line_taxes(line):
            included, added = (included + tax, added) if within else (included, added + tax)
    return Amounts(sum(line.amount_minor for line in lines), included, added)


def line_taxes(line: IssuanceLine) -> tuple[tuple[int, bool], ...]:
    """Each tax of a line, in minor units, and whether it is included in the line's amount."""
    found = []
    for rate in line.tax_rates:
        percent = Fraction(rate.percentage)
        whole = 100 + percent if rate.inclusive else Fraction(100)
        found.append((half_up(line.amount_minor * percent / whole), rate.inclusive))
    return tuple(found)


def half_up(exact: Fraction) -> int:
    """To whole minor units, halves away from zero."""
    whole = (2 * abs(exact.numerator) + exact.denominator) // (2 * exact.denominator)
    return whole if exact >= 0 else -whole


def discrepancies(
    meant: IssuanceRequested, items: Mapping[str, str], customer: str | None, seen: Seen, *, finalized: bool
) -> tuple[Discrepancy, ...]:
    """Where Stripe's invoice is not what we meant; none: it is, to the cent. `items`: line's key -> invoice item."""
    found: list[Discrepancy] = []

    def same(what: str, ours: object, stripes: object) -> None:
        if ours != stripes:
            found.append(Discrepancy(what, str(ours), str(stripes)))

    if finalized == (seen.status in ("draft", None)) or seen.status == "void":
        found.append(Discrepancy("status", "finalized" if finalized else "draft", str(seen.status)))
    same("currency", meant.currency, seen.currency)
    same("customer", customer, seen.customer)
    found += _of_lines(meant, items, seen)
    same("subtotal", meant.subtotal_minor, seen.subtotal_minor)
    if meant.total_minor is not None:
        same("tax", meant.tax_minor, seen.tax_minor)
        same("total", meant.total_minor, seen.total_minor)
    else:  # Stripe computes the tax: what is on top of our lines must be tax and nothing else
        taxes = [tax for line in seen.lines for tax in line.taxes or ()]
        same("tax", sum(tax for tax, _ in taxes), seen.tax_minor)
        same("total", meant.subtotal_minor + sum(tax for tax, within in taxes if not within), seen.total_minor)
    return tuple(found)


def _of_lines(meant: IssuanceRequested, items: Mapping[str, str], seen: Seen) -> list[Discrepancy]:
    key_of = {item: key for key, item in items.items()}
    theirs: dict[str, list[SeenLine]] = {}
    strange = 0
    for line in seen.lines:
        key = key_of.get(line.invoice_item or "")
        if key is None:
            strange += 1
        else:
            theirs.setdefault(key, []).append(line)
    found = []
    if strange or not seen.complete:
        stripes = f"{len(seen.lines)}{'' if seen.complete else ' and more'}, {strange} of them not ours"
        found.append(Discrepancy("lines", str(len(meant.lines)), stripes))
    for mine in meant.lines:
        ours = _spelled(mine.amount_minor, _charged(meant, mine))
        stripes_all = [_spelled(t.amount_minor, _theirs(meant, mine, t)) for t in theirs.get(mine.key, ())]
        if [ours] != stripes_all:
            found.append(Discrepancy(f"line:{mine.key}", ours, "; ".join(stripes_all) or "none"))
    return found


def _charged(meant: IssuanceRequested, line: IssuanceLine) -> tuple[int, ...]:
    """Each tax of a line as we compute it; none where Stripe does."""
    return () if meant.tax_exempt or meant.automatic_tax else tuple(tax for tax, _ in line_taxes(line))


def _theirs(meant: IssuanceRequested, line: IssuanceLine, seen: SeenLine) -> tuple[int, ...]:
    """Each tax of a line as Stripe has it; where the API version does not tell, the totals do."""
    if seen.taxes is None or meant.automatic_tax:
        return _charged(meant, line)
    return tuple(tax for tax, _ in seen.taxes)


def _spelled(amount: int, taxes: Sequence[int]) -> str:
    charged = sorted(tax for tax in taxes if tax)
    return f"{amount}{''.join(f', tax {tax}' for tax in charged)}"
