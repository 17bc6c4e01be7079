"""Configurations of the billing portal to facts: what customers may do by themselves; a session there is no row."""

from typing import Any

import pytest
from selling import fact, row, said, told, was, without

from ledger.facts import Quarantined, StoredOnly
from ledger.translations import BY_NAME

KIND = "billing_portal.configuration.updated"
FEATURES: dict[str, Any] = {
    "customer_update": {"allowed_updates": ["email", "tax_id"], "enabled": True},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end", "proration_behavior": "none"},
    "subscription_pause": {"enabled": False},
    "subscription_update": {
        "default_allowed_updates": ["price", "quantity"],
        "enabled": True,
        "products": [{"product": "prod_1", "prices": ["price_1", "price_2"]}],
        "proration_behavior": "create_prorations",
    },
}
REASONS = {"enabled": True, "options": ["too_expensive", "other"]}
FIRST: dict[str, Any] = {
    "object": "billing_portal.configuration",
    "id": "bpc_1",
    "active": True,
    "application": None,
    "business_profile": {
        "headline": None,
        "privacy_policy_url": "https://shop.example/privacy",
        "terms_of_service_url": "https://shop.example/terms",
    },
    "created": 1_700_000_000,
    "default_return_url": "https://shop.example/account",
    "features": FEATURES,
    "is_default": False,
    "metadata": {},
    "updated": 1_700_000_060,
}
SINCE_2022 = FIRST | {
    "login_page": {"enabled": True, "url": "https://billing.stripe.com/p/login/1"},
    "features": FEATURES | {"subscription_cancel": FEATURES["subscription_cancel"] | {"cancellation_reason": REASONS}},
}
SINCE_ACACIA = SINCE_2022 | {"features": {k: v for k, v in SINCE_2022["features"].items() if k != "subscription_pause"}}
LATER = {"schedule_at_period_end": {"conditions": []}, "trial_update_behavior": "continue_trial"}
SINCE_BASIL = SINCE_ACACIA | {
    "name": "Europe",
    "features": SINCE_ACACIA["features"] | {"subscription_update": FEATURES["subscription_update"] | LATER},
}
SHAPES = {
    "2020-08-27": FIRST,
    "2022-11-15": SINCE_2022,
    "2024-06-20": SINCE_2022,
    "2025-02-24.acacia": SINCE_ACACIA,
    **dict.fromkeys(("2025-08-27.basil", "2025-10-29.clover", "2026-03-25.dahlia", "2026-10-28.endive"), SINCE_BASIL),
}
FACTS = {
    "active": True,
    "is_default": False,
    "name": "Europe",
    "application": None,
    "headline": None,
    "privacy_policy_url": "https://shop.example/privacy",
    "terms_of_service_url": "https://shop.example/terms",
    "default_return_url": "https://shop.example/account",
    "login_page": True,
    "login_page_url": "https://billing.stripe.com/p/login/1",
    "customer_update": ["email", "tax_id"],
    "invoice_history": True,
    "payment_method_update": True,
    "subscription_cancel": True,
    "cancel_mode": "at_period_end",
    "cancel_proration_behavior": "none",
    "subscription_pause": False,
    "subscription_update": ["price", "quantity"],
    "update_proration_behavior": "create_prorations",
    "update_products": [{"product": "prod_1", "prices": ["price_1", "price_2"]}],
    "metadata": {},
    "created_s": 1_700_000_000,
    "updated_s": 1_700_000_060,
}
SILENT = {
    "2020-08-27": {"name", "login_page", "login_page_url"},
    "2022-11-15": {"name"},
    "2024-06-20": {"name"},
    "2025-02-24.acacia": {"name", "subscription_pause"},
}


@pytest.mark.parametrize("version", SHAPES)
def test_a_configuration_says_the_same_in_every_api_version(version: str):
    assert said(SHAPES[version], KIND) == without(FACTS, SILENT.get(version, {"subscription_pause"}))


def test_a_configuration_is_nobodys_and_claims_nothing():
    found = fact(FIRST | {"metadata": {"org_id": "org_1"}}, KIND)
    assert (found.model, found.id, found.customer, found.claim) == ("portal_configurations", "bpc_1", None, None)


def test_what_is_switched_off_allows_nothing_whatever_it_lists():
    off = FEATURES | {
        "customer_update": {"allowed_updates": ["email"], "enabled": False},
        "subscription_update": {"default_allowed_updates": ["price"], "enabled": False, "proration_behavior": "none"},
    }
    found = said(FIRST | {"features": off}, KIND)
    assert (found["customer_update"], found["subscription_update"]) == ([], [])
    assert "update_products" not in found


def test_a_part_of_a_feature_that_changed_is_known_of_before():
    # given an update that names what one feature was, and nothing of the others
    patch = {"features": {"subscription_cancel": {"mode": "immediately"}, "invoice_history": {"enabled": False}}}
    # then only that was different
    assert was(fact(SINCE_BASIL, KIND, patch)) == {"cancel_mode": "immediately", "invoice_history": False}


def test_an_update_goes_after_the_creation_of_its_second():
    off = FIRST | {"active": False}
    found = row("portal_configurations", ("billing_portal.configuration.created", FIRST, 0), (KIND, off, 0))
    assert (found["active"], found["undecided"]) == (False, False)


@pytest.mark.parametrize("field", ["id", "active"])
def test_a_configuration_without_a_required_field_is_quarantined(field: str):
    assert told({k: v for k, v in FIRST.items() if k != field}, KIND) == Quarantined(f"lacks {field}")


def test_a_session_of_the_portal_is_stored_with_its_customer_and_has_no_row():
    session = {"object": "billing_portal.session", "id": "bps_1", "customer": "cus_1", "configuration": "bpc_1"}
    assert told(session, "billing_portal.session.created") == StoredOnly("billing_portal.session", "bps_1", "cus_1")


def test_the_table_names_every_field_and_no_other():
    family = BY_NAME["portal_configuration"]
    assert tuple(w.field for w in family.whence) == family.facts.__struct_fields__
