"""The official Stripe CLI triggers events at the sandbox; they pass through a running Recount into its read models."""

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
import stripe_cli
from service import Service, free_port

from api.sandbox.deliveries import Deliveries
from api.sandbox.running import SECRET_KEY, forward
from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from replay import tables
from replay.digest import wait_until_caught_up
from tests.docs.reference_sandbox import emitted

pytestmark = [
    pytest.mark.service,
    pytest.mark.skipif(stripe_cli.FOUND is None, reason=stripe_cli.WHY_NOT),
]
ACACIA, CLOVER = "2025-02-24.acacia", "2025-10-29.clover"
#: What the CLI asks for each of these is of an older version: https://docs.stripe.com/changelog.
_IN_ACACIA = """
    customer.discount.created customer.discount.deleted customer.discount.updated promotion_code.created
    promotion_code.updated subscription_schedule.canceled subscription_schedule.created
    subscription_schedule.released subscription_schedule.updated
""".split()
_IN_CLOVER = """
    account.application.deauthorized account.updated billing_portal.configuration.created
    billing_portal.configuration.updated billing_portal.session.created charge.captured charge.dispute.closed
    charge.dispute.created charge.dispute.updated charge.failed charge.refund.updated charge.refunded charge.succeeded
    checkout.session.completed checkout.session.expired coupon.created coupon.deleted coupon.updated
    credit_note.created credit_note.updated credit_note.voided customer.created customer.deleted
    customer.source.created customer.source.updated customer.subscription.created customer.subscription.deleted
    customer.subscription.paused customer.subscription.trial_will_end customer.subscription.updated customer.updated
    invoice.created invoice.deleted invoice.finalized invoice.marked_uncollectible invoice.paid
    invoice.payment_action_required invoice.payment_failed invoice.sent invoice.updated invoice.voided
    invoiceitem.created invoiceitem.deleted payment_intent.amount_capturable_updated payment_intent.canceled
    payment_intent.created payment_intent.payment_failed payment_intent.processing payment_intent.requires_action
    payment_intent.succeeded payment_link.created payment_link.updated payment_method.attached
    payment_method.detached payment_method.updated payout.created payout.updated plan.created plan.deleted
    plan.updated price.created price.updated product.created product.deleted product.updated setup_intent.canceled
    setup_intent.created setup_intent.requires_action setup_intent.setup_failed setup_intent.succeeded
    subscription_schedule.aborted tax_rate.created tax_rate.updated test_helpers.test_clock.advancing
    test_helpers.test_clock.created test_helpers.test_clock.deleted test_helpers.test_clock.ready transfer.created
    transfer.reversed transfer.updated
""".split()
#: In which API version each event is triggered.
TRIGGERS = dict.fromkeys(_IN_ACACIA, ACACIA) | dict.fromkeys(_IN_CLOVER, CLOVER)
#: What an account must have before the rest, as one at Stripe must: money, settings of the portal.
BEFORE = ("balance.available", "billing_portal.configuration.created")

_KEPT_ALONE = {f"test_helpers.test_clock.{name}" for name in ("advancing", "created", "deleted", "ready")}
_KEPT_ALONE |= {"billing_portal.session.created"}
"""Types that are stored and say nothing that a read model holds."""


def kept(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [event for (_, kind, _), event in sandbox.state.objects.items() if kind == "event"]


def test_each_trigger_causes_the_event_that_it_names_and_all_pass_through_to_the_read_models(tmp_path: Path) -> None:
    # given
    port = free_port()
    sandbox = Sandbox(version=CLOVER)
    platform, connect = forward(sandbox, f"http://127.0.0.1:{port}")
    caused: dict[str, set[str]] = {}
    with serving(sandbox, "127.0.0.1", 0) as url:
        settings = {
            "STRIPE_WEBHOOK_SECRET": platform,
            "STRIPE_CONNECT_WEBHOOK_SECRET": connect,
            "STRIPE_API_BASE": url,
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "RECOUNT_STRIPE_API_VERSION": CLOVER,
            "RECOUNT_RECONCILE_SETTLE_S": "1",  # all was delivered
        }
        with Service(tmp_path / "var", port=port, **settings) as service:
            # when
            for event in (*BEFORE, *TRIGGERS):
                known = {e["id"] for e in kept(sandbox)}
                stripe_cli.trigger(event, url, SECRET_KEY, TRIGGERS.get(event, CLOVER), tmp_path)
                caused[event] = {e["type"] for e in kept(sandbox) if e["id"] not in known}
            delivered(sandbox)
            with psycopg.connect(service.conninfo, autocommit=True) as conn:
                wait_until_caught_up(conn, 60)
                rows = conn.execute(f"SELECT id, type, state FROM {tables.LIVE}.stripe_events").fetchall()
            compared = service.cli("reconcile", "objects", "--json")
    # then: each trigger did what it names, and nothing that docs/reference/sandbox.md does not tell of
    assert {event: caused[event] for event in TRIGGERS if event not in caused[event]} == {}
    assert set().union(*caused.values()) <= set(emitted())
    # and each event is there, none was set aside, and what Recount believes is what the sandbox holds
    assert {id for id, _, _ in rows} == {e["id"] for e in kept(sandbox)}
    assert {type for _, type, state in rows if state != "applied"} == _KEPT_ALONE
    assert compared.returncode == 0, compared.stdout.decode()[-2000:]


def delivered(sandbox: Sandbox) -> None:
    """Until every webhook was taken."""
    deliveries = Deliveries(sandbox)
    sandbox.listeners.remove(deliveries.note)
    deadline = time.monotonic() + 60
    while deliveries.waiting():
        assert time.monotonic() < deadline, f"{deliveries.waiting()} deliveries still wait"
        time.sleep(0.05)
