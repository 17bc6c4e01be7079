"""`recount stripe setup` makes what the catalogue needs, once; `recount stripe doctor` says what is wrong."""

import json
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
from api_world import MASTER
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sandbox_world import KEY, SandboxWorld, line, sandbox_world

from api.calls import wiring
from api.calls.asking import Waiter
from api.operations import asked_by
from api.stripe_doctor import stripe_doctor
from api.stripe_setup import Setup, stripe_setup
from commands.plan_definition import EarlyCancellation, PlanDefinition, Price, Rate
from commands.stripe_setup import There, missing, resolved
from replay.cli import recount

URL = "https://bills.example"


@pytest.fixture
def world(database: str) -> Iterator[SandboxWorld]:
    with sandbox_world(database) as found:
        yield found


def publish(world: SandboxWorld) -> None:
    """Three plans that Stripe has never heard of."""
    meter = {"interval": "month", "currency": "eur", "lookup_key": "pro_tokens", "meter": "tokens"}
    fixed = {"interval": "month", "currency": "eur", "lookup_key": "pro_month", "amount_minor": 4_900}
    rate = {"tokens": {"eur": {"amount_minor": 3, "per": 1000}}}
    world.offer("pro", [fixed, meter], features=["sso", "agents"], model="hybrid", overage=rate)
    world.offer("free", [{"interval": "month", "currency": "eur", "lookup_key": "free_month", "amount_minor": 0}],
                features=["agents"])  # fmt: skip
    world.offer("once", [{"interval": "once", "currency": "eur", "lookup_key": "once", "amount_minor": 9_900}],
                model="one_time")  # fmt: skip


def run(world: SandboxWorld, **how: Any) -> Setup:
    here = world.context
    asked = asked_by("ada", "we open the shop")
    return stripe_setup(here.database, here.settings, mode="test", asked=asked, **how)


def holdings(world: SandboxWorld) -> dict[str, int]:
    paths = (
        "products", "prices", "entitlements/features", "billing/meters", "billing_portal/configurations",
        "webhook_endpoints", "events",
    )  # fmt: skip
    return {path: len(world.stripe.get(f"/v1/{path}", limit=100)["data"]) for path in paths}


def test_what_is_missing_is_shown_and_nothing_is_made_unasked(world: SandboxWorld):
    publish(world)
    before = holdings(world)
    found = run(world, url=URL, connect=True)
    assert {(s.kind, s.name) for s in found.steps} == {
        ("meter", "tokens"), ("feature", "agents"), ("feature", "sso"), ("product", "free"), ("product", "once"),
        ("product", "pro"), ("product_feature", "free/agents"), ("product_feature", "pro/agents"),
        ("product_feature", "pro/sso"), ("price", "free_month"), ("price", "once"), ("price", "pro_month"),
        ("price", "pro_tokens"), ("portal", "default"), ("webhook", f"{URL}/webhooks/stripe"),
        ("webhook", f"{URL}/webhooks/stripe/connect"),
    }  # fmt: skip
    assert found.made == {}
    assert holdings(world) == before


def test_it_is_made_once_and_run_twice_it_changes_nothing(world: SandboxWorld):
    publish(world)
    found = run(world, url=URL, connect=True, apply=True)
    assert len(found.made) == len(found.steps) == 16
    assert found.settings["STRIPE_PRICE_PRO_MONTH_EUR"].startswith("price_")
    assert found.settings["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")
    assert found.settings["STRIPE_CONNECT_WEBHOOK_SECRET"] != found.settings["STRIPE_WEBHOOK_SECRET"]
    after = holdings(world)
    again = run(world, url=URL, connect=True, apply=True)
    assert (again.steps, again.made) == ((), {})
    assert holdings(world) == after
    assert again.settings.items() <= found.settings.items()
    world.settle()
    assert b"whsec_" not in b"".join(bytes(str(r.event), "utf8") for r in world.log.read(0, 10_000))
    metered = world.stripe.get("/v1/prices", lookup_keys=["pro_tokens"])["data"][0]
    assert metered["recurring"]["usage_type"] == "metered"
    assert metered["unit_amount_decimal"] == "0.003"
    # what was made is what is sold
    world.with_card()
    sold = world.ask_for("acme/subscriptions", {"plan": "pro"})
    assert sold.json["status"] == "active", sold.json


def test_a_run_that_died_is_run_again_and_makes_only_the_rest(world: SandboxWorld, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(wiring, "Waiter", partial(Waiter, patience_s=0.5))
    publish(world)
    world.sandbox.state.faults.add({"kind": "500", "method": "POST", "path": "/v1/prices", "times": None})
    with pytest.raises(Exception, match="Stripe"):
        run(world, apply=True)
    world.sandbox.state.faults.clear()
    run(world, apply=True)
    products = [p for p in world.stripe.get("/v1/products", limit=100)["data"] if "recount_plan" in p["metadata"]]
    assert len(products) == 3
    assert run(world, apply=True).steps == ()


def test_what_differs_is_said_and_left_alone(world: SandboxWorld):
    publish(world)
    product = world.stripe.post("/v1/products", name="Pro")["id"]
    world.stripe.post(
        "/v1/prices", product=product, currency="eur", unit_amount=1, lookup_key="pro_month",
        recurring={"interval": "month"},
    )  # fmt: skip
    found = run(world)
    assert [(n.about, "4900" in n.said) for n in found.notes] == [("pro_month", True)]
    assert "pro_month" not in {s.name for s in found.steps}
    assert ("product", "pro") not in {(s.kind, s.name) for s in found.steps}


NAMES = st.sampled_from(["a", "b", "c", "d e"])


@given(
    st.lists(
        st.builds(
            PlanDefinition,
            key=NAMES,
            name=st.just("Plan"),
            model=st.just("subscription"),
            features=st.lists(NAMES, max_size=3, unique=True).map(tuple),
            prices=st.lists(
                st.builds(
                    Price,
                    interval=st.sampled_from(["month", "year", "once"]),
                    currency=st.just("eur"),
                    lookup_key=NAMES,
                    amount_minor=st.integers(0, 100),
                ),
                max_size=2,
                unique_by=lambda p: p.lookup_key,
            ).map(tuple),
        ),
        max_size=3,
        unique_by=lambda p: p.key,
    )
)
def test_what_was_made_is_not_missing_any_more(plans: list[PlanDefinition]):
    names = [n for plan in plans for n in plan.names]
    if len(set(names)) != len(names):
        return
    steps, _ = missing(plans, There())
    ids = {step.key: f"id_{i}" for i, step in enumerate(steps)}
    made: dict[str, list[dict[str, Any]]] = {"product": [], "price": [], "feature": [], "portal": []}
    attached = set()
    of_feature = {ids[s.key]: s.name for s in steps if s.kind == "feature"}
    for step in steps:
        params = resolved(step.params, ids)
        if step.kind == "product_feature":
            attached.add((step.path[0], of_feature[params["entitlement_feature"]]))
        else:
            made[step.kind].append({"id": ids[step.key], "active": True, "unit_amount": None, **params})
    there = There(
        products=tuple(made["product"]), prices=tuple(made["price"]), features=tuple(made["feature"]),
        portals=tuple(made["portal"]), attached=frozenset(attached),
    )  # fmt: skip
    assert missing(plans, there) == ([], [])


def test_a_price_without_an_amount_is_for_a_person():
    plan = PlanDefinition(
        key="p", name="P", model="usage",
        prices=(Price(interval="month", currency="eur", lookup_key="k", meter="m"),),
        usage_rates={"m": {"usd": Rate(amount_minor=1)}},
    )  # fmt: skip
    steps, notes = missing([plan], There())
    assert [n.about for n in notes] == ["k"]
    assert "price" not in {s.kind for s in steps}
    assert EarlyCancellation(charge="nothing").fee_minor == {}


# ---- doctor -----------------------------------------------------------------------------------


def faults(world: SandboxWorld, **settings: Any) -> dict[str, str]:
    here = world.context
    changed = msgspec.structs.replace(here.settings, **settings)
    found = stripe_doctor(here.database, changed, now_s=world.now_s + 10_000)
    return {f.name: f"{f.said} -> {f.mend}" for f in found if not f.ok}


def test_a_sound_account_has_no_fault(world: SandboxWorld):
    publish(world)
    found = run(world, url=URL, apply=True)
    assert found.made
    world.settle()
    assert faults(world) == {}


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        ({"stripe_secret_key": None}, "key", "STRIPE_SECRET_KEY"),
        ({"stripe_secret_key": "sk_test_x"}, "stripe", "401"),
        ({"stripe_publishable_key": "pk_live_1"}, "publishable key", "pk_test_"),
        ({"stripe_api_base": "http://127.0.0.1:9"}, "stripe", "STRIPE_API_BASE"),
    ],
)
def test_a_wrong_key_or_mode_is_told_with_its_mend(world: SandboxWorld, settings: dict[str, Any], name: str, said: str):
    found = faults(world, **settings)
    assert said in found[name]


def test_a_key_that_stripe_refuses_is_explained(world: SandboxWorld):
    world.sandbox.state.faults.add({"kind": "401", "path": "/v1/balance"})
    assert "401" in faults(world)["stripe"]


def test_missing_prices_a_missing_endpoint_and_lost_events_are_told(world: SandboxWorld):
    publish(world)
    found = faults(world)
    assert "pro_month" in found["prices"]
    assert "setup --url" in found["webhook endpoint"]
    world.stripe.post("/v1/customers", email="a@b.example")
    assert "recount reconcile events" in faults(world)["deliveries"]


def test_tax_that_is_registered_nowhere_is_told(world: SandboxWorld):
    office = {"address": {"country": "DE"}}
    world.stripe.post("/v1/tax/settings", head_office=office, defaults={"tax_behavior": "exclusive"})
    customer = world.stripe.post("/v1/customers", address={"country": "DE"})["id"]
    world.stripe.post("/v1/invoices", customer=customer, automatic_tax={"enabled": True})
    world.settle()
    assert "registered" in faults(world)["tax registrations"]
    assert KEY.startswith("sk_test_")


# ---- on the command line ----------------------------------------------------------------------


def command(world: SandboxWorld, *words: str, code: int = 0) -> Any:
    """What a command prints as JSON."""
    environment = {
        "DATABASE_URL": world.conninfo, "RECOUNT_MASTER_KEY": b64encode(MASTER).decode(),
        "STRIPE_WEBHOOK_SECRET": "", "STRIPE_CONNECT_WEBHOOK_SECRET": "", "STRIPE_SECRET_KEY": KEY,
        "STRIPE_API_BASE": world.context.settings.stripe_api_base,
    }  # fmt: skip
    result = CliRunner().invoke(recount, [*words, "--json"], env=environment)
    assert result.exit_code == code, result.output
    world.settle()
    return json.loads(result.stdout)


def test_a_shop_is_set_up_and_billed_from_the_command_line(world: SandboxWorld):
    publish(world)
    assert len(command(world, "stripe", "setup", "--url", URL)["steps"]) == 15
    assert len(command(world, "stripe", "setup", "--url", URL, "--apply")["made"]) == 15
    assert command(world, "stripe", "setup", "--url", URL, "--apply")["steps"] == []
    assert command(world, "stripe", "doctor")["ok"] is True
    world.with_card()
    seen = command(world, "subscriptions", "preview", "acme", "--plan", "pro")
    sold = command(world, "subscriptions", "create", "acme", "pro")
    assert (sold["status"], seen["total_minor"]) == ("active", 4_900)
    id = sold["subscription"]
    assert command(world, "subscriptions", "pause", "acme", id)["paused_collection"] == "void"
    assert command(world, "subscriptions", "resume", "acme", id)["paused_collection"] is None
    assert command(world, "subscriptions", "cancel", "acme", id)["cancel_at_period_end"] is True
    assert command(world, "subscriptions", "keep", "acme", id)["cancel_at_period_end"] is False
    issuance = world.bill(line("a", 1_000), collection="send_invoice", draft_only=True)
    world.settle()
    assert command(world, "issuances", "finalize", issuance)["issuance"] == issuance
    (listed,) = command(world, "issuances", "list", "--state", "issued")["data"]
    assert command(world, "invoices", "pages", "acme", listed["invoice"])["status"] == "open"
    assert command(world, "invoices", "credit", "acme", listed["invoice"], "--amount", "100")["amount_minor"] == 100
    assert command(world, "invoices", "pay", "acme", listed["invoice"])["status"] == "paid"
    assert command(world, "stripe", "balance")["account"] == "platform"
    assert command(world, "invoices", "void", "globex", listed["invoice"], code=2)["error"]["code"] == "not_found"
