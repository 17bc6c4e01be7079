"""Customers of any API version: the same facts where they say the same, silence where they are silent."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined, Translation
from ledger.translations import BY_NAME, translate
from ledger.translations.base import CREATED, DELETED, UPDATED
from ledger.translations.customer import Customer

FIELDS = Customer.__struct_fields__
FULL: dict[str, Any] = {
    "deleted": False,
    "org_claim": "org_1",
    "name": "sealed:1:a:b:c:d",
    "email": "sealed:1:a:b:e:d",
    "phone": None,
    "description": None,
    "country": "PT",
    "balance_minor": -500,
    "currency": "eur",
    "delinquent": False,
    "tax_exempt": "none",
    "default_payment_method": "pm_1",
    "metadata": {"org_id": "org_1", "segment": "smb"},
    "created_s": 1_700_000_000,
}


def said(payload: dict[str, Any], type: str = "customer.updated", **about: Any) -> Translation:
    fields = {
        "created_s": 9,
        "mode": "test",
        "account": "platform",
        "api_version": None,
        "endpoint": "platform",
    } | about
    previous = fields.pop("previous", None)
    data = {"object": payload} | ({"previous_attributes": previous} if previous is not None else {})
    body = Raw(json.dumps({"data": data}).encode())
    return translate(StripeEventReceived(event_id="evt_1", type=type, payload=body, **fields))


def spoken(fact: Translation) -> dict[str, Any]:
    assert isinstance(fact, ObjectFact), fact
    numbers = (i for i in range(len(FIELDS)) if fact.mask >> i & 1)
    return {FIELDS[i]: v for i, v in zip(numbers, fact.values, strict=True)}


def payload(**changed: Any) -> dict[str, Any]:
    """A customer in today's shape."""
    return {
        "id": "cus_1",
        "object": "customer",
        "address": {"city": "sealed:1:a:b:f:d", "country": "PT", "postal_code": "sealed:1:a:b:g:d~110"},
        "balance": -500,
        "created": 1_700_000_000,
        "currency": "eur",
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": "sealed:1:a:b:e:d",
        "invoice_settings": {"default_payment_method": "pm_1", "footer": None},
        "metadata": {"org_id": "org_1", "segment": "smb", "email": "sealed:1:a:b:h:d"},
        "name": "sealed:1:a:b:c:d",
        "phone": None,
        "tax_exempt": "none",
    } | changed


def test_todays_customer_says_everything():
    assert spoken(said(payload())) == FULL


def test_a_customer_of_2016_says_the_same_where_it_speaks():
    old = payload(account_balance=-500, default_source="pm_1")
    for absent in ("balance", "address", "invoice_settings", "name", "phone", "tax_exempt"):
        del old[absent]
    expected = {k: v for k, v in FULL.items() if k not in ("country", "name", "phone", "tax_exempt")}
    assert spoken(said(old)) == expected


def test_a_stub_of_a_deleted_customer_speaks_of_its_deletion_alone():
    fact = said({"id": "cus_1", "object": "customer", "deleted": True}, "customer.deleted")
    assert spoken(fact) == {"deleted": True}


def test_a_customer_deleted_whole_is_deleted_and_keeps_what_it_says():
    assert spoken(said(payload(), "customer.deleted")) == FULL | {"deleted": True}


@pytest.mark.parametrize(
    ("type", "rank"), [("customer.created", CREATED), ("customer.updated", UPDATED), ("customer.deleted", DELETED)]
)
def test_rank_follows_the_life_of_a_customer(type: str, rank: int):
    fact = said(payload(), type)
    assert isinstance(fact, ObjectFact)
    assert fact.rank == rank


@pytest.mark.parametrize("lacking", ["id", "created"])
def test_a_customer_without_what_it_must_have_is_quarantined(lacking: str):
    short = payload()
    del short[lacking]
    assert said(short) == Quarantined(f"lacks {lacking}")


def test_what_a_connected_account_writes_is_no_claim():
    ours, theirs = said(payload()), said(payload(), account="acct_1")
    assert isinstance(ours, ObjectFact)
    assert isinstance(theirs, ObjectFact)
    assert (ours.claim, theirs.claim) == ("org_1", None)


def test_null_is_said_and_absent_is_not():
    short = payload(currency=None)
    del short["delinquent"]
    found = spoken(said(short))
    assert found["currency"] is None
    assert "delinquent" not in found


def test_an_expanded_payment_method_counts_by_its_id():
    settings = {"default_payment_method": {"id": "pm_9", "object": "payment_method"}}
    assert spoken(said(payload(invoice_settings=settings)))["default_payment_method"] == "pm_9"


def test_what_changed_is_known_by_what_it_was_before():
    fact = said(payload(), previous={"balance": 0, "metadata": {"segment": None}, "email": "sealed:1:a:b:z:d"})
    assert isinstance(fact, ObjectFact)
    assert fact.was == {FIELDS.index("balance_minor"): 0, FIELDS.index("metadata"): {"org_id": "org_1"}}


def test_the_table_names_every_field():
    assert tuple(w.field for w in BY_NAME["customer"].whence) == FIELDS


#: What Stripe's own sample of a customer says, in each of eight versions; an address came to it in basil.
SAMPLE = {
    "deleted": False, "org_claim": None, "name": None, "email": None, "phone": None, "description": None,
    "country": None, "balance_minor": 0, "currency": "usd", "delinquent": False, "tax_exempt": "none",
    "default_payment_method": None, "metadata": {}, "created_s": 1_234_567_890,
}  # fmt: skip
VERSIONS = (
    "2020-08-27", "2023-10-16", "2024-06-20", "2025-02-24.acacia", "2025-08-27.basil", "2025-10-29.clover",
    "2026-02-25.clover", "2026-07-29.dahlia",
)  # fmt: skip


@pytest.mark.corpus
@pytest.mark.parametrize("version", VERSIONS)
def test_stripes_own_sample_of_each_version_has_the_expected_facts(version: str):
    folder = os.environ.get("RECOUNT_STRIPE_CORPUS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RECOUNT_STRIPE_CORPUS does not name the Stripe corpus")
    file = Path(folder) / "openapi" / "fixtures" / f"fixtures3-{version}.json"
    assert spoken(said(json.loads(file.read_bytes())["resources"]["customer"])) == SAMPLE
