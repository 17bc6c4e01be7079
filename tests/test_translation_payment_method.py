"""Payment methods, and the cards, bank accounts and sources before them, to facts: one row says the same of all."""

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from selling import fact, in_corpus, row, said, spoken, told, was, without

from ledger.facts import ObjectFact, Quarantined, StoredOnly
from ledger.sealing import is_sealed
from ledger.translations import BY_NAME
from ledger.translations.base import DELETED, FINAL, UPDATED

# One card, good until the end of February 2028, in the shapes of ten ages.

_PERSON = {
    "address": {"country": "GB", "line1": "1 Analytical Row", "postal_code": "N1 9GU", "city": None, "state": None},
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "phone": "+44 1",
}
METHOD: dict[str, Any] = {
    "object": "payment_method",
    "id": "pm_1",
    "type": "card",
    "customer": "cus_1",
    "billing_details": _PERSON,
    "card": {
        "brand": "visa",
        "checks": {"cvc_check": "pass"},
        "country": "US",
        "exp_month": 2,
        "exp_year": 2028,
        "fingerprint": "fingerprint-canary",
        "funding": "credit",
        "last4": "4242",
        "wallet": {"type": "google_pay", "dynamic_last4": "1234"},
    },
    "metadata": {"own": "1"},
    "created": 1_700_000_000,
}
SINCE_2024 = METHOD | {"allow_redisplay": "always"}
SINCE_ACACIA = SINCE_2024 | {"billing_details": _PERSON | {"tax_id": "000.000.000-00"}}
CARD: dict[str, Any] = {
    "object": "card",
    "id": "pm_1",
    "customer": "cus_1",
    "name": "Ada Lovelace",
    "address_line1": "1 Analytical Row",
    "address_zip": "N1 9GU",
    "address_country": "GB",
    "brand": "Visa",
    "country": "US",
    "exp_month": 2,
    "exp_year": 2028,
    "fingerprint": "fingerprint-canary",
    "funding": "credit",
    "last4": "4242",
    "tokenization_method": "android_pay",
    "metadata": {"own": "1"},
}
SOURCE: dict[str, Any] = {
    "object": "source",
    "id": "pm_1",
    "type": "card",
    "customer": "cus_1",
    "status": "chargeable",
    "usage": "reusable",
    "owner": _PERSON | {"verified_phone": "+44 canary"},
    "card": {
        "brand": "Visa",
        "country": "US",
        "exp_month": 2,
        "exp_year": 2028,
        "fingerprint": "fingerprint-canary",
        "funding": "credit",
        "last4": "4242",
        "name": "Ada Lovelace",
        "tokenization_method": "android_pay",
    },
    "metadata": {"own": "1"},
    "created": 1_700_000_000,
}
SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "2014-08-20": (
        "customer.card.updated",
        {k: v for k, v in CARD.items() if k not in ("brand", "metadata", "tokenization_method")} | {"type": "Visa"},
    ),
    "2015-10-16": ("customer.source.updated", CARD),
    "2018-11-08": ("customer.source.updated", SOURCE),
    "2018-11-08, as a payment method": ("payment_method.attached", METHOD),
    "2020-08-27": ("payment_method.attached", METHOD),
    "2022-11-15": ("payment_method.automatically_updated", METHOD),
    "2024-06-20": ("payment_method.attached", SINCE_2024),
    "2025-02-24.acacia": ("payment_method.updated", SINCE_ACACIA),
    "2025-06-30.basil": ("payment_method.updated", SINCE_ACACIA),
    "2025-10-29.clover": ("payment_method.attached", SINCE_ACACIA | {"customer_account": None}),
    "2026-03-25.dahlia": (
        "payment_method.attached",
        SINCE_ACACIA | {"customer": {"id": "cus_1", "object": "customer", "name": "Ada Lovelace"}},
    ),
    "2026-10-28.endive": ("payment_method.attached", SINCE_ACACIA | {"customer_account": None}),
}
FACTS = {
    "deleted": False,
    "detached": False,
    "customer": "cus_1",
    "type": "card",
    "brand": "visa",
    "last4": "4242",
    "exp_month": 2,
    "exp_year": 2028,
    "expires_s": int(datetime(2028, 3, 1, tzinfo=UTC).timestamp()),
    "country": "US",
    "funding": "credit",
    "wallet": "google_pay",
    "billing_country": "GB",
    "status": "chargeable",
    "allow_redisplay": "always",
    "metadata": {"own": "1"},
    "created_s": 1_700_000_000,
}
_OF_A_METHOD = {"deleted", "status"}
SILENT = {
    "2014-08-20": {"detached", "wallet", "status", "allow_redisplay", "metadata", "created_s"},
    "2015-10-16": {"detached", "status", "allow_redisplay", "created_s"},
    "2018-11-08": {"detached", "allow_redisplay"},
    **dict.fromkeys(
        ("2018-11-08, as a payment method", "2020-08-27", "2022-11-15"), _OF_A_METHOD | {"allow_redisplay"}
    ),
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_card_says_the_same_in_every_api_version(version: str):
    kind, obj = SHAPES[version]
    assert said(obj, kind) == without(FACTS, SILENT.get(version, _OF_A_METHOD))


@pytest.mark.parametrize("version", SHAPES)
def test_no_version_says_more_of_a_person_than_a_country(version: str):
    kind, obj = SHAPES[version]
    found = repr(fact(obj, kind))
    assert not any(p in found for p in ("canary", "Ada", "ada@", "+44", "Analytical", "N1", "000.000", "sealed:"))


@pytest.mark.parametrize("version", SHAPES)
def test_an_event_names_the_method_and_its_customer_and_claims_nothing(version: str):
    kind, obj = SHAPES[version]
    found = fact(obj | {"metadata": {"org_id": "org_1"}}, kind, version=version)
    assert (found.model, found.id, found.customer, found.claim) == ("payment_methods", "pm_1", "cus_1", None)


# ---- expiry -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("month", "year", "after"),
    [
        (1, 2026, datetime(2026, 2, 1, tzinfo=UTC)),
        (11, 2026, datetime(2026, 12, 1, tzinfo=UTC)),
        (12, 2026, datetime(2027, 1, 1, tzinfo=UTC)),
        ("2", "2028", datetime(2028, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_card_is_good_to_the_last_second_of_its_month(month: Any, year: Any, after: datetime):
    found = said(METHOD | {"card": {"exp_month": month, "exp_year": year}}, "payment_method.updated")
    assert (found["exp_month"], found["exp_year"]) == (int(month), int(year))
    assert found["expires_s"] == after.timestamp()


@pytest.mark.parametrize(
    ("month", "year"), [(None, None), (None, 2028), (13, 2028), (0, 2028), (2, 0), (2, 10_000), ("x", 2028)]
)
def test_a_month_that_no_calendar_has_makes_no_expiry(month: Any, year: Any):
    found = said(METHOD | {"card": {"exp_month": month, "exp_year": year}}, "payment_method.updated")
    assert found["expires_s"] is None


def test_a_renewed_card_tells_what_it_was():
    # given a card that its bank renewed, and an old event whose digits are in quotes
    renewed = fact(METHOD, "payment_method.automatically_updated", {"card": {"exp_year": 2024, "last4": "1111"}})
    quoted = fact(CARD, "customer.card.updated", {"exp_year": "2013"})
    # then the past is known, and nothing else changed
    assert was(renewed) == {
        "exp_year": 2024,
        "last4": "1111",
        "expires_s": datetime(2024, 3, 1, tzinfo=UTC).timestamp(),
    }
    assert was(quoted) == {"exp_year": 2013, "expires_s": datetime(2013, 3, 1, tzinfo=UTC).timestamp()}


# ---- detached and deleted ---------------------------------------------------------------------

GONE = METHOD | {"customer": None}


@pytest.mark.parametrize("after", [0, 1])
def test_a_detached_method_says_so_in_any_order(after: int):
    # given a method that was attached, and detached in the same second or later
    found = row("payment_methods", ("payment_method.attached", METHOD, 0), ("payment_method.detached", GONE, after))
    # then it is nobody's, says so, and still tells which one it was
    assert (found["detached"], found["customer"], found["last4"]) == (True, None, "4242")
    assert not found["undecided"]


def test_detaching_tells_whose_it_was():
    found = fact(GONE, "payment_method.detached", {"customer": "cus_1"})
    assert found.rank == DELETED
    assert was(found) == {"customer": "cus_1", "detached": False}
    # and the event is about the customer that it was taken from
    assert found.customer == "cus_1"
    assert fact(GONE, "payment_method.detached").customer is None


def test_a_method_of_a_customer_account_is_not_detached():
    found = said(GONE | {"customer_account": "acct_1"}, "payment_method.attached")
    assert (found["detached"], found["customer"]) == (False, None)


def test_a_method_that_does_not_speak_of_a_customer_does_not_say_that_it_has_none():
    silent = said({k: v for k, v in METHOD.items() if k != "customer"}, "payment_method.updated")
    assert not silent.keys() & {"customer", "detached"}


@pytest.mark.parametrize("kind", ["customer.source.deleted", "customer.card.deleted"])
def test_a_deleted_card_is_deleted_although_it_comes_whole(kind: str):
    found = row("payment_methods", ("customer.source.created", CARD, 0), (kind, CARD, 0))
    assert (found["deleted"], found["customer"], found["brand"]) == (True, "cus_1", "visa")


@pytest.mark.parametrize("obj", [CARD, SOURCE], ids=["card", "source"])
def test_a_method_and_its_older_shape_are_one_row_that_is_not_in_doubt(obj: dict[str, Any]):
    # given one card that came under both names in one second
    found = row("payment_methods", ("customer.source.updated", obj, 0), ("payment_method.updated", METHOD, 0))
    # then nothing they say differs
    assert not found["undecided"]
    assert (found["brand"], found["wallet"], found["detached"], found["deleted"]) == (
        "visa",
        "google_pay",
        False,
        False,
    )


@pytest.mark.parametrize("status", ["canceled", "consumed", "failed"])
def test_a_source_that_is_over_stays_over_within_its_second(status: str):
    over = SOURCE | {"status": status}
    assert fact(over, "source.canceled").rank == FINAL
    found = row("payment_methods", ("source.canceled", over, 0), ("source.chargeable", SOURCE, 0))
    assert found["status"] == status


# ---- kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "told_of", "expected"),
    [
        ("sepa_debit", {"last4": "3000", "country": "DE", "bank_code": "37040044"}, ("3000", "DE", None)),
        ("us_bank_account", {"last4": "6789", "bank_name": "STRIPE TEST BANK"}, ("6789", "US", "STRIPE TEST BANK")),
        ("bacs_debit", {"last4": "2345", "sort_code": "108800"}, ("2345", "GB", None)),
        ("au_becs_debit", {"last4": "3456", "bsb_number": "000000"}, ("3456", "AU", None)),
        ("acss_debit", {"last4": "6789", "bank_name": "A bank"}, ("6789", "CA", "A bank")),
        ("nz_bank_account", {"last4": "0010", "bank_name": "B bank"}, ("0010", "NZ", "B bank")),
        ("ideal", {"bank": "ing", "bic": "INGBNL2A"}, (None, None, "ing")),
        ("sofort", {"country": "AT"}, (None, "AT", None)),
        ("paypal", {"country": "FR", "payer_email": "ada@example.com", "payer_id": "canary"}, (None, "FR", None)),
        ("cashapp", {"buyer_id": "canary", "cashtag": "$canary"}, (None, None, None)),
        ("link", {"email": "ada@example.com"}, (None, None, None)),
        ("a_kind_that_stripe_has_yet_to_add", {"last4": "9999"}, (None, None, None)),
    ],
)
def test_a_method_of_another_kind_tells_its_last_digits_its_bank_and_its_country(
    kind: str, told_of: dict[str, Any], expected: tuple[str | None, str | None, str | None]
):
    obj = {k: v for k, v in METHOD.items() if k != "card"} | {"type": kind, kind: told_of}
    found = said(obj, "payment_method.attached")
    assert found["type"] == kind
    assert (found.get("last4"), found.get("country"), found.get("bank")) == expected
    assert found.get("brand") is None and found.get("expires_s") is None
    assert "canary" not in repr(found) and "ada@" not in repr(found)


@pytest.mark.parametrize(
    ("written", "brand"),
    [("American Express", "amex"), ("MasterCard", "mastercard"), ("Diners Club", "diners"), ("JCB", "jcb")],
)
def test_a_brand_is_written_in_one_way(written: str, brand: str):
    assert said(CARD | {"brand": written}, "customer.source.updated")["brand"] == brand


BANK_ACCOUNT: dict[str, Any] = {
    "object": "bank_account",
    "id": "ba_1",
    "customer": "cus_1",
    "account_holder_name": "Ada Lovelace",
    "bank_name": "STRIPE TEST BANK",
    "country": "US",
    "currency": "usd",
    "fingerprint": "canary",
    "last4": "6789",
    "routing_number": "110000000",
    "status": "new",
}


def test_a_bank_account_is_one_row_as_an_old_source_and_as_a_payment_method():
    method = {
        "object": "payment_method", "id": "ba_1", "customer": "cus_1", "type": "us_bank_account",
        "us_bank_account": {"bank_name": "STRIPE TEST BANK", "last4": "6789"},
    }  # fmt: skip
    found = row(
        "payment_methods", ("customer.bank_account.updated", BANK_ACCOUNT, 0), ("payment_method.updated", method, 0)
    )
    assert (found["type"], found["country"], found["last4"]) == ("us_bank_account", "US", "6789")
    assert (found["bank"], found["status"], found["undecided"]) == ("STRIPE TEST BANK", "new", False)
    assert said(BANK_ACCOUNT | {"country": "DE"}, "customer.bank_account.created")["type"] == "bank_account"


def test_a_source_of_another_kind_tells_what_is_under_its_own_key():
    debit = {
        "object": "source", "id": "src_1", "type": "ideal", "status": "pending",
        "ideal": {"bank": "ing", "iban_last4": "1234"}, "owner": {"address": {"country": "NL"}},
    }  # fmt: skip
    found = said(debit, "source.failed")
    assert (found["type"], found["last4"], found["bank"]) == ("ideal", "1234", "ing")
    assert found["billing_country"] == "NL"
    assert "customer" not in found


@pytest.mark.parametrize("obj", ["alipay_account", "bitcoin_receiver"])
def test_a_source_of_long_ago_has_a_row(obj: str):
    found = said({"object": obj, "id": "x_1", "customer": "cus_1", "metadata": None}, "customer.source.created")
    assert (found["type"], found["metadata"]) == (obj.partition("_")[0], {})


# ---- what is no payment method ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "obj"),
    [
        ("payment_method.attached", {"object": "payment_method", "id": "pm_1"}),
        ("source.chargeable", {"object": "source", "id": "src_1"}),
    ],
)
def test_a_method_without_a_type_is_quarantined(kind: str, obj: Any):
    assert told(obj, kind) == Quarantined("lacks type")
    assert told({k: v for k, v in obj.items() if k != "id"} | {"type": "card"}, kind) == Quarantined("lacks id")


def test_an_unrelated_object_under_the_type_is_quarantined():
    found = told({"object": "customer", "id": "cus_1"}, "source.chargeable")
    assert isinstance(found, Quarantined)
    assert found.reason.startswith("the object is a 'customer', not a 'source'")


@pytest.mark.parametrize("kind", ["source.mandate_notification", "source.transaction.created"])
def test_a_notification_about_a_source_is_stored_only(kind: str):
    obj = {"object": kind.replace(".", "_"), "id": "srcmn_1", "source": SOURCE}
    assert isinstance(told(obj, kind), StoredOnly)


@pytest.mark.parametrize("name", ["payment_method", "payment_source"])
def test_the_table_names_every_field_and_no_other(name: str):
    family = BY_NAME[name]
    assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__
    assert not any(is_sealed(f) for f in family.facts.__struct_fields__)


#: Files whose objects are no sources: a library's own tests put them under the type.
_ODD = 9


@pytest.mark.corpus
@pytest.mark.skipif("RECOUNT_STRIPE_CORPUS" not in os.environ, reason="no corpus beside")
def test_every_payment_method_of_the_corpus_is_read():
    prefixes = ("payment_method.", "customer.source.", "customer.card.", "customer.bank_account.", "source.")
    odd = 0
    for name, event in in_corpus(*prefixes):
        obj = event["data"]["object"]
        found = told(obj, event["type"], event["data"].get("previous_attributes"))
        if obj["object"] not in ("payment_method", "card", "bank_account", "source"):
            assert isinstance(found, Quarantined), name
            odd += 1
            continue
        assert isinstance(found, ObjectFact), (name, found)
        says = spoken(found)
        assert says.get("deleted", False) == event["type"].endswith(".deleted"), name
        assert says.get("detached", False) == event["type"].endswith(".detached"), name
        if says["type"] == "card":
            assert says["brand"] in ("visa", "mastercard") and len(says["last4"]) == 4, name
            assert 1 <= says["exp_month"] <= 12 and says["exp_year"] > 2000, name
        assert found.rank >= UPDATED or event["type"].endswith(".created"), name
    assert odd == _ODD
