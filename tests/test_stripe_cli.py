"""`recount calls`, `recount customers` and `recount checkout`, against a Stripe of the test's own."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from api_world import MASTER
from billing_world import Counter, counter
from click.testing import CliRunner
from test_stripe_calls_told import FAILED, LOST, happen, told
from test_stripe_checkout import PRO, publish
from test_stripe_customers import PM, leave_method

from replay.cli import recount


@pytest.fixture
def world(database: str) -> Iterator[Counter]:
    with counter(database) as found:
        yield found


def command(world: Counter, *words: str, code: int = 0) -> Any:
    environment = {
        "DATABASE_URL": world.conninfo, "RECOUNT_MASTER_KEY": b64encode(MASTER).decode(),
        "STRIPE_WEBHOOK_SECRET": "", "STRIPE_CONNECT_WEBHOOK_SECRET": "", "STRIPE_SECRET_KEY": "sk_test_1",
        "STRIPE_API_BASE": world.context.settings.stripe_api_base, "RECOUNT_STRIPE_RATE": "10000",
    }  # fmt: skip
    result = CliRunner().invoke(recount, list(words), env=environment)
    assert result.exit_code == code, (words, result.output, result.exception)
    world.project()
    return json.loads(result.stdout) if "--json" in words else result.output


def test_an_organization_is_a_customer_and_pays_by_commands(world: Counter):
    customer = command(world, "customers", "ensure", "acme", "--email", "a@acme.example", "--json")["customer"]
    assert command(world, "customers", "ensure", "acme") == f"acme is {customer}\n"
    command(world, "customers", "contact", "acme", "--email", "b@acme.example")
    assert world.stripe.objects[f"platform/{customer}"]["email"] == "b@acme.example"
    once = ("customers", "setup", "acme", "--idempotency-key", "k", "--json")
    first, again = command(world, *once), command(world, *once)
    assert first["client_secret"] == again["client_secret"]
    assert first["client_secret"]
    leave_method(world.stripe)
    assert "visa 4242" in command(world, "customers", "attach", "acme", PM)
    assert PM in command(world, "customers", "default", "acme", PM)
    command(world, "customers", "detach", "acme", PM)
    assert world.stripe.objects[f"platform/{PM}"]["customer"] is None
    assert "detached" not in command(world, "customers", "detach", "globex", PM, code=2)


def test_pages_of_stripes_are_made_by_commands(world: Counter):
    publish(world, PRO)
    back = ("--success-url", "https://shop.example/done")
    made = command(world, "checkout", "plan", "acme", "pro", "--interval", "year", "--no-trial", *back, "--json")
    assert made["url"].startswith("https://")
    session = made["session"]
    assert "trial_period_days" not in world.stripe.objects[f"platform/{session}"]["subscription_data"]
    assert command(world, "checkout", "look", "acme", session) == f"{session} is open, None\n"
    assert "is expired" in command(world, "checkout", "expire", "acme", session)
    paid = ("--amount-minor", "500", "--currency", "eur", "--description", "A talk")
    assert "https://" in command(world, "checkout", "payment", "acme", *paid, *back)
    assert "https://" in command(world, "checkout", "setup", "acme", "--currency", "eur", *back)
    assert "https://" in command(world, "checkout", "portal", "acme", "--return-url", "https://shop.example/me")
    link = command(world, "checkout", "link", "pro", "--json")["payment_link"]
    assert "sells nothing more" in command(world, "checkout", "close-link", link)
    customer = world.stripe.made("customer")[0]["id"]
    charge = {"id": "ch_1", "object": "charge", "customer": customer, "receipt_url": "https://pay.example/r"}
    world.stripe.objects["platform/ch_1"] = charge
    assert command(world, "checkout", "receipt", "acme", "ch_1") == "https://pay.example/r\n"


def test_what_was_asked_is_listed_shown_and_settled_by_commands(world: Counter):
    happen(told(world), "call_lost", *LOST, org="acme")
    happen(told(world), "call_failed", *FAILED, org="globex")
    happen(told(world), "call_new")
    world.project()
    listed = command(world, "calls", "list", "--json")["data"]
    assert [(c["id"], c["state"]) for c in listed] == [
        ("call_new", "waiting"), ("call_failed", "failed"), ("call_lost", "unknown"),
    ]  # fmt: skip
    assert "card_declined" in command(world, "calls", "list", "--org", "globex")
    shown = command(world, "calls", "show", "call_lost")
    assert "recount calls resolve call_lost" in shown
    assert command(world, "calls", "show", "call_lost", "--json")["begun_at"].startswith("20")
    command(world, "calls", "show", "call_none", code=2)
    command(world, "calls", "resolve", "call_lost", code=2)
    command(world, "calls", "resolve", "call_lost", "--found", "re_1", "--never", code=2)
    assert "re_1" in command(world, "calls", "resolve", "call_lost", "--found", "re_1")
    assert "call_failed.2" in command(world, "calls", "retry", "call_failed")
    states = {c["id"]: c["state"] for c in command(world, "calls", "list", "--json")["data"]}
    assert states == {
        "call_new": "waiting", "call_failed": "failed", "call_failed.2": "waiting", "call_lost": "succeeded",
    }  # fmt: skip
    assert "2 wait" in command(world, "status")
