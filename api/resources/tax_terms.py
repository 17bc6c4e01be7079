"""Tax terms: how what Recount bills by itself is taxed. Set by acts; named rates are found as Stripe has them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Response

from api.operations import command_of
from api.resources import acting
from api.resources.context import context
from api.resources.filters import equal
from api.resources.lists import Source
from api.resources.publish import section
from api.resources.resource import Resource
from api.resources.routes import publish_list
from api.schemas.tax_terms import TAX_TERM
from commands.tax_terms import SET_TAX_TERMS
from ledger.ids import PLATFORM
from replay.tables import LIVE
from replay.tax_rates import rates_of

#: What is billed by itself is billed in the platform's account.
_ROWS = f"(SELECT r.*, '{PLATFORM}' AS account FROM {LIVE}.tax_terms r) t"
TAX_TERMS = Resource(
    "tax_terms",
    "tax terms",
    Source(TAX_TERM, _ROWS, {}, ("t.id",), lambda asks: []),
    filters=(equal("org", "Those of this organization's own", "t.org"),),
    offers_org=False,
    account_beside=False,
)
#: Of its command: what nobody gives.
FOUND = ("rates",)
tax_terms = section(TAX_TERMS.dashed, "Tax terms: how what Recount bills by itself is taxed")
publish_list(tax_terms, TAX_TERMS)


def set_terms(given: Mapping[str, Any], reason: str) -> Response:
    """Set tax terms, with the rates that are named as they stand in Stripe."""
    told = command_of(SET_TAX_TERMS, given)
    with context().readers.connection() as conn:
        rates = rates_of(conn, told.mode, PLATFORM, told.tax_rates)
    return acting.carried_out(SET_TAX_TERMS.name, {**msgspec.to_builtins(told), "rates": rates}, reason)
