"""Tax terms: how what Recount bills by itself is taxed. Set by acts; named rates are found as Stripe has them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Response

from api.operations import command_of
from api.resources import acting
from api.resources.context import caller, context, send_list
from api.resources.filters import equal
from api.resources.lists import Source, list_of
from api.resources.publish import listed, read, section
from api.resources.resource import query_of
from api.schemas.tax_terms import TAX_TERM
from commands.tax_terms import SET_TAX_TERMS
from ledger.ids import PLATFORM
from replay.tables import LIVE
from replay.tax_rates import rates_of

#: What is billed by itself is billed in the platform's account.
_ROWS = f"(SELECT r.*, '{PLATFORM}' AS account FROM {LIVE}.tax_terms r) t"
tax_terms = section("tax-terms", "Tax terms: how what Recount bills by itself is taxed")
#: Of the command that sets them: what nobody gives.
FOUND = ("rates",)
_TERMS = Source(TAX_TERM, f"{LIVE}.tax_terms t", {}, ("t.id",), lambda asks: [])
_FILTERS = (equal("org", "This organization's own", "t.org"),)


@read(
    tax_terms,
    "/v1/tax-terms",
    "tax_terms",
    listed(TAX_TERM.schema),
    query=query_of(_FILTERS, "tax_terms_filters"),
    problems=("invalid_cursor",),
)
def list_tax_terms(given: dict[str, Any]) -> Response:
    """List tax terms: everybody's, and organizations' own.

    Ordered by id.
    """
    here, asks = context(), caller()
    conditions = [f.where(here, asks, given[f.name]) for f in _FILTERS if given[f.name] is not None]
    return send_list(list_of(here, asks, _TERMS, given, conditions), TAX_TERM.schema)


def set_terms(given: Mapping[str, Any], reason: str) -> Response:
    """Set tax terms, with the rates that are named as they stand in Stripe."""
    told = command_of(SET_TAX_TERMS, given)
    with context().readers.connection() as conn:
        rates = rates_of(conn, told.mode, PLATFORM, told.tax_rates)
    return acting.carried_out(SET_TAX_TERMS.name, {**msgspec.to_builtins(told), "rates": rates}, reason)
