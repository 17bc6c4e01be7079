"""How the CLI writes what hosting costs. Lines of text alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any


def invoice_lines(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Invoices, each with its lines."""
    if not found:
        yield "no invoices"
    for each in found:
        state = each.get("state", "open")
        yield f"{each['month']} {each['org']}: {each['total_minor']} {each['currency']} minor units ({state})"
        yield f"    carried over from before {each['opening']}, accrued {each['accrued']}, carried on {each['closing']}"
        for line in each["lines"]:
            what = "carried over" if line["environment"] is None else f"{line['environment']} {line['namespace']}"
            yield f"    {line['amount_minor']:>12} {what} ({line['amount']})"


def breakdown_lines(told: Iterable[Any]) -> Iterator[str]:
    """Breakdowns, one a currency."""
    empty = True
    for currency, broken in told:
        empty = False
        for share in broken.shares:
            name = f"{share.others} others" if share.others else share.key if share.key is not None else "of none"
            yield f"{share.share_percent:>7}% {share.amount_minor:>12} {currency} {name}"
        yield f"{'100.00':>7}% {broken.total_minor:>12} {currency} in all"
    if empty:
        yield "nothing was accrued"


def compared_lines(found: Any) -> Iterator[str]:
    """What a provider's ledger and ours differ in."""
    for line in found.lines:
        worth = f", worth {line.amount} {line.currency} minor units" if line.currency is not None else ""
        yield f"{line.day} {line.namespace} {line.resource}: theirs {line.theirs}, ours {line.ours}{worth}"
    yield f"{len(found.lines) or 'no'} differences in {len(found.days)} days"


def rates_lines(change: Any) -> Iterator[str]:
    """What a rate card's file changes."""
    if change is None:
        yield "nothing changes"
        return
    before, after = change
    yield f"{'~' if before is not None else '+'} {after.card}, version {after.version}, from {after.effective_s} on"
    names = sorted({*after.rates, *(before.rates if before is not None else ())})
    for name in names:
        was = before.rates.get(name) if before is not None else None
        if was != after.rates.get(name):
            yield f"    {name}: {was or 'nothing'} → {after.rates.get(name) or 'nothing'}"
    was = before.markup_percent if before is not None else "0"
    if was != after.markup_percent:
        yield f"    markup_percent: {was} → {after.markup_percent}"
