"""Sellers: what stands in the platform's account and concerns one of them is shown to that one too."""

from collections.abc import Iterator

import pytest
from api_world import OTHER_SELLER, SELLER, World, empty_world
from samples import T, event

from api.postgres import EmbeddedPostgres


@pytest.fixture
def world(server: EmbeddedPostgres, template: str) -> Iterator[World]:
    with empty_world(server, template) as made:
        yield made


def test_a_fee_is_seen_by_the_platform_and_by_the_seller_that_it_was_taken_from(world: World) -> None:
    # given a fee on the platform
    fee = {"object": "application_fee", "id": "fee_1", "account": SELLER, "amount": 90, "currency": "eur", "created": T}
    world.tell(event(1, "application_fee.created", fee))
    world.project()
    # when each asks
    for bounds, sees in (
        ({}, True),
        ({"account": SELLER}, True),
        ({"account": OTHER_SELLER}, False),
        ({"org": "org_a"}, False),
        ({"org": "org_a", "account": SELLER}, False),
        ({"mode": "live"}, False),
    ):
        key = world.key("operator", **bounds)
        # then it is in the list and its totals, and found by its id, or is like none
        assert [e["id"] for e in world.read("/v1/application-fees", key)["data"]] == ["fee_1"] * sees
        assert [t["amount_minor"] for t in world.read("/v1/application-fees/totals", key)["data"]] == [90] * sees
        for path in ("/v1/application-fees/fee_1", "/v1/application-fees/fee_1?account=platform"):
            assert world.ask(path, key).status_code == (200 if sees else 404), (bounds, path)
