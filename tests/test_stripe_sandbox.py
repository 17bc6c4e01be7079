"""What we ask of Stripe, asked of the strict sandbox by Stripe's own SDK; a checkout becomes an entitlement."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from billing_world import Counter
from sandboxes import KEY, Asked
from stripe_fake import FakeStripe
from test_sandbox_checkout import buy
from test_stripe_checkout import BACK

from api.sandbox.sandbox import Sandbox
from api.sandbox.server import serving
from commands.plan_definition import PlanDefinition, Price, Trial, written
from commands.stripe_operations import MARK
from ledger.events import NewEvent, PlanPublished
from ledger.ids import plans_stream
from replay.verify import verify


class Here:
    """A service beside a sandbox, with a plan that is sold in both."""

    def __init__(self, world: Counter, stripe: Asked) -> None:
        self.world, self.stripe = world, stripe
        monthly = {"interval": "month"}
        stripe.post(
            "/v1/prices", currency="usd", unit_amount=1200, recurring=monthly, lookup_key="pro_month",
            product_data={"name": "Pro"},
        )  # fmt: skip
        once = stripe.post("/v1/prices", currency="usd", unit_amount=900, product_data={"name": "Pack"})
        for plan in (
            PlanDefinition(
                key="pro", name="Pro", model="subscription", features=("agents",), trial=Trial(days=14),
                prices=(Price(interval="month", currency="usd", lookup_key="pro_month"),),
            ),
            PlanDefinition(
                key="pack", name="Pack", model="one_time", features=("course",),
                prices=(Price(interval="once", currency="usd", price=once["id"]),),
            ),
        ):  # fmt: skip
            said = PlanPublished(
                mode="test", catalogue="s", plan=plan.key, version=1, effective_s=None, definition=written(plan)
            )
            stream = plans_stream("test")
            where = NewEvent(stream, len(world.log.read_stream(stream)) + 1, said, world.said_by_ops)
            world._append(where)
        world.project()

    def may(self) -> set[str]:
        """The features that the organization is on record with."""
        self.world.project()
        response = self.world.ask("/v1/orgs/acme/entitlements", self.world.key())
        return {e["feature"] for e in response.json.get("data", ())} if response.status_code == 200 else set()

    def receive(self) -> None:
        """Stripe's events arrive."""
        self.world.tell(*self.stripe.events())
        self.world.project()


@pytest.fixture
def here(database: str) -> Iterator[Here]:
    sandbox = Sandbox()
    with serving(sandbox) as base, closing(Counter(database, base, FakeStripe(), stripe_secret_key=KEY)) as world:
        yield Here(world, Asked(sandbox))


def test_a_checkout_becomes_an_entitlement_by_our_own_look_without_any_event(here: Here):
    made = here.world.ask_for("acme/checkouts", {"plan": "pro", **BACK}).json
    assert here.may() == set()
    buy(here.stripe, {"id": made["session"]})
    assert here.may() == set()  # that somebody came back from the page is nothing
    looked = here.world.ask_for(f"acme/checkouts/{made['session']}/look").json
    assert looked["status"] == "complete"
    assert looked["subscription"]
    assert here.may() == {"agents"}
    # and Stripe's events, when they come, change nothing of it
    here.receive()
    assert here.may() == {"agents"}
    assert [v.differences for v in verify(here.world.conninfo)] == [()] * 2


def test_a_checkout_becomes_an_entitlement_by_stripes_events(here: Here):
    made = here.world.ask_for("acme/checkouts", {"plan": "pro", **BACK}).json
    buy(here.stripe, {"id": made["session"]})
    here.receive()
    assert here.may() == {"agents"}
    assert here.world.read("/v1/orgs/acme")["subscriptions"] == {"trialing": 1}


def test_everything_that_we_ask_is_as_stripe_wants_it(here: Here):
    world, stripe = here.world, here.stripe
    stripe.post("/v1/billing_portal/configurations", features={"payment_method_update": {"enabled": True}})
    method = stripe.post("/v1/payment_methods", type="card", card={"token": "tok_visa"})["id"]
    back = {"return_url": "https://shop.example/account"}
    asked: list[tuple[str, dict[str, Any]]] = [
        ("acme/customer", {"email": "a@acme.example", "name": "Acme"}),
        ("acme/billing-contact", {"email": "b@acme.example", "name": "Acme"}),
        ("acme/setup-intents", {"types": ["card"]}),
        ("acme/setup-intents", {"usage": "on_session"}),
        (f"acme/payment-methods/{method}/attach", {}),
        (f"acme/payment-methods/{method}/default", {}),
        ("acme/checkouts", {"plan": "pro", "promotion_codes": True, "context": {"page": "home"}, **BACK}),
        ("acme/checkouts", {"plan": "pro", "local_currency": True, "trial": False, "quantity": 4, **BACK}),
        ("acme/checkouts", {"plan": "pro", "automatic_tax": True, **BACK}),
        ("acme/checkouts", {"plan": "pack", "presentment_currency": "usd", **BACK}),
        ("acme/payment-requests", {"amount_minor": 500, "currency": "usd", "description": "A talk", **BACK}),
        ("acme/setup-checkouts", {"currency": "usd", **BACK}),
        ("acme/portal-sessions", back),
        ("acme/portal-sessions", {**back, "flow": "payment_method_update"}),
        (f"acme/payment-methods/{method}/detach", {}),
    ]
    for what, body in asked:
        response = world.ask_for(what, body)
        assert response.status_code == 200, (what, body, response.json)
    session = world.ask_for("acme/checkouts", {"plan": "pack", **BACK}).json["session"]
    assert world.ask_for(f"acme/checkouts/{session}/expire").json["status"] == "expired"
    link = world.post("/v1/payment-links", {"plan": "pro", "adjustable_quantity": True}).json
    assert world.post(f"/v1/payment-links/{link['payment_link']}/close", {}).status_code == 200
    (customer,) = stripe.get("/v1/customers", limit=10)["data"]
    assert customer["metadata"][MARK].startswith("call_")
    states = {c["state"] for c in world.read("/v1/calls?limit=100", world.key("operator"))["data"]}
    assert states == {"succeeded"}


def test_a_payment_and_its_receipt(here: Here):
    world = here.world
    made = world.ask_for("acme/checkouts", {"plan": "pack", **BACK}).json
    buy(here.stripe, {"id": made["session"]})
    world.ask_for(f"acme/checkouts/{made['session']}/look")
    assert here.may() == {"course"}
    charge = here.stripe.get("/v1/charges", limit=1)["data"][0]["id"]
    receipt = world.read(f"/v1/orgs/acme/charges/{charge}/receipt")
    assert receipt["receipt_url"]
