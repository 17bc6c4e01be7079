"""Balances to facts: by currency, in every API version, under the account whose they are."""

from typing import Any

import pytest
from translating import fact, said, spoken

from ledger.facts import Quarantined, StoredOnly

KIND = "balance.available"

# A seller with euros, dollars that it owes, and yen on their way.

IN_2015: dict[str, Any] = {
    "object": "balance",
    "livemode": False,
    "available": [{"amount": 7648, "currency": "eur"}, {"amount": -120, "currency": "usd"}],
    "pending": [{"amount": 0, "currency": "eur"}, {"amount": 1000, "currency": "jpy"}],
}
SINCE_2018 = IN_2015 | {
    "available": [
        {"amount": 7648, "currency": "eur", "source_types": {"card": 7000, "bank_account": 648}},
        {"amount": -120, "currency": "usd", "source_types": {"card": -120}},
    ],
    "connect_reserved": [{"amount": 50, "currency": "eur"}],
}
SINCE_2020 = SINCE_2018 | {
    "instant_available": [{"amount": 500, "currency": "eur", "source_types": {"card": 500}}],
    "issuing": {"available": [{"amount": 30, "currency": "eur"}]},
}
SINCE_BASIL = SINCE_2020 | {
    "refund_and_dispute_prefunding": {
        "available": [{"amount": 80, "currency": "eur"}],
        "pending": [{"amount": 1, "currency": "eur"}],
    },
}
SHAPES: dict[str, dict[str, Any]] = {
    "2015-10-16": IN_2015,
    "2018-11-08": SINCE_2018,
    "2020-08-27": SINCE_2020,
    "2022-11-15": SINCE_2020,
    "2024-06-20": SINCE_2020,
    "2025-02-24.acacia": SINCE_2020,
    "2025-06-30.basil": SINCE_BASIL,
    "2025-10-29.clover": SINCE_BASIL,
    "2026-10-28.endive": SINCE_BASIL,
}
FACTS = {
    "available_minor": {"eur": 7648, "usd": -120},
    "pending_minor": {"eur": 0, "jpy": 1000},
    "connect_reserved_minor": {"eur": 50},
    "instant_available_minor": {"eur": 500},
    "issuing_minor": {"eur": 30},
    "prefunding_minor": {"eur": 80},
}
_SINCE = {"connect_reserved_minor": "2018", "instant_available_minor": "2020", "issuing_minor": "2020"}


@pytest.mark.parametrize("version", SHAPES)
def test_a_balance_says_the_same_in_every_api_version(version: str) -> None:
    found = spoken(fact(SHAPES[version], KIND, api_version=version))
    since = {**_SINCE, "prefunding_minor": "2025-03"}
    assert found == {k: v for k, v in FACTS.items() if version >= since.get(k, "")}


@pytest.mark.parametrize("account", ["platform", "acct_1"])
def test_a_balance_has_no_id_but_its_accounts(account: str) -> None:
    found = fact(IN_2015, KIND, account=account)
    assert (found.model, found.id, found.account, found.customer) == ("balances", account, account, None)


@pytest.mark.parametrize("field", ["available", "pending"])
def test_a_balance_without_its_funds_is_quarantined(field: str) -> None:
    assert said({k: v for k, v in IN_2015.items() if k != field}, KIND) == Quarantined(f"lacks {field}")
    assert said(IN_2015 | {field: None}, KIND) == Quarantined(f"lacks {field}")


@pytest.mark.parametrize(("funds", "lack"), [({"currency": "eur"}, "amount"), ({"amount": 5}, "currency of an amount")])
def test_funds_without_amount_or_currency_are_quarantined(funds: dict[str, Any], lack: str) -> None:
    assert said(IN_2015 | {"pending": [funds]}, KIND) == Quarantined(f"lacks {lack}")


def test_two_amounts_of_one_currency_add_up() -> None:
    twice = IN_2015 | {"available": [{"amount": 1, "currency": "eur"}, {"amount": 2, "currency": "eur"}]}
    assert spoken(fact(twice, KIND))["available_minor"] == {"eur": 3}


def test_what_an_account_does_not_use_is_silence_and_null_is_null() -> None:
    assert set(spoken(fact(IN_2015, KIND))) == {"available_minor", "pending_minor"}
    assert spoken(fact(IN_2015 | {"issuing": None}, KIND))["issuing_minor"] is None


def test_settings_of_the_balance_are_no_balance() -> None:
    found = said({"object": "balance_settings"}, "balance_settings.updated")
    assert isinstance(found, StoredOnly)
