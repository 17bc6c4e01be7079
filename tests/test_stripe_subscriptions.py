"""Subscriptions and invoices at a strict Stripe, by our catalogue's names: what is previewed is what is charged."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_world import SandboxWorld, line, sandbox_world
from sandboxes import CLOVER, ENDIVE
from test_api_acts import problem

from api.calls.subscriptions import months_after
from replay.tables import LIVE

DAY = 86_400


@pytest.fixture(params=[ENDIVE, CLOVER])
def world(database: str, request: Any) -> Iterator[SandboxWorld]:
    with sandbox_world(database, request.param) as found:
        yield found


@pytest.fixture
def subscribed(world: SandboxWorld) -> tuple[SandboxWorld, str]:
    """An organization that has the basic plan."""
    world.sell("basic", 1, (2_000, "month"))
    world.sell("pro", 1, (5_000, "month"), (50_000, "year"))
    world.with_card()
    made = world.ask_for("acme/subscriptions", {"plan": "basic"}, once="s1")
    assert made.json["status"] == "active", made.json
    return world, made.json["subscription"]


def held(world: SandboxWorld, id: str) -> Any:
    return world.stripe.get(f"/v1/subscriptions/{id}")


def test_a_plan_is_sold_by_its_name_and_once_for_a_key(subscribed: tuple[SandboxWorld, str]):
    world, id = subscribed
    again = world.ask_for("acme/subscriptions", {"plan": "basic"}, once="s1")
    assert again.json["subscription"] == id
    assert len(world.stripe.get("/v1/subscriptions")["data"]) == 1
    (row,) = world.read("/v1/orgs/acme/subscriptions")["data"]
    assert (row["id"], row["status"]) == (id, "active")
    assert [i["status"] for i in world.invoices()] == ["paid"]
    assert problem(world.ask_for("acme/subscriptions", {"plan": "none"})) == (404, "not_found")


@pytest.mark.parametrize("proration", ["always_invoice", "create_prorations", "none"])
def test_what_is_previewed_is_what_the_change_comes_to_to_the_cent(
    subscribed: tuple[SandboxWorld, str], proration: str
):
    world, id = subscribed
    at_s = int(world.now_s) + 10 * DAY
    world.sandbox.turn(10 * DAY)
    change = {"plan": "pro", "proration": proration, "prorated_at_s": at_s}
    world.settle()
    before = world.log.head()
    seen = world.ask_for("acme/invoice-preview", {"subscription": id, **change}).json
    assert world.log.head() == before, "nothing is recorded"
    assert len(world.invoices()) == 1, "a preview makes nothing"
    done = world.ask_for(f"acme/subscriptions/{id}/change", change)
    assert done.status_code == 200, done.json
    (item,) = held(world, id)["items"]["data"]
    assert item["price"]["unit_amount"] == 5_000
    if proration == "none":
        assert seen["prorated_minor"] == 0
    elif proration == "always_invoice":
        last = world.invoices()[-1]
        assert last["total"] == seen["prorated_minor"] > 0
    else:
        waiting = world.stripe.get("/v1/invoiceitems", pending="true")["data"]
        assert sum(i["amount"] for i in waiting) == seen["prorated_minor"] > 0


def test_a_quantity_changes_alone(subscribed: tuple[SandboxWorld, str]):
    world, id = subscribed
    assert world.ask_for(f"acme/subscriptions/{id}/change", {"quantity": 3, "proration": "none"}).status_code == 200
    assert [i["quantity"] for i in held(world, id)["items"]["data"]] == [3]
    assert problem(world.ask_for(f"acme/subscriptions/{id}/change", {})) == (422, "invalid_input")


def test_a_move_to_a_version_is_made_at_stripe_and_on_our_side(subscribed: tuple[SandboxWorld, str]):
    world, id = subscribed
    world.sell("basic", 2, (2_500, "month"))
    done = world.ask_for(
        f"acme/subscriptions/{id}/change", {"plan": "basic", "version": 2, "proration": "none"}, once="m"
    )
    assert done.status_code == 200, done.json
    again = world.ask_for(
        f"acme/subscriptions/{id}/change", {"plan": "basic", "version": 2, "proration": "none"}, once="m"
    )
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [i["price"]["unit_amount"] for i in held(world, id)["items"]["data"]] == [2_500]
    (row,) = world.read("/v1/orgs/acme/subscriptions")["data"]
    assert row["id"] == id
    with world.context.readers.connection() as conn:
        found = conn.execute(
            f"SELECT plan, version FROM {LIVE}.plan_placements WHERE (mode, account, subscription) = (%s, %s, %s)",
            ["test", "platform", id],
        ).fetchall()
    assert [tuple(f) for f in found] == [("basic", 2)]


def test_it_is_paused_resumed_ended_with_its_period_kept_and_ended_now(subscribed: tuple[SandboxWorld, str]):
    world, id = subscribed
    at = f"acme/subscriptions/{id}"
    assert world.ask_for(f"{at}/pause", {"behavior": "void"}).json["paused_collection"] == "void"
    assert held(world, id)["pause_collection"]["behavior"] == "void"
    assert world.ask_for(f"{at}/resume").json["paused_collection"] is None
    assert world.ask_for(f"{at}/cancel").json["cancel_at_period_end"] is True
    assert world.ask_for(f"{at}/keep").json["cancel_at_period_end"] is False
    assert world.ask_for(f"{at}/cancel", {"at_period_end": False}, once="c").json["status"] == "canceled"
    assert world.ask_for(f"{at}/cancel", {"at_period_end": False}, once="c").json["status"] == "canceled"
    assert problem(world.ask_for(f"{at}/cancel", {"prorate": True})) == (422, "invalid_input")


def test_a_trial_begins_grows_and_ends(world: SandboxWorld):
    world.sell("basic", 1, (2_000, "month"), trial={"days": 14})
    world.with_card()
    made = world.ask_for("acme/subscriptions", {"plan": "basic"}).json
    assert made["status"] == "trialing"
    later = int(world.sandbox.wall_s) + 30 * DAY
    longer = world.ask_for(f"acme/subscriptions/{made['subscription']}/trial", {"trial_end_s": later}).json
    assert longer["trial_end_s"] == later
    assert world.ask_for(f"acme/subscriptions/{made['subscription']}/trial").json["status"] == "active"


def test_a_commitment_is_a_schedule_paid_then_free(world: SandboxWorld):
    world.sell("basic", 1, (2_000, "month"), commitment={"paid_months": 9, "delivered_months": 12})
    world.with_card()
    made = world.ask_for("acme/commitments", {"plan": "basic"})
    assert made.status_code == 200, made.json
    schedule = world.stripe.get(f"/v1/subscription_schedules/{made.json['schedule']}")
    paid, free = schedule["phases"]
    months = [datetime.fromtimestamp(p["end_date"], UTC) for p in (paid, free)]
    start = datetime.fromtimestamp(schedule["phases"][0]["start_date"], UTC)
    assert [(m.year * 12 + m.month) - (start.year * 12 + start.month) for m in months] == [9, 12]
    assert free["trial_end"] == free["end_date"]
    world.sell("plain", 1, (2_000, "month"))
    assert problem(world.ask_for("acme/commitments", {"plan": "plain"})) == (409, "no_commitment")


def test_nobody_touches_what_is_somebody_elses(subscribed: tuple[SandboxWorld, str]):
    world, id = subscribed
    world.ask_for("globex/customer")
    for what in (f"subscriptions/{id}/cancel", f"subscriptions/{id}/change", f"subscriptions/{id}/resume"):
        body = {"quantity": 2} if what.endswith("change") else {}
        assert problem(world.ask_for(f"globex/{what}", body)) == (404, "not_found")
    (invoice,) = world.invoices()
    assert problem(world.ask_for(f"globex/invoices/{invoice['id']}/void")) == (404, "not_found")
    preview = {"subscription": id, "quantity": 2}
    assert problem(world.ask_for("globex/invoice-preview", preview)) == (404, "not_found")
    bound = world.key("service", org="globex", person=None)
    assert problem(world.ask_for("acme/invoice-preview", preview, key=bound)) == (404, "not_found")
    assert held(world, id)["status"] == "active"


# ---- invoices and money back ------------------------------------------------------------------


def test_billable_lines_become_an_invoice_over_the_api_and_what_they_say_is_sealed(world: SandboxWorld):
    rate = world.stripe.post("/v1/tax_rates", display_name="VAT", percentage="19", inclusive=False)["id"]
    world.settle()
    lines = [{"key": "a", "description": "For Ada Lovelace", "amount_minor": 1003, "tax_rates": [rate]}]
    body = {"source": "order-7", "currency": "eur", "lines": lines, "collection": "send_invoice"}
    made = world.ask_for("acme/invoices", body, once="i").json
    assert world.ask_for("acme/invoices", body, once="i").json["issuance"] == made["issuance"]
    assert world.ask_for("acme/invoices", body, once="another").json["changed"] is False
    (invoice,) = world.invoices()
    assert (invoice["total"], invoice["lines"]["data"][0]["description"]) == (1194, "For Ada Lovelace")
    told = world.read(f"/v1/issuances/{made['issuance']}")
    assert (told["state"], told["total_minor"], told["stripe_total_minor"]) == ("issued", 1194, 1194)
    assert (told["invoice_status"], told["overdue"]) == ("open", False)
    assert b"Lovelace" not in b"".join(msgspec.json.encode(r.event) for r in world.log.read(0, 10_000))
    unknown = {**body, "source": "x", "lines": [{**lines[0], "tax_rates": ["txr_none"]}]}
    assert problem(world.ask_for("acme/invoices", unknown)) == (422, "unknown_tax_rate")


def issued(world: SandboxWorld, **terms: Any) -> str:
    """An open invoice over 10 euro."""
    id = world.bill(line("a", 1_000), collection="send_invoice", **terms)
    world.settle()
    found = world.issuance(id).invoice
    assert found is not None
    return found


def test_an_invoice_is_paid_credited_and_refunded(world: SandboxWorld):
    world.with_card()
    at = f"acme/invoices/{issued(world)}"
    open_credit = world.ask_for(f"{at}/credit-notes", {"amount_minor": 200, "why": "order_change"})
    assert open_credit.json["amount_minor"] == 200
    paid = world.ask_for(f"{at}/pay", once="p").json
    assert (paid["status"], paid["amount_remaining_minor"]) == ("paid", 0)
    assert world.ask_for(f"{at}/pay", once="p").json["status"] == "paid"
    (payment,) = world.read("/v1/orgs/acme/payments")["data"]
    assert payment["received_minor"] == 800
    refunds = f"acme/payments/{payment['payment']}/refunds"
    back = world.ask_for(refunds, {"amount_minor": 300}, once="r")
    assert (back.json["amount_minor"], back.json["status"]) == (300, "succeeded")
    world.ask_for(refunds, {"amount_minor": 300}, once="r")
    assert sum(r["amount"] for r in world.stripe.get("/v1/refunds")["data"]) == 300
    (row,) = world.read("/v1/issuances?state=issued")["data"]
    assert (row["invoice_status"], row["credited_minor"]) == ("paid", 200)


def test_a_declined_card_answers_so_and_the_invoice_stays_open(world: SandboxWorld):
    customer = world.with_card()
    at = f"acme/invoices/{issued(world)}"
    bad = world.stripe.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", customer=customer)["id"]
    assert world.ask_for(f"{at}/pay", {"payment_method": bad}).status_code == 402
    assert world.invoices()[0]["status"] == "open"


def test_an_invoice_is_voided_or_written_off(world: SandboxWorld):
    first, second = issued(world, source="1"), issued(world, source="2")
    assert world.ask_for(f"acme/invoices/{first}/void").json["status"] == "void"
    assert world.ask_for(f"acme/invoices/{second}/mark-uncollectible").json["status"] == "uncollectible"
    status, _ = problem(world.ask_for(f"acme/invoices/{first}/void"))
    assert status == 422
    rows = {r["invoice"]: r["invoice_status"] for r in world.read("/v1/issuances")["data"]}
    assert rows == {first: "void", second: "uncollectible"}


def test_an_invoices_pages_and_the_balance_are_fresh_from_stripe(world: SandboxWorld):
    id = issued(world)
    pages = world.read(f"/v1/orgs/acme/invoices/{id}/pages")
    assert pages["hosted_invoice_url"].startswith("http")
    assert world.ask("/v1/orgs/globex/invoices/" + id + "/pages", world.key()).status_code == 404
    before = world.read("/v1/balance")
    assert before["account"] == "platform"
    assert isinstance(before["available"], list)


@given(st.integers(0, 4_000_000_000), st.integers(0, 48))
def test_months_are_the_calendars(at_s: int, months: int):
    then, now = (datetime.fromtimestamp(s, UTC) for s in (months_after(at_s, months), at_s))
    assert (then.year * 12 + then.month) - (now.year * 12 + now.month) == months
    assert then.day <= now.day
    assert then.time() == now.time()
