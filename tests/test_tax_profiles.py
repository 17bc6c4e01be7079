"""How customers are taxed: derived from the customer, its tax ids and its newest invoice, whatever came first."""

import random
from typing import Any

import oracle
import pytest
from histories import built, different, folded, ingest, logged, project, remembered, rows_of
from samples import Delivery, T, customer, event

from ledger.store import Log
from replay.verify import verify

Json = dict[str, Any]
KEY = ("test", "platform", "cus_1")


def invoice(id: str = "in_1", at: int = T, **fields: Any) -> Json:
    """An invoice that automatic tax has looked at."""
    return {
        "object": "invoice",
        "id": id,
        "customer": "cus_1",
        "currency": "eur",
        "total": 1000,
        "status": "open",
        "customer_tax_exempt": "none",
        "automatic_tax": {"enabled": True, "status": "complete", "disabled_reason": None},
        "total_taxes": [],
        "created": at,
        **fields,
    }


def tax_id(id: str = "txi_1", status: str = "verified", **fields: Any) -> Json:
    """A VAT id of the customer."""
    return {
        "object": "tax_id",
        "id": id,
        "type": "eu_vat",
        "country": "DE",
        "value": "DE123456789",
        "customer": "cus_1",
        "verification": {"status": status, "verified_name": "Ada GmbH", "verified_address": "Berlin"},
        "created": T,
        **fields,
    }


def profile(*told: Json) -> Json:
    """The customer's row after these events, which the oracle must give as well."""
    said = [Delivery(e) for e in told]
    rows = folded(remembered(said))
    assert different(rows, oracle.recount(said)) == []
    return rows["tax_profiles"][KEY]


REVERSED = [{"amount": 0, "tax_behavior": "exclusive", "taxability_reason": "reverse_charge", "taxable_amount": 1000}]


def test_a_profile_joins_the_customer_its_tax_ids_and_its_newest_invoice() -> None:
    assert profile(
        event(1, "customer.created", customer(tax_exempt="none", address={"country": "DE"})),
        event(2, "customer.tax_id.created", tax_id("txi_2", "pending")),
        event(3, "customer.tax_id.updated", tax_id()),
        event(4, "invoice.finalized", invoice("in_1", T - 5)),
        event(5, "invoice.finalized", invoice("in_2", T, total_taxes=REVERSED)),
    ) == {
        "mode": "test",
        "account": "platform",
        "customer": "cus_1",
        "known": True,
        "deleted": False,
        "tax_exempt": "none",
        "country": "DE",
        "tax_ids": [
            {"id": "txi_1", "type": "eu_vat", "country": "DE", "verification_status": "verified"},
            {"id": "txi_2", "type": "eu_vat", "country": "DE", "verification_status": "pending"},
        ],
        "reverse_charge_expected": True,
        "newest_invoice": "in_2",
        "automatic_tax_enabled": True,
        "automatic_tax_status": "complete",
        "automatic_tax_disabled_reason": None,
    }


@pytest.mark.parametrize(
    ("exempt", "taxes", "expected"),
    [
        ("reverse", [], True),
        ("exempt", REVERSED, False),
        ("none", REVERSED, True),
        ("none", [], False),
        (None, REVERSED, True),
    ],
)
def test_a_customers_exemption_goes_before_its_newest_invoice(
    exempt: str | None, taxes: list[Json], expected: bool
) -> None:
    row = profile(
        event(1, "customer.created", customer(tax_exempt=exempt)),
        event(2, "invoice.created", invoice(total_taxes=taxes)),
    )
    assert row["reverse_charge_expected"] is expected


def test_where_nothing_tells_of_a_reverse_charge_none_is_claimed() -> None:
    row = profile(event(1, "customer.created", customer(tax_exempt="none")))
    assert (row["reverse_charge_expected"], row["newest_invoice"], row["tax_ids"]) == (None, None, [])


def test_the_newest_invoice_that_is_not_deleted_says_what_automatic_tax_does() -> None:
    failed = {"enabled": False, "status": None, "disabled_reason": "finalization_requires_location_inputs"}
    told = [
        event(1, "invoice.finalized", invoice("in_1", T - 9, automatic_tax=failed)),
        event(2, "invoice.created", invoice("in_2", T)),
        event(3, "invoice.deleted", {"object": "invoice", "id": "in_2", "deleted": True}, at=T + 1),
    ]
    row = profile(*told)
    assert (row["newest_invoice"], row["automatic_tax_status"]) == ("in_1", None)
    assert row["automatic_tax_disabled_reason"] == "finalization_requires_location_inputs"


def test_a_deleted_tax_id_is_in_no_profile() -> None:
    created = event(1, "customer.tax_id.created", tax_id())
    assert profile(created)["tax_ids"] != []
    assert profile(created, event(2, "customer.tax_id.deleted", tax_id(), at=T + 1))["tax_ids"] == []


def test_who_is_only_named_has_a_profile_and_a_sellers_own_tax_id_has_none() -> None:
    row = profile(event(1, "customer.tax_id.created", tax_id()))
    assert (row["known"], row["tax_exempt"], row["country"]) == (False, None, None)
    own = event(2, "customer.tax_id.created", tax_id(customer=None, owner={"type": "self"}))
    assert folded(remembered([Delivery(own)]))["tax_profiles"] == {}


def test_accounts_and_modes_do_not_mix() -> None:
    told = [
        event(1, "customer.created", customer(tax_exempt="reverse")),
        event(2, "invoice.created", invoice(), account="acct_1"),
        event(3, "invoice.created", invoice(), live=True),
    ]
    rows = folded(remembered([Delivery(e, "connect" if "account" in e else "platform") for e in told]))["tax_profiles"]
    assert {key: row["newest_invoice"] for key, row in rows.items()} == {
        KEY: None,
        ("test", "acct_1", "cus_1"): "in_1",
        ("live", "platform", "cus_1"): "in_1",
    }


def test_live_profiles_are_what_the_oracle_says_in_any_order(database: str) -> None:
    # given a customer whose exemption, tax ids and invoices change, in any order and twice
    told = [
        event(1, "customer.created", customer(tax_exempt="none")),
        event(2, "customer.updated", customer(tax_exempt="reverse"), at=T + 5),
        event(3, "customer.tax_id.created", tax_id(status="pending")),
        event(4, "customer.tax_id.updated", tax_id(), at=T + 2),
        event(5, "customer.tax_id.created", tax_id("txi_2"), at=T + 3),
        event(6, "customer.tax_id.deleted", tax_id("txi_2"), at=T + 4),
        *(event(10 + n, "invoice.finalized", invoice(f"in_{n}", T + n), at=T + n) for n in range(5)),
    ]
    deliveries = [Delivery(e) for e in told]
    shuffled = deliveries * 2
    random.Random(7).shuffle(shuffled)
    # when they are delivered and folded live in small steps
    log = Log(built(database))
    ingest(log, shuffled)
    assert logged(database) == len(told)
    log.close()
    project(database, sizes=[2, 3, 1, 5])
    # then the rows are what the oracle says, and what a rebuild gives
    rows = rows_of(database)
    assert different(rows, oracle.recount(deliveries)) == []
    assert rows["tax_profiles"][KEY]["newest_invoice"] == "in_4"
    assert all(v.differences == () for v in verify(database))
