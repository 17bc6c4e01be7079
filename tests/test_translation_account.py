"""Accounts, capabilities, external accounts and authorizations to facts, in every API version."""

import json
from typing import Any

import pytest
from translating import fact, said, spoken, was

from ledger import inbox
from ledger.facts import ObjectFact, Quarantined, StoredOnly
from ledger.sealing import is_sealed
from ledger.translations import translate
from ledger.translations.base import DELETED, FINAL, UPDATED

KIND = "account.updated"

# A seller in Germany, for whom the platform is responsible, who may charge but not be paid out: two things are missing.

SINCE_2019: dict[str, Any] = {
    "object": "account",
    "id": "acct_1",
    "type": "custom",
    "country": "DE",
    "default_currency": "eur",
    "business_type": "company",
    "email": "ada@example.com",
    "business_profile": {"name": "Analytical Engines", "mcc": "5734", "url": "https://engines.example"},
    "company": {"name": "Analytical Engines GmbH"},
    "charges_enabled": True,
    "payouts_enabled": False,
    "details_submitted": True,
    "requirements": {
        "currently_due": ["tos_acceptance.date", "external_account"],
        "eventually_due": ["tos_acceptance.date", "external_account", "owners.email"],
        "past_due": ["external_account"],
        "disabled_reason": "requirements.past_due",
        "current_deadline": 1_700_600_000,
    },
    "capabilities": {"card_payments": "active", "transfers": "inactive"},
    "metadata": {"tier": "2"},
    "created": 1_700_000_000,
}
IN_2020 = SINCE_2019 | {
    "requirements": SINCE_2019["requirements"]
    | {
        "pending_verification": ["company.tax_id"],
        "errors": [{"code": "invalid_tax_id", "reason": "No such number.", "requirement": "company.tax_id"}],
    }
}
SINCE_2021 = IN_2020 | {
    "controller": {"type": "application", "is_controller": True},
    "future_requirements": {"currently_due": ["owners.id"], "current_deadline": 1_710_000_000, "past_due": []},
}
SINCE_2024 = SINCE_2021 | {
    "controller": {
        "type": "application",
        "is_controller": True,
        "fees": {"payer": "application"},
        "losses": {"payments": "application"},
        "requirement_collection": "application",
        "stripe_dashboard": {"type": "none"},
    },
}
IN_2015 = {
    "object": "account",
    "id": "acct_1",
    "managed": True,
    "country": "DE",
    "default_currency": "eur",
    "currencies_supported": ["eur"],
    "legal_entity": {"type": "company", "business_name": "Analytical Engines GmbH", "first_name": "Ada"},
    "email": "ada@example.com",
    "business_name": "Analytical Engines",
    "business_url": "https://engines.example",
    "charges_enabled": True,
    "transfers_enabled": False,
    "details_submitted": True,
    "verification": {
        "fields_needed": ["tos_acceptance.date", "external_account"],
        "due_by": 1_700_600_000,
        "disabled_reason": "fields_needed",
        "contacted": False,
    },
    "metadata": {"tier": "2"},
}
IN_2018 = {k: v for k, v in IN_2015.items() if k not in ("managed", "transfers_enabled")} | {
    "type": "custom",
    "payouts_enabled": False,
    "created": 1_700_000_000,
}
SHAPES: dict[str, dict[str, Any]] = {
    "2015-10-16": IN_2015,
    "2018-11-08": IN_2018,
    "2019-02-19": SINCE_2019,
    "2020-08-27": IN_2020,
    "2022-11-15": SINCE_2021,
    "2024-06-20": SINCE_2024,
    "2025-02-24.acacia": SINCE_2024,
    "2025-06-30.basil": SINCE_2024,
    "2025-10-29.clover": SINCE_2024,
    "2026-10-28.endive": SINCE_2024 | {"groups": {"payments_pricing": None}},
}
FACTS = {
    "type": "custom",
    "controller": {
        "type": "application",
        "fees_payer": "application",
        "losses": "application",
        "requirement_collection": "application",
        "dashboard": "none",
    },
    "country": "DE",
    "default_currency": "eur",
    "business_type": "company",
    "email": "ada@example.com",
    "business_name": "Analytical Engines",
    "business_url": "https://engines.example",
    "charges_enabled": True,
    "payouts_enabled": False,
    "details_submitted": True,
    "currently_due": ("external_account", "tos_acceptance.date"),
    "eventually_due": ("external_account", "owners.email", "tos_acceptance.date"),
    "past_due": ("external_account",),
    "pending_verification": ("company.tax_id",),
    "requirement_errors": [{"requirement": "company.tax_id", "code": "invalid_tax_id", "reason": "No such number."}],
    "disabled_reason": "requirements.past_due",
    "current_deadline_s": 1_700_600_000,
    "future_due": ("owners.id",),
    "future_deadline_s": 1_710_000_000,
    "capabilities": {"card_payments": "active", "transfers": "inactive"},
    "metadata": {"tier": "2"},
    "created_s": 1_700_000_000,
}
SINCE = {
    "created_s": "2017", "eventually_due": "2019", "past_due": "2019", "capabilities": "2019",
    "pending_verification": "2020", "requirement_errors": "2020", "controller": "2022", "future_due": "2022",
    "future_deadline_s": "2022",
}  # fmt: skip
#: What one version says in other words.
INSTEAD: dict[str, dict[str, Any]] = {
    "2015-10-16": {"disabled_reason": "fields_needed"},
    "2018-11-08": {"disabled_reason": "fields_needed"},
    "2022-11-15": {
        "controller": {
            "type": "application", "fees_payer": None, "losses": None, "requirement_collection": None, "dashboard": None
        }
    },
}  # fmt: skip


@pytest.mark.parametrize("version", SHAPES)
def test_an_account_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(SHAPES[version], KIND, api_version=version, account="acct_1")
    expected = {k: v for k, v in FACTS.items() if version >= SINCE.get(k, "")}
    assert spoken(found) == expected | INSTEAD.get(version, {})
    assert (found.model, found.id, found.account, found.customer) == ("account_objects", "acct_1", "acct_1", None)


@pytest.mark.parametrize(("managed", "kind"), [(True, "custom"), (False, "standard")])
def test_managed_accounts_are_what_is_called_custom(managed: bool, kind: str) -> None:
    assert spoken(fact(IN_2015 | {"managed": managed}, KIND))["type"] == kind


@pytest.mark.parametrize(
    ("shape", "field", "name"),
    [
        (SINCE_2019, "id", "id"),
        (SINCE_2019, "charges_enabled", "charges_enabled"),
        (SINCE_2019, "payouts_enabled", "payouts_enabled"),
        (IN_2015, "transfers_enabled", "payouts_enabled"),
    ],
)
def test_an_account_without_a_required_field_is_quarantined(shape: dict[str, Any], field: str, name: str) -> None:
    assert said({k: v for k, v in shape.items() if k != field}, KIND) == Quarantined(f"lacks {name}")
    assert isinstance(said(shape | {field: None}, KIND), Quarantined)


def test_absent_is_silence_and_null_is_null() -> None:
    least = {"object": "account", "id": "acct_1", "charges_enabled": True, "payouts_enabled": True}
    assert spoken(fact(least, KIND)) == {"charges_enabled": True, "payouts_enabled": True}
    nulls = ("requirements", "future_requirements", "business_profile", "controller", "capabilities", "type")
    nulled = spoken(fact(least | dict.fromkeys(nulls), KIND))
    assert nulled["currently_due"] is nulled["disabled_reason"] is nulled["future_due"] is None
    assert nulled["business_name"] is nulled["controller"] is nulled["capabilities"] is nulled["type"] is None


def test_the_order_of_requirements_means_nothing() -> None:
    turned = SINCE_2019 | {"requirements": {"currently_due": ["external_account", "tos_acceptance.date"] * 2}}
    assert spoken(fact(turned, KIND))["currently_due"] == FACTS["currently_due"]


def test_previous_attributes_tell_what_an_account_was() -> None:
    before = {"payouts_enabled": True, "requirements": {"past_due": [], "disabled_reason": None}}
    found = fact(SINCE_2019, KIND, previous=before)
    assert was(found) == {"payouts_enabled": True, "past_due": (), "disabled_reason": None}


@pytest.mark.parametrize("shape", [IN_2015, SINCE_2024])
def test_a_sellers_name_and_address_come_sealed(shape: dict[str, Any]) -> None:
    """What the personal table seals is what the facts say is sealed, and nothing of it is anywhere else."""
    # given
    obj = shape | {"settings": {"dashboard": {"display_name": "Ada's"}}}
    body = {
        "id": "evt_1", "object": "event", "type": KIND, "created": 1_700_000_000, "livemode": False,
        "account": "acct_1", "api_version": "2020-08-27", "data": {"object": obj},
    }  # fmt: skip
    # when
    stored = inbox.receive(inbox.open_envelope(json.dumps(body).encode()), bytes(32), "connect", bytes).event
    found = translate(stored)
    # then
    assert isinstance(found, ObjectFact)
    values = spoken(found)
    assert is_sealed(values["email"]) and is_sealed(values["business_name"])
    for personal in (b"ada@example.com", b"Analytical", b"Ada's", b'"Ada"'):
        assert personal not in bytes(stored.payload)


APPLICATION = {"object": "application", "id": "ca_1", "name": "Ours"}


@pytest.mark.parametrize("version", SHAPES)
@pytest.mark.parametrize(
    ("verb", "authorized", "rank"), [("authorized", True, UPDATED), ("deauthorized", False, FINAL)]
)
def test_an_authorization_is_about_the_events_account(version: str, verb: str, authorized: bool, rank: int) -> None:
    found = fact(APPLICATION, f"account.application.{verb}", account="acct_1", api_version=version)
    assert (found.model, found.id, found.rank) == ("account_authorizations", "acct_1", rank)
    assert spoken(found) == {"authorized": authorized, "application": "ca_1"}


def test_a_deauthorization_of_nobody_is_quarantined() -> None:
    """Stripe's own sample has no account."""
    assert said(APPLICATION, "account.application.deauthorized") == Quarantined("lacks account")


CAPABILITY = {
    "object": "capability",
    "id": "card_payments",
    "account": "acct_1",
    "status": "inactive",
    "requested": True,
    "requested_at": 1_700_000_000,
    "requirements": {
        "currently_due": ["company.tax_id"],
        "eventually_due": ["company.tax_id"],
        "past_due": [],
        "pending_verification": ["owners.id"],
        "disabled_reason": "requirements.fields_needed",
        "current_deadline": None,
    },
}


@pytest.mark.parametrize("version", [v for v in SHAPES if v > "2019"])
@pytest.mark.parametrize("account", ["acct_1", {"object": "account", "id": "acct_1"}])
def test_a_capability_says_the_same_in_every_api_version(version: str, account: Any) -> None:
    found = fact(CAPABILITY | {"account": account}, "capability.updated", account="acct_1", api_version=version)
    assert (found.model, found.account, found.id) == ("account_capabilities", "acct_1", "card_payments")
    assert spoken(found) == {
        "seller": "acct_1",
        "status": "inactive",
        "requested": True,
        "requested_at_s": 1_700_000_000,
        "currently_due": ("company.tax_id",),
        "eventually_due": ("company.tax_id",),
        "past_due": (),
        "pending_verification": ("owners.id",),
        "disabled_reason": "requirements.fields_needed",
        "current_deadline_s": None,
    }


@pytest.mark.parametrize("field", ["id", "account", "status"])
def test_a_capability_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in CAPABILITY.items() if k != field}
    assert said(lacking, "capability.updated") == Quarantined(f"lacks {field}")


BANK = {
    "object": "bank_account",
    "id": "ba_1",
    "account": "acct_1",
    "last4": "6789",
    "country": "DE",
    "currency": "eur",
    "default_for_currency": True,
    "status": "verified",
    "account_holder_name": "Ada Lovelace",
    "routing_number": "110000000",
}
CARD = {
    "object": "card",
    "id": "card_1",
    "account": "acct_1",
    "last4": "4242",
    "brand": "Visa",
    "country": "US",
    "currency": "usd",
    "default_for_currency": False,
}


@pytest.mark.parametrize("version", SHAPES)
def test_an_external_account_says_the_same_in_every_api_version(version: str) -> None:
    kind = "account.external_account.created"
    bank = fact(BANK, kind, account="acct_1", api_version=version)
    card = fact(CARD | {"account": {"object": "account", "id": "acct_1"}}, kind, api_version=version)
    assert [(f.model, f.id, f.customer) for f in (bank, card)] == [
        ("external_accounts", "ba_1", None),
        ("external_accounts", "card_1", None),
    ]
    assert spoken(bank) == {
        "deleted": False, "kind": "bank_account", "seller": "acct_1", "last4": "6789", "country": "DE",
        "currency": "eur", "default_for_currency": True, "status": "verified",
    }  # fmt: skip
    assert spoken(card) == {
        "deleted": False, "kind": "card", "seller": "acct_1", "last4": "4242", "brand": "Visa", "country": "US",
        "currency": "usd", "default_for_currency": False,
    }  # fmt: skip


@pytest.mark.parametrize("obj", [BANK, {"object": "bank_account", "id": "ba_1", "deleted": True}])
def test_a_deleted_external_account_is_deleted_whole_or_as_a_stub(obj: dict[str, Any]) -> None:
    found = fact(obj, "account.external_account.deleted")
    assert (spoken(found)["deleted"], found.rank) == (True, DELETED)


@pytest.mark.parametrize("field", ["id", "last4"])
def test_an_external_account_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in BANK.items() if k != field}
    assert said(lacking, "account.external_account.updated") == Quarantined(f"lacks {field}")


def test_persons_behind_a_seller_are_stored_and_not_read() -> None:
    person = {"object": "person", "id": "person_1", "first_name": "Ada", "account": "acct_1"}
    assert said(person, "person.updated") == StoredOnly("person", "person_1", None)
