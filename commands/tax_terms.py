"""Tax terms: how what Recount bills by itself (hosting, passed-through costs) is taxed. A stream for everybody, and one
for each organization that has terms of its own.

Recount knows no tax law: either Stripe computes the tax, or rates that are named in Stripe stand on every line. Source:
https://docs.stripe.com/api/invoiceitems/create, https://docs.stripe.com/tax/invoicing. What somebody else asks to have
billed says itself how it is taxed.
"""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec

from commands.acts import About, Act
from commands.base import Decider
from commands.identifiers import require_mode, require_org
from commands.issuing_terms import RequestIssuance, require_rates, require_tax, require_tax_code
from ledger.errors import Invalid
from ledger.events import Event
from ledger.ids import Mode, key_of, tax_terms_stream
from ledger.issuing_events import TaxBehavior, TaxRate
from ledger.tax_terms_events import TaxTermsDropped, TaxTermsSet


class SetTaxTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Say how what Recount bills by itself is taxed: everybody's, or an organization's own."""

    mode: Mode
    org: str | None = None
    automatic_tax: bool = False
    tax_behavior: TaxBehavior | None = None
    tax_code: str | None = None
    tax_rates: tuple[str, ...] = ()
    """Ids of Stripe's."""
    tax_exempt: bool = False
    rates: tuple[TaxRate, ...] = ()
    """The same as they stand in Stripe: found out at the edge."""


class DropTaxTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Drop an organization's own terms, so that everybody's hold for it; or everybody's, so that no tax is added."""

    mode: Mode
    org: str | None = None


Command: TypeAlias = SetTaxTerms | DropTaxTerms


def evolve(terms: TaxTermsSet | None, event: Event) -> TaxTermsSet | None:
    """The terms after an event; None: there are none."""
    return event if isinstance(event, TaxTermsSet) else None


def decide(command: Command, terms: TaxTermsSet | None) -> tuple[Event, ...]:
    """Set or drop them. Raises Invalid (`two_taxes`, `bad_tax_terms`, `unknown_tax_rate`,
    `bad_tax_rates`, `bad_tax_code`)."""
    require_mode(command.mode)
    if command.org is not None:
        require_org(command.org)
    if isinstance(command, DropTaxTerms):
        return () if terms is None else (TaxTermsDropped(mode=command.mode, org=command.org),)
    _check(command)
    said = TaxTermsSet(
        mode=command.mode,
        org=command.org,
        automatic_tax=command.automatic_tax,
        tax_behavior=command.tax_behavior,
        tax_code=command.tax_code,
        tax_rates=command.rates,
        tax_exempt=command.tax_exempt,
    )
    return () if said == terms else (said,)


def _check(command: SetTaxTerms) -> None:
    require_tax(command.automatic_tax, bool(command.tax_rates), command.tax_behavior, command.tax_code)
    if command.tax_exempt and not command.tax_rates:
        raise Invalid("exempt goes with rates; automatic tax asks the customer in Stripe", code="bad_tax_terms")
    found = {rate.id for rate in command.rates}
    for id in command.tax_rates:
        if id not in found:
            raise Invalid(f"there is no tax rate {id} in this account", code="unknown_tax_rate")
    require_rates(command.rates)
    require_tax_code(command.tax_code)


TAX_TERMS: Decider[Command, TaxTermsSet | None] = Decider(None, evolve, decide)


def terms_streams(mode: Mode, org: str) -> tuple[str, str]:
    """The streams that say how an organization is taxed: everybody's, and its own."""
    return tax_terms_stream(mode, None), tax_terms_stream(mode, org)


def taxed(command: RequestIssuance, everybodys: Iterable[Event], own: Iterable[Event]) -> RequestIssuance:
    """What is to be billed, on the terms that hold: the organization's own, before everybody's."""
    terms = TAX_TERMS.fold(own) or TAX_TERMS.fold(everybodys)
    if terms is None:
        return command
    change = msgspec.structs.replace
    lines = tuple(change(line, tax_rates=terms.tax_rates) for line in command.lines)
    return change(
        command,
        lines=lines,
        automatic_tax=terms.automatic_tax,
        tax_behavior=terms.tax_behavior,
        tax_code=terms.tax_code,
        tax_exempt=terms.tax_exempt,
    )


def _stream(command: Command) -> str:
    return tax_terms_stream(command.mode, command.org)


def _about(command: Command) -> About:
    whose = f"/{key_of((command.org,))}" if command.org is not None else ""
    return About(f"tax_terms{whose}", command.mode, org=command.org)


#: Every invoice from now on: that takes two persons.
SET_TAX_TERMS: Act[SetTaxTerms, TaxTermsSet | None] = Act(
    "set_tax_terms", SetTaxTerms, TAX_TERMS, _stream, _about, weight=50
)
DROP_TAX_TERMS: Act[DropTaxTerms, TaxTermsSet | None] = Act(
    "drop_tax_terms", DropTaxTerms, TAX_TERMS, _stream, _about, weight=50
)
