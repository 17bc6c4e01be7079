"""Checkout sessions and payment links to facts: the same in every API version; nothing in them is a claim."""

import os
from typing import Any

import pytest
from selling import fact, in_corpus, row, said, spoken, told, was, without

from ledger.facts import ObjectFact, Quarantined
from ledger.sealing import is_sealed
from ledger.translations import BY_NAME
from ledger.translations.base import FINAL

DONE = "checkout.session.completed"

# One session in the shapes of ten ages: 20.00 and 4.00 of shipping, less 5.00, tax of 3.61 on top.

FIRST: dict[str, Any] = {
    "object": "checkout.session",
    "id": "cs_1",
    "customer": "cus_1",
    "client_reference_id": "cart-7",
    "customer_email": "ada@example.com",
    "subscription": "sub_1",
    "payment_intent": None,
    "setup_intent": None,
    "payment_method_types": ["card", "sepa_debit"],
    "cancel_url": "https://shop.example/no",
    "success_url": "https://shop.example/yes",
    "metadata": {"order": "7"},
    "livemode": False,
    "locale": None,
}
SINCE_2020 = FIRST | {
    "mode": "subscription",
    "currency": "eur",
    "amount_subtotal": 2000,
    "amount_total": 2261,
    "payment_status": "paid",
    "total_details": {"amount_discount": 500, "amount_shipping": 400, "amount_tax": 361},
    "customer_details": {"email": "ada@example.com", "tax_exempt": "none", "tax_ids": []},
    "shipping": {"name": "Ada", "address": {"country": "DE", "line1": "1 Analytical Row", "city": "Berlin"}},
}
SINCE_2021 = SINCE_2020 | {
    "status": "complete",
    "automatic_tax": {"enabled": True, "status": "complete"},
    "consent": {"promotions": "opt_in"},
    "customer_details": {"email": "ada@example.com", "phone": "+49 30 1", "tax_exempt": "none", "tax_ids": []},
    "payment_link": "plink_1",
    "recovered_from": "cs_0",
    "url": None,
    "expires_at": 1_700_086_400,
}
_BUYER = {
    "address": {"country": "DE", "line1": "1 Analytical Row", "city": "Berlin", "postal_code": "10115"},
    "email": "ada@example.com",
    "name": "Ada Lovelace",
    "phone": "+49 30 1",
    "tax_exempt": "none",
    "tax_ids": [{"type": "eu_vat", "value": "DE123456789"}],
}
_GOES_TO = {"name": "Ada", "address": {"country": "DE", "line1": "1 Analytical Row"}}
SINCE_2022 = {k: v for k, v in SINCE_2021.items() if k != "shipping"} | {
    "consent": {"promotions": "opt_in", "terms_of_service": "accepted"},
    "customer_details": _BUYER,
    "shipping_details": _GOES_TO,
    "created": 1_700_000_000,
    "payment_link": "plink_1",
}
SINCE_2023 = SINCE_2022 | {
    "invoice": "in_1",
    "currency_conversion": {"amount_subtotal": 1, "amount_total": 2500, "fx_rate": "1.1", "source_currency": "usd"},
    "custom_fields": [{"key": "name", "type": "text", "text": {"value": "a canary"}}],
}
SINCE_ACACIA = SINCE_2023 | {"discounts": [{"coupon": "WELCOME", "promotion_code": None}]}
SINCE_BASIL = {k: v for k, v in SINCE_ACACIA.items() if k != "shipping_details"} | {
    "collected_information": {"shipping_details": _GOES_TO},
    "presentment_details": {"presentment_amount": 2500, "presentment_currency": "usd"},
    "currency_conversion": None,
}
SINCE_CLOVER = SINCE_BASIL | {
    "collected_information": {"business_name": None, "individual_name": None, "shipping_details": _GOES_TO},
    "customer_details": _BUYER | {"individual_name": "Ada Lovelace", "business_name": None},
    "discounts": [{"coupon": {"id": "WELCOME", "object": "coupon"}, "promotion_code": None}],
}
SHAPES: dict[str, dict[str, Any]] = {
    "2019-03-14": FIRST,
    "2020-08-27": SINCE_2020,
    "2020-08-27 of 2021": SINCE_2021,
    "2022-11-15": SINCE_2022,
    "2024-06-20": SINCE_2023,
    "2025-02-24.acacia": SINCE_ACACIA,
    "2025-06-30.basil": SINCE_BASIL,
    "2025-10-29.clover": SINCE_CLOVER,
    "2026-03-25.dahlia": SINCE_CLOVER | {"managed_payments": None, "customer": {"id": "cus_1", "object": "customer"}},
    "2026-10-28.endive": {k: v for k, v in SINCE_CLOVER.items() if k != "payment_method_types"}
    | {"allowed_payment_method_types": ["card", "sepa_debit"], "customer_account": None},
}
FACTS = {
    "customer": "cus_1",
    "status": "complete",
    "payment_status": "paid",
    "purpose": "subscription",
    "currency": "eur",
    "amount_subtotal_minor": 2000,
    "amount_total_minor": 2261,
    "amount_tax_minor": 361,
    "amount_discount_minor": 500,
    "amount_shipping_minor": 400,
    "discounts": [{"coupon": "WELCOME", "promotion_code": None}],
    "automatic_tax": True,
    "automatic_tax_status": "complete",
    "converted_from_currency": "usd",
    "converted_from_total_minor": 2500,
    "presentment_currency": "usd",
    "presentment_total_minor": 2500,
    "subscription": "sub_1",
    "payment_intent": None,
    "setup_intent": None,
    "invoice": "in_1",
    "payment_link": "plink_1",
    "recovered_from": "cs_0",
    "client_reference_id": "cart-7",
    "terms_of_service": "accepted",
    "promotions": "opt_in",
    "name": "sealed Ada Lovelace",
    "email": "sealed ada@example.com",
    "phone": "sealed +49 30 1",
    "country": "DE",
    "shipping_country": "DE",
    "tax_exempt": "none",
    "payment_method_types": ["card", "sepa_debit"],
    "url": None,
    "metadata": {"order": "7"},
    "expires_at_s": 1_700_086_400,
    "created_s": 1_700_000_000,
}
_PRESENTED = {"presentment_currency", "presentment_total_minor"}
_IN_2022 = {"discounts", "converted_from_currency", "converted_from_total_minor", "invoice"} | _PRESENTED
_IN_2021 = _IN_2022 | {"terms_of_service", "name", "country", "created_s"}
_IN_2020 = _IN_2021 | {
    "automatic_tax", "automatic_tax_status", "payment_link", "recovered_from", "promotions", "phone", "url",
    "expires_at_s",
}  # fmt: skip
SILENT: dict[str, set[str]] = {
    "2019-03-14": _IN_2020
    | {
        "payment_status", "currency", "amount_subtotal_minor", "amount_total_minor", "amount_tax_minor",
        "amount_discount_minor", "amount_shipping_minor", "shipping_country", "tax_exempt",
    },
    "2020-08-27": _IN_2020,
    "2020-08-27 of 2021": _IN_2021,
    "2022-11-15": _IN_2022,
    "2024-06-20": {"discounts"} | _PRESENTED,
    "2025-02-24.acacia": _PRESENTED,
}  # fmt: skip
#: Where the session's amounts are in the seller's currency, they were converted from nothing.
_NOT_CONVERTED = {"converted_from_currency": None, "converted_from_total_minor": None}


@pytest.mark.parametrize("version", SHAPES)
def test_a_session_says_the_same_in_every_api_version(version: str):
    expected = without(FACTS, SILENT.get(version, set()))
    if version.partition(".")[2] >= "basil":
        expected |= _NOT_CONVERTED
    assert said(SHAPES[version], DONE) == expected


@pytest.mark.parametrize("version", SHAPES)
def test_no_version_stores_the_buyer_in_the_clear(version: str):
    # given what the buyer wrote: name, mail, phone, address, tax number, answers to questions
    found = fact(SHAPES[version], DONE)
    # when it is translated, then it passes through sealed
    assert all(is_sealed(v) for v in spoken_raw(found, "name", "email", "phone"))
    assert not any(p in repr(found) for p in ("Ada", "ada@", "+49", "Analytical", "10115", "DE123", "canary"))


def spoken_raw(found: ObjectFact, *names: str) -> list[Any]:
    fields = BY_NAME["checkout_session"].facts.__struct_fields__
    held = dict(zip((n for i, n in enumerate(fields) if found.mask >> i & 1), found.values, strict=True))
    return [held[n] for n in names if n in held]


# ---- whose it is ------------------------------------------------------------------------------

CLAIMING = FIRST | {
    "client_reference_id": "org_1",
    "metadata": {"org_id": "org_1", "organization_id": "org_2", "recount_org": "org_3"},
}


@pytest.mark.parametrize("account", [None, "acct_1"])
def test_neither_a_reference_nor_metadata_of_a_session_claims_an_organization(account: str | None):
    # given a session whose page's address and metadata name organizations
    found = told(CLAIMING, DONE, account=account)
    # then nobody's it is by that, and both stay readable
    assert isinstance(found, ObjectFact)
    assert found.claim is None
    assert spoken(found)["client_reference_id"] == "org_1"
    assert spoken(found)["metadata"]["org_id"] == "org_1"
    assert not any("claim" in field for field in spoken(found))


def test_metadata_of_a_payment_link_claims_nothing():
    found = fact(LINK | {"metadata": {"org_id": "org_1"}}, "payment_link.updated")
    assert (found.claim, found.customer) == (None, None)


# ---- states -----------------------------------------------------------------------------------

OPEN = SINCE_CLOVER | {
    "mode": "payment",
    "subscription": None,
    "status": "open",
    "payment_status": "unpaid",
    "url": "https://checkout.stripe.com/c/pay/cs_1",
}
PENDING = OPEN | {"status": "complete", "payment_intent": "pi_1", "url": None}
PAID = PENDING | {"payment_status": "paid"}


def test_complete_is_not_paid():
    found = said(PENDING, DONE)
    assert (found["status"], found["payment_status"]) == ("complete", "unpaid")
    assert "async_payment" not in found


@pytest.mark.parametrize(
    ("outcome", "obj"), [("succeeded", PAID), ("failed", PENDING)], ids=["it succeeds", "it fails"]
)
@pytest.mark.parametrize("after", [0, 1, 259_200])
def test_the_outcome_of_a_late_payment_is_kept_in_any_order(outcome: str, obj: Any, after: int):
    found = row("checkouts", (DONE, PENDING, 0), (f"checkout.session.async_payment_{outcome}", obj, after))
    assert found["async_payment"] == outcome
    assert found["payment_status"] == obj["payment_status"]
    assert not found["undecided"]


def test_a_failed_late_payment_is_not_forgotten_by_a_later_look_at_the_session():
    # given a payment that failed; when the session is seen again, which looks as if it were on its way
    found = row("checkouts", ("checkout.session.async_payment_failed", PENDING, 0), (DONE, PENDING, 60))
    assert found["async_payment"] == "failed"


def test_an_expired_session_goes_last_in_its_second():
    expired = OPEN | {"status": "expired", "url": None}
    assert fact(expired, "checkout.session.expired").rank == FINAL
    assert row("checkouts", ("checkout.session.expired", expired, 0), (DONE, OPEN, 0))["status"] == "expired"


@pytest.mark.parametrize(
    ("made", "purpose"),
    [({"setup_intent": "seti_1"}, "setup"), ({"payment_intent": "pi_1"}, "payment"), ({"mode": "setup"}, "setup")],
)
def test_what_a_session_is_for_follows_from_what_it_made(made: dict[str, Any], purpose: str):
    assert said(FIRST | {"subscription": None} | made, DONE)["purpose"] == purpose


def test_a_session_to_save_a_card_has_no_amounts():
    setup = SINCE_CLOVER | {
        "mode": "setup", "customer": None, "currency": None, "amount_subtotal": None, "amount_total": None,
        "payment_status": "no_payment_required", "setup_intent": "seti_1", "total_details": None,
    }  # fmt: skip
    found = said(setup, DONE)
    assert found["amount_total_minor"] is None and found["amount_tax_minor"] is None and found["currency"] is None
    assert found["payment_status"] == "no_payment_required"


# ---- silence ----------------------------------------------------------------------------------

MINIMAL = {"object": "checkout.session", "id": "cs_1", "mode": "payment"}


def test_absent_is_silence():
    assert said(MINIMAL, DONE) == {"status": "complete", "purpose": "payment"}


@pytest.mark.parametrize("field", ["id", "mode"])
def test_a_session_without_a_required_field_is_quarantined(field: str):
    assert told({k: v for k, v in MINIMAL.items() if k != field}, DONE) == Quarantined(f"lacks {field}")


def test_another_object_under_the_type_is_quarantined():
    assert told({"object": "charge", "id": "ch_1"}, DONE) == Quarantined(
        "the object is a 'charge', not a 'checkout.session'"
    )


@pytest.mark.parametrize(
    ("group", "fields"),
    {
        "total_details": ("amount_tax_minor", "amount_discount_minor", "amount_shipping_minor"),
        "automatic_tax": ("automatic_tax", "automatic_tax_status"),
        "consent": ("terms_of_service", "promotions"),
        "customer_details": ("name", "phone", "country", "tax_exempt"),
        "presentment_details": ("presentment_currency", "presentment_total_minor"),
        "currency_conversion": ("converted_from_currency", "converted_from_total_minor"),
        "discounts": ("discounts",),
        "shipping_details": ("shipping_country",),
    }.items(),
)
def test_a_group_that_is_null_has_nothing_and_one_that_is_absent_says_nothing(group: str, fields: tuple[str, ...]):
    null = said(MINIMAL | {group: None}, DONE)
    assert [null[f] for f in fields] == [None] * len(fields)
    assert not said(MINIMAL, DONE).keys() & set(fields)


def test_an_absent_group_keeps_what_was_last_said():
    found = row("checkouts", (DONE, SINCE_CLOVER, 0), ("checkout.session.async_payment_succeeded", MINIMAL, 5))
    assert (found["amount_total_minor"], found["presentment_currency"]) == (2261, "usd")


@pytest.mark.parametrize(
    ("places", "country"),
    [
        ({"shipping": {"address": {"country": "SE"}}}, "SE"),
        ({"shipping_details": {"address": {"country": "SE"}}, "shipping": None}, "SE"),
        ({"collected_information": {"shipping_details": None}, "shipping_details": _GOES_TO}, "DE"),
        ({"collected_information": {"shipping_details": None}}, None),
        ({"collected_information": {"shipping_details": {"address": None}}}, None),
    ],
)
def test_where_it_is_sent_to_is_found_wherever_a_version_keeps_it(places: dict[str, Any], country: str | None):
    assert said(MINIMAL | places, DONE)["shipping_country"] == country


def test_what_changed_is_known_of_before():
    found = fact(PAID, DONE, {"status": "open", "payment_status": "unpaid", "url": "https://checkout.stripe.com/1"})
    assert was(found) == {
        "status": "open",
        "payment_status": "unpaid",
        "url": "https://checkout.stripe.com/1",
    }


# ---- payment links ----------------------------------------------------------------------------

LINK: dict[str, Any] = {
    "object": "payment_link",
    "id": "plink_1",
    "active": True,
    "after_completion": {"hosted_confirmation": {"custom_message": None}, "type": "hosted_confirmation"},
    "allow_promotion_codes": False,
    "application_fee_amount": None,
    "automatic_tax": {"enabled": True},
    "metadata": {},
    "on_behalf_of": None,
    "payment_method_types": ["card"],
    "subscription_data": {"trial_period_days": 14},
    "transfer_data": None,
    "url": "https://buy.stripe.com/1",
}
LINK_IN_2022 = LINK | {
    "currency": "eur",
    "tax_id_collection": {"enabled": False},
    "invoice_creation": {"enabled": True, "invoice_data": {"footer": "a canary"}},
}
LINK_IN_2023 = LINK_IN_2022 | {"restrictions": {"completed_sessions": {"count": 3, "limit": 10}}}
LINKS: dict[str, dict[str, Any]] = {
    "2020-08-27": LINK,
    "2022-11-15": LINK_IN_2022,
    **dict.fromkeys(
        ("2024-06-20", "2025-02-24.acacia", "2025-06-30.basil", "2025-10-29.clover", "2026-03-25.dahlia"), LINK_IN_2023
    ),
    "2026-10-28.endive": {k: v for k, v in LINK_IN_2023.items() if k != "payment_method_types"}
    | {"allowed_payment_method_types": ["card"]},
}
LINK_FACTS = {
    "active": True,
    "url": "https://buy.stripe.com/1",
    "currency": "eur",
    "after_completion": "hosted_confirmation",
    "redirect_url": None,
    "allow_promotion_codes": False,
    "automatic_tax": True,
    "tax_id_collection": False,
    "invoice_creation": True,
    "trial_period_days": 14,
    "sessions_completed": 3,
    "sessions_limit": 10,
    "payment_method_types": ["card"],
    "application_fee_minor": None,
    "on_behalf_of": None,
    "transfer_destination": None,
    "metadata": {},
}
LINK_SILENT = {
    "2020-08-27": {
        "currency",
        "tax_id_collection",
        "invoice_creation",
        "sessions_completed",
        "sessions_limit",
    },
    "2022-11-15": {"sessions_completed", "sessions_limit"},
}


@pytest.mark.parametrize("version", LINKS)
def test_a_payment_link_says_the_same_in_every_api_version(version: str):
    found = said(LINKS[version], "payment_link.updated")
    assert found == without(LINK_FACTS, LINK_SILENT.get(version, set()))


def test_a_payment_link_that_redirects_tells_where_to():
    away = LINK | {"after_completion": {"type": "redirect", "redirect": {"url": "https://shop.example/thanks"}}}
    found = said(away, "payment_link.created")
    assert (found["after_completion"], found["redirect_url"]) == ("redirect", "https://shop.example/thanks")
    assert was(fact(LINK | {"active": False}, "payment_link.updated", {"active": True})) == {"active": True}


def test_a_payment_link_that_does_not_say_whether_it_is_active_is_quarantined():
    assert told({"object": "payment_link", "id": "plink_1"}, "payment_link.updated") == Quarantined("lacks active")


@pytest.mark.parametrize("name", ["checkout_session", "payment_link"])
def test_the_table_names_every_field_and_no_other(name: str):
    family = BY_NAME[name]
    assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__


@pytest.mark.corpus
@pytest.mark.skipif("RECOUNT_STRIPE_CORPUS" not in os.environ, reason="no corpus beside")
def test_every_session_and_payment_link_of_the_corpus_is_read():
    found = [
        (name, told(e["data"]["object"], e["type"])) for name, e in in_corpus("checkout.session.", "payment_link.")
    ]
    assert len(found) >= 6
    for name, what in found:
        assert isinstance(what, ObjectFact), (name, what)
        says = spoken(what)
        if what.model == "checkouts":
            assert (says["status"], says["payment_status"]) == ("complete", "paid"), name
            assert says["amount_total_minor"] >= 0 and says["purpose"] in ("payment", "subscription"), name
