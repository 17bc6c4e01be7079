"""As of: what is folded for one organization, from the events that its answer rests on, is what is folded for all."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import psycopg
from histories import built, ingest, project
from samples import Delivery, T, customer, event, invoice
from simulated import whole

from ledger.store import Log
from projections import BILLING
from projections.base import Row
from replay import tables
from replay.as_of import organization_as_of
from replay.simulator import Scenario

#: Models whose rows say which customer's they are.
OF_CUSTOMERS = [name for name, table in BILLING.tables.items() if {"account", "customer"} <= set(table.names)]


def compared(conninfo: str) -> Counter[str]:
    """How many rows of each model were found equal, for every organization: as of the head, and live."""
    counted: Counter[str] = Counter()
    with psycopg.connect(tables.projector_conninfo(conninfo), autocommit=True) as conn:
        live = {m: list(tables.stream_rows(conn, tables.LIVE, BILLING.tables[m])) for m in (*OF_CUSTOMERS, "org_links")}
        links = [link for link in live["org_links"] if link.org is not None]
        for mode, org in sorted({(link.mode, link.org) for link in links}):
            mine = {(mode, k.account, k.customer) for k in links if (k.mode, k.org) == (mode, org)}
            then = organization_as_of(conn, mode, org, sys.maxsize).rows
            for model in OF_CUSTOMERS:
                found, expected = (_digested(model, rows, mine) for rows in (then[model], live[model]))
                assert found == expected, (org, model)
                counted[model] += len(found)
    return counted


def _digested(model: str, rows: Sequence[Row], mine: set[tuple[str, ...]]) -> list[dict[str, Any]]:
    table = BILLING.tables[model]
    digested = [c.name for c in table.columns if c.digested]
    own = sorted((r for r in rows if (r.mode, r.account, r.customer) in mine), key=lambda r: r[: len(table.key)])
    return [{name: getattr(row, name) for name in digested} for row in own]


def test_every_row_of_an_organizations_customers_is_what_it_is_live(database: str, log: Log) -> None:
    built(database)
    happened = whole(Scenario(orgs=8, months=8, seed=5))
    ingest(log, [Delivery(e, "connect" if "account" in e else "platform") for e in happened])
    project(database)
    counted = compared(database)
    assert {"payments", "payment_methods", "tax_profiles", "subscriptions", "invoices"} <= set(+counted)


def test_what_names_no_customer_counts_by_what_it_hangs_on(database: str, log: Log) -> None:
    """Given a refund, what was booked for it, what paid an invoice and what was used of credit, then all are in it."""
    built(database)
    money = {"monetary": {"currency": "eur", "value": 500}, "type": "monetary"}
    charge = {"object": "charge", "id": "ch_1", "customer": "cus_1", "payment_intent": "pi_1", "status": "succeeded"}
    refund = {"object": "refund", "id": "re_1", "charge": "ch_1", "status": "succeeded", "balance_transaction": "txn_1"}
    booked = {"object": "balance_transaction", "id": "txn_1", "source": "re_1", "type": "refund", "fee": 0}
    paying = {"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1", "status": "paid", "amount_requested": 9}
    grant = {"object": "billing.credit_grant", "id": "credgr_1", "customer": "cus_1", "amount": money}
    used = {"object": "billing.credit_balance_transaction", "id": "cbtxn_1", "credit_grant": "credgr_1"}
    common = {"currency": "eur", "created": T}
    told = [
        ("customer.created", customer("cus_1", org="org_a")),
        ("charge.succeeded", {**charge, **common, "amount": 1000, "captured": True}),
        ("refund.created", {**refund, **common, "amount": 400}),
        ("balance_transaction.created", {**booked, **common, "amount": -400, "net": -400}),
        ("invoice.paid", invoice("in_1", status="paid")),
        ("invoice_payment.paid", {**paying, **common, "payment": {"type": "payment_intent", "payment_intent": "pi_1"}}),
        ("billing.credit_grant.created", {**grant, **common}),
        (
            "billing.credit_balance_transaction.created",
            {**used, **common, "debit": {"type": "credits_applied", "amount": money}},
        ),
    ]
    ingest(log, [Delivery(event(n, kind, obj)) for n, (kind, obj) in enumerate(told)])
    project(database)
    counted = compared(database)
    assert (counted["payments"], counted["credit_balances"]) == (1, 1)
    with psycopg.connect(database) as conn:
        (payment,) = organization_as_of(conn, "test", "org_a", sys.maxsize).rows["payments"]
        (credit,) = organization_as_of(conn, "test", "org_a", sys.maxsize).rows["credit_balances"]
    assert (payment.invoice, payment.refunded_minor, [m["id"] for m in payment.movements]) == ("in_1", 400, ["txn_1"])
    assert credit.balances[0]["remaining_minor"] == 0


def test_what_was_said_before_the_customer_was_known_counts(database: str, log: Log) -> None:
    """Given a session that began without a customer, and said then what it never said again, then that is in it."""
    built(database)
    session = {"object": "checkout.session", "id": "cs_1", "mode": "payment", "status": "open", "currency": "eur"}
    ingest(
        log,
        [
            Delivery(event(1, "customer.created", customer("cus_1", org="org_a"))),
            Delivery(event(2, "checkout.session.expired", {**session, "amount_total": 900}, at=T)),
            Delivery(event(3, "checkout.session.completed", {**session, "customer": "cus_1"}, at=T + 1)),
        ],
    )
    project(database)
    assert compared(database)["checkouts"] == 1
    with psycopg.connect(database) as conn:
        (row,) = organization_as_of(conn, "test", "org_a", sys.maxsize).rows["checkouts"]
    assert (row.customer, row.amount_total_minor) == ("cus_1", 900)
