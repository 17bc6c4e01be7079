"""What no column can hold comes from outside like anything else: it must not stop a projection."""

import psycopg
import pytest
from histories import built, ingest, project
from samples import Delivery, customer, event, invoice, product

from api.settings import BadSetting, parse_secrets
from ledger.store import Log
from ledger.translations.base import claim_in
from replay import rebuild
from replay.verify import verify

BAD = "a\0b"


def test_a_nul_in_any_text_is_shown_as_a_replacement_character(database: str, log: Log) -> None:
    built(database)
    strange = [
        event(1, "customer.created", customer(metadata={"org_id": BAD, BAD: BAD}, currency=BAD)),
        event(2, "customer.created", customer("cus_\0")),
        event(3, "invoice.paid", invoice(customer="cus_\0", number=BAD)),
        event(4, "product.created", product(name=BAD)),
        event(5, "charge.succeeded", {"id": BAD, "object": "charge", "customer": "cus_\0"}),
    ]
    ingest(log, [Delivery(e) for e in strange])
    project(database)
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT org FROM read_models.org_links WHERE org IS NOT NULL").fetchall() == [("a\ufffdb",)]
        assert conn.execute("SELECT count(*) FROM read_models.parked").fetchone() == (0,)
    assert [v.differences for v in verify(database)] == [(), ()]


def test_an_escaped_backslash_before_the_same_letters_is_no_nul(database: str, log: Log) -> None:
    built(database)
    ingest(log, [Delivery(event(1, "product.created", product(name="a\\u0000b")))])
    project(database)
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT name FROM read_models.products").fetchall() == [("a\\u0000b",)]


@pytest.mark.parametrize("balance", [2**63, -(2**63) - 1, 10**30])
def test_a_number_beyond_a_column_parks_its_row_alone(database: str, log: Log, balance: int) -> None:
    built(database)
    ingest(log, [Delivery(event(1, "customer.created", customer("cus_1", balance=balance)))])
    ingest(log, [Delivery(event(2, "customer.created", customer("cus_2", balance=2**63 - 1)))])
    project(database)
    rebuild.rebuild(database)
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT id FROM read_models.customers").fetchall() == [("cus_2",)]
        parked = conn.execute("SELECT model, key FROM read_models.parked").fetchall()
    assert parked == [("customers", ["test", "platform", "cus_1"])]


def test_a_claim_that_looks_sealed_is_none() -> None:
    assert claim_in({"org_id": "sealed:1:x:y:z:AAAA", "organization_id": "org_1"}) == "org_1"


def test_an_empty_secret_after_a_mode_is_refused() -> None:
    with pytest.raises(BadSetting, match="no secret"):
        parse_secrets("STRIPE_WEBHOOK_SECRET", "whsec_x,live:")
