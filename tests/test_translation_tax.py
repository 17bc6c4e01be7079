"""Tax rates, tax ids, tax settings and registrations to facts: the same in every API version; numbers stay sealed."""

import json
from typing import Any

import pytest
from translating import Json, fact, said, spoken, was

from ledger import inbox
from ledger.events import StripeEventReceived
from ledger.facts import ObjectFact, Quarantined
from ledger.sealing import is_sealed
from ledger.translations import tax_id, tax_rate, tax_registration, tax_settings, translate
from ledger.translations.base import CREATED, DELETED

# German VAT on top of the price.

RATE: Json = {
    "object": "tax_rate",
    "id": "txr_1",
    "active": True,
    "created": 1_700_000_000,
    "description": "VAT Germany",
    "display_name": "VAT",
    "inclusive": False,
    "jurisdiction": "DE",
    "livemode": False,
    "metadata": {"office": "Berlin"},
    "percentage": 19.0,
}
RATE_2020 = RATE | {"country": "DE", "state": None, "tax_type": "vat"}
RATE_2023 = RATE_2020 | {"effective_percentage": 19}
RATE_2024 = RATE_2023 | {"jurisdiction_level": "country"}
RATE_ACACIA = RATE_2024 | {"rate_type": "percentage", "flat_amount": None}
RATES: dict[str, Json] = {
    "2019-10-17": RATE,
    "2020-08-27": RATE_2020,
    "2022-11-15": RATE_2020,
    "2023-10-16": RATE_2023,
    "2024-06-20": RATE_2024,
    "2025-02-24.acacia": RATE_ACACIA,
    "2025-06-30.basil": RATE_ACACIA,
    "2025-10-29.clover": RATE_ACACIA,
    "2026-10-28.endive": RATE_ACACIA | {"percentage": 19},
}
RATE_FACTS: Json = {
    "active": True,
    "display_name": "VAT",
    "description": "VAT Germany",
    "percentage": "19",
    "effective_percentage": "19",
    "inclusive": False,
    "country": "DE",
    "state": None,
    "jurisdiction": "DE",
    "jurisdiction_level": "country",
    "tax_type": "vat",
    "rate_type": "percentage",
    "flat_amount_minor": None,
    "flat_currency": None,
    "metadata": {"office": "Berlin"},
    "created_s": 1_700_000_000,
}
_SINCE = {
    "country": "2020", "state": "2020", "tax_type": "2020", "effective_percentage": "2023",
    "jurisdiction_level": "2024", "rate_type": "2025", "flat_amount_minor": "2025", "flat_currency": "2025",
}  # fmt: skip


@pytest.mark.parametrize("version", RATES)
def test_a_tax_rate_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(RATES[version], "tax_rate.created", api_version=version)
    assert spoken(found) == {k: v for k, v in RATE_FACTS.items() if version >= _SINCE.get(k, "")}
    assert (found.model, found.id, found.customer, found.rank) == ("tax_rates", "txr_1", None, CREATED)


@pytest.mark.parametrize("field", ["id", "percentage", "inclusive"])
def test_a_tax_rate_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in RATE.items() if k != field}, "tax_rate.created") == Quarantined(f"lacks {field}")


def test_a_tax_rate_may_be_a_flat_amount() -> None:
    flat = {"percentage": 0, "rate_type": "flat_amount", "flat_amount": {"amount": 28, "currency": "usd"}}
    found = spoken(fact(RATE | flat, "tax_rate.updated"))
    assert (found["percentage"], found["flat_amount_minor"], found["flat_currency"]) == ("0", 28, "usd")


def test_of_a_tax_rate_absent_is_silence_and_changes_are_told() -> None:
    least = {"object": "tax_rate", "id": "txr_1", "percentage": 8.875, "inclusive": True}
    assert spoken(fact(least, "tax_rate.updated")) == {"percentage": "8.875", "inclusive": True}
    assert was(fact(RATE, "tax_rate.updated", previous={"active": False})) == {"active": False}


# A verified VAT id of a customer. The number, the name and the address come sealed.

SEALED = "sealed:1:test/platform/cus_1:stripe/test/platform/evt_1:data.object.value:AAAA"
TAX_ID: Json = {
    "object": "tax_id",
    "id": "txi_1",
    "country": "DE",
    "created": 1_700_000_000,
    "customer": "cus_1",
    "livemode": False,
    "type": "eu_vat",
    "value": SEALED,
    "verification": {"status": "verified", "verified_name": SEALED + "n", "verified_address": SEALED + "a"},
}
OWNED = TAX_ID | {"owner": {"type": "customer", "customer": "cus_1"}}
TAX_IDS: dict[str, Json] = {
    "2018-11-08": TAX_ID,
    "2020-08-27": TAX_ID,
    "2022-11-15": TAX_ID | {"customer": {"object": "customer", "id": "cus_1"}},
    "2024-06-20": OWNED,
    "2025-02-24.acacia": OWNED,
    "2025-06-30.basil": OWNED,
    "2025-10-29.clover": OWNED | {"customer": None},
    "2026-10-28.endive": OWNED | {"owner": {"type": "customer", "customer": {"id": "cus_1"}}, "customer_account": None},
}
ID_FACTS: Json = {
    "deleted": False,
    "customer": "cus_1",
    "owner_type": "customer",
    "type": "eu_vat",
    "country": "DE",
    "value": SEALED,
    "verification_status": "verified",
    "verified_name": SEALED + "n",
    "verified_address": SEALED + "a",
    "created_s": 1_700_000_000,
}


@pytest.mark.parametrize("version", TAX_IDS)
def test_a_tax_id_says_the_same_in_every_api_version(version: str) -> None:
    found = fact(TAX_IDS[version], "customer.tax_id.updated", api_version=version)
    assert spoken(found) == {k: v for k, v in ID_FACTS.items() if k != "owner_type" or version > "2023"}
    assert (found.model, found.id, found.customer) == ("tax_ids", "txi_1", "cus_1")


@pytest.mark.parametrize(
    ("says", "customer"),
    [
        ({"owner": {"type": "self", "customer": None}, "customer": None}, None),
        ({"owner": {"type": "self"}, "customer": None}, None),
        ({"owner": None, "customer": None}, None),
        ({"owner": {"type": "customer", "customer": "cus_2"}, "customer": None}, "cus_2"),
    ],
)
def test_a_tax_id_may_be_the_sellers_own(says: Json, customer: str | None) -> None:
    found = fact(TAX_ID | says, "customer.tax_id.created")
    assert (found.customer, spoken(found)["customer"]) == (customer, customer)


@pytest.mark.parametrize("field", ["id", "type"])
def test_a_tax_id_without_a_required_field_is_quarantined(field: str) -> None:
    lacking = {k: v for k, v in TAX_ID.items() if k != field}
    assert said(lacking, "customer.tax_id.created") == Quarantined(f"lacks {field}")


def test_of_a_tax_id_absent_is_silence_and_null_is_null() -> None:
    least = {"object": "tax_id", "id": "txi_1", "type": "us_ein"}
    assert spoken(fact(least, "customer.tax_id.created")) == {"deleted": False, "type": "us_ein"}
    assert spoken(fact(least | {"verification": None}, "customer.tax_id.created"))["verification_status"] is None


def test_a_deleted_tax_id_may_come_as_a_stub_or_whole() -> None:
    stub = fact({"object": "tax_id", "id": "txi_1", "deleted": True}, "customer.tax_id.deleted")
    whole = fact(TAX_ID, "customer.tax_id.deleted")
    assert spoken(stub) == {"deleted": True}
    assert (spoken(whole)["deleted"], whole.rank, stub.rank) == (True, DELETED, DELETED)


def test_a_verification_that_ended_was_pending_before() -> None:
    before = {"verification": {"status": "pending", "verified_name": None, "verified_address": None}}
    assert was(fact(TAX_ID, "customer.tax_id.updated", previous=before)) == {"verification_status": "pending"}


def test_the_number_and_what_an_authority_says_of_it_are_sealed() -> None:
    # given a tax id as Stripe sends it, and a customer of 2018, which had its VAT id on itself
    verified = {"status": "verified", "verified_name": "Ada GmbH", "verified_address": "1 Analytical Row"}
    sent = TAX_ID | {"value": "DE123456789", "verification": verified}
    customer = {"object": "customer", "id": "cus_1", "created": 1, "business_vat_id": "DE123456789",
                "tax_info": {"type": "vat", "tax_id": "DE123456789"}}  # fmt: skip
    # when they are stored and translated
    stored = received(sent, "customer.tax_id.created")
    found = translate(stored)
    # then what is personal is ciphertext, and the rest is plain
    assert isinstance(found, ObjectFact)
    facts = spoken(found)
    assert all(is_sealed(facts[name]) for name in ("value", "verified_name", "verified_address"))
    assert (facts["type"], facts["country"], facts["verification_status"]) == ("eu_vat", "DE", "verified")
    for event in (stored, received(customer, "customer.created")):
        assert not any(clear in bytes(event.payload) for clear in (b"123456789", b"Ada GmbH", b"Analytical"))


def received(obj: Json, kind: str) -> StripeEventReceived:
    """An event as it is stored, under a key of no meaning."""
    stated = {"id": "evt_1", "object": "event", "type": kind, "created": 1, "livemode": False, "data": {"object": obj}}
    found = inbox.receive(inbox.open_envelope(json.dumps(stated).encode()), bytes(32), "platform", bytes).event
    assert isinstance(found, StripeEventReceived)
    return found


# An account that is not set up for automatic tax yet.

SETTINGS: Json = {
    "object": "tax.settings",
    "defaults": {"tax_behavior": "exclusive", "tax_code": "txcd_10000000"},
    "head_office": {"address": {"city": SEALED, "country": "DE", "line1": SEALED, "postal_code": SEALED}},
    "livemode": False,
    "status": "pending",
    "status_details": {"pending": {"missing_fields": ["head_office", "defaults.tax_code"]}},
}
#: Its one shape, in the versions of endpoints that may get it.
SETTINGS_VERSIONS = [
    "2015-10-16", "2020-08-27", "2022-11-15", "2024-06-20", "2025-02-24.acacia", "2025-06-30.basil",
    "2025-10-29.clover", "2026-10-28.endive",
]  # fmt: skip


@pytest.mark.parametrize("version", SETTINGS_VERSIONS)
def test_tax_settings_are_their_accounts(version: str) -> None:
    defaults = SETTINGS["defaults"] | ({"provider": "stripe"} if version > "2025" else {})
    stated = SETTINGS | {"defaults": defaults}
    own = fact(stated, "tax.settings.updated", api_version=version)
    sellers = fact(stated, "tax.settings.updated", api_version=version, account="acct_1")
    expected = {
        "status": "pending",
        "missing_fields": ("defaults.tax_code", "head_office"),
        "tax_behavior": "exclusive",
        "tax_code": "txcd_10000000",
        "provider": "stripe",
        "head_office_country": "DE",
    }
    assert spoken(own) == {k: v for k, v in expected.items() if k != "provider" or version > "2025"}
    assert (own.model, own.id, own.customer, sellers.id) == ("tax_settings", "platform", None, "acct_1")


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"status_details": {"active": {}}}, {"missing_fields": ()}),
        ({"status_details": {"pending": {"missing_fields": None}}}, {"missing_fields": ()}),
        ({"head_office": None}, {"head_office_country": None}),
        ({"defaults": None}, {"tax_behavior": None, "tax_code": None, "provider": None}),
        ({}, {}),
    ],
)
def test_of_tax_settings_absent_is_silence_and_null_is_null(says: Json, expected: Json) -> None:
    found = spoken(fact({"object": "tax.settings", "status": "active"} | says, "tax.settings.updated"))
    assert found == {"status": "active"} | expected


def test_tax_settings_without_a_status_are_quarantined() -> None:
    assert said({"object": "tax.settings"}, "tax.settings.updated") == Quarantined("lacks status")


# A registration, as it would be fetched.

REGISTRATION: Json = {
    "object": "tax.registration",
    "id": "taxreg_1",
    "active_from": 1_700_000_000,
    "country": "US",
    "country_options": {"us": {"state": "CA", "type": "state_sales_tax"}},
    "created": 1_699_000_000,
    "expires_at": None,
    "livemode": False,
    "status": "active",
}
FETCHED = "tax.registration.updated"


def test_a_registration_tells_where_and_how_tax_is_collected() -> None:
    found = fact(REGISTRATION, FETCHED)
    assert spoken(found) == {
        "country": "US",
        "type": "state_sales_tax",
        "state": "CA",
        "options": {"us": {"state": "CA", "type": "state_sales_tax"}},
        "status": "active",
        "active_from_s": 1_700_000_000,
        "expires_at_s": None,
        "created_s": 1_699_000_000,
    }
    assert (found.model, found.id, found.customer) == ("tax_registrations", "taxreg_1", None)


@pytest.mark.parametrize(
    ("country", "options", "expected"),
    [
        ("DE", {"de": {"standard": {"place_of_supply_scheme": "standard"}, "type": "standard"}}, ("standard", None)),
        ("IE", {"ie": {"type": "oss_union"}}, ("oss_union", None)),
        ("CA", {"ca": {"province_standard": {"province": "QC"}, "type": "province_standard"}},
         ("province_standard", "QC")),
        ("FR", {"de": {"type": "standard"}}, (None, None)),
        ("FR", None, (None, None)),
    ],
)  # fmt: skip
def test_a_registration_is_read_for_its_own_country(country: str, options: Any, expected: Any) -> None:
    found = spoken(fact(REGISTRATION | {"country": country, "country_options": options}, FETCHED))
    assert (found["type"], found["state"]) == expected


@pytest.mark.parametrize("field", ["id", "country", "active_from"])
def test_a_registration_without_a_required_field_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in REGISTRATION.items() if k != field}, FETCHED) == Quarantined(f"lacks {field}")


def test_of_a_registration_absent_is_silence() -> None:
    least = {"object": "tax.registration", "id": "taxreg_1", "country": "DE", "active_from": 5}
    assert spoken(fact(least, FETCHED)) == {"country": "DE", "active_from_s": 5}


@pytest.mark.parametrize(
    "family",
    [tax_rate.FAMILY, tax_id.FAMILY, tax_settings.FAMILY, tax_registration.FAMILY],
    ids=lambda f: f.name,
)
def test_the_table_tells_of_every_field_where_it_comes_from(family: Any) -> None:
    assert tuple(row.field for row in family.whence) == family.facts.__struct_fields__
