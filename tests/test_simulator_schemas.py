"""Every simulated object, of each type and in each version, satisfies Stripe's own types, where those are at hand."""

import json
import os
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from simulated import YEAR, history, whole

from replay.simulator import Scenario

VERSIONS = (
    "2023-10-16",
    "2024-06-20",
    "2025-02-24.acacia",
    "2025-08-27.basil",
    "2025-10-29.clover",
    "2026-02-25.clover",
    "2026-06-24.dahlia",
    "2026-10-28.endive",
)
AT_MOST = 12
"""So many of each type of event are looked at."""


@cache
def schemas(version: str) -> dict[str, Any]:
    corpus = os.environ.get("RECOUNT_STRIPE_CORPUS")
    if not corpus:
        pytest.skip("RECOUNT_STRIPE_CORPUS is not set: Stripe's schemas are not at hand")
    path = Path(corpus) / "openapi" / "derived" / f"objects-{version}.json"
    if not path.is_file():
        pytest.skip(f"no {path}: Stripe's schemas are not at hand")
    found: dict[str, Any] = json.loads(path.read_bytes())
    if version >= "2025-03-31":
        # the types require it, the real API does not send it
        found["$defs"]["InvoiceLineItem"]["required"].remove("subscription")
    if version == "2023-10-16":
        # likewise, since 2022-11-15: https://docs.stripe.com/changelog/2022-11-15
        found["$defs"]["Charge"]["required"].remove("refunds")
    return found


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_simulated_objects_satisfy_stripes_own_types(version: str) -> None:
    types = schemas(version)
    names = types["resources"].keys() - {"entitlements.active_entitlement_summary"}  # its list has no other form
    validators = {
        name: Draft202012Validator({"$ref": types["resources"][name], "$defs": types["$defs"]}) for name in names
    }
    checked, seen = Counter[str](), set()
    for event in history(Scenario(orgs=60, months=9, seed=3, api_versions=(version,))):
        rendered, kind = event["data"]["object"], event["type"]
        name = rendered["object"]
        checked[kind] += 1
        if name not in validators or checked[kind] > AT_MOST or rendered.get("deleted") or kind == "invoice.upcoming":
            continue
        errors = [(list(error.absolute_path), error.message) for error in validators[name].iter_errors(rendered)]
        assert errors == [], kind
        seen.add(name)
    assert seen >= SIMULATED & names


SIMULATED = frozenset(
    """account application_fee balance billing.credit_balance_transaction billing.credit_grant billing.meter
    billing_portal.session charge checkout.session coupon credit_note customer discount dispute invoice invoice_payment
    invoiceitem mandate payment_intent payment_method payout price product promotion_code refund setup_intent
    subscription subscription_schedule tax_id tax_rate transfer""".split()
)


@pytest.mark.corpus
def test_a_simulated_event_is_of_a_type_that_stripe_has() -> None:
    """In any of its versions: new types come in all of them, and one has lost a name that the types do not list."""
    known = {type for version in VERSIONS for type in schemas(version)["event_types"]}
    simulated = {event["type"] for event in whole(YEAR)}
    assert simulated - known <= {
        "payment_method.card_automatically_updated",
        "v1.billing.meter.error_report_triggered",
    }
