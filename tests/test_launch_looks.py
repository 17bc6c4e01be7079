"""Looks at what the launch gate rests on: what no event tells of is seen, and seen again while checkout is open."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from billing_story import Story, story
from launching import open_gate

from api.calls.client import NoAnswer, StripeUnavailable
from api.launch_looks import LaunchJob, look, look_again
from api.stripe_reading import StripeReader
from ledger.errors import Invalid

US = {"country": "US", "active_from": "now", "country_options": {"us": {"state": "CA", "type": "state_sales_tax"}}}


@pytest.fixture
def world(database: str) -> Iterator[Story]:
    """A plan on sale, and whatever Stripe has of it; its events arrive when they are heard."""
    with story(database, 1_760_529_600) as found:
        price = {"interval": "month", "currency": "usd", "lookup_key": "agent_month"}
        found.offer("agent", [price])
        yield found


def looks(world: Story, **other: Any) -> list[str]:
    """Look, and say what was seen."""
    settings = msgspec.structs.replace(world.context.settings, **other)
    world.now_s += 10
    seen = look(world.context.database, settings, "test")
    world.project()
    return sorted(s.object_type for s in seen)


def again(world: Story) -> int:
    """As the worker does. Returns how much it saw that is new."""
    world.now_s += 10
    seen = look_again(world.context.database, world.context.settings)
    world.project()
    return len(seen)


def area(world: Story, name: str) -> tuple[bool, str]:
    """Whether an area is proven, and what its checks say."""
    world.project()
    (found,) = [a for a in world.read("/v1/launch", world.key("operator"))["areas"] if a["area"] == name]
    return found["proven"], "; ".join(c["said"] for c in found["checks"])


def test_a_tax_registration_is_known_by_a_look_and_one_that_ended_proves_nothing(world: Story) -> None:
    made = world.stripe.post("/v1/tax/registrations", **US)["id"]
    world.settle()
    assert area(world, "tax_posture") == (False, "no tax registration is active: no tax is collected")
    # when
    assert looks(world) == ["tax.registration"]
    assert area(world, "tax_posture") == (True, "registered in US")
    # and when it ends
    world.stripe.post(f"/v1/tax/registrations/{made}", expires_at="now")
    looks(world)
    assert not area(world, "tax_posture")[0]


def test_what_is_older_than_the_webhook_endpoint_is_seen(world: Story) -> None:
    product = world.stripe.post("/v1/products", name="Agent")["id"]
    world.stripe.post(
        "/v1/prices", product=product, currency="usd", unit_amount=100, lookup_key="agent_month",
        recurring={"interval": "month"},
    )  # fmt: skip
    world.stripe.post("/v1/billing_portal/configurations", features={"payment_method_update": {"enabled": True}})
    for name in ("products", "prices", "portal_settings"):
        assert not area(world, name)[0]
    assert looks(world) == ["billing_portal.configuration", "price", "product"]
    for name in ("products", "prices", "portal_settings"):
        assert area(world, name)[0]
    # but that our secret verifies no look can show
    assert not area(world, "webhook_signing")[0]


def test_while_checkout_is_open_the_worker_keeps_what_is_not_as_it_was(world: Story) -> None:
    made = world.stripe.post("/v1/tax/registrations", **US)["id"]
    assert again(world) == 0  # nothing is sold yet
    open_gate(world.log)
    assert again(world) == 1
    assert again(world) == 0
    # when it ends, of which Stripe tells nobody
    world.stripe.post(f"/v1/tax/registrations/{made}", expires_at="now")
    assert again(world) == 1
    assert not area(world, "tax_posture")[0]


def test_without_a_key_of_the_mode_nothing_is_looked_at(world: Story) -> None:
    world.stripe.post("/v1/tax/registrations", **US)
    assert looks(world, stripe_secret_key="sk_live_other") == []
    assert looks(world, stripe_secret_key=None) == []
    nothing = msgspec.structs.replace(world.context.settings, stripe_secret_key=None)
    assert look_again(world.context.database, nothing) == ()


def test_what_stripe_does_not_show_is_said_and_the_worker_goes_on(
    world: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_gate(world.log)
    refusals: list[tuple[Exception, type[Exception]]] = [
        (Invalid("Stripe does not list /v1/tax/registrations", code="not_listed"), Invalid),
        (NoAnswer("timeout"), StripeUnavailable),
    ]
    for raised, told in refusals:

        def refuse(*_: Any, error: Exception = raised) -> Any:
            raise error

        monkeypatch.setattr(StripeReader, "pages", refuse)
        with pytest.raises(told):
            looks(world)
        LaunchJob(world.context.database, world.context.settings).look()
